"""Access tokens and jsapi tickets, by the platform's rules.

Owns: issue, life and checks of access_token (two isolated families) and jsapi_ticket; their quotas.
Does not own: the OAuth page token, which is another thing (oauth.py).
Invariants: the stable call gives one token until five minutes before its end; a forced refresh ends the old one at once;
a token of one family never disturbs the other.
"""

from __future__ import annotations

import secrets

from server.sandbox.accounts import Account
from server.sandbox.errcodes import WeChatRefusal
from server.sandbox.platform import Platform

LIFE_SECONDS = 7200
# The stable call changes its token this long before the end; an old classic token lives on as long after a change.
OVERLAP_SECONDS = 300
FORCE_PAUSE_SECONDS = 30
FORCE_PER_DAY = 20
STABLE_PER_MINUTE, STABLE_PER_DAY = 10_000, 500_000
CLASSIC_PER_DAY = 2000
DAY_SECONDS = 86400
# The longest token that a client must be able to keep.
TOKEN_CHARACTERS = 512

STABLE, CLASSIC, TICKET = "stable", "classic", "jsapi"


def made_token() -> str:
    """A token of the greatest length, so that a store that cuts it is found out."""
    return (f"1{secrets.randbelow(100)}_" + secrets.token_urlsafe(TOKEN_CHARACTERS))[:TOKEN_CHARACTERS]


def account_of(platform: Platform, appid: str | None, secret: str | None) -> Account:
    """The account of an appid and its secret. Raises WeChatRefusal."""
    if not appid:
        raise WeChatRefusal(41002)
    if not secret:
        raise WeChatRefusal(41004)
    account = platform.accounts.by_appid.get(appid)
    if account is None:
        raise WeChatRefusal(40013)
    if not secrets.compare_digest(account.secret.encode(), secret.encode()):
        raise WeChatRefusal(40125)
    return account


def stable_token(platform: Platform, appid: str, secret: str, grant_type: str, force: bool) -> dict[str, object]:
    """POST /cgi-bin/stable_token."""
    if grant_type != "client_credential":
        raise WeChatRefusal(40002)
    account = account_of(platform, appid, secret)
    platform.spend_quota(f"stable-minute:{appid}", 60, STABLE_PER_MINUTE, 45011)
    platform.spend_quota(f"stable-day:{appid}", DAY_SECONDS, STABLE_PER_DAY, 45009)
    now = platform.now()
    newest = platform.store.newest_token(account.appid, STABLE)
    if force and (newest is None or now - newest["issued"] >= FORCE_PAUSE_SECONDS):
        platform.spend_quota(f"force-day:{appid}", DAY_SECONDS, FORCE_PER_DAY, 45009)
        platform.store.revoke_tokens(account.appid, STABLE)
        newest = None
    if newest is None or newest["expires"] - now < OVERLAP_SECONDS:
        return _issued(platform, account, STABLE)
    return {"access_token": newest["value"], "expires_in": int(newest["expires"] - now)}


def classic_token(platform: Platform, appid: str, secret: str, grant_type: str) -> dict[str, object]:
    """GET /cgi-bin/token: every call ends the token before, after five minutes."""
    if grant_type != "client_credential":
        raise WeChatRefusal(40002)
    account = account_of(platform, appid, secret)
    platform.spend_quota(f"classic-day:{appid}", DAY_SECONDS, CLASSIC_PER_DAY, 45009)
    platform.store.shorten_tokens(account.appid, CLASSIC, platform.now() + OVERLAP_SECONDS)
    return _issued(platform, account, CLASSIC)


def _issued(platform: Platform, account: Account, kind: str) -> dict[str, object]:
    value = made_token()
    platform.store.add_token(value, account.appid, kind, platform.now(), platform.now() + LIFE_SECONDS)
    return {"access_token": value, "expires_in": LIFE_SECONDS}


def account_of_token(platform: Platform, value: str | None, permission: str | None = None) -> Account:
    """Whose access token it is. Raises WeChatRefusal: missing, unknown, expired, or an account without the permission."""
    if not value:
        raise WeChatRefusal(41001)
    row = platform.store.token(value)
    if row is None or row["revoked"] or row["kind"] not in (STABLE, CLASSIC):
        raise WeChatRefusal(40001)
    if row["expires"] <= platform.now():
        raise WeChatRefusal(42001)
    account = platform.accounts.by_appid.get(row["appid"])
    if account is None:
        raise WeChatRefusal(40001)
    if permission and not account.may(permission):
        raise WeChatRefusal(48001)
    return account


def jsapi_ticket(platform: Platform, account: Account) -> dict[str, object]:
    """GET /cgi-bin/ticket/getticket?type=jsapi."""
    now = platform.now()
    newest = platform.store.newest_token(account.appid, TICKET)
    if newest is None or newest["expires"] - now < OVERLAP_SECONDS:
        value = "ticket_" + secrets.token_urlsafe(60)
        platform.store.add_token(value, account.appid, TICKET, now, now + LIFE_SECONDS)
        return {"errcode": 0, "errmsg": "ok", "ticket": value, "expires_in": LIFE_SECONDS}
    return {"errcode": 0, "errmsg": "ok", "ticket": newest["value"], "expires_in": int(newest["expires"] - now)}
