"""Robots: groups of people who are told something by their chat's group robot, by a plain webhook, or by the account's own notices.

Owns: the form of a message for each kind, its signature, the pace, what became of each robot's last messages (`robot_states`).
Does not own: what is said, and when (server/alarms, bulletins).
Invariants: an address is a secret: it stands in no log, no answer and no error, and is asked only over https at a host of the settings
(settings.py checks both); no redirect is followed; no robot is asked more often than its platform allows, in all processes together;
the account's own notices never stand alone.

The forms, from the platforms' public documentation:
    wecom     企业微信 {"msgtype": "markdown" | "text" | "image", …}, 20 a minute, text 2,048 and markdown 4,096 bytes, a picture 2 MB
              before base64, with its MD5; {"errcode": 0} is good
    dingtalk  钉钉 {"msgtype": "markdown" | "text", …}, 20 a minute, else mute for ten; `timestamp` (ms) and `sign` in the address:
              base64 of HMAC-SHA256 of "timestamp\\nsecret" under the secret; {"errcode": 0} is good
    feishu    飞书 {"msg_type": "interactive" | "text", …}, 100 a minute and 5 a second, 20 KB; `timestamp` (s) and `sign` in the body:
              base64 of HMAC-SHA256 of nothing under "timestamp\\nsecret"; {"code": 0} is good
    webhook   our own: {"title", "text", "level", "at"}; `X-Wenming-Timestamp` (s) and `X-Wenming-Signature: sha256=<hex>`, HMAC-SHA256 of
              "timestamp\\n" and the body under the secret; any 2xx is good
    notice    a batch of notices to named members of staff (server/notices)

Failure policy: open: whoever tells goes on whatever becomes of it. A try has 4 s and there are three; a refusal is not tried again. One
that was not heard may arrive twice: of an alarm that is better than not at all. What failed is kept and shown.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Literal
from urllib.parse import quote_plus, urlsplit

import msgspec
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from server import keys, outbound
from server.clock import iso
from server.errors import NotFound, WenmingError
from server.stores import Database, PyMongoError, RedisClient, RedisError

logger = logging.getLogger(__name__)

Kind = Literal["wecom", "dingtalk", "feishu", "webhook", "notice"]
Level = Literal["red", "yellow", "green", "info"]
# (template kind, appid, template, fields, citizens, id, now): keeps a batch of notices.
SendNotice = Callable[["Robot", dict[str, str], str, float], Awaitable[object]]

KIND_NAMES: dict[Kind, str] = {"wecom": "企业微信", "dingtalk": "钉钉", "feishu": "飞书", "webhook": "Webhook", "notice": "本号通知"}
# The platforms answer in 200 ms. An alarm is judged each 5 s, so three tries may not take much longer than two turns.
ANSWER_SECONDS, CONNECT_SECONDS = 4.0, 3.0
TRIES, PAUSE_SECONDS = 3, 0.3
# A minute of the clock has half of what the platform allows in any 60 seconds, which touch two of them.
A_MINUTE: dict[Kind, int] = {"wecom": 10, "dingtalk": 10, "feishu": 50, "webhook": 60, "notice": 2}
# [企业微信, 飞书, 钉钉: limits of a message] In bytes of UTF-8; 钉钉 takes 20,000 as 飞书 does.
TEXT_BYTES, MARKDOWN_BYTES, LONG_BYTES = 2048, 4096, 18_000
MAX_PICTURE_BYTES = 2 * 1024 * 1024
MAX_ANSWER_BYTES = 64 * 1024
# More robots than there may be (settings.py), each asked once at a time.
MAX_CALLS = 32
# A title of a notice's field; the rest is what the platform itself cuts.
NOTICE_CHARACTERS = 20
COLOURS: dict[Level, str] = {"red": "red", "yellow": "orange", "green": "green", "info": "blue"}
TEST_TITLE, TEST_TEXT = "测试消息", "这是一条测试消息：收到说明告警能送到这里。不需要处理。\nThis is a test. Nothing needs to be done."


class RobotNotFound(NotFound):
    code = "ALARM_CHANNEL_NOT_FOUND"
    message = "没有这个告警渠道，请刷新本页"


class Robot(msgspec.Struct, frozen=True):
    """One that is told. `list`: who hears first (1), and who if nobody acknowledges (2, 3, …)."""

    kind: Kind
    name: str
    url: str = ""
    secret: str = ""
    list: int = 1
    appid: str = ""
    template_id: str = ""
    template_kind: str = "template"
    citizens: tuple[int, ...] = ()
    fields: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Robot({self.kind} {self.name})"

    @property
    def id(self) -> str:
        """Names it in addresses and stores, and gives nothing away."""
        return hashlib.sha256(f"{self.kind}\n{self.name}\n{self.url}\n{self.appid}".encode()).hexdigest()[:12]

    @property
    def host(self) -> str:
        """As much of the address as may be shown."""
        return urlsplit(self.url).hostname or ("微信" if self.kind == "notice" else "")


class Message(msgspec.Struct, frozen=True):
    """What is said. Without a title it is plain text. `id`: the same at every repetition, for the account's notices."""

    text: str
    title: str = ""
    level: Level = "info"
    id: str = ""


class RobotState(msgspec.Struct, frozen=True):
    """What became of its last messages; times in seconds since 1970, 0: never. `failures`: in a row."""

    id: str
    ok_at: float = 0.0
    failed_at: float = 0.0
    failures: int = 0
    problem: str = ""


class NotTold(Exception):
    """One robot did not take it; the words hold no address. `again`: at once trying again may help."""

    def __init__(self, words: str, *, again: bool = False) -> None:
        self.again = again
        super().__init__(words)


class RobotStates:
    """The only code that touches `robot_states`."""

    def __init__(self, mongo: Database) -> None:
        self._states = mongo["robot_states"]

    async def told(self, robot: str, now: float) -> None:
        await self._states.update_one({"_id": robot}, {"$set": {"ok_at": now, "failures": 0, "problem": ""}}, upsert=True)

    async def failed(self, robot: str, problem: str, now: float) -> None:
        await self._states.update_one({"_id": robot}, {"$set": {"failed_at": now, "problem": problem[:200]}, "$inc": {"failures": 1}},
                                      upsert=True)

    async def of(self, robots: Iterable[str]) -> dict[str, RobotState]:
        found = await self._states.find({"_id": {"$in": sorted(robots)}}).to_list(None)
        return {d["_id"]: RobotState(d["_id"], d.get("ok_at", 0.0), d.get("failed_at", 0.0), d.get("failures", 0), d.get("problem", ""))
                for d in found}


class Robots:
    """`send_notice` keeps a batch of the account's notices. `authorities`: a file of certificates to trust beside, for tests."""

    def __init__(self, robots: Iterable[Robot], mongo: Database, redis: RedisClient, send_notice: SendNotice, *,
                 authorities: str | None = None, proxy: str = "") -> None:
        self.all = tuple(robots)
        self._states = RobotStates(mongo)
        self._redis = redis
        self._send_notice = send_notice
        self._authorities = authorities
        self._proxy = proxy
        self._http: AsyncHTTPClient | None = None
        self._minutes: dict[str, tuple[int, int]] = {}

    async def close(self) -> None:
        if self._http is not None:
            self._http.close()

    @property
    def lists(self) -> list[int]:
        """The lists that there are, in the order of escalation."""
        return sorted({robot.list for robot in self.all})

    async def tell(self, text: str, now: float, *, picture: bytes | None = None) -> None:
        """Say it in all groups; 企业微信 shows the picture too. Raises nothing."""
        await self._tell([robot for robot in self.all if robot.kind != "notice"], Message(text), now, picture)

    async def ring(self, message: Message, lists: Iterable[int], now: float) -> list[Robot]:
        """Tell these lists; who took it. Raises nothing."""
        wanted = set(lists)
        return await self._tell([robot for robot in self.all if robot.list in wanted], message, now, None)

    async def test(self, robot_id: str, now: float) -> str:
        """Say that it is a test; what went wrong, or "". Raises RobotNotFound."""
        robot = next((robot for robot in self.all if robot.id == robot_id), None)
        if robot is None:
            raise RobotNotFound()
        if not await self._tell([robot], Message(TEST_TEXT, TEST_TITLE, id=f"test-{int(now)}"), now, None):
            return (await self._states.of([robot_id])).get(robot_id, RobotState(robot_id)).problem or "没有送到"
        return ""

    async def states(self) -> dict[str, RobotState]:
        """Raises PyMongoError."""
        return await self._states.of(robot.id for robot in self.all)

    async def _tell(self, robots: Iterable[Robot], message: Message, now: float, picture: bytes | None) -> list[Robot]:
        asked = list(robots)
        outcomes = await asyncio.gather(*(self._one(robot, message, now, picture) for robot in asked), return_exceptions=True)
        heard = []
        for robot, outcome in zip(asked, outcomes, strict=True):
            if isinstance(outcome, Exception):
                problem = str(outcome) if isinstance(outcome, NotTold) else type(outcome).__name__
                logger.warning("%r was not told: %s", robot, problem, exc_info=None if isinstance(outcome, NotTold) else outcome)
                await self._note(self._states.failed(robot.id, problem, now))
            elif outcome is not None:
                raise outcome
            else:
                heard.append(robot)
                await self._note(self._states.told(robot.id, now))
        return heard

    async def _note(self, writing: Awaitable[None]) -> None:
        """Fails open: an alarm of MongoDB's own outage goes out all the same."""
        try:
            await writing
        except PyMongoError as error:
            logger.info("what became of a robot's message is not kept: %s", type(error).__name__)

    async def _one(self, robot: Robot, message: Message, now: float, picture: bytes | None) -> None:
        """Raises NotTold, and what the account's notices raise."""
        if robot.kind == "notice":
            await self._notice(robot, message, now)
            return
        await self._post(robot, message, None, now)
        if picture is not None and robot.kind == "wecom":
            if len(picture) > MAX_PICTURE_BYTES:
                raise NotTold("图片超过 2 MB")
            await self._post(robot, message, picture, now)

    async def _notice(self, robot: Robot, message: Message, now: float) -> None:
        await self._take_turn(robot, now)
        said = {"title": message.title or "通知", "text": message.text.partition("\n")[0], "time": iso(now)[:16].replace("T", " ")}
        try:
            await self._send_notice(robot, {field: said[what][:NOTICE_CHARACTERS] for field, what in robot.fields.items()},
                                    message.id or f"tell-{int(now)}", now)
        except (WenmingError, PyMongoError) as error:
            raise NotTold(error.code if isinstance(error, WenmingError) else type(error).__name__) from error

    async def _post(self, robot: Robot, message: Message, picture: bytes | None, now: float) -> None:
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(PAUSE_SECONDS * attempt * random.uniform(0.5, 1.5))
            await self._take_turn(robot, now)
            try:
                await self._ask(robot, message, picture, now)
                return
            except NotTold as failure:
                if not failure.again or attempt + 1 == TRIES:
                    raise

    async def _take_turn(self, robot: Robot, now: float) -> None:
        """Raises NotTold where its minute is used up. Without Redis each process counts by itself: fails open within its own bound."""
        minute = int(now // 60)
        own = self._minutes.get(robot.id, (minute, 0))
        used = own[1] + 1 if own[0] == minute else 1
        self._minutes[robot.id] = minute, used
        try:
            name = keys.robot_turns(robot.id, minute)
            used = max(used, int(await self._redis.incr(name)))
            await self._redis.expire(name, keys.ROBOT_TURNS_SECONDS)
        except (RedisError, OSError) as error:
            logger.info("turns of %r are counted here alone: %s", robot, type(error).__name__)
        if used > A_MINUTE[robot.kind]:
            raise NotTold("这一分钟发得太多，下一分钟再发")

    async def _ask(self, robot: Robot, message: Message, picture: bytes | None, now: float) -> None:
        """The cause of a failure is left out: it may hold the address."""
        address, headers, body = posted(robot, message, now, picture)
        if self._http is None:
            self._http = outbound.client(self._proxy, max_clients=MAX_CALLS, max_body_size=MAX_ANSWER_BYTES)
        request = HTTPRequest(address, "POST", headers, body, connect_timeout=CONNECT_SECONDS, request_timeout=ANSWER_SECONDS,
                              follow_redirects=False, ca_certs=self._authorities)
        try:
            response = await self._http.fetch(request)
        except HTTPClientError as error:
            raise NotTold(f"HTTP {error.code}", again=error.code >= 500) from None
        except (OSError, ValueError) as error:
            raise NotTold(type(error).__name__, again=isinstance(error, OSError)) from None
        check_answer(robot.kind, response.body)


def check_answer(kind: Kind, body: bytes) -> None:
    """Raises NotTold for what a platform refused; they answer 200 all the same."""
    if kind == "webhook":
        return
    try:
        answer = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        raise NotTold("应答不是 JSON") from None
    names = ("code", "StatusCode") if kind == "feishu" else ("errcode",)
    told = [answer[name] for name in names if name in answer] if isinstance(answer, dict) else []
    if not told or told[0] != 0:
        raise NotTold(f"平台拒绝（{str(told[0])[:20] if told else '没有错误码'}）")


def posted(robot: Robot, message: Message, now: float, picture: bytes | None = None) -> tuple[str, dict[str, str], bytes]:
    """Address, headers and body of one message. `picture`: that alone, for 企业微信."""
    headers, address = {"Content-Type": "application/json; charset=UTF-8"}, robot.url
    body: dict[str, Any]
    if robot.kind == "wecom":
        body = _wecom(message, picture)
    elif robot.kind == "dingtalk":
        body = _dingtalk(message)
        if robot.secret:
            stamp = str(int(now * 1000))
            sign = _base64_hmac(robot.secret, f"{stamp}\n{robot.secret}")
            address += f"{'&' if urlsplit(address).query else '?'}timestamp={stamp}&sign={quote_plus(sign)}"
    elif robot.kind == "feishu":
        stamp = str(int(now))
        signed = {"timestamp": stamp, "sign": _base64_hmac(f"{stamp}\n{robot.secret}", "")} if robot.secret else {}
        body = signed | _feishu(message)
    else:
        stamp = str(int(now))
        plain = msgspec.json.encode({"title": message.title, "text": message.text, "level": message.level, "at": iso(now)})
        headers["X-Wenming-Timestamp"] = stamp
        headers["X-Wenming-Signature"] = "sha256=" + hmac.new(robot.secret.encode(), stamp.encode() + b"\n" + plain,
                                                              hashlib.sha256).hexdigest()
        return address, headers, plain
    return address, headers, msgspec.json.encode(body)


def _wecom(message: Message, picture: bytes | None) -> dict[str, Any]:
    if picture is not None:
        return {"msgtype": "image", "image": {"base64": base64.b64encode(picture).decode(), "md5": hashlib.md5(picture).hexdigest()}}
    if not message.title:
        return {"msgtype": "text", "text": {"content": cut(message.text, TEXT_BYTES)}}
    colour = {"red": "warning", "yellow": "warning", "green": "info", "info": "comment"}[message.level]
    return {"msgtype": "markdown",
            "markdown": {"content": cut(f'### <font color="{colour}">{message.title}</font>\n{message.text}', MARKDOWN_BYTES)}}


def _dingtalk(message: Message) -> dict[str, Any]:
    if not message.title:
        return {"msgtype": "text", "text": {"content": cut(message.text, LONG_BYTES)}}
    # Two spaces before a line's end are its end there.
    lines = message.text.replace("\n", "  \n")
    return {"msgtype": "markdown", "markdown": {"title": message.title, "text": cut(f"### {message.title}\n{lines}", LONG_BYTES)}}


def _feishu(message: Message) -> dict[str, Any]:
    text = cut(message.text, LONG_BYTES)
    if not message.title:
        return {"msg_type": "text", "content": {"text": text}}
    return {"msg_type": "interactive", "card": {
        "header": {"title": {"tag": "plain_text", "content": message.title}, "template": COLOURS[message.level]},
        "elements": [{"tag": "markdown", "content": text}]}}


def _base64_hmac(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def cut(text: str, most_bytes: int) -> str:
    """Not longer than the platform takes, and no half of a character."""
    data = text.encode()
    return text if len(data) <= most_bytes else data[:most_bytes - 3].decode(errors="ignore") + "…"
