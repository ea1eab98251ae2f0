"""Calling the platform: wechatpy's API classes over our own transport, with a token that is shared and renewed with care.

Owns: how a call meets the errcode policy (errors.py): a rejected token is renewed and the call repeated once; a spent
quota shuts the endpoint until the next Shanghai midnight; nothing else is repeated unless it may be.
Does not own: what is sent to whom. The two clients below name what this product calls.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from wechatpy import WeChatClient

from server import keys
from server.clock import day_bounds, day_of
from server.stores import RedisClient, RedisError
from server.wechat import Account
from server.wechat.errors import Misconfigured, QuotaSpent, TokenRejected
from server.wechat.transport import Transport
from server.wechat.values import Values

logger = logging.getLogger(__name__)


class Platform:
    """One account's calls, with its token."""

    def __init__(self, account: Account, redis: RedisClient, base_url: str, clock: Callable[[], float] = time.time) -> None:
        self.account = account
        self.transport = Transport(base_url)
        self.values = Values(account, redis, self.transport, clock)
        self._redis = redis
        self._clock = clock

    async def call(self, method: str, path: str, params: dict[str, Any] | None = None, body: Any = None, *,
                   repeatable: bool = False) -> dict[str, Any]:
        """A call that needs the access_token. Raises WeChatError."""
        await self._check_quota(path)
        token = await self.values.access_token()
        try:
            return await self._with(token, method, path, params, body, repeatable)
        except TokenRejected:
            renewed = await self.values.access_token(rejected=token)
            return await self._with(renewed, method, path, params, body, repeatable)

    async def _with(self, token: str, method: str, path: str, params: dict[str, Any] | None, body: Any, repeatable: bool) -> dict[str, Any]:
        try:
            return await self.transport.call(method, path, {**(params or {}), "access_token": token}, body, repeatable=repeatable)
        except QuotaSpent:
            await self._shut(path)
            raise

    async def _check_quota(self, path: str) -> None:
        """Fails open: without Redis the platform itself says that the quota is spent."""
        try:
            if await self._redis.get(keys.platform_quota(self.account.appid, path)):
                raise QuotaSpent(45009)
        except (RedisError, OSError, TimeoutError) as error:
            logger.info("quotas are not known: %s", type(error).__name__)

    async def _shut(self, path: str) -> None:
        now = self._clock()
        until_midnight = max(1, int(day_bounds(day_of(now))[1] - now))
        logger.error("the daily quota of %s is spent; it stays shut for %d s", path, until_midnight)
        try:
            await self._redis.set(keys.platform_quota(self.account.appid, path), "1", ex=until_midnight)
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("a spent quota was not noted: %s", type(error).__name__)


class WechatpyApis(WeChatClient):  # type: ignore[misc]  # wechatpy has no types
    """wechatpy's API classes (`.message`, `.menu`, `.user` …) whose methods return what `Platform.call` returns, to be awaited.

    Not usable are its methods that read the answer themselves (jsapi, iterators, datacube summaries, uploads): see
    wechatpy 1.8.18's source; this product calls none of them.
    """

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform.account.appid, "", auto_retry=False)
        self._platform = platform

    @property
    def access_token(self) -> str:
        # wechatpy looks at every member while an object is made; AttributeError is what it passes over.
        raise AttributeError("the token is the platform's affair")

    async def _request(self, method: str, url_or_endpoint: str, **options: Any) -> Any:
        base = options.pop("api_base_url", self.API_BASE_URL)
        path = urlsplit(url_or_endpoint if "://" in url_or_endpoint else base + url_or_endpoint).path
        process = options.pop("result_processor", None)
        answer = await self._platform.call(method.upper(), path, options.get("params"), options.get("data"),
                                           repeatable=method.upper() == "GET")
        return process(answer) if process else answer


class OfficialClient:
    """What this product asks of the official account."""

    def __init__(self, account: Account, redis: RedisClient, base_url: str, clock: Callable[[], float] = time.time) -> None:
        self._platform = Platform(account, redis, base_url, clock)
        self.apis = WechatpyApis(self._platform)

    async def jsapi_ticket(self) -> str:
        return await self._platform.values.jsapi_ticket()

    async def oauth_access(self, code: str) -> dict[str, Any]:
        """Who a web login's code belongs to: openid, unionid?, is_snapshotuser?. A code is good once: never repeated.

        [doc/service/api/webdev/access/api_snsaccesstoken]
        """
        account = _configured(self._platform.account)
        return await self._platform.transport.call("GET", "/sns/oauth2/access_token", {
            "appid": account.appid, "secret": account.secret, "code": code, "grant_type": "authorization_code"})

    async def send_text(self, openid: str, text: str) -> None:
        """A customer-service message. May not be repeated: the platform would show it twice."""
        await self.apis.message.send_text(openid, text)

    async def send_article(self, openid: str, title: str, description: str, url: str, picture_url: str) -> None:
        """A customer-service card."""
        await self.apis.message.send_articles(openid, [{"title": title, "description": description, "url": url, "image": picture_url}])

    def close(self) -> None:
        self._platform.transport.close()


class MiniProgramClient:
    """What this product asks of the mini-program."""

    def __init__(self, account: Account, redis: RedisClient, base_url: str, clock: Callable[[], float] = time.time) -> None:
        self._platform = Platform(account, redis, base_url, clock)

    async def code_to_session(self, code: str) -> dict[str, Any]:
        """Who a wx.login code belongs to: openid, unionid?, session_key. Sends no access_token; a code is good once."""
        account = _configured(self._platform.account)
        return await self._platform.transport.call("GET", "/sns/jscode2session", {
            "appid": account.appid, "secret": account.secret, "js_code": code, "grant_type": "authorization_code"})

    def close(self) -> None:
        self._platform.transport.close()


def _configured(account: Account) -> Account:
    if not account.appid:
        raise Misconfigured()
    return account
