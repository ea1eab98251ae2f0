"""The endpoints of api.weixin.qq.com that the product calls, and the base of every handler of the sandbox.

Owns: paths, methods, parameters and the shape of answers; injected faults.
Does not own: the rules behind them (tokens.py, oauth.py, citizens.py).
Invariant: a refusal is HTTP 200 with errcode and errmsg, as the platform answers.
"""

from __future__ import annotations

import asyncio
import io
import json
import secrets
from typing import Any

import qrcode
import tornado.web

from server.sandbox import notices, oauth, signing, tokens, usage
from server.sandbox.accounts import CUSTOM_SEND, JSAPI, MENU, QRCODE, SUBSCRIPTION, TEMPLATE, Account
from server.sandbox.citizens import custom_send
from server.sandbox.errcodes import WeChatRefusal
from server.sandbox.platform import Platform

SCENE_MAX_SECONDS = 30 * 86400
# A permanent scene code lives as long as the account; a century stands for that.
FOREVER_SECONDS = 100 * 365 * 86400
MAX_BUTTONS, MAX_SUB_BUTTONS = 3, 5


class Base(tornado.web.RequestHandler):
    """The platform state and one parser of queries and JSON."""

    @property
    def platform(self) -> Platform:
        platform: Platform = self.settings["platform"]
        return platform

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> str | None:
        return None

    def query(self) -> dict[str, str]:
        """The query's parameters, the last of each name. Not stripped: a signed text is what was sent."""
        return {name: values[-1].decode("utf-8", "replace") for name, values in self.request.query_arguments.items()}

    def write_json(self, value: Any, content_type: str = "application/json; charset=UTF-8") -> None:
        self.set_header("Content-Type", content_type)
        self.finish(json.dumps(value, ensure_ascii=False))


class Endpoint(Base):
    """One path of the platform. A subclass answers GET (`asked`) or POST (`posted`)."""

    content_type = "application/json; charset=utf-8"
    sealed: signing.Sealed | None = None

    async def prepare(self) -> None:
        try:
            self.sealed = signing.admit(self.platform, self.request)
        except WeChatRefusal as refusal:
            self.write_json(self.refused(refusal), self.content_type)
            return
        fault = self.platform.take_fault(self.request.path)
        if fault is None:
            return
        await asyncio.sleep(fault.hang_seconds)
        if fault.status is not None:
            self.set_status(fault.status)
            self.finish()
        elif fault.errcode is not None:
            self.write_json(self.refused(WeChatRefusal(fault.errcode)), self.content_type)

    def get(self) -> None:
        self._answer(self.asked)

    def post(self) -> None:
        self._answer(self.posted)

    def asked(self) -> dict[str, Any]:
        raise WeChatRefusal(43002)

    def posted(self) -> dict[str, Any]:
        raise WeChatRefusal(43001)

    def _answer(self, work: Any) -> None:
        try:
            answer = work()
        except WeChatRefusal as refusal:
            answer = self.refused(refusal)
        self.write_json(answer, self.content_type)

    def refused(self, refusal: WeChatRefusal) -> dict[str, Any]:
        """The answer of a refusal, remembered under its rid."""
        body = refusal.body()
        usage.remember(self.platform, self.request, body)
        return body

    def write_json(self, value: Any, content_type: str = "application/json; charset=UTF-8") -> None:
        if self.sealed is None:
            super().write_json(value, content_type)
            return
        body, headers = self.sealed.answer(value)
        for name, text in headers.items():
            self.set_header(name, text)
        self.set_header("Content-Type", content_type)
        self.finish(body)

    def account(self, permission: str | None = None) -> Account:
        """Whose token it is; the call is counted. Raises WeChatRefusal."""
        account = tokens.account_of_token(self.platform, self.query().get("access_token"), permission)
        usage.spend(self.platform, account, self.request.path)
        return account

    def body(self, raw_utf8: bool = False) -> dict[str, Any]:
        """The JSON body; some endpoints refuse escaped characters. Raises WeChatRefusal."""
        content = self.sealed.plain if self.sealed else self.request.body
        if not content:
            raise WeChatRefusal(44002)
        if raw_utf8 and b"\\u" in content:
            raise WeChatRefusal(40033)
        try:
            value = json.loads(content)
        except ValueError as error:
            raise WeChatRefusal(47001) from error
        if not isinstance(value, dict):
            raise WeChatRefusal(47001)
        return value


class StableToken(Endpoint):
    def posted(self) -> dict[str, Any]:
        body = self.body()
        return tokens.stable_token(self.platform, str(body.get("appid", "")), str(body.get("secret", "")),
                                   str(body.get("grant_type", "")), body.get("force_refresh") is True)


class ClassicToken(Endpoint):
    def asked(self) -> dict[str, Any]:
        query = self.query()
        return tokens.classic_token(self.platform, query.get("appid", ""), query.get("secret", ""), query.get("grant_type", ""))


class Ticket(Endpoint):
    def asked(self) -> dict[str, Any]:
        account = self.account(JSAPI)
        if self.query().get("type") != "jsapi":
            raise WeChatRefusal(40097, "invalid args")
        return tokens.jsapi_ticket(self.platform, account)


class CustomSend(Endpoint):
    def posted(self) -> dict[str, Any]:
        custom_send(self.platform, self.account(CUSTOM_SEND), self.body(raw_utf8=True))
        return {"errcode": 0, "errmsg": "ok"}


class TemplateSend(Endpoint):
    def posted(self) -> dict[str, Any]:
        return notices.send_template(self.platform, self.account(TEMPLATE), self.body(raw_utf8=True))


class SubscriptionSend(Endpoint):
    def posted(self) -> dict[str, Any]:
        return notices.send_subscription(self.platform, self.account(SUBSCRIPTION), self.body(raw_utf8=True))


def checked_menu(menu: dict[str, Any]) -> dict[str, Any]:
    """A menu as the platform takes it. Raises WeChatRefusal."""
    buttons = menu.get("button")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= MAX_BUTTONS:
        raise WeChatRefusal(40016)
    for button in buttons:
        below = button.get("sub_button") or []
        if len(below) > MAX_SUB_BUTTONS:
            raise WeChatRefusal(40023, "invalid sub button size")
        for entry, most in [(button, 16), *((one, 60) for one in below)]:
            if not entry.get("name") or len(str(entry["name"]).encode()) > most:
                raise WeChatRefusal(40018, "invalid button name size")
            if entry.get("type") == "view" and not str(entry.get("url", "")).startswith(("http://", "https://")):
                raise WeChatRefusal(40055, "invalid button url domain")
    return menu


class MenuCreate(Endpoint):
    def posted(self) -> dict[str, Any]:
        account, menu = self.account(MENU), checked_menu(self.body(raw_utf8=True))
        self.platform.store.set_menu(account.appid, menu)
        return {"errcode": 0, "errmsg": "ok"}


class MenuGet(Endpoint):
    def asked(self) -> dict[str, Any]:
        account = self.account(MENU)
        menu = self.platform.store.menu(account.appid)
        if menu is None:
            raise WeChatRefusal(46003)
        some = self.platform.conditional_menus.get(account.appid, [])
        return {"menu": menu} | ({"conditionalmenu": some} if some else {})


class MenuDelete(Endpoint):
    def asked(self) -> dict[str, Any]:
        account = self.account(MENU)
        self.platform.store.set_menu(account.appid, None)
        self.platform.conditional_menus.pop(account.appid, None)
        return {"errcode": 0, "errmsg": "ok"}


class MenuAddConditional(Endpoint):
    def posted(self) -> dict[str, Any]:
        account, menu = self.account(MENU), checked_menu(self.body(raw_utf8=True))
        rule = menu.get("matchrule")
        if self.platform.store.menu(account.appid) is None:
            raise WeChatRefusal(65301, "not exist menuid")
        if not isinstance(rule, dict) or not any(rule.get(name) for name in ("tag_id", "client_platform_type")):
            raise WeChatRefusal(65303, "no self-defined menu's condition")
        some = self.platform.conditional_menus.setdefault(account.appid, [])
        menu_id = max((int(one["menuid"]) for one in some), default=400_000_000) + 1
        # What is asked for as tag_id is answered as group_id.
        kept = {"group_id" if name == "tag_id" else name: value for name, value in rule.items()}
        some.append({"button": menu["button"], "matchrule": kept, "menuid": menu_id})
        return {"menuid": str(menu_id)}


class MenuDeleteConditional(Endpoint):
    def posted(self) -> dict[str, Any]:
        account, menu_id = self.account(MENU), str(self.body().get("menuid", ""))
        some = self.platform.conditional_menus.get(account.appid, [])
        left = [menu for menu in some if str(menu["menuid"]) != menu_id]
        if len(left) == len(some):
            raise WeChatRefusal(65301, "not exist menuid")
        self.platform.conditional_menus[account.appid] = left
        return {"errcode": 0, "errmsg": "ok"}


class QrcodeCreate(Endpoint):
    def posted(self) -> dict[str, Any]:
        account, body = self.account(QRCODE), self.body()
        kind = str(body.get("action_name", ""))
        info = body.get("action_info")
        scene = info.get("scene", {}) if isinstance(info, dict) else {}
        value = scene.get("scene_str" if "STR" in kind else "scene_id") if isinstance(scene, dict) else None
        if kind not in ("QR_SCENE", "QR_STR_SCENE", "QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE") or not value or len(str(value)) > 64:
            raise WeChatRefusal(40053, "invalid action info")
        lasting = "LIMIT" in kind
        asked_seconds = body.get("expire_seconds")
        seconds = FOREVER_SECONDS if lasting else min(asked_seconds if isinstance(asked_seconds, int) else 60, SCENE_MAX_SECONDS)
        ticket, name = secrets.token_urlsafe(48), secrets.token_urlsafe(12)
        self.platform.store.add_scene(ticket, name, account.appid, str(value), self.platform.now() + seconds)
        answer: dict[str, Any] = {"ticket": ticket, "url": f"http://weixin.qq.com/q/{name}"}
        return answer if lasting else answer | {"expire_seconds": seconds}


class ShowQrcode(Base):
    """GET /cgi-bin/showqrcode (on mp.weixin.qq.com): the picture of a scene code."""

    def get(self) -> None:
        scene = self.platform.store.scene_by_ticket(self.query().get("ticket", ""))
        if scene is None:
            raise tornado.web.HTTPError(404)
        picture = io.BytesIO()
        qrcode.make(f"http://weixin.qq.com/q/{scene['name']}").save(picture)
        self.set_header("Content-Type", "image/png")
        self.finish(picture.getvalue())


class OauthAccessToken(Endpoint):
    content_type = "text/plain"

    def asked(self) -> dict[str, Any]:
        return oauth.exchange(self.platform, self.query())


class SnsUserInfo(Endpoint):
    content_type = "text/plain"

    def asked(self) -> dict[str, Any]:
        return oauth.page_user(self.platform, self.query())


class Code2Session(Endpoint):
    content_type = "text/plain"

    def asked(self) -> dict[str, Any]:
        return oauth.mini_session(self.platform, self.query())


ROUTES: list[tuple[str, type[Base]]] = [
    (r"/cgi-bin/stable_token", StableToken),
    (r"/cgi-bin/token", ClassicToken),
    (r"/cgi-bin/ticket/getticket", Ticket),
    (r"/cgi-bin/message/custom/send", CustomSend),
    (r"/cgi-bin/message/template/send", TemplateSend),
    (r"/cgi-bin/message/subscribe/(?:biz)?send", SubscriptionSend),
    (r"/cgi-bin/menu/create", MenuCreate),
    (r"/cgi-bin/menu/get", MenuGet),
    (r"/cgi-bin/menu/delete", MenuDelete),
    (r"/cgi-bin/menu/addconditional", MenuAddConditional),
    (r"/cgi-bin/menu/delconditional", MenuDeleteConditional),
    (r"/cgi-bin/qrcode/create", QrcodeCreate),
    (r"/cgi-bin/showqrcode", ShowQrcode),
    (r"/sns/oauth2/access_token", OauthAccessToken),
    (r"/sns/userinfo", SnsUserInfo),
    (r"/sns/jscode2session", Code2Session),
]
