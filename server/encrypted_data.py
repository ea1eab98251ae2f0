"""Encrypted data 加密数据 of the mini-program: what a phone hands over sealed with the session_key of the last login.

Owns: which fields of it may leave, how old it may be, and telling a stale session_key from bad data. Does not own: the key
(server/web_login.py), the cipher (server/wechat/session_crypto.py).
Invariants: the session_key never leaves the server; only fields of KINDS leave, so no openid, unionid, phone number or watermark; data of
another account or an old one is refused; all that is refused is refused alike.

Failure policy: closed: without Redis or the platform nothing is opened (503).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import msgspec

from server import keys
from server.citizens import Citizens
from server.errors import InvalidBody, NotFound
from server.stores import RedisClient
from server.web_login import SessionStale, WebLogin
from server.wechat.client import Client
from server.wechat.errors import SessionEnded, WeChatError
from server.wechat.session_crypto import DataRefused, check_raw_data, decrypt, session_signature

logger = logging.getLogger(__name__)

# A page hands its data over at once; ten minutes are for a bad network, and short enough that a copy is soon worth nothing.
MAX_AGE_SECONDS = 600
# A phone's clock does not matter, the platform writes the time; servers' clocks differ by seconds.
MAX_AHEAD_SECONDS = 60
# WeRun gives the last 31 days.
MAX_DAYS = 31
MAX_GROUP_CHARACTERS = 128


class Sealed(msgspec.Struct):
    """As wx gives it to a page. `raw_data` and `signature` come together or not at all."""

    encrypted_data: str
    iv: str
    raw_data: str | None = None
    signature: str | None = None


class Watermark(msgspec.Struct):
    appid: str
    timestamp: int


class Steps(msgspec.Struct):
    """How far somebody walked on one day."""

    timestamp: int
    step: int


class _Inside(msgspec.Struct):
    """What is read of the plain text; anything else in it is passed over."""

    watermark: Watermark
    openGId: str | None = None
    stepInfoList: list[Steps] | None = None


@dataclass(frozen=True)
class Opened:
    """`kind`: group_share or steps; `fields`: those of its kind that may leave."""

    kind: str
    fields: dict[str, object]


class EncryptedData:
    """`client` None: no mini-program is connected."""

    def __init__(self, web_login: WebLogin, citizens: Citizens, redis: RedisClient, client: Client | None) -> None:
        self._web_login = web_login
        self._citizens = citizens
        self._redis = redis
        self._client = client

    async def open(self, citizen: int, sealed: Sealed, now: float) -> Opened:
        """What she handed over. Raises NotFound, InvalidBody, DataRefused, SessionStale, WeChatError."""
        client = self._connected()
        if (sealed.raw_data is None) != (sealed.signature is None):
            raise InvalidBody(message="raw_data 与 signature 要一起给出，或都不给", field="signature")
        session_key = await self._web_login.session_key_of(citizen)
        if session_key is None:
            raise SessionStale()
        try:
            return _opened(sealed, session_key, client.appid, now)
        except DataRefused:
            await self._refuse_stale(client, citizen, session_key)
            raise

    async def sign_out(self, citizen: int, now: float) -> None:
        """Forget her session_key, and have the platform replace it, so that a copy of it opens nothing. Fails open towards the platform."""
        session_key = await self._web_login.session_key_of(citizen)
        await self._web_login.erase(citizen, now)
        if session_key is None or self._client is None:
            return
        try:
            await self._ask(self._client, "wxa/resetusersessionkey", citizen, session_key)
        except WeChatError as error:
            logger.info("a session_key was not replaced: %s", error)

    async def _refuse_stale(self, client: Client, citizen: int, session_key: str) -> None:
        """Where data cannot be opened: has the platform another key by now? Asked once in a while. Raises SessionStale, WeChatError."""
        checked = keys.miniprogram_session_checked(citizen)
        if await self._redis.exists(checked):
            return
        try:
            await self._ask(client, "wxa/checksession", citizen, session_key)
        except SessionEnded:
            await self._web_login.drop_session_key(citizen, session_key)  # who asks next hears it at once
            raise SessionStale() from None
        await self._redis.set(checked, b"1", ex=keys.MINIPROGRAM_SESSION_CHECKED_SECONDS)

    async def _ask(self, client: Client, path: str, citizen: int, session_key: str) -> None:
        openid = await self._citizens.openid_of(citizen, client.appid)
        if openid is None:
            raise SessionEnded()
        await client.call("get", path, may_repeat=path == "wxa/checksession", openid=openid, signature=session_signature(session_key),
                          sig_method="hmac_sha256")

    def _connected(self) -> Client:
        if self._client is None:
            raise NotFound("ACCOUNT_NOT_CONFIGURED", "本系统没有接入小程序")
        return self._client


def _opened(sealed: Sealed, session_key: str, appid: str, now: float) -> Opened:
    """Raises DataRefused."""
    if sealed.raw_data is not None:
        check_raw_data(sealed.raw_data, sealed.signature or "", session_key)
    try:
        inside = msgspec.json.decode(decrypt(sealed.encrypted_data, sealed.iv, session_key), type=_Inside)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise DataRefused() from None
    age = now - inside.watermark.timestamp
    if inside.watermark.appid != appid or not -MAX_AHEAD_SECONDS <= age <= MAX_AGE_SECONDS:
        raise DataRefused()
    return _allowed(inside)


def _allowed(inside: _Inside) -> Opened:
    """The fields of its kind. Raises DataRefused for a kind that is not served here."""
    if inside.openGId and len(inside.openGId) <= MAX_GROUP_CHARACTERS:
        return Opened("group_share", {"openGId": inside.openGId})
    if inside.stepInfoList is not None and len(inside.stepInfoList) <= MAX_DAYS:
        return Opened("steps", {"stepInfoList": [msgspec.structs.asdict(day) for day in inside.stepInfoList]})
    raise DataRefused()
