"""What follows from a judgement, and what staff do about it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping

from msgspec import structs

from server import keys
from server.alarms.alarm import (
    MAX_REASON_CHARACTERS,
    MAX_SILENCE_SECONDS,
    RULES,
    WELL_SECONDS,
    Alarm,
    AlarmAcknowledged,
    AlarmNotFound,
    Silence,
    SilenceWrong,
    Step,
    acknowledged_message,
    message_of,
)
from server.alarms.store import AlarmStore
from server.health.parts import BY_CODE
from server.health.service import HealthUnknown
from server.health.store import Judged
from server.robots import Robots
from server.stores import PyMongoError, RedisClient, RedisError

logger = logging.getLogger(__name__)

FORGET_SECONDS = 3600
# Who told of a part, in its mark: MongoDB has the alarm. Otherwise the process that told of it alone.
KEPT = "kept"
PARTS = sorted(BY_CODE)


class Alarms:
    """`first_step`: what the runbook says to do first about a part. `page`: the address of the page that shows the rest."""

    def __init__(self, store: AlarmStore, robots: Robots, redis: RedisClient, first_step: Callable[[str], str], page: str,
                 owner: str) -> None:
        self._store = store
        self._robots = robots
        self._redis = redis
        self._first_step = first_step
        self._page = page
        self._owner = owner
        self._silences: dict[str, Silence] = {}  # as they were read last
        self._heard: dict[str, Alarm] = {}  # a list heard of it, and MongoDB does not know yet
        self._without_store: dict[str, Alarm] = {}  # told of while MongoDB was away
        self._forget_at = 0.0

    # what follows from a judgement

    async def act(self, judged: Mapping[str, Judged], now: float) -> None:
        """Raises nothing that a store does."""
        try:
            for alarm in list(self._heard.values()):
                await self._note(alarm, now)
            open_alarms, self._silences = await self._store.open(PARTS), await self._store.silences(PARTS)
            await self._come_back(open_alarms, judged, now)
            for part, one in judged.items():
                await self._part(one, open_alarms.get(part), now)
            if now >= self._forget_at:
                self._forget_at = now + FORGET_SECONDS
                await self._store.forget(now)
        except PyMongoError as error:
            logger.warning("alarms without MongoDB: %s", type(error).__name__)
            for one in judged.values():
                await self._part_alone(one, now)

    def _is_silent(self, part: str, now: float) -> bool:
        silence = self._silences.get(part)
        return silence is not None and silence.until > now

    async def _part(self, judged: Judged, alarm: Alarm | None, now: float) -> None:
        if judged.level == "red":
            if alarm is None and now - judged.since < RULES[judged.part].after_seconds:
                return
            alarm = alarm or await self._begin(judged, now)
            if alarm is None:
                return
            if alarm.well_since:
                await self._store.well(alarm, 0.0)
            if not self._is_silent(alarm.part, now):
                await self._tell_next(alarm, judged, now)
        elif alarm is not None and judged.level != "unknown":  # silence is no recovery
            await self._maybe_resolve(alarm, judged, now)

    async def _begin(self, judged: Judged, now: float) -> Alarm | None:
        alarm = Alarm(secrets.token_hex(6), judged.part, now, judged.since, judged.note)
        if not await self._store.begin(alarm):
            return None  # another process has it; it tells
        logger.error("alarm: %s is red: %s", judged.part, judged.note)
        return alarm

    async def _tell_next(self, alarm: Alarm, judged: Judged, now: float) -> None:
        """Ring the first list; later, while nobody acknowledged, the next one."""
        following = [one for one in self._robots.lists if one > alarm.told_list]
        if not following:
            return
        step: Step = "escalates" if alarm.rang_at else "rings"
        last = alarm.escalated_at or alarm.rang_at
        if step == "escalates" and (alarm.acknowledged_at or now - last < RULES[alarm.part].escalate_seconds):
            return
        if not await self._store.claim(alarm, now):
            return
        for to_list in following[:2]:  # a list that cannot be reached must not keep the next from knowing
            if await self._say(step, alarm, judged, [to_list], now):
                await self._mark(alarm.part, KEPT)
                await self._note(structs.replace(alarm, told_list=to_list), now)
                return

    async def _note(self, heard: Alarm, now: float) -> None:
        """Have MongoDB know that a list heard. Where it goes away just then, nobody is told again: the next turn notes it."""
        self._heard[heard.part] = heard
        await self._store.told(heard, heard.told_list, now)
        del self._heard[heard.part]

    async def _maybe_resolve(self, alarm: Alarm, judged: Judged, now: float) -> None:
        if not alarm.well_since:
            await self._store.well(alarm, now)
            return
        if now - alarm.well_since < WELL_SECONDS or not await self._store.resolve(alarm, now):
            return
        logger.warning("alarm resolved: %s", alarm.part)
        await self._unmark(alarm.part)
        if alarm.rang_at and not self._is_silent(alarm.part, now):
            await self._say("resolves", alarm, judged, [one for one in self._robots.lists if one <= alarm.told_list], now)

    async def _say(self, step: Step, alarm: Alarm, judged: Judged, lists: list[int], now: float) -> bool:
        message = message_of(step, alarm, judged, self._first_step(alarm.part), self._page, now)
        return bool(await self._robots.ring(message, lists, now))

    # without MongoDB

    async def _part_alone(self, judged: Judged, now: float) -> None:
        """No acknowledgement and no escalation: those are kept in MongoDB, and an alarm that it has stays as it was, its end included.
        Everybody hears of the outage itself."""
        part = judged.part
        told = self._without_store.get(part)
        if told is not None and judged.level in ("green", "yellow") and now - judged.since >= WELL_SECONDS:
            del self._without_store[part]
            if await self._unmark(part):
                await self._say("resolves", told, judged, self._robots.lists[:1], now)
        if told is not None or judged.level != "red" or now - judged.since < RULES[part].after_seconds:
            return
        if part in self._heard or self._is_silent(part, now) or (teller := await self._teller(part)) == KEPT:
            return
        alarm = Alarm(secrets.token_hex(6), part, now, judged.since, judged.note)
        self._without_store[part] = alarm
        if teller == self._owner:
            await self._say("rings", alarm, judged, self._robots.lists[:1], now)

    async def _teller(self, part: str) -> str:
        """Who tells of the part without MongoDB: this process where nobody did yet."""
        name = keys.alarm_told(part)
        try:
            if await self._redis.set(name, self._owner, nx=True, ex=keys.ALARM_TOLD_SECONDS):
                return self._owner
            return bytes(await self._redis.get(name) or b"another").decode()
        except (RedisError, OSError) as error:
            logger.warning("alarms without Redis too, so each process tells: %s", type(error).__name__)
            return self._owner

    async def _mark(self, part: str, teller: str) -> None:
        try:
            await self._redis.set(keys.alarm_told(part), teller, ex=keys.ALARM_TOLD_SECONDS)
        except (RedisError, OSError) as error:
            logger.info("an alarm has no mark, and may be told once more without MongoDB: %s", type(error).__name__)

    async def _come_back(self, open_alarms: dict[str, Alarm], judged: Mapping[str, Judged], now: float) -> None:
        """MongoDB is there again: what was told without it is kept, or said to be well."""
        for part, alarm in list(self._without_store.items()):
            one, kept = judged[part], open_alarms.get(part)
            if one.level == "unknown":
                continue
            heard = structs.replace(kept or alarm, rang_at=alarm.opened_at, told_list=(self._robots.lists or [0])[0])
            if kept is not None and not kept.rang_at:
                await self._note(structs.replace(heard, rang_at=0.0), now)
                open_alarms[part] = heard
            elif kept is None and one.level != "red":
                if await self._unmark(part):
                    await self._say("resolves", alarm, one, self._robots.lists[:1], now)
            elif kept is None and one.since <= alarm.opened_at and await self._store.begin(heard):  # a later trouble rings by itself
                open_alarms[part] = heard
            if part in open_alarms:
                await self._mark(part, KEPT)
            del self._without_store[part]

    async def _unmark(self, part: str) -> bool:
        """Whether it was there: whoever takes it away is the one who says that all is well."""
        try:
            return bool(await self._redis.delete(keys.alarm_told(part)))
        except (RedisError, OSError) as error:
            logger.info("a mark of an alarm lapses by itself: %s", type(error).__name__)
            return True

    # what staff do

    async def open_alarms(self) -> list[Alarm]:
        return sorted((await self._store.open(PARTS)).values(), key=lambda alarm: -alarm.opened_at)

    async def silences(self, now: float) -> list[Silence]:
        return sorted((one for one in (await self._store.silences(PARTS)).values() if one.until > now), key=lambda one: one.until)

    async def past(self, cursor: str) -> tuple[list[Alarm], str | None]:
        return await self._store.past(cursor)

    async def acknowledge(self, part: str, alarm_id: str, who: str, now: float) -> Alarm:
        """Somebody looks after it: nobody further is told. Raises AlarmNotFound, AlarmAcknowledged."""
        if not await self._store.acknowledge(part, alarm_id, who, now):
            standing = (await self._store.open([part])).get(part)
            raise AlarmAcknowledged() if standing is not None and standing.id == alarm_id else AlarmNotFound()
        alarm = (await self._store.open([part])).get(part)
        if alarm is None:
            raise AlarmNotFound()
        await self._robots.ring(acknowledged_message(alarm, who, self._page), [one for one in self._robots.lists if one <= alarm.told_list],
                                now)
        return alarm

    async def silence(self, part: str, until: float, reason: str, who: str, now: float) -> Silence:
        """Raises HealthUnknown, SilenceWrong."""
        if part not in BY_CODE:
            raise HealthUnknown()
        if not now < until <= now + MAX_SILENCE_SECONDS or not 0 < len(reason.strip()) <= MAX_REASON_CHARACTERS:
            raise SilenceWrong(field="until" if reason.strip() else "reason")
        silence = Silence(part, until, reason.strip(), who, now)
        await self._store.silence(silence)
        return silence

    async def unsilence(self, part: str) -> None:
        """Raises HealthUnknown."""
        if part not in BY_CODE or not await self._store.unsilence(part):
            raise HealthUnknown("SILENCE_NOT_FOUND", "这个部件没有被静默")


