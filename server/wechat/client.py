"""One account's calls to the platform: wechatpy's API classes on Tornado, sign-in codes, the ticket of the JS-SDK.

Owns: what is asked of the platform. Does not own: HTTP and its policy (transport.py), sharing values between processes (values.py).
Invariants: a token that the platform refuses is renewed once and the call repeated once, never more; a sign-in code is sent
once and no token goes along; a body is raw UTF-8; openid, unionid and session_key are in no representation and no log.

wechatpy's methods return what `_request` returns, so ours are awaited. Those that read the answer themselves (iterators of
followers and tags, data cubes, uploads, its own jsapi) do not work over this and are not called.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from wechatpy.client import api
from wechatpy.client.base import BaseWeChatClient

from server.clock import Clock
from server.stores import RedisClient
from server.wechat import Account
from server.wechat.answers import text_of
from server.wechat.errors import Misconfigured, PlatformNotAsked, PlatformUnreachable, TokenRejected
from server.wechat.messages import Reply
from server.wechat.transport import Fetched, Transport, Upload
from server.wechat.values import SharedValue

logger = logging.getLogger(__name__)

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
    qrcode = api.WeChatQRCode()
    tag = api.WeChatTag()
    template = api.WeChatTemplate()
    user = api.WeChatUser()

    # wechatpy's own names: it reads every attribute of a client while one is made, and these would open a blocking connection.
    access_token = None
    session = None

    def __init__(self, account: Account, transport: Transport, redis: RedisClient, clock: Clock) -> None:
        self.appid = account.appid
        self.role = account.role
        self.secret = account.secret
        self._transport = transport
        self._token = SharedValue(redis, account.appid, "access_token", self._fetch_token, clock, can_force=True)
        self._ticket = SharedValue(redis, account.appid, "jsapi_ticket", self._fetch_ticket, clock)

    async def web_identity(self, code: str) -> WebIdentity:
        """Whose the code of a web login is. Raises CodeRejected for a wrong or used one, else WeChatError.

        [doc/service/api/webdev/access/api_snsaccesstoken]
        """
        answer = await self._exchange("sns/oauth2/access_token", "code", code)
        return WebIdentity(text_of(answer, "openid"), answer.get("unionid") or None, str(answer.get("is_snapshotuser", 0)) == "1")

    async def miniprogram_identity(self, code: str) -> MiniProgramIdentity:
        """Whose the code of wx.login is. Raises CodeRejected for a wrong or used one, RateLimited, else WeChatError."""
        answer = await self._exchange("sns/jscode2session", "js_code", code)
        return MiniProgramIdentity(text_of(answer, "openid"), answer.get("unionid") or None, text_of(answer, "session_key"))

    async def jsapi_ticket(self) -> str:
        """The ticket that signs pages for the JS-SDK. Raises WeChatError."""
        return await self._ticket.get()

    async def send(self, openid: str, reply: Reply) -> None:
        """An answer as a customer-service message. Not repeated: it may have arrived. Raises WeChatError."""
        if self.role == "miniprogram" and reply.kind in ("news", "music", "voice", "video"):
            await self._send_as_links(openid, reply)
        elif reply.kind == "news":
            await self.message.send_articles(openid, [{"title": a.title, "description": a.description, "url": a.url,
                                                       "image": a.picture_url} for a in reply.articles])
        elif reply.kind == "text":
            await self.message.send_text(openid, reply.text)
        elif reply.kind == "image":
            await self.message.send_image(openid, reply.media_id)
        elif reply.kind == "voice":
            await self.message.send_voice(openid, reply.media_id)
        elif reply.kind == "music":
            await self.message.send_music(openid, reply.url, reply.hq_url or reply.url, reply.media_id, reply.title, reply.description)
        elif reply.kind == "transfer":
            return  # only an answer to a callback can hand her over
        else:
            await self.message.send_video(openid, reply.media_id, reply.title, reply.description)

    async def _send_as_links(self, openid: str, reply: Reply) -> None:
        """What a mini-program can say of it: a card is a link, sound and film of a material are nothing.

        [miniprogram/dev/server/API/kf-mgnt/kf-message/api_sendcustommessage]
        """
        links = [(a.title, a.description, a.url, a.picture_url) for a in reply.articles]
        if reply.kind == "music":
            links.append((reply.title, reply.description, reply.url, ""))
        if not links:
            logger.warning("a mini-program cannot send a %s", reply.kind)
        for title, description, url, picture_url in links:
            await self.call("post", "cgi-bin/message/custom/send", {"touser": openid, "msgtype": "link", "link": {
                "title": title, "description": description, "url": url, "thumb_url": picture_url}}, may_repeat=False)

    async def typing(self, openid: str) -> None:
        """Let her chat show for 15 s that an answer is being written; she wrote within the last 30 s. Raises WeChatError.

        [doc/service/api/customer/message/api_typing]
        """
        path = "custom/typing" if self.role == "official" else "custom/business/typing"
        await self.call("post", f"cgi-bin/message/{path}", {"touser": openid, "command": "Typing"}, may_repeat=False)

    async def notify(self, kind: str, openid: str, template_id: str, data: dict[str, dict[str, str]], page: str, client_msg_id: str) -> str:
        """A template message, or a subscription notice of either kind of account; gives its msgid. Not repeated here. Raises WeChatError.

        `client_msg_id`: the platform sends a template message of one name once in ten minutes; notices have no such name.
        """
        body: dict[str, Any] = {"touser": openid, "template_id": template_id, "data": data}
        if kind == "template":
            body |= {"client_msg_id": client_msg_id} | ({"url": page} if page else {})
        elif page:
            body["page"] = page
        path = {"template": "template/send", "subscription": "subscribe/bizsend", "miniprogram_subscription": "subscribe/send"}[kind]
        answer: dict[str, Any] = await self._request("post", f"message/{path}", data=body)
        return str(answer.get("msgid", ""))

    async def check_credentials(self) -> float | None:
        """Ask for a token past everything that is kept; gives the platform's clock (seconds since 1970). Raises WeChatError."""
        self._check_configured()
        fetched = await self._transport.fetch(self.appid, "post", "cgi-bin/stable_token", {}, self._token_request(False), may_repeat=True)
        _value(fetched.fields, "access_token")
        try:
            return parsedate_to_datetime(fetched.headers.get("Date", "")).timestamp()
        except ValueError:
            return None

    async def clear_quota_by_secret(self) -> None:
        """Spend one of the account's ten clears of the month where no token can be had. For server/quotas.py alone. Raises WeChatError.

        [doc/service/api/apimanage/api_clearquotabyappsecret]
        """
        self._check_configured()
        body = _json({"appid": self.appid, "appsecret": self.secret}).encode()
        await self._transport.call(self.appid, "post", "cgi-bin/clear_quota/v2", {}, body, may_repeat=False)

    async def shut_paths(self) -> set[str]:
        """The endpoints that are shut until midnight because their quota is spent."""
        return await self._transport.shut_paths(self.appid)

    async def open_again(self, paths: set[str]) -> None:
        """Let calls to these endpoints through again, in every process."""
        await self._transport.open_again(self.appid, paths)

    def token_held_seconds(self) -> float:
        """For how long the access token that this process last saw still holds; 0 where it saw none."""
        return self._token.held_seconds()

    async def close(self) -> None:
        """After this nothing is asked of the platform any more."""
        await self._token.close()
        await self._ticket.close()
        self._transport.close()

    # What our own API classes call

    async def call(self, method: str, path: str, body: dict[str, Any] | Upload | None = None, *, may_repeat: bool | None = None,
                   **params: str) -> dict[str, Any]:
        """A call of `/path`, such as `cgi-bin/draft/add`, with the token. Reading may be repeated, changing not. Raises WeChatError."""
        content = body if body is None or isinstance(body, Upload) else _json(body).encode()
        fetched = await self._with_token(method, path, dict(params), content, may_repeat=may_repeat)
        return fetched.fields

    async def download(self, path: str, body: dict[str, Any]) -> bytes:
        """A picture that the platform makes. May be repeated: it changes nothing. Raises WeChatError."""
        fetched = await self._with_token("post", path, {}, _json(body).encode(), may_repeat=True, binary=True)
        if not fetched.body or fetched.fields:
            raise PlatformUnreachable()
        return fetched.body

    async def has(self, path: str, body: dict[str, Any]) -> bool:
        """Whether the platform gives anything for it, a file or fields. May be repeated. Raises WeChatError where it refuses."""
        fetched = await self._with_token("post", path, {}, _json(body).encode(), may_repeat=True, binary=True)
        return bool(fetched.body or fetched.fields)

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
        result = (await self._with_token(method, path, {k: v for k, v in (params or {}).items() if v is not None}, body)).fields
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

    async def _with_token(self, method: str, path: str, params: dict[str, Any], body: bytes | Upload | None, *,
                          may_repeat: bool | None = None, binary: bool = False) -> Fetched:
        self._check_configured()
        token = await self._token.get()
        repeats = method == "get" if may_repeat is None else may_repeat

        async def fetch() -> Fetched:
            return await self._transport.fetch(self.appid, method, path, {**params, "access_token": token}, body,
                                               may_repeat=repeats, binary=binary)

        try:
            return await fetch()
        except TokenRejected:
            token = await self._token.renew(token)
        return await fetch()

    def _path(self, url_or_endpoint: str, api_base_url: str) -> str:
        url = url_or_endpoint if "://" in url_or_endpoint else api_base_url + url_or_endpoint
        if not url.startswith(PLATFORM):
            raise ValueError("a token goes to the platform alone")
        return url.removeprefix(PLATFORM)

    # How the shared values are fetched

    async def _fetch_token(self, by_force: bool) -> tuple[str, int]:
        # In its normal mode it gives the same token to whoever asks, so it may be repeated; force spends a quota of 20 a day.
        try:
            answer = await self._transport.call(self.appid, "post", "cgi-bin/stable_token", {}, self._token_request(by_force),
                                                may_repeat=not by_force)
            return _value(answer, "access_token")
        except PlatformUnreachable:
            raise PlatformNotAsked() from None  # whatever the token was wanted for

    def _token_request(self, by_force: bool) -> bytes:
        return _json({"grant_type": "client_credential", "appid": self.appid, "secret": self.secret, "force_refresh": by_force}).encode()

    async def _fetch_ticket(self, by_force: bool) -> tuple[str, int]:
        return _value(await self._request("get", "ticket/getticket", params={"type": "jsapi"}), "ticket")


def _json(value: Any) -> str:
    """Some APIs refuse escapes, so text goes as it is."""
    return json.dumps(value, ensure_ascii=False)


def _value(answer: dict[str, Any], name: str) -> tuple[str, int]:
    """A value and its life from an answer. Raises PlatformUnreachable where the answer has none."""
    lives_seconds = answer.get("expires_in")
    if not isinstance(lives_seconds, int):
        raise PlatformUnreachable()
    return text_of(answer, name), min(max(lives_seconds, SHORTEST_LIFE_SECONDS), LONGEST_LIFE_SECONDS)
