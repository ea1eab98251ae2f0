"""What the machine shows while the crowd comes: once a second, from outside the product's own processes."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from server.counting.shards import Shard
from server.redis_nodes import RedisNodes
from server.rehearsal.kills import cpu_seconds, processes, resident_bytes
from server.stores import RedisError


@dataclass
class Sample:
    """One moment. Bytes and counts; 0 where nothing could be read (the store is being killed, or lives elsewhere)."""

    at: float
    participants: int = 0
    backlog: int = 0
    journal_bytes: int = 0
    redis_bytes: int = 0
    server_rss: int = 0
    redis_rss: int = 0
    store_rss: int = 0
    posters_rss: int = 0


class Watch:
    def __init__(self, redis: RedisNodes, shards: list[Shard], data_dir: Path) -> None:
        self._redis, self._shards, self._data_dir = redis, shards, data_dir
        self.samples: list[Sample] = []
        self.cpu: dict[int, tuple[str, float]] = {}

    async def run(self) -> None:
        """Sample each second until cancelled."""
        began = asyncio.get_running_loop().time()
        while True:
            self.samples.append(await self.sample(asyncio.get_running_loop().time() - began))
            await asyncio.sleep(1)

    async def sample(self, at: float) -> Sample:
        sample = Sample(round(at, 1))
        try:
            for shard in self._shards:
                figures = await shard.figures(minutes=0)
                sample.participants += figures.participants
                sample.backlog += figures.backlog
                sample.journal_bytes += int(await self._redis.call(shard.keys[4], "MEMORY", "USAGE", shard.keys[4]) or 0)
            info = await self._redis.call(self._shards[0].keys[0], "INFO", "memory")
            found = re.search(rb"used_memory:(\d+)", info)
            sample.redis_bytes = int(found[1]) if found else 0
        except (RedisError, OSError):
            pass  # it is being killed, which is what this may be about
        await asyncio.to_thread(self._processes, sample)
        return sample

    def _processes(self, sample: Sample) -> None:
        for process in processes(self._data_dir):
            if kind := process.kind:
                field = f"{kind}_rss"
                setattr(sample, field, max(getattr(sample, field), resident_bytes(process.pid)))
                self.cpu[process.pid] = kind, cpu_seconds(process.pid)

    def highest(self) -> dict[str, int]:
        """The highest of each figure that has a limit."""
        return {name: max((getattr(sample, name) for sample in self.samples), default=0)
                for name in ("backlog", "journal_bytes", "redis_bytes", "server_rss", "redis_rss", "store_rss", "posters_rss")}

    def cpu_of(self, kind: str) -> float:
        """Processor seconds of all processes of a kind, those that were killed included."""
        return round(sum(seconds for of, seconds in self.cpu.values() if of == kind), 1)

    def as_rows(self) -> list[dict[str, Any]]:
        return [asdict(sample) for sample in self.samples]
