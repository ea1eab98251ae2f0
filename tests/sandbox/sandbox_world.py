"""A sandbox with its own folder and a small product that records what the platform sends it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import tornado.web
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from wechatpy.crypto import WeChatCrypto

from server.sandbox.__main__ import build
from server.sandbox.accounts import Accounts
from server.sandbox.accounts import build as build_account

AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OFFICIAL = {"appid": "wxsandboxofficial0", "secret": "sandbox-secret", "token": "official-token", "aes_key": AES_KEY,
            "mode": "safe"}
MINI = {"appid": "wxsandboxminiprog", "secret": "sandbox-mini", "token": "mini-token", "aes_key": AES_KEY[::-1], "mode": "safe"}


class Product(tornado.web.RequestHandler):
    """Answers each callback by `answer`, after `pause_seconds`."""

    async def post(self) -> None:
        world: World = self.settings["world"]
        world.received.append(self.request)
        if world.silent_times > 0:
            world.silent_times -= 1
            await asyncio.sleep(world.silence_seconds)
            return
        world.answered += 1
        self.set_status(world.status)
        answer = world.answer
        self.finish(answer(self.request) if callable(answer) else answer)


class World:
    def __init__(self, folder: Path, official: dict[str, Any] | None = None, cut_seconds: float = 5.0, static: Path | None = None,
                 pages: Sequence[Any] = (), others: dict[str, dict[str, Any]] | None = None) -> None:
        self.received: list[Any] = []
        self.answered = 0
        self.silent_times, self.silence_seconds, self.status = 0, 0.0, 200
        self.answer: Any = b"success"
        self.http = AsyncHTTPClient(force_instance=True, max_clients=500)
        product = HTTPServer(tornado.web.Application([(r"/wechat/(?:official|miniprogram)(?:/\w+)?", Product), *pages], world=self))
        socket, port = bind_unused_port()
        product.add_socket(socket)
        self.product = f"http://127.0.0.1:{port}"
        accounts = [build_account("official", {**OFFICIAL, **(official or {})}), build_account("miniprogram", MINI),
                    *(build_account(role, given) for role, given in (others or {}).items())]
        self.app = build(Accounts(accounts), folder / "data", self.product, static or folder / "static", cut_seconds=cut_seconds)
        sandbox = HTTPServer(self.app)
        socket, port = bind_unused_port()
        sandbox.add_socket(socket)
        self.base = f"http://127.0.0.1:{port}"
        self._servers = [product, sandbox]

    def close(self) -> None:
        for server in self._servers:
            server.stop()
        self.app.settings["delivery"].close()
        self.app.settings["platform"].store.close()
        self.http.close()

    @property
    def platform(self) -> Any:
        return self.app.settings["platform"]

    async def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> HTTPResponse:
        url = self.base + path + ("?" + urlencode(query) if query else "")
        return await self.http.fetch(url, raise_error=False, follow_redirects=False, headers=headers or {})

    async def post(self, path: str, body: Any, headers: dict[str, str] | None = None, **query: Any) -> HTTPResponse:
        url = self.base + path + ("?" + urlencode(query) if query else "")
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return await self.http.fetch(url, method="POST", body=raw, raise_error=False, follow_redirects=False,
                                     headers=headers or {})

    async def asked(self, path: str, **query: Any) -> dict[str, Any]:
        return json.loads((await self.get(path, **query)).body)

    async def told(self, path: str, body: Any, **query: Any) -> dict[str, Any]:
        return json.loads((await self.post(path, body, **query)).body)

    async def ticket(self, token: dict[str, Any]) -> dict[str, Any]:
        """The simplest use of an access token."""
        return await self.asked("/cgi-bin/ticket/getticket", access_token=token["access_token"], type="jsapi")

    async def citizen(self, nickname: str | None = None) -> dict[str, Any]:
        return await self.told("/sandbox/citizens", {"nickname": nickname} if nickname else {})

    async def token(self, account: dict[str, str] = OFFICIAL, force: bool = False) -> dict[str, Any]:
        return await self.told("/cgi-bin/stable_token", {"grant_type": "client_credential", "appid": account["appid"],
                                                         "secret": account["secret"], "force_refresh": force})

    def advance(self, seconds: float) -> None:
        self.platform.offset_seconds += seconds

    def message_of(self, request: Any, account: dict[str, str] = OFFICIAL) -> str:
        """What wechatpy, as the product would, reads in an encrypted callback. It checks the signature."""
        crypto = WeChatCrypto(account["token"], account["aes_key"], account["appid"])
        body = json.loads(request.body) if request.body.startswith(b"{") else request.body
        return crypto.decrypt_message(body, argument(request, "msg_signature"), argument(request, "timestamp"),
                                      argument(request, "nonce"))

    def encrypted(self, request: Any, reply: str, account: dict[str, str] = OFFICIAL) -> str:
        crypto = WeChatCrypto(account["token"], account["aes_key"], account["appid"])
        return crypto.encrypt_message(reply, argument(request, "nonce"), str(int(time.time())))


def argument(request: Any, name: str) -> str:
    """A parameter of a recorded request's query."""
    return str(request.query_arguments[name][0].decode())


def text_reply(openid: str, text: str, account: str = "gh_sandboxoffic") -> str:
    return (f"<xml><ToUserName><![CDATA[{openid}]]></ToUserName><FromUserName><![CDATA[{account}]]></FromUserName>"
            f"<CreateTime>1790000000</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{text}]]></Content></xml>")


def news_reply(openid: str, count: int, claimed: int | None = None) -> str:
    item = ("<item><Title><![CDATA[向国旗敬礼]]></Title><Description><![CDATA[活动]]></Description>"
            "<PicUrl><![CDATA[http://x/p.jpg]]></PicUrl><Url><![CDATA[http://x/c/flag]]></Url></item>")
    return (f"<xml><ToUserName>{openid}</ToUserName><FromUserName>gh_sandboxoffic</FromUserName>"
            f"<CreateTime>1790000000</CreateTime><MsgType>news</MsgType>"
            f"<ArticleCount>{count if claimed is None else claimed}</ArticleCount>"
            f"<Articles>{item * count}</Articles></xml>")
