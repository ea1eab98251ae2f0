"""How the product watches itself: rows, look, judgement, alarms and robots, put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec

from server.accounts import Accounts
from server.alarms import Alarms, AlarmStore
from server.campaigns import Campaign
from server.claims import Claims
from server.clock import Clock
from server.counting import Counting
from server.counting.epochs import EpochStore
from server.health import Health, HealthStore, Judge, Look, Reporter, RowStore
from server.health.certificate import Certificate
from server.health.rows import Limits
from server.metrics import Metrics
from server.notices import Batch, Notices
from server.participations import ParticipationStore
from server.processes import Processes
from server.readiness import Readiness
from server.robots import Robot, Robots, SendNotice
from server.stores import Stores

PAGE = "/console/health"


@dataclass(frozen=True)
class Watching:
    """`close` hands over what this process had."""

    reporter: Reporter
    processes: Processes
    judge: Judge
    health: Health
    alarms: Alarms
    robots: Robots

    async def close(self) -> None:
        for service in (self.judge, self.reporter, self.robots):
            await service.close()


@dataclass(frozen=True)
class Watched:
    """What is looked at."""

    stores: Stores
    metrics: Metrics
    readiness: Readiness
    counting: Counting
    running: Callable[[], Awaitable[list[Campaign]]]
    epochs: EpochStore
    documents: ParticipationStore
    accounts: Accounts
    notices: Notices


def watching(of: Watched, *, owner: str, clock: Clock, base_url: str, runbook: Path, robots: tuple[dict[str, Any], ...], max_changes: int,
             live_max_sockets: int, poster_queue: int, authorities: str | None = None, proxy: str = "") -> Watching:
    """Everything that watches, made of what is watched. `robots` as the settings have them, checked there."""
    rows, store = RowStore(of.stores.redis), HealthStore(of.stores.mongo)
    told = Robots([msgspec.convert(one, Robot) for one in robots], of.stores.mongo, of.stores.redis, notice_sender(of.notices),
                  authorities=authorities, proxy=proxy)
    health = Health(store, rows, runbook)
    alarms = Alarms(AlarmStore(of.stores.mongo), told, of.stores.redis, health.first_step, base_url + PAGE, owner)
    look = Look(of.readiness, rows, of.counting, of.running, of.epochs.of_campaign, of.documents, of.accounts, of.stores.redis,
                Certificate(base_url), told, max_changes=max_changes)
    return Watching(Reporter(rows, of.metrics, Limits(live_max_sockets, poster_queue), owner), Processes(rows),
                    Judge(look, store, Claims(of.stores.mongo), alarms.act, owner, clock), health, alarms, told)


def notice_sender(notices: Notices) -> SendNotice:
    """Keeps a batch of the account's notices for named members of staff."""

    async def send(robot: Robot, data: dict[str, str], mark: str, now: float) -> None:
        batch = Batch(f"alarm-{mark}"[:32], cast(Any, robot.template_kind), robot.appid, robot.template_id, data,
                      "" if robot.template_kind == "miniprogram_subscription" else PAGE, "alarms")
        await notices.keep(batch, list(robot.citizens), now)

    return send
