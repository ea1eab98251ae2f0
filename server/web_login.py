"""Signing in with WeChat: web OAuth, the mini-program's login, and the JS-SDK signature of a page.

Owns: the state of a web login (a signed cookie of ten minutes), where a browser goes next, the sealed session_key.
Does not own: the platform's HTTP (server/wechat), numbers (server/citizens), tokens (server/tokens.py).
Invariants: a browser is only ever sent to the platform or to a path of this site; a state is accepted only from the
browser that it was made for; a code that was used restarts the login once, never more; a snapshot user (快照页) is never
identified; no openid leaves this file but to `identify`.

Failure policy: without the platform or MongoDB a sign-in is 503 IDENTITY_UNAVAILABLE and the page goes on as a guest's;
without Redis the session_key is not kept and the sign-in goes on.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import logging
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec

from server import keys
from server.citizens import Citizens, IdentityUnavailable
from server.errors import Conflict, Forbidden, InvalidBody, NotAuthorised, NotFound, WenmingError
from server.seals import Seal, SealBroken, derive_key
from server.stores import RedisClient, RedisError
from server.tokens import Tokens
from server.wechat.client import MiniProgramIdentity, WebIdentity
from server.wechat.errors import CodeRejected, CodeUsed, PersonAtRisk

logger = logging.getLogger(__name__)

CALLBACK_PATH = "/auth/official/callback"
# A login takes seconds; a code of the platform lives five minutes, and people may read the consent page before.
LOGIN_SECONDS = 600
# A code that was used: the platform's client fires a callback twice, or a person goes back. Once more, then as a guest.
RESTARTS = 1
# Longer paths are nobody's campaign page, and the cookie that carries them must stay small.
MAX_NEXT_CHARACTERS = 512
# Codes of the platform have 32 characters today; the bound only keeps nonsense off the wire.
MAX_CODE_CHARACTERS = 256
# Longer addresses are cut by WeChat's own browser.
MAX_PAGE_CHARACTERS = 2048
# After a failure that says nothing of when: long enough for one hiccup, short enough that people wait for it.
RETRY_SECONDS = 2

SCOPES = {"base": "snsapi_base", "userinfo": "snsapi_userinfo"}
STATE = re.compile(r"[0-9a-f]{32}")
# One slash, then no second one and no backslash: browsers read both as another host. No spaces or control characters anywhere.
LOCAL_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
LOOPBACK_HOST = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?")
# What a login leaves in an address, and what sharing from WeChat adds: never part of a clean one.
PASSING_PARAMETERS = frozenset({"code", "state", "guest", "from", "isappinstalled"})


class SignInFailed(NotAuthorised):
    code = "SIGN_IN_FAILED"
    message = "登录没有完成，请重新进入本页"


class SessionStale(Conflict):
    """What the mini-program's last login left is no longer good, or there was none."""

    code = "SESSION_STALE"
    message = "登录状态已过期，请重新登录小程序"


class Official(Protocol):
    """What is needed of an official account's client; failures are WeChatErrors."""

    appid: str

    async def web_identity(self, code: str) -> WebIdentity: ...

    async def jsapi_ticket(self) -> str: ...


class MiniProgram(Protocol):
    """What is needed of the mini-program's."""

    appid: str

    async def miniprogram_identity(self, code: str) -> MiniProgramIdentity: ...


class _Login(msgspec.Struct, array_like=True):
    """What the login cookie carries beside its signature."""

    next: str
    scope: str
    restarts: int
    started_at: int


@dataclass(frozen=True)
class Step:
    """Where the browser goes next. `cookie`: of a login just begun; `token`: she is signed in; `refusal`: she is not, and
    goes back to the page at `url` as a guest."""

    url: str
    cookie_name: str = ""
    cookie: str = ""
    token: str = ""
    refusal: WenmingError | None = None


@dataclass(frozen=True)
class Session:
    token: str
    expires_in: int


class WebLogin:
    """`official` publishes: its JS-SDK runs on our pages. `web` identifies who comes by the web: the same account, or another 服务号 where
    that one has no web OAuth; None leaves it to the mini-program. None for an account: it is not connected."""

    def __init__(self, citizens: Citizens, tokens: Tokens, redis: RedisClient, secret_key: bytes, *, base_url: str, authorize_url: str,
                 official: Official | None, web: Official | None, miniprogram: MiniProgram | None,
                 base_urls: tuple[str, ...] = ()) -> None:
        self._citizens = citizens
        self._tokens = tokens
        self._redis = redis
        self._base_url = base_url
        self._of_host = {urlsplit(url).netloc.lower(): url for url in base_urls}
        self.secure = base_url.startswith("https://")  # whether cookies are for https alone
        self._authorize_url = authorize_url
        self._official = official
        self._web = web
        self._miniprogram = miniprogram
        self._state_key = derive_key(secret_key, "web login state")
        self._seal = Seal(secret_key, "session_key at rest")

    # The web

    def start(self, next_: str, scope: str, host: str, now: float) -> Step:
        """To the platform's consent page, or back as a guest where the account cannot sign in. Raises InvalidBody."""
        if scope not in SCOPES:
            raise InvalidBody("INVALID_SCOPE", "授权方式只能是 base 或 userinfo", field="scope")
        clean = clean_path(next_)
        if self._web is None:
            return Step(_as_guest(clean, "miniprogram"))
        return self._begin(self._web.appid, _Login(clean, scope, 0, int(now)), host)

    async def finish(self, code: str, state: str, cookie: str | None, host: str, now: float) -> Step:
        """The platform sent the browser back. Raises SignInFailed where the state is not this browser's own."""
        login = self._login_in(cookie, state, now)
        if self._web is None:  # it was taken out of the settings meanwhile
            return self._refused(login, SignInFailed())
        if not 0 < len(code) <= MAX_CODE_CHARACTERS:
            return self._refused(login, SignInFailed())
        try:
            person = await self._web.web_identity(code)
            if person.snapshot:
                return Step(_as_guest(login.next, "snapshot"))
            citizen = await self._citizens.identify(self._web.appid, person.openid, person.unionid, now)
        except WenmingError as error:
            if isinstance(error, CodeUsed) and login.restarts < RESTARTS:
                return self._begin(self._web.appid, _Login(login.next, login.scope, login.restarts + 1, int(now)), host)
            return self._refused(login, _refusal(error))
        return Step(login.next, token=self._issue(citizen, now))

    # The mini-program

    async def miniprogram_session(self, code: str, now: float) -> Session:
        """A token for the code of wx.login. Raises SignInFailed, Forbidden, IdentityUnavailable."""
        if self._miniprogram is None:
            raise NotFound("ACCOUNT_NOT_CONFIGURED", "本系统没有接入小程序")
        if not 0 < len(code) <= MAX_CODE_CHARACTERS:
            raise InvalidBody(message=f"code 为 wx.login 给出的 1 至 {MAX_CODE_CHARACTERS} 个字符", field="code")
        try:
            person = await self._miniprogram.miniprogram_identity(code)
        except WenmingError as error:
            raise _refusal(error) from error
        citizen = await self._citizens.identify(self._miniprogram.appid, person.openid, person.unionid, now)
        await self._keep_session_key(citizen, person.session_key)
        return Session(self._issue(citizen, now), self._tokens.ttl_seconds)

    async def session_key_of(self, citizen: int) -> str | None:
        """The session_key of her last login, or None: never, too long ago, or Redis lost it. Stays on the server.

        Fails closed: a caller that needs it gets 503 while Redis is away.
        """
        key = keys.miniprogram_session(citizen)
        sealed = await self._redis.get(key)
        if not isinstance(sealed, bytes):
            return None
        try:
            return self._seal.open(sealed, key)
        except SealBroken:
            logger.error("a session_key was sealed with another WENMING_SECRET_KEY")
            return None

    async def drop_session_key(self, citizen: int, session_key: str) -> None:
        """Forget a key that the platform does not know any more, unless a login brought another one meanwhile."""
        if await self.session_key_of(citizen) == session_key:
            await self._redis.delete(keys.miniprogram_session(citizen))

    async def erase(self, citizen: int, now: float) -> None:
        """What a deletion removes here."""
        await self._redis.delete(keys.miniprogram_session(citizen))

    # The JS-SDK

    async def sign_page(self, url: str, host: str, now: float) -> dict[str, str | int]:
        """What wx.config needs to run on the page. Raises NotFound, Forbidden for a page that is not ours."""
        if self._official is None:
            raise NotFound("ACCOUNT_NOT_CONFIGURED", "本系统没有接入公众号")
        page = url.partition("#")[0]
        if len(page) > MAX_PAGE_CHARACTERS or not self._is_ours(page, host):
            raise Forbidden("FOREIGN_PAGE", "只能为本站页面签名", field="url")
        timestamp, nonce = int(now), secrets.token_hex(8)
        ticket = await self._official.jsapi_ticket()
        text = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={page}"
        # SHA-1 is the platform's choice; the ticket is the secret in it.
        signature = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        return {"appId": self._official.appid, "timestamp": timestamp, "nonceStr": nonce, "signature": signature}

    # Inside

    def _begin(self, appid: str, login: _Login, host: str) -> Step:
        state = secrets.token_hex(16)
        query = urlencode({"appid": appid, "redirect_uri": self._origin(host) + CALLBACK_PATH,
                           "response_type": "code", "scope": SCOPES[login.scope], "state": state})
        return Step(f"{self._authorize_url}?{query}#wechat_redirect", login_cookie(state), self._sealed_login(login, state))

    def _sealed_login(self, login: _Login, state: str) -> str:
        payload = urlsafe_b64encode(msgspec.json.encode(login)).decode("ascii")
        return f"{payload}.{self._sign(state, payload)}"

    def _login_in(self, cookie: str | None, state: str, now: float) -> _Login:
        payload, _, signature = (cookie or "").partition(".")
        if not STATE.fullmatch(state) or not hmac.compare_digest(signature.encode(), self._sign(state, payload).encode()):
            raise SignInFailed()
        try:
            login = msgspec.json.decode(urlsafe_b64decode(payload), type=_Login)
        except (binascii.Error, msgspec.MsgspecError) as error:  # signed by another version of this program
            raise SignInFailed() from error
        if now > login.started_at + LOGIN_SECONDS:
            raise SignInFailed()
        return login

    def _sign(self, state: str, payload: str) -> str:
        return hashlib.blake2b(f"{state}.{payload}".encode(), key=self._state_key, digest_size=16).hexdigest()

    def _refused(self, login: _Login, refusal: WenmingError) -> Step:
        return Step(_as_guest(login.next, "unavailable" if refusal.status == 503 else "failed"), refusal=refusal)

    def _issue(self, citizen: int, now: float) -> str:
        return self._tokens.issue(citizen, self._citizens.token_time(citizen, now))

    async def _keep_session_key(self, citizen: int, session_key: str) -> None:
        """Fails open: the next login brings a new one."""
        key = keys.miniprogram_session(citizen)
        try:
            await self._redis.set(key, self._seal.close(session_key, key), ex=keys.MINIPROGRAM_SESSION_SECONDS)
        except RedisError as error:
            logger.warning("a session_key was not kept: %s", type(error).__name__)

    def _origin(self, host: str) -> str:
        """Where the browser reached us: on one's own machine under any of its names, else one of the public addresses alone."""
        base = urlsplit(self._base_url)
        same_machine = LOOPBACK_HOST.fullmatch(base.netloc) and LOOPBACK_HOST.fullmatch(host)
        return f"{base.scheme}://{host}" if same_machine else self._of_host.get(host.lower(), self._base_url)

    def _is_ours(self, page: str, host: str) -> bool:
        if not page.isprintable() or " " in page or "\\" in page:
            return False
        try:
            parts, ours = urlsplit(page), urlsplit(self._origin(host))
        except ValueError:  # such as http://[
            return False
        return (parts.scheme, parts.netloc.lower()) == (ours.scheme, ours.netloc.lower())


def login_cookie(state: str) -> str:
    """The cookie of one login: each has its own, so that two tabs can sign in side by side. Raises SignInFailed."""
    if not STATE.fullmatch(state):
        raise SignInFailed()
    return f"wenming_login_{state[:8]}"


def clean_path(next_: str) -> str:
    """`next_` as a path of this site without what logins and sharing leave in it. Raises InvalidBody for anything else."""
    refused = InvalidBody("INVALID_NEXT", "返回地址只能是本站页面", field="next")
    if len(next_) > MAX_NEXT_CHARACTERS or not LOCAL_PATH.fullmatch(next_) or next_.startswith("/auth/"):
        raise refused
    parts = urlsplit(next_)
    if parts.scheme or parts.netloc:
        raise refused
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in PASSING_PARAMETERS]
    return urlunsplit(("", "", quote(parts.path, safe="/%:@!$&'()*+,;=~"), urlencode(kept), quote(parts.fragment, safe="/%")))


def _as_guest(path: str, why: str) -> str:
    parts = urlsplit(path)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query, keep_blank_values=True), ("guest", why)])))


def _refusal(error: WenmingError) -> WenmingError:
    """What a failure of the platform, or of identification, is to the person who signs in."""
    if isinstance(error, CodeRejected):
        return SignInFailed()
    if isinstance(error, PersonAtRisk):
        return Forbidden("SIGN_IN_FORBIDDEN", "微信提示此账号存在风险，暂时不能登录")
    if isinstance(error, IdentityUnavailable):
        return error
    logger.warning("sign-in without an answer: %s", error)
    return IdentityUnavailable(retry_after_seconds=error.retry_after_seconds or RETRY_SECONDS)
