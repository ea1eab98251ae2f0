"""The control interface `/sandbox/...`: what tests and the phone tell the sandbox to do.

Owns: its paths and the shapes of their bodies.
Does not own: the rules (citizens.py, oauth.py), the pages (phone.py).
Invariants: a request from a web page is taken only from a loopback origin, and only under a loopback host name.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any
from urllib.parse import urlsplit

from server.sandbox import citizens, launches, notices, oauth, tokens
from server.sandbox.accounts import CODE2SESSION, KINDS, MODES, OAUTH, SHARE, Account
from server.sandbox.citizens import BadRequest
from server.sandbox.crypto import same, signature
from server.sandbox.delivery import Delivery
from server.sandbox.endpoints import Base
from server.sandbox.platform import Fault, Platform
from server.sandbox.store import Citizen

# The longest that a phone's request for news is held open.
MAX_WAIT_SECONDS = 25.0
MAX_NICKNAME = 32
# A fault may hang a request so long: past every timeout that a client should have.
MAX_HANG_SECONDS = 60.0
COOKIE = "sandbox_citizen"


class Control(Base):
    """CORS and origin for loopback pages, JSON in and out, 400 with a text for what makes no sense."""

    def prepare(self) -> None:
        origin = self.request.headers.get("Origin")
        if not oauth.loopback(urlsplit(f"//{self.request.host}").hostname) and self.settings["loopback_only"]:
            return self.refuse(403, "the sandbox answers under a loopback host name only")
        if origin and origin != "null" and not oauth.loopback(urlsplit(origin).hostname) and self.settings["loopback_only"]:
            return self.refuse(403, "the sandbox answers pages of a loopback origin only")
        return None

    def set_default_headers(self) -> None:
        """A page reads refusals too; whom they answer, `prepare` decides."""
        super().set_default_headers()
        if origin := self.request.headers.get("Origin"):
            self.set_header("Access-Control-Allow-Origin", origin)
            self.set_header("Access-Control-Allow-Credentials", "true")
            self.set_header("Access-Control-Allow-Headers", "Content-Type")
            self.set_header("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
            self.set_header("Vary", "Origin")

    def options(self, *_: str) -> None:
        self.set_status(204)
        self.finish()

    def refuse(self, status: int, text: str) -> None:
        self.set_status(status)
        self.write_json({"error": text})

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, BadRequest):
            return self.refuse(400, str(error))
        return self.refuse(status_code, "not found" if status_code == 404 else "the sandbox failed")

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        if not isinstance(value, BadRequest):
            super().log_exception(typ, value, tb)

    def body(self) -> dict[str, Any]:
        """The JSON object; an empty body is an empty object. Raises BadRequest."""
        try:
            value = json.loads(self.request.body or b"{}")
        except ValueError as error:
            raise BadRequest("the body is not JSON") from error
        if not isinstance(value, dict):
            raise BadRequest("the body is not an object")
        return value

    def citizen(self, name: str | None) -> Citizen:
        """The citizen of an openid or key, else of the phone's cookie. Raises BadRequest."""
        found = self.platform.store.find_citizen(name or self.get_cookie(COOKIE) or "")
        if found is None:
            raise BadRequest("no citizen has this openid")
        return found


def view_of(platform: Platform, citizen: Citizen) -> dict[str, Any]:
    official = platform.accounts.official
    return {"key": citizen.key, "nickname": citizen.nickname, "unionid": citizen.unionid,
            "openid": platform.store.openid(citizen.key, official.appid),
            "followed": platform.store.followed_since(official.appid, citizen.key) is not None}


class Citizens(Control):
    def get(self) -> None:
        self.write_json({"items": [view_of(self.platform, citizen) for citizen in self.platform.store.citizens()], "next": None})

    def post(self) -> None:
        nickname = self.body().get("nickname")
        if nickname is not None and (not isinstance(nickname, str) or len(nickname.strip()) > MAX_NICKNAME):
            raise BadRequest(f"nickname is a text of at most {MAX_NICKNAME} characters")
        citizen = self.platform.new_citizen(nickname.strip() if nickname else None)
        self.set_status(201)
        self.write_json(view_of(self.platform, citizen))


class Login(Control):
    """A code as wx.login of the mini-program gives it."""

    def post(self) -> None:
        body = self.body()
        account = self.platform.account(str(body.get("account", "miniprogram")))
        if account is None or not account.may(CODE2SESSION):
            raise BadRequest("no mini-program account")
        self.write_json({"code": oauth.mini_code(self.platform, account, self.citizen(str(body.get("openid", ""))))})


class Oauth(Control):
    """A code of the web authorisation without its page; with redirect_uri also the address to go back to."""

    def post(self) -> None:
        body = self.body()
        account, scope = self.platform.accounts.official, str(body.get("scope", "snsapi_base"))
        if scope not in oauth.SCOPES or not account.may(OAUTH):
            raise BadRequest("unknown scope, or an account without web authorisation")
        citizen = self.citizen(str(body.get("openid", "")))
        code = oauth.web_code(self.platform, account, citizen, scope, body.get("snapshot") is True)
        answer = {"code": code}
        if "redirect_uri" in body:
            answer["url"] = oauth.returned(str(body["redirect_uri"]), code, str(body.get("state", "")))
        self.write_json(answer)


class Messages(Control):
    async def post(self) -> None:
        delivery: Delivery = self.settings["delivery"]
        self.write_json(await citizens.act(self.platform, delivery, self.body()))


class Outbox(Control):
    """Notices that the account sent to the citizen by API, oldest first."""

    def get(self) -> None:
        query = self.query()
        lines = self.platform.store.lines(self.citizen(query.get("openid")).key, _number(query.get("after")), "notice")
        self.write_json({"items": lines, "next": None})


class Chat(Control):
    """The whole chat; with wait=seconds the answer is held until there is something new. `typing`: the accounts that type to her, by the
    seconds left; who waits names those that she sees typing, in the alphabet's order, so that a change is told."""

    async def get(self) -> None:
        query = self.query()
        citizen, after = self.citizen(query.get("openid")), _number(query.get("after"))
        lines = self.platform.store.lines(citizen.key, after)
        wait = min(float(_number(query.get("wait"))), MAX_WAIT_SECONDS)
        seen = ",".join(sorted(self.platform.typing_to(citizen))) == query.get("typing", "")
        if not lines and seen and wait:
            await self.platform.wait_for_line(citizen, wait)
            lines = self.platform.store.lines(citizen.key, after)
        self.write_json({"items": lines, "next": None, "typing": self.platform.typing_to(citizen)})


class Faults(Control):
    """What shall go wrong: see `inject`."""

    def get(self) -> None:
        self.write_json({"items": [dataclasses.asdict(fault) for fault in self.platform.faults], "next": None})

    def post(self) -> None:
        inject(self.platform, self.body())
        self.get()


def inject(platform: Platform, body: dict[str, Any]) -> None:
    """Any of clear, expire_tokens, revoke_tokens, advance_seconds; or a path with errcode, status, hang_seconds and times."""
    names = ("advance_seconds", "times", "errcode", "status", "hang_seconds")
    numbers = {name: body[name] for name in names if body.get(name) is not None}
    if not all(isinstance(value, (int, float)) for value in numbers.values()):
        raise BadRequest(f"{', '.join(numbers)} are numbers")
    if body.get("clear"):
        platform.faults.clear()
        platform.offset_seconds = 0.0
    # A ticket of the JS-SDK has a life of its own: no end of an access token ends it.
    for kind in (tokens.STABLE, tokens.CLASSIC, oauth.PAGE):
        if body.get("expire_tokens"):
            platform.store.expire_all_tokens(kind, platform.now())
        if body.get("revoke_tokens"):
            platform.store.revoke_tokens(None, kind)
    if "advance_seconds" in body:
        platform.offset_seconds += body["advance_seconds"]
    if "path" in body:
        platform.faults.append(Fault(str(body["path"]), max(numbers.get("times", 1), 1), numbers.get("errcode"),
                                     numbers.get("status"), min(numbers.get("hang_seconds", 0), MAX_HANG_SECONDS)))


class AccountOne(Control):
    """What an account is, and for tests another kind, mode or format of it until the next start."""

    def get(self, role: str) -> None:
        self.write_json(self._view(self._account(role)))

    def post(self, role: str) -> None:
        account, body = self._account(role), self.body()
        changes = {name: body[name] for name in ("kind", "mode", "format") if name in body}
        if changes.get("kind", account.kind) not in KINDS or changes.get("mode", account.mode) not in MODES:
            raise BadRequest("unknown kind or mode")
        changed = dataclasses.replace(account, **changes)
        self.platform.accounts.replace(changed)
        self.write_json(self._view(changed))

    def _account(self, role: str) -> Account:
        account = self.platform.accounts.by_role.get(role)
        if account is None:
            raise BadRequest("no such account")
        return account

    def _view(self, account: Account) -> dict[str, Any]:
        return {"role": account.role, "appid": account.appid, "name": account.name, "kind": account.kind, "mode": account.mode,
                "format": account.format, "menu": self.platform.store.menu(account.appid)}


class Scan(Control):
    """What the phone does with a scanned text: a scene code follows or reports, a mini-program or an address is opened, the rest is
    shown."""

    async def post(self) -> None:
        body = self.body()
        text, citizen = str(body.get("text", "")).strip(), self.citizen(str(body.get("openid", "")))
        if (launch := launches.find(self.platform, text)) is not None:
            return self.write_json(launch)
        scene = self.platform.store.scene_by_name(text.removeprefix("http://weixin.qq.com/q/"))
        if scene is None:
            return self.write_json({"kind": "url" if text.startswith(("http://", "https://")) else "text", "text": text})
        if scene["expires"] <= self.platform.now():
            return self.write_json({"kind": "expired", "text": "二维码已过期"})
        followed = self.platform.store.followed_since(scene["appid"], citizen.key) is not None
        delivery: Delivery = self.settings["delivery"]
        request = {"openid": citizen.key, "account": scene["appid"], "ticket": scene["ticket"],
                   "event": "SCAN" if followed else "subscribe",
                   "event_key": scene["scene"] if followed else f"qrscene_{scene['scene']}"}
        return self.write_json({"kind": "account", "appid": scene["appid"], **await citizens.act(self.platform, delivery, request)})


class Grants(Control):
    """She answers a page's question whether it may send notices: see `notices.answer`."""

    async def post(self) -> None:
        delivery: Delivery = self.settings["delivery"]
        self.write_json(await notices.answer(self.platform, delivery, self.body()))


class JssdkVerify(Control):
    """What the phone's native part does at wx.config: is this signature of a live ticket, for this very address?"""

    def post(self) -> None:
        body = self.body()
        account = self.platform.accounts.by_appid.get(str(body.get("appId", "")))
        if account is None:
            return self.write_json({"ok": False, "errMsg": "config:invalid appId"})
        url = str(body.get("url", "")).split("#")[0]
        if not oauth.allowed_host(self.platform, account, url):
            return self.write_json({"ok": False, "errMsg": "config:invalid url domain"})
        given = str(body.get("signature", ""))
        for ticket in self.platform.store.live_tokens(account.appid, tokens.TICKET, self.platform.now()):
            text = f"jsapi_ticket={ticket}&noncestr={body.get('nonceStr', '')}&timestamp={body.get('timestamp', '')}&url={url}"
            if same(signature(text), given):
                return self.write_json({"ok": True, "errMsg": "config:ok", "share": account.may(SHARE)})
        return self.write_json({"ok": False, "errMsg": "config:invalid signature"})


class JssdkShare(Control):
    """The share card that a page set; the phone and tests read it back."""

    def get(self) -> None:
        self.write_json(self.platform.shares.get(self.citizen(self.query().get("openid")).key, {}))

    def post(self) -> None:
        body = self.body()
        if body.get("target") not in ("friend", "timeline") or not isinstance(body.get("card"), dict):
            raise BadRequest("target is friend or timeline, card an object")
        card = {name: str(body["card"].get(name) or "") for name in ("title", "desc", "link", "imgUrl")}
        if self.get_cookie(COOKIE):  # a guest sets her card too; there is no phone to show it
            self.platform.shares.setdefault(self.citizen(None).key, {})[body["target"]] = card | {"page": str(body.get("page", ""))}
        self.write_json({"ok": True})


def _number(text: str | None) -> int:
    if text is None:
        return 0
    if not text.isdigit():
        raise BadRequest("not a whole number")
    return int(text)


ROUTES: list[tuple[str, type[Base]]] = [
    (r"/sandbox/citizens", Citizens),
    (r"/sandbox/login", Login),
    (r"/sandbox/oauth", Oauth),
    (r"/sandbox/messages", Messages),
    (r"/sandbox/outbox", Outbox),
    (r"/sandbox/chat", Chat),
    (r"/sandbox/faults", Faults),
    (r"/sandbox/accounts/([a-z]+)", AccountOne),
    (r"/sandbox/scan", Scan),
    (r"/sandbox/grants", Grants),
    (r"/sandbox/jssdk/verify", JssdkVerify),
    (r"/sandbox/jssdk/share", JssdkShare),
]
