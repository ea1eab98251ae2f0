"""Phone numbers 手机号: what a citizen gives by a tap in the mini-program, for one stated purpose, until she takes it back.

Owns: `phones`, one document a citizen; what she was told it is for, and when she gave it; how often she may.
Invariants: the number is sealed at rest, bound to her citizen number, and leaves this file masked; a code counts for the citizen whom it
was made for; it is gone with a deletion; a child's is not taken where the page says that she is one.
[miniprogram/dev/server/API/user-info/phone-number/api_getphonenumber.html]

Failure policy: closed: without Redis, MongoDB or the platform no number is taken (503), and the code is used up at worst.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import msgspec

from server import keys
from server.citizens import Citizens
from server.clock import day_of
from server.errors import Conflict, InvalidBody, NotAuthorised, NotFound, Refusal
from server.seals import Seal, SealBroken
from server.stores import Database, RedisClient
from server.web_login import SessionStale
from server.wechat.client import Client
from server.wechat.errors import CodeRejected, NeverRetry, PlatformUnreachable

logger = logging.getLogger(__name__)

# A citizen gives it once and corrects it now and then; each question to the platform costs the city money.
ASKS_PER_DAY = 5
MAX_CODE_CHARACTERS = 256
# What the page says above the button; a sentence.
MAX_PURPOSE_CHARACTERS = 100
PURPOSE = "活动主办单位就您参加的活动与您联系"
HOME_COUNTRY = "86"
MASK = "****"


class PhoneCodeRejected(NotAuthorised):
    code = "PHONE_CODE_REJECTED"
    message = "手机号授权已失效，请再点一次"


class PhoneAskedTooOften(Refusal):
    status = 429
    code = "PHONE_ASKED_TOO_OFTEN"
    message = "今天提交手机号的次数太多，请明天再试"


class PhoneNotTaken(Conflict):
    code = "PHONE_NOT_TAKEN"
    message = "未满14周岁，不收集手机号"


class PhoneNotFound(NotFound):
    code = "PHONE_NOT_FOUND"
    message = "您没有留下手机号"


@dataclass(frozen=True)
class Phone:
    """`country` as in 86; `purpose`: what she was told; `given_at`: seconds since 1970."""

    country: str = field(repr=False)
    national: str = field(repr=False)
    purpose: str
    given_at: float

    @property
    def masked(self) -> str:
        """Enough to know one's own by: 138****8000."""
        kept = 3 if len(self.national) >= 11 else 2 if len(self.national) >= 8 else 1
        shown = self.national[:kept] + MASK + self.national[-(4 if kept == 3 else kept):]
        return shown if self.country == HOME_COUNTRY else f"+{self.country} {shown}"


class _Watermark(msgspec.Struct):
    appid: str


class _PhoneInfo(msgspec.Struct):
    """Of the platform's answer. The document shows `countryCode` as a number and calls it a text; both occur."""

    purePhoneNumber: str
    countryCode: int | str
    watermark: _Watermark


class PhoneStore:
    """The only code that touches `phones`."""

    def __init__(self, mongo: Database, seal: Seal) -> None:
        self._phones = mongo["phones"]
        self._seal = seal

    async def keep(self, citizen: int, phone: Phone) -> None:
        """In place of one that she gave before."""
        sealed = self._seal.close(f"{phone.country} {phone.national}", _where(citizen))
        await self._phones.update_one({"_id": citizen}, {"$set": {
            "number": sealed, "purpose": phone.purpose, "given_at": phone.given_at}}, upsert=True)

    async def find(self, citizen: int) -> Phone | None:
        found = await self._phones.find_one({"_id": citizen})
        if found is None:
            return None
        try:
            country, _, national = self._seal.open(found["number"], _where(citizen)).partition(" ")
        except SealBroken:
            logger.error("a phone number was sealed with another WENMING_SECRET_KEY")
            return None
        return Phone(country, national, found["purpose"], found["given_at"])

    async def merge(self, loser: int, survivor: int) -> None:
        """Two numbers are one person: what she gave under either is hers, the survivor's own first. May be repeated."""
        phone = await self.find(loser)
        if phone is not None and await self._phones.find_one({"_id": survivor}) is None:
            await self.keep(survivor, phone)
        await self._phones.delete_one({"_id": loser})

    async def remove(self, citizen: int, now: float) -> None:
        """Also what a deletion removes here."""
        await self._phones.delete_one({"_id": citizen})


class Phones:
    """`client` None: no mini-program is connected."""

    def __init__(self, store: PhoneStore, citizens: Citizens, redis: RedisClient, client: Client | None) -> None:
        self._store = store
        self._citizens = citizens
        self._redis = redis
        self._client = client

    async def take(self, citizen: int, code: str, purpose: str, now: float, *, under14: bool = False) -> Phone:
        """Her number, by the code of the button. Raises InvalidBody, PhoneNotTaken, SessionStale, PhoneAskedTooOften, PhoneCodeRejected."""
        if under14:
            raise PhoneNotTaken()
        if self._client is None:
            raise NotFound("ACCOUNT_NOT_CONFIGURED", "本系统没有接入小程序")
        for name, text, most in (("code", code, MAX_CODE_CHARACTERS), ("purpose", purpose.strip(), MAX_PURPOSE_CHARACTERS)):
            if not 0 < len(text) <= most:
                raise InvalidBody(message=f"{name} 为 1 至 {most} 字", field=name)
        openid = await self._citizens.openid_of(citizen, self._client.appid)
        if openid is None:  # she signed in on the web alone: a code of the mini-program cannot be hers
            raise SessionStale()
        await self._count(citizen, now)
        country, national = await self._ask(self._client, code, openid)
        phone = Phone(country, national, purpose.strip(), now)
        if await self._citizens.openid_of(citizen, self._client.appid) is None:
            raise SessionStale()  # she had herself deleted while the platform was asked
        await self._store.keep(self._citizens.resolve(citizen), phone)
        return phone

    async def of(self, citizen: int) -> Phone:
        """Raises PhoneNotFound."""
        # The one that counts first; what she gave under one that was merged is moved some seconds later.
        for number in self._citizens.numbers_of(citizen):
            found = await self._store.find(number)
            if found is not None:
                return found
        raise PhoneNotFound()

    async def take_back(self, citizen: int, now: float) -> None:
        """Under every number of hers, so that no merge brings it back."""
        for number in self._citizens.numbers_of(citizen):
            await self._store.remove(number, now)

    async def _count(self, citizen: int, now: float) -> None:
        key = keys.phone_asks(citizen, day_of(now))
        asks = await self._redis.incr(key)
        await self._redis.expire(key, keys.PHONE_ASKS_SECONDS)
        if asks > ASKS_PER_DAY:
            raise PhoneAskedTooOften()

    async def _ask(self, client: Client, code: str, openid: str) -> tuple[str, str]:
        """Country and number. With her openid the platform refuses a code that was made for another."""
        try:
            answer = await client.call("post", "wxa/business/getuserphonenumber", {"code": code, "openid": openid}, may_repeat=False)
        except CodeRejected as error:
            raise PhoneCodeRejected() from error
        except NeverRetry as error:
            if error.errcode == 40003:  # the openid is not that of the code
                raise PhoneCodeRejected() from error
            raise
        return _number(answer.get("phone_info"), client.appid)


def _number(info: object, appid: str) -> tuple[str, str]:
    """Raises PhoneCodeRejected for another account's, PlatformUnreachable for what is no number."""
    try:
        read = msgspec.convert(info, _PhoneInfo)
    except msgspec.ValidationError:
        raise PlatformUnreachable() from None  # the cause may quote the number
    if read.watermark.appid != appid:
        raise PhoneCodeRejected()
    country, national = str(read.countryCode).lstrip("+"), read.purePhoneNumber
    if not (country.isascii() and country.isdigit() and national.isascii() and national.isdigit() and 4 <= len(national) <= 15):
        raise PlatformUnreachable()
    return country, national


def _where(citizen: int) -> str:
    return f"phone:{citizen}"
