"""Health and alarms for staff: what is well and what is not, its curve, and what somebody does about an alarm."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import structs

from handlers.staff import StaffHandler
from server.alarms import Alarm, Silence
from server.clock import iso
from server.errors import InvalidBody
from server.health import BY_CODE
from server.robots import KIND_NAMES, Robot, RobotState

READERS = ("operator", "auditor")


class AcknowledgementBody(msgspec.Struct, forbid_unknown_fields=True):
    """`id`: the alarm that was seen."""

    id: str


class SilenceBody(msgspec.Struct, forbid_unknown_fields=True):
    """`until` in ISO 8601 with a zone."""

    until: datetime
    reason: str


def alarm_view(alarm: Alarm) -> dict[str, Any]:
    times = ("opened_at", "red_since", "rang_at", "escalated_at", "acknowledged_at", "resolved_at")
    found = {name: value for name, value in structs.asdict(alarm).items() if name not in ("well_since", "tries")}
    part = BY_CODE.get(alarm.part)
    return {**found, **{name: iso(found[name]) if found[name] else None for name in times}, "name": part.zh if part else alarm.part,
            "name_en": part.en if part else alarm.part}


def silence_view(silence: Silence) -> dict[str, Any]:
    return {**structs.asdict(silence), "until": iso(silence.until), "at": iso(silence.at)}


def channel_view(robot: Robot, state: RobotState | None) -> dict[str, Any]:
    """As much of a robot as may be shown: its host, never its address."""
    known = state or RobotState(robot.id)
    return {"id": robot.id, "kind": robot.kind, "kind_name": KIND_NAMES[robot.kind], "name": robot.name, "host": robot.host,
            "list": robot.list, "ok_at": iso(known.ok_at) if known.ok_at else None,
            "failed_at": iso(known.failed_at) if known.failed_at else None, "failures": known.failures, "problem": known.problem}


class Overview(StaffHandler):
    async def get(self) -> None:
        """Every part, the open alarms, silences, and the ways by which people are told."""
        await self.member(*READERS)
        watching, now = self.services.watching, self.now()
        states = await watching.robots.states()
        self.reply({**await watching.health.view(now), "alarms": list(map(alarm_view, await watching.alarms.open_alarms())),
                    "silences": list(map(silence_view, await watching.alarms.silences(now))),
                    "channels": [channel_view(robot, states.get(robot.id)) for robot in watching.robots.all]})


class History(StaffHandler):
    async def get(self, part: str) -> None:
        """The curve of a part: a day by minutes, or a week by quarters of an hour."""
        await self.member(*READERS)
        self.reply(await self.services.watching.health.history(part, self.get_query_argument("span", "day"), self.now()))


class Past(StaffHandler):
    async def get(self) -> None:
        """Alarms that were resolved, the newest first."""
        await self.member(*READERS)
        found, following = await self.services.watching.alarms.past(self.get_query_argument("cursor", ""))
        self.reply({"items": list(map(alarm_view, found)), "next": following})


class Acknowledgement(StaffHandler):
    async def post(self, part: str) -> None:
        """Say that one looks after it: nobody further is told."""
        member, body = await self.member("operator"), self.body(AcknowledgementBody)
        alarm = await self.services.watching.alarms.acknowledge(part, body.id, member.name, self.now())
        await self.log(member, "alarm.acknowledge", part, id=alarm.id)
        self.reply(alarm_view(alarm))


class OneSilence(StaffHandler):
    async def put(self, part: str) -> None:
        """Tell nobody of a part until then."""
        member, body = await self.member("operator"), self.body(SilenceBody)
        if body.until.tzinfo is None:
            raise InvalidBody(message="until 要写明时区，例如 2026-10-01T08:00:00+08:00", field="until")
        silence = await self.services.watching.alarms.silence(part, body.until.timestamp(), body.reason, member.name, self.now())
        await self.log(member, "alarm.silence", part, until=iso(silence.until), reason=silence.reason)
        self.reply(silence_view(silence))

    async def delete(self, part: str) -> None:
        """End a silence before its time."""
        member = await self.member("operator")
        await self.services.watching.alarms.unsilence(part)
        await self.log(member, "alarm.unsilence", part)
        self.done()


class ChannelTest(StaffHandler):
    async def post(self, channel: str) -> None:
        """Say by one robot that this is a test."""
        member = await self.member("operator")
        problem = await self.services.watching.robots.test(channel, self.now())
        await self.log(member, "alarm.test", channel, problem=problem)
        self.reply({"told": not problem, "problem": problem})
