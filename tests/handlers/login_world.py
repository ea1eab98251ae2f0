"""The sign-in routes over real stores, with a platform that can be told what to answer."""

from __future__ import annotations

from copy import copy
from http.cookies import SimpleCookie
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from handlers import auth, citizens
from handlers.base import COOKIE
from server.stores import Stores
from server.switches import Switches, SwitchStore
from server.tokens import Tokens
from server.web_login import WebLogin
from server.wechat.client import MiniProgramIdentity, WebIdentity
from server.wechat.errors import error_of as platform_error
from tests.server.citizens.people import MINIPROGRAM, NOON, OFFICIAL, SECRET, Witness, first_process

AUTHORIZE = "https://open.weixin.qq.com/connect/oauth2/authorize"


class Platform:
    """Codes are single-use, as on the real one; `answers` says who a code is, `errcode` makes every call fail."""

    def __init__(self) -> None:
        self.appid = ""
        self.answers: dict[str, dict[str, Any]] = {}
        self.used: set[str] = set()
        self.errcode: int | None = None

    def account(self, appid: str) -> Platform:
        """One account of it."""
        found = copy(self)
        found.appid = appid
        found.fails_with = lambda: self.errcode
        return found

    def fails_with(self) -> int | None:
        return self.errcode

    async def web_identity(self, code: str) -> WebIdentity:
        person = self._exchange(code)
        return WebIdentity(person["openid"], person.get("unionid"), bool(person.get("is_snapshotuser")))

    async def miniprogram_identity(self, code: str) -> MiniProgramIdentity:
        person = self._exchange(code)
        return MiniProgramIdentity(person["openid"], person.get("unionid"), person["session_key"])

    def _exchange(self, code: str) -> dict[str, Any]:
        if (errcode := self.fails_with()) is not None:
            raise platform_error(errcode)
        if code in self.used:
            raise platform_error(40163)
        if code not in self.answers:
            raise platform_error(40029)
        self.used.add(code)
        return self.answers[code]

    async def jsapi_ticket(self) -> str:
        return "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFyRFZn"


class Browser:
    """Keeps cookies, follows nothing by itself."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.cookies: dict[str, str] = {}
        self.attributes: dict[str, Any] = {}

    async def fetch(self, path: str, **options: Any) -> HTTPResponse:
        headers = {"Cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items())} | options.pop("headers", {})
        response = await AsyncHTTPClient().fetch(self.base + path, follow_redirects=False, raise_error=False,
                                                 headers=headers, **options)
        for line in response.headers.get_list("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.attributes[name] = morsel
                self.cookies[name] = morsel.value
                if not morsel.value:
                    del self.cookies[name]
        return response

    async def consent(self, next_: str = "/c/flag") -> dict[str, str]:
        """Begin a login; the query that the platform gets."""
        response = await self.fetch(f"/auth/official?next={next_}")
        assert response.code == 302
        return query_of(response)

    async def come_back(self, code: str, state: str) -> HTTPResponse:
        return await self.fetch(f"/auth/official/callback?code={code}&state={state}")


class LoginWorld:
    def __init__(self, **changes: Any) -> None:
        self.changes = changes
        self.platform = Platform()
        self.witness = Witness()
        self.now = NOON

    async def open(self, stores: Stores, folder: Path) -> LoginWorld:
        self.citizens = await first_process(stores, folder, self.witness)
        self.tokens = Tokens(SECRET, 86400)
        socket, port = bind_unused_port()
        self.base = f"http://127.0.0.1:{port}"
        values = {"base_url": self.base, "authorize_url": AUTHORIZE, "official": self.platform.account(OFFICIAL),
                  "web": self.platform.account(OFFICIAL), "miniprogram": self.platform.account(MINIPROGRAM)} | self.changes
        self.web_login = WebLogin(self.citizens, self.tokens, stores.redis, SECRET, **values)
        services = SimpleNamespace(citizens=self.citizens, tokens=self.tokens, web_login=self.web_login,
                                   switches=Switches(SwitchStore(stores.mongo), (self.base,)))
        routes = [(r"/auth/official", auth.Start), (r"/auth/official/callback", auth.Callback),
                  (r"/api/v1/session/miniprogram", auth.MiniProgramSession), (r"/api/v1/jssdk", auth.JsSdk),
                  (r"/api/v1/citizens/me", citizens.Me)]
        self.server = HTTPServer(Application(routes, services=services, clock=lambda: self.now))
        self.server.add_socket(socket)
        return self

    def browser(self) -> Browser:
        return Browser(self.base)

    def citizen_in(self, browser: Browser) -> int:
        return self.citizens.of_token(self.tokens.read(browser.cookies[COOKIE], self.now))

    async def close(self) -> None:
        self.server.stop()
        await self.server.close_all_connections()


def query_of(response: HTTPResponse) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["Location"]).query).items()}


def error_of(response: HTTPResponse) -> tuple[int, str]:
    return response.code, msgspec.json.decode(response.body)["error"]["code"]
