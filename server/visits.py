"""Visits 访问: how often a campaign's page was opened, by the channel that people came through.

Owns: the counting of visits in Redis and their daily figures in MongoDB (`visits`). Nobody's visit is
remembered, only how many. Everything here fails open: a visit that cannot be counted is not, and the page goes on.
"""

from __future__ import annotations

import logging

from server import keys
from server.clock import day_of
from server.stores import Database, RedisClient, RedisError

logger = logging.getLogger(__name__)

# Closed, so that nobody's link can grow the table.
CHANNELS = ("menu", "follow", "keyword", "poster", "share", "timeline", "link", "other")
# Longer than any outage of the flush that nobody notices.
KEPT_SECONDS = 3 * 86400


class Visits:
    def __init__(self, mongo: Database, redis: RedisClient) -> None:
        self._visits = mongo["visits"]
        self._redis = redis

    async def record(self, campaign: str, channel: str, now: float) -> None:
        """Count one visit; an unknown channel is `other`."""
        key = keys.visits(campaign, day_of(now))
        try:
            await self._redis.hincrby(key, channel if channel in CHANNELS else "other", 1)
            await self._redis.expire(key, KEPT_SECONDS)
        except (RedisError, OSError, TimeoutError) as error:
            logger.info("a visit was not counted: %s", type(error).__name__)

    async def flush(self, campaigns: list[str], now: float) -> None:
        """Write today's and yesterday's figures to MongoDB: absolute values that only rise, so that repeating changes nothing."""
        for campaign in campaigns:
            for day in {day_of(now), day_of(now - 3600)}:
                counted = {name.decode(): int(n) for name, n in (await self._redis.hgetall(keys.visits(campaign, day))).items()}
                if counted:
                    await self._visits.update_one({"_id": f"{campaign}:{day}"},
                                                  {"$set": {"campaign": campaign, "day": day}, "$max": counted}, upsert=True)

    async def of_campaign(self, campaign: str) -> list[dict[str, object]]:
        """Visits by day and channel."""
        found = await self._visits.find({"campaign": campaign}).limit(400).to_list(None)
        return [{"day": d["day"], "channels": {channel: d.get(channel, 0) for channel in CHANNELS}}
                for d in sorted(found, key=lambda d: d["day"])]
