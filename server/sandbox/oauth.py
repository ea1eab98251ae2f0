"""Web authorisation and mini-program login: single-use codes and what they are exchanged for.

Owns: codes (five minutes, once), the checks of the authorise page, page tokens, jscode2session.
Does not own: which citizen holds the phone (phone.py keeps that in a cookie).
Invariants: a code is exchanged once; a page token never works as an access token; a snapshot user gets an openid of nobody.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

from server.sandbox.accounts import CODE2SESSION, OAUTH, Account
from server.sandbox.errcodes import WeChatRefusal
from server.sandbox.platform import Platform
from server.sandbox.store import Citizen, made_openid
from server.sandbox.tokens import account_of

CODE_SECONDS = 300
PAGE_TOKEN_SECONDS = 7200
EXCHANGES_PER_MINUTE = 50_000
LOGINS_PER_MINUTE_AND_CITIZEN = 100
SCOPES = ("snsapi_base", "snsapi_userinfo")
STATE = re.compile(r"[A-Za-z0-9]{1,128}")
WEB, MINI, PAGE = "web", "mini", "page"


class PageRefusal(Exception):
    """The authorise page shows an error instead of going back."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code} {message}")


def loopback(host: str | None) -> bool:
    """Whether a host name means this machine."""
    return bool(host) and (host in ("localhost", "::1") or str(host).startswith("127.") or str(host).endswith(".localhost"))


def allowed_host(platform: Platform, account: Account, url: str) -> bool:
    """Whether the address lies on a host that the account entered for pages: its domains, else the callback's host."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    if account.domains:
        return parts.hostname in account.domains
    own = urlsplit(platform.callback).hostname
    return parts.hostname == own or loopback(own) and loopback(parts.hostname)


def check_authorize(platform: Platform, query: Mapping[str, str]) -> Account:
    """The account that an authorise page is for. Raises PageRefusal as the platform does, with its numbers."""
    if not query.get("appid"):
        raise PageRefusal(10012, "appid 不能为空")
    account = platform.accounts.by_appid.get(query["appid"])
    if account is None:
        raise PageRefusal(10012, "appid 不存在")
    if not query.get("redirect_uri"):
        raise PageRefusal(10011, "redirect_uri 不能为空")
    if not query.get("scope"):
        raise PageRefusal(10010, "scope 不能为空")
    if query["scope"] not in SCOPES or not account.may(OAUTH):
        raise PageRefusal(10005, "该公众号没有这些 scope 的权限")
    if query.get("response_type") != "code":
        raise PageRefusal(10010, "response_type 应为 code")
    if not allowed_host(platform, account, query["redirect_uri"]):
        raise PageRefusal(10003, "redirect_uri 域名与后台配置不一致")
    state = query.get("state", "")
    if state and not STATE.fullmatch(state):
        raise PageRefusal(10013, "state 只能是 128 字节以内的 a-zA-Z0-9")
    return account


def web_code(platform: Platform, account: Account, citizen: Citizen, scope: str, snapshot: bool) -> str:
    """A code of the web authorisation; a snapshot user gets an openid that belongs to nobody."""
    code = secrets.token_hex(16)
    openid = made_openid("oSNAP") if snapshot else platform.store.openid(citizen.key, account.appid)
    platform.store.add_code(code, account.appid, openid, WEB, scope, snapshot, platform.now())
    return code


def mini_code(platform: Platform, account: Account, citizen: Citizen) -> str:
    """A code as wx.login gives it."""
    code = "0" + secrets.token_urlsafe(24)[:31]
    openid = platform.store.openid(citizen.key, account.appid)
    platform.store.add_code(code, account.appid, openid, MINI, "", False, platform.now())
    return code


def returned(redirect_uri: str, code: str, state: str) -> str:
    """The address that the authorise page goes back to."""
    parts = urlsplit(redirect_uri)
    query = "&".join(filter(None, [parts.query, urlencode({"code": code, "state": state})]))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, parts.fragment))


def exchange(platform: Platform, query: Mapping[str, str]) -> dict[str, object]:
    """GET /sns/oauth2/access_token."""
    account = account_of(platform, query.get("appid"), query.get("secret"))
    if query.get("grant_type") != "authorization_code":
        raise WeChatRefusal(40002)
    if not account.may(OAUTH):
        raise WeChatRefusal(48001)
    platform.spend_quota(f"oauth-minute:{account.appid}", 60, EXCHANGES_PER_MINUTE, 45011)
    openid, scope, snapshot = redeem(platform, account, query.get("code"), WEB)
    token = f"{secrets.randbelow(100)}_" + secrets.token_urlsafe(64)
    now = platform.now()
    platform.store.add_token(token, f"{account.appid} {openid} {scope}", PAGE, now, now + PAGE_TOKEN_SECONDS)
    answer: dict[str, object] = {"access_token": token, "expires_in": PAGE_TOKEN_SECONDS, "openid": openid, "scope": scope,
                                 "refresh_token": f"{secrets.randbelow(100)}_" + secrets.token_urlsafe(64)}
    if snapshot:
        return answer | {"is_snapshotuser": 1}
    citizen = platform.store.citizen_of(openid, account.appid)
    return answer | ({"unionid": citizen.unionid} if citizen and scope == "snsapi_userinfo" else {})


def page_user(platform: Platform, query: Mapping[str, str]) -> dict[str, object]:
    """GET /sns/userinfo: needs a page token of scope snsapi_userinfo and its own openid."""
    row = platform.store.token(query.get("access_token", ""))
    if row is None or row["kind"] != PAGE or row["revoked"]:
        raise WeChatRefusal(40001)
    if row["expires"] <= platform.now():
        raise WeChatRefusal(42001)
    appid, openid, scope = row["appid"].split(" ")
    if query.get("openid") != openid:
        raise WeChatRefusal(40003)
    if scope != "snsapi_userinfo":
        raise WeChatRefusal(48001)
    citizen = platform.store.citizen_of(openid, appid)
    nickname = citizen.nickname if citizen else "微信用户"
    answer: dict[str, object] = {"openid": openid, "nickname": nickname, "sex": 0, "province": "", "city": "", "country": "",
                                 "headimgurl": "", "privilege": []}
    return answer | ({"unionid": citizen.unionid} if citizen else {})


def mini_session(platform: Platform, query: Mapping[str, str]) -> dict[str, object]:
    """GET /sns/jscode2session."""
    account = account_of(platform, query.get("appid"), query.get("secret"))
    if query.get("grant_type") != "authorization_code":
        raise WeChatRefusal(40002)
    if not account.may(CODE2SESSION):
        raise WeChatRefusal(48001)
    openid, _, _ = redeem(platform, account, query.get("js_code"), MINI)
    platform.spend_quota(f"login-minute:{openid}", 60, LOGINS_PER_MINUTE_AND_CITIZEN, 45011)
    citizen = platform.store.citizen_of(openid, account.appid)
    key = made_session_key()
    platform.store.set_session_key(openid, key)
    answer: dict[str, object] = {"session_key": key, "openid": openid}
    return answer | ({"unionid": citizen.unionid} if citizen else {})


def made_session_key() -> str:
    """Sixteen bytes in base64."""
    return base64.b64encode(secrets.token_bytes(16)).decode()


def redeem(platform: Platform, account: Account, code: str | None, kind: str) -> tuple[str, str, bool]:
    """Use a code up. Raises WeChatRefusal: missing, of another account or kind, too old, used."""
    if not code:
        raise WeChatRefusal(41008)
    row = platform.store.code(code)
    if row is None or row["appid"] != account.appid or row["kind"] != kind:
        raise WeChatRefusal(40029)
    if row["used"]:
        raise WeChatRefusal(40163)
    if platform.now() - row["issued"] >= CODE_SECONDS:
        raise WeChatRefusal(40029)
    if not platform.store.use_code(code):
        raise WeChatRefusal(40163)
    return str(row["openid"]), str(row["scope"]), bool(row["snapshot"])
