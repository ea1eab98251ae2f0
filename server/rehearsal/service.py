"""The whole rehearsal: make a campaign, lease numbers, let the crowd come, settle, prove, report."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import sys
import time
from array import array
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from server import audit, keys
from server.campaigns import Activity, Campaign
from server.counting.cells import CELL, CELLS_PER_PAGE, place
from server.counting.shards import Shard
from server.redis_nodes import RedisNodes
from server.rehearsal.crowd import AGAIN, COUNTERS, KINDS, PAGE, POSTER, SALUTE, Crowd, Tally, percentile
from server.rehearsal.kills import Killer
from server.rehearsal.lines import Doors
from server.rehearsal.log import Log
from server.rehearsal.plan import Plan
from server.rehearsal.report import page
from server.rehearsal.watch import Watch
from server.services import Services
from server.stores import RedisError
from server.version import VERSION, commit

logger = logging.getLogger(__name__)

PLACES = Path(__file__).resolve().parents[2] / "assets" / "places" / "zhangzhou.csv"
ACTIVITIES = (Activity("salute", "礼敬国旗", "敬礼"), Activity("heroes", "致敬先烈", "致敬"))
# A region without a population in the file weighs as a small one.
SMALL_POPULATION = 200_000
# A week of a rehearsal may be slower than planned; its window must not end before it.
WINDOW_SECONDS = 86400
DRAIN_SECONDS = 1800
Open = Callable[[], AbstractAsyncContextManager[Services]]


class NotServing(Exception):
    """No product answers where the settings say that it is."""


class NothingToKill(Exception):
    """No process of that kind belongs to the product on this machine."""


@dataclass(frozen=True)
class Place:
    """Where the product is: its doors, its Redis, and the data folder that its processes on this machine work in."""

    doors: Doors
    redis_url: str
    redis_cluster: bool
    data_dir: Path


@dataclass(frozen=True)
class Stage:
    """What was made for the play."""

    campaign: Campaign
    numbers: array[int]
    token_of: Callable[[int], str]
    regions: list[tuple[str, int]]


async def rehearse(plan: Plan, where: Place, opened: Open, folder: Path, now: float) -> dict[str, Any]:
    """Play the plan against the product. Returns the report, which is in `folder` too, as JSON and as a page.

    Raises NotServing, NothingToKill. The report's `ok` is False when somebody was lost, doubled, refused or told two things.
    Whatever ends it early, the campaign is frozen and the crowd's receipts are deleted.
    """
    await _answers(where)
    killer = Killer(where.data_dir, plan.kill, plan.every_seconds, plan.seed) if plan.kill else None
    if killer and not await asyncio.to_thread(killer.victims):
        raise NothingToKill(plan.kill)
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True, mode=0o700)
    async with opened() as services:
        stage = await _set(services, plan, now)
    try:
        report = await _play(plan, where, opened, folder, stage, killer)
    finally:
        async with opened() as services:
            await services.campaigns.transition(stage.campaign.slug, "frozen", now)
        with contextlib.suppress(OSError):
            await asyncio.to_thread(folder.rmdir)  # where no report came of it
    return report


async def _play(plan: Plan, where: Place, opened: Open, folder: Path, stage: Stage, killer: Killer | None) -> dict[str, Any]:
    redis = RedisNodes(where.redis_url, cluster=where.redis_cluster)
    shards = [Shard(redis, stage.campaign.slug, "all", n, stage.campaign.shards) for n in range(stage.campaign.shards)]
    log, watch = Log(plan.participants, folder), Watch(redis, shards, where.data_dir)
    crowd = Crowd(plan, stage.campaign.slug, log, stage.token_of, stage.regions, [a.code for a in ACTIVITIES], where.doors)
    beside = [asyncio.create_task(watch.run()), asyncio.create_task(_progress(plan, crowd, watch))]
    killing = asyncio.create_task(killer.run()) if killer else None
    try:
        began = time.monotonic()
        await crowd.play()
        played = time.monotonic() - began
        if killing:
            await _end(killing)
        drained = await _drain(shards)
        lost_before = await _differences(stage, shards, log)
        await crowd.send_again([index for index, _ in lost_before])
        drained += await _drain(shards)
        lost = await _differences(stage, shards, log)
        memory = await _memory(redis, shards, stage)
        crowd.close()
        await _end(*beside)
        async with opened() as services:
            proof = audit.report(await services.audit.campaign(await services.campaigns.get_any(stage.campaign.slug)))
        report = _report(plan, stage, crowd, watch, log, played, drained, lost_before, lost, proof, memory, killer)
        report["redis"] = await _redis(redis, shards[0])
    finally:
        await _end(*beside, *([killing] if killing else []))
        log.close()
        await redis.aclose()
    (folder / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1), "utf-8")
    (folder / "report.html").write_text(page(report), "utf-8")
    return report


async def _answers(where: Place) -> None:
    try:
        await AsyncHTTPClient().fetch(f"{where.doors.url}/readyz", request_timeout=5, ssl_options=where.doors.tls)
    except (HTTPClientError, OSError) as error:
        raise NotServing(where.doors.url) from error


async def _set(services: Services, plan: Plan, now: float) -> Stage:
    """Make and open the campaign, marked as a rehearsal and out of every public list; lease the numbers."""
    text = await asyncio.to_thread(PLACES.read_text, "utf-8-sig")
    slug = f"rehearsal-{int(now)}"
    made = await services.campaigns.create(Campaign(
        slug, f"演练 {plan.participants} 人", "draft", int(now) - 1, int(now) + WINDOW_SECONDS, ACTIVITIES, demo=True, rehearsal=True))
    await services.places.import_csv(made, "regions", text, dry_run=False)
    for state in ("scheduled", "open"):
        await services.campaigns.transition(slug, state, now)
    campaign = await services.campaigns.get_any(slug)
    numbers = array("I", await services.citizens.reserve(plan.participants))
    index = await services.places.of(campaign)
    regions = [(region.code, region.population or SMALL_POPULATION) for region in index.regions.values()]
    tokens = services.tokens
    return Stage(campaign, numbers, lambda i: tokens.issue(numbers[i], time.time()), regions)


async def _drain(shards: list[Shard]) -> float:
    """Wait until MongoDB has every change, or for DRAIN_SECONDS: then the audit says what is missing. Returns the seconds."""
    began = time.monotonic()
    while True:
        with contextlib.suppress(RedisError, OSError):  # it is being killed, which is what this may be about
            figures = [await shard.figures(minutes=0) for shard in shards]
            if all(f.ready for f in figures) and not sum(f.backlog for f in figures):
                return time.monotonic() - began
        if time.monotonic() - began > DRAIN_SECONDS:
            logger.error("the ledger did not catch up in %d s", DRAIN_SECONDS)
            return time.monotonic() - began
        await asyncio.sleep(0.5)


async def _differences(stage: Stage, shards: list[Shard], log: Log) -> list[tuple[int, str]]:
    """Whose cell does not say what she was told: (index, what). The audit proves that documents say what cells say."""
    found: list[tuple[int, str]] = []
    pages: dict[int, tuple[int, bytes]] = {}
    for index, number in enumerate(stage.numbers):
        told = log.ordinals[index]
        shard, number_of_page, offset = place(number, stage.campaign.shards)
        if pages.get(shard, (-1, b""))[0] != number_of_page:
            pages[shard] = number_of_page, await shards[shard].page(number_of_page)
        cell = pages[shard][1][offset:offset + CELL.size]
        ordinal, second = CELL.unpack(cell)[:2] if len(cell) == CELL.size else (0, 0)
        if told and (ordinal, second) != (told, log.seconds[index]):
            found.append((index, f"told {told} at {log.seconds[index]}, the cell says {ordinal} at {second}"))
    return found


async def _redis(redis: RedisNodes, shard: Shard) -> dict[str, str]:
    """Which Redis it was, and when it wrote to its disk."""
    name = shard.keys[0]
    found = re.search(rb"redis_version:(\S+)", await redis.call(name, "INFO", "server"))
    policy = await redis.call(name, "CONFIG", "GET", "appendfsync")
    return {"version": found[1].decode() if found else "", "appendfsync": policy[1].decode() if policy else ""}


async def _memory(redis: RedisNodes, shards: list[Shard], stage: Stage) -> dict[str, float]:
    """What the campaign holds in Redis once everything is in MongoDB, in bytes: the array, and apart from it totals and journal."""
    async def usage(name: str) -> int:
        return int(await redis.call(name, "MEMORY", "USAGE", name) or 0)

    last = max(stage.numbers) // stage.campaign.shards // CELLS_PER_PAGE
    pages = [keys.shard_page(shard.tag, n) for shard in shards for n in range(last + 1)]
    array_bytes = sum([await usage(name) for name in pages])
    return {"array": array_bytes, "array_per_participant": round(array_bytes / len(stage.numbers), 2),
            "totals": sum([await usage(name) for shard in shards for name in shard.keys[:4]]),
            "journal": sum([await usage(shard.keys[4]) for shard in shards])}


async def _progress(plan: Plan, crowd: Crowd, watch: Watch) -> None:
    """One line that says where it stands, on a terminal; a line each ten seconds elsewhere."""
    shown = 0
    while True:
        await asyncio.sleep(1)
        shown += 1
        last = (crowd.seconds or [crowd.second])[-1]
        backlog = watch.samples[-1].backlog if watch.samples else 0
        share = crowd.log.answered / plan.participants
        bar = ("█" * int(share * 24)).ljust(24, "░")
        text = (f"{bar} {share:6.1%}  {last.count((SALUTE, AGAIN), lambda s: s < 300):>6}/s  p99 {last.percentile(0.99):7.1f} ms  "
                f"503 {last.count((SALUTE, AGAIN), lambda s: s == 503):>5}  无应答 {last.count(KINDS, lambda s: s >= 599):>4}  "
                f"待入账 {backlog:>7}")
        if sys.stderr.isatty():
            print("\r" + text, end="", file=sys.stderr, flush=True)
        elif shown % 10 == 0:
            print(text, file=sys.stderr, flush=True)


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception) and not isinstance(outcome, asyncio.CancelledError):
            raise outcome


def _report(plan: Plan, stage: Stage, crowd: Crowd, watch: Watch, log: Log, played: float, drained: float,
            lost_before: list[tuple[int, str]], lost: list[tuple[int, str]], proof: dict[str, Any], memory: dict[str, float],
            killer: Killer | None) -> dict[str, Any]:
    total, doubled = crowd.total, log.doubled()
    accepted = total.count((SALUTE, AGAIN), lambda s: s in (200, 201))
    highest = watch.highest()

    def per_second(second: Tally) -> int:
        """Accepted in it; a loop that was late gives it more than a second's worth."""
        return round(second.count((SALUTE, AGAIN), lambda status: status in (200, 201)) / max(1.0, second.seconds))

    peak = max(map(per_second, crowd.seconds), default=0)
    counted = proof["participants"]
    posters = total.count((POSTER,), lambda s: s == 200)
    ok = (proof["ok"] and not (lost or doubled or log.differing or crowd.refusals) and log.answered == plan.participants
          and set(counted.values()) == {plan.participants})
    return {
        "ok": ok, "campaign": stage.campaign.slug, "shards": stage.campaign.shards, "plan": asdict(plan),
        "product": {"version": VERSION, "commit": commit()}, "machine": {"cores": os.cpu_count(), "python": sys.version.split()[0]},
        "played_seconds": round(played, 1), "drained_seconds": round(drained, 1),
        "participants": log.answered, "accepted": accepted, "accepted_per_second": round(accepted / played, 1), "peak_second": peak,
        "latency_ms": {"p50": total.percentile(0.5), "p99": total.percentile(0.99), "p999": total.percentile(0.999)},
        "wait_ms": {"p50": percentile(crowd.waits, 0.5), "p99": percentile(crowd.waits, 0.99), "longest": percentile(crowd.waits, 1)},
        "answers": {f"{kind} {status}": n for (kind, status), n in sorted(total.statuses.items())},
        "refused": dict(crowd.refusals.most_common(20)),
        "resent": sum(crowd.resent),
        "lost_before_receipts": len(lost_before), "lost": len(lost), "doubled": doubled, "told_two_things": log.differing,
        "examples": log.examples + [what for _, what in lost[:20]], "killed_at": killer.killed_at if killer else [],
        "audit": proof, "highest": highest, "cpu_seconds": {kind: watch.cpu_of(kind) for kind in ("server", "redis", "store", "posters")},
        "memory": memory,
        "server_cpu_us_per_answer": round(1e6 * watch.cpu_of("server") / max(1, sum(total.statuses.values())), 1),
        "posters_per_core_second": round(posters / watch.cpu_of("posters"), 1) if watch.cpu_of("posters") else 0.0,
        "opened": {kind: total.count((kind,), lambda s: s == 200) for kind in (PAGE, COUNTERS, POSTER)},
        "curve": [{"accepted": per_second(s), "busy": s.count((SALUTE, AGAIN), lambda n: n == 503),
                   "unanswered": s.count(KINDS, lambda n: n >= 599), "p50": s.percentile(0.5), "p99": s.percentile(0.99)}
                  for s in crowd.seconds],
        "samples": watch.as_rows()}
