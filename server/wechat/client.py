"""One account's calls to the platform: wechatpy's API classes on Tornado, sign-in codes, the ticket of the JS-SDK.

Owns: what is asked of the platform. Does not own: HTTP and its policy (transport.py), sharing values between processes (values.py).
Invariants: a token that the platform refuses is renewed once and the call repeated once, never more; a sign-in code is sent
once and no token goes along; a body is raw UTF-8; openid, unionid and session_key are in no representation and no log.

wechatpy's methods return what `_request` returns, so ours are awaited. Those that read the answer themselves (iterators of
followers and tags, data cubes, uploads, its own jsapi) do not work over this and are not offered.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wechatpy.client import api
from wechatpy.client.base import BaseWeChatClient

from server.clock import Clock
from server.stores import RedisClient
from server.wechat import Account
from server.wechat.errors import Misconfigured, PlatformUnreachable, TokenRejected
from server.wechat.messages import Reply
from server.wechat.transport import Transport
from server.wechat.values import SharedValue

# wechatpy writes some addresses out in full; they are called at the transport's address instead.
PLATFORM = "https://api.weixin.qq.com/"
# A token lives 7,200 s; stable_token says how long the one that it gives still does, at least 300 s.
SHORTEST_LIFE_SECONDS, LONGEST_LIFE_SECONDS = 60, 7200


@dataclass(frozen=True)
class WebIdentity:
    """Whom a web login names. `snapshot`: a virtual account of the preview mode, never to be counted or bound."""

    openid: str = field(repr=False)
    unionid: str | None = field(repr=False)
    snapshot: bool


@dataclass(frozen=True)
class MiniProgramIdentity:
    """Whom a mini-program login names. `session_key` never leaves the server."""

    openid: str = field(repr=False)
    unionid: str | None = field(repr=False)
    session_key: str = field(repr=False)


class Client(BaseWeChatClient):  # type: ignore[misc]
    """One account's calls; with an empty appid every one of them raises Misconfigured."""

    menu = api.WeChatMenu()
    message = api.WeChatMessage()
    template = api.WeChatTemplate()

    # wechatpy's own names: it reads every attribute of a client while one is made, and these would open a blocking connection.
    access_token = None
    session = None

    def __init__(self, account: Account, transport: Transport, redis: RedisClient, clock: Clock) -> None:
        self.appid = account.appid
        self.secret = account.secret
        self._transport = transport
        self._token = SharedValue(redis, account.appid, "access_token", self._fetch_token, clock, can_force=True)
        self._ticket = SharedValue(redis, account.appid, "jsapi_ticket", self._fetch_ticket, clock)

    async def web_identity(self, code: str) -> WebIdentity:
        """Whose the code of a web login is. Raises CodeRejected for a wrong or used one, else WeChatError.

        [doc/service/api/webdev/access/api_snsaccesstoken]
        """
        answer = await self._exchange("sns/oauth2/access_token", "code", code)
        return WebIdentity(_text(answer, "openid"), answer.get("unionid") or None, str(answer.get("is_snapshotuser", 0)) == "1")

    async def miniprogram_identity(self, code: str) -> MiniProgramIdentity:
        """Whose the code of wx.login is. Raises CodeRejected for a wrong or used one, RateLimited, else WeChatError."""
        answer = await self._exchange("sns/jscode2session", "js_code", code)
        return MiniProgramIdentity(_text(answer, "openid"), answer.get("unionid") or None, _text(answer, "session_key"))

    async def jsapi_ticket(self) -> str:
        """The ticket that signs pages for the JS-SDK. Raises WeChatError."""
        return await self._ticket.get()

    async def send(self, openid: str, reply: Reply) -> None:
        """An answer as a customer-service message. Not repeated: it may have arrived. Raises WeChatError."""
        if reply.kind == "news":
            await self.message.send_articles(openid, [{"title": a.title, "description": a.description, "url": a.url,
                                                       "image": a.picture_url} for a in reply.articles])
        elif reply.kind == "text":
            await self.message.send_text(openid, reply.text)
        elif reply.kind == "image":
            await self.message.send_image(openid, reply.media_id)
        elif reply.kind == "voice":
            await self.message.send_voice(openid, reply.media_id)
        else:
            await self.message.send_video(openid, reply.media_id, reply.title, reply.description)

    async def close(self) -> None:
        """After this nothing is asked of the platform any more."""
        await self._token.close()
        await self._ticket.close()
        self._transport.close()

    # What wechatpy's API classes call

    def get(self, url: str, **kwargs: Any) -> Any:
        return self._request("get", url, **kwargs)

    def post(self, url: str, **kwargs: Any) -> Any:
        return self._request("post", url, **kwargs)

    async def _request(self, method: str, url_or_endpoint: str, *, params: dict[str, Any] | None = None, data: Any = None,
                       api_base_url: str = PLATFORM + "cgi-bin/",
                       result_processor: Callable[[dict[str, Any]], Any] | None = None) -> Any:
        """A call with the account's token. Reading may be repeated, changing not. Raises WeChatError."""
        path = self._path(url_or_endpoint, api_base_url)
        body = data if data is None or isinstance(data, bytes) else (data if isinstance(data, str) else _json(data)).encode()
        result = await self._with_token(method, path, {k: v for k, v in (params or {}).items() if v is not None}, body)
        try:
            return result_processor(result) if result_processor else result
        except (KeyError, TypeError) as error:
            raise PlatformUnreachable() from error

    async def _exchange(self, path: str, name: str, code: str) -> dict[str, Any]:
        self._check_configured()
        return await self._transport.call(self.appid, "get", path, {
            "appid": self.appid, "secret": self.secret, name: code, "grant_type": "authorization_code"}, may_repeat=False)

    def _check_configured(self) -> None:
        if not self.appid:
            raise Misconfigured()

    async def _with_token(self, method: str, path: str, params: dict[str, Any], body: bytes | None) -> dict[str, Any]:
        self._check_configured()
        token = await self._token.get()
        may_repeat = method == "get"
        try:
            return await self._transport.call(self.appid, method, path, {**params, "access_token": token}, body, may_repeat=may_repeat)
        except TokenRejected:
            token = await self._token.renew(token)
        return await self._transport.call(self.appid, method, path, {**params, "access_token": token}, body, may_repeat=may_repeat)

    def _path(self, url_or_endpoint: str, api_base_url: str) -> str:
        url = url_or_endpoint if "://" in url_or_endpoint else api_base_url + url_or_endpoint
        if not url.startswith(PLATFORM):
            raise ValueError("a token goes to the platform alone")
        return url.removeprefix(PLATFORM)

    # How the shared values are fetched

    async def _fetch_token(self, by_force: bool) -> tuple[str, int]:
        body = _json({"grant_type": "client_credential", "appid": self.appid, "secret": self.secret, "force_refresh": by_force})
        # In its normal mode it gives the same token to whoever asks, so it may be repeated; force spends a quota of 20 a day.
        answer = await self._transport.call(self.appid, "post", "cgi-bin/stable_token", {}, body.encode(), may_repeat=not by_force)
        return _value(answer, "access_token")

    async def _fetch_ticket(self, by_force: bool) -> tuple[str, int]:
        return _value(await self._request("get", "ticket/getticket", params={"type": "jsapi"}), "ticket")


def _json(value: Any) -> str:
    """Some APIs refuse escapes, so text goes as it is."""
    return json.dumps(value, ensure_ascii=False)


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise PlatformUnreachable()
    return value


def _value(answer: dict[str, Any], name: str) -> tuple[str, int]:
    """A value and its life from an answer. Raises PlatformUnreachable where the answer has none."""
    lives_seconds = answer.get("expires_in")
    if not isinstance(lives_seconds, int):
        raise PlatformUnreachable()
    return _text(answer, name), min(max(lives_seconds, SHORTEST_LIFE_SECONDS), LONGEST_LIFE_SECONDS)
