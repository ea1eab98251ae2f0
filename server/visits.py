"""Visits 访问: how often a campaign's page, a short link or a scene code was opened, by the channel that people came through.

Owns: the counting of visits in Redis and their daily figures in MongoDB (`visits`). What was visited is a campaign's slug,
`link:code`, `scene:appid:scene` or `mini:appid:scene` (a mini-program's code); `places:slug` has a figure for each district and school
whose printed code was opened. Nobody's visit is remembered, only how many.
Everything here fails open: a visit that cannot be counted is not, and the page goes on.
"""

from __future__ import annotations

import logging

from server import keys
from server.clock import day_of
from server.stores import Database, RedisClient, RedisError

logger = logging.getLogger(__name__)

# Closed, so that nobody's link can grow the table.
CHANNELS = ("menu", "follow", "keyword", "poster", "share", "timeline", "link", "school", "class", "scan", "other")
# Longer than any outage of the flush that nobody notices.
KEPT_SECONDS = 3 * 86400
# An hour twice: processes' clocks differ, and who recorded at midnight may come late.
HOUR_SECONDS, DAY_SECONDS = 3600, 86400


class Visits:
    def __init__(self, mongo: Database, redis: RedisClient) -> None:
        self._visits = mongo["visits"]
        self._redis = redis
        self._flushed_at: float | None = None

    async def record(self, what: str, channel: str, now: float) -> None:
        """Count one visit; an unknown channel is `other`."""
        await self._count(keys.visits(what, day_of(now)), channel if channel in CHANNELS else "other")

    async def record_place(self, slug: str, place: str, now: float) -> None:
        """Count one opening of the code of a campaign's place; there are as many as places, since codes are made by us."""
        await self._count(keys.visits(f"places:{slug}", day_of(now)), place)

    async def _count(self, key: str, field: str) -> None:
        try:
            await self._redis.hincrby(key, field, 1)
            await self._redis.expire(key, KEPT_SECONDS)
        except (RedisError, OSError, TimeoutError) as error:
            logger.info("a visit was not counted: %s", type(error).__name__)

    async def flush(self, visited: list[str], now: float) -> None:
        """Write the figures of every day since the last time to MongoDB: absolute values that only rise, so that repeating changes nothing.

        A process that has not yet done it begins with all that Redis still keeps.
        """
        since = now - KEPT_SECONDS if self._flushed_at is None else self._flushed_at - HOUR_SECONDS
        days = {day_of(at) for at in (*range(int(since), int(now), DAY_SECONDS), now)}
        for what in visited:
            for day in days:
                counted = {name.decode(): int(n) for name, n in (await self._redis.hgetall(keys.visits(what, day))).items()}
                if counted:
                    await self._visits.update_one({"_id": f"{what}:{day}"},
                                                  {"$set": {"what": what, "day": day}, "$max": counted}, upsert=True)
        self._flushed_at = now

    async def of_places(self, slug: str) -> dict[str, int]:
        """How often the code of each place of a campaign was opened, over all its days."""
        total: dict[str, int] = {}
        for day in await self._visits.find({"what": f"places:{slug}"}).limit(400).to_list(None):
            for place, n in day.items():
                if place.startswith(("region:", "unit:")):
                    total[place] = total.get(place, 0) + int(n)
        return total

    async def of(self, what: str) -> list[dict[str, object]]:
        """Visits by day and channel."""
        found = await self._visits.find({"what": what}).limit(400).to_list(None)
        return [{"day": d["day"], "channels": {channel: d.get(channel, 0) for channel in CHANNELS}}
                for d in sorted(found, key=lambda d: d["day"])]
