"""Citizens as the product wires them, with witnesses in place of the other aggregates."""

from __future__ import annotations

from pathlib import Path

from server.citizens import Citizens
from server.errors import StoreUnavailable
from server.stores import Stores
from tests.command_listener import LOOKING

OFFICIAL, MINIPROGRAM = "wxofficial", "wxminiprogram"
SECRET = b"s" * 32
NOON = 1_790_827_200.25  # 2026-10-01 12:00 in Shanghai


class Witness:
    """Sees what is asked of the other aggregates; `broken` makes them fail."""

    def __init__(self) -> None:
        self.merged: list[tuple[int, int]] = []
        self.erased: list[int] = []
        self.running: set[int] = set()
        self.broken = False

    async def merge(self, loser: int, survivor: int, now: float) -> None:
        self._check()
        self.merged.append((loser, survivor))

    async def erase(self, citizen: int, now: float) -> None:
        self._check()
        self.erased.append(citizen)

    async def took_part(self, citizen: int) -> bool:
        return citizen in self.running

    def _check(self) -> None:
        if self.broken:
            raise StoreUnavailable()


def citizens_of(stores: Stores, folder: Path, witness: Witness | None = None, secret: bytes = SECRET) -> Citizens:
    """One process's citizens; two of them over the same stores stand for two processes."""
    witness = witness or Witness()
    return Citizens(stores.mongo, secret, deletion_list=folder / "deletions.jsonl", merge_counts=witness.merge,
                    erasers=[witness.erase], in_unarchived_campaign=witness.took_part)


async def first_process(stores: Stores, folder: Path, witness: Witness | None = None) -> Citizens:
    return citizens_of(stores, folder, witness)


async def everything(stores: Stores) -> bytes:
    """Both stores, every document and every key, as bytes to search in."""
    parts = []
    for name in await stores.mongo.list_collection_names():
        parts += [repr(document).encode() for document in await stores.mongo[name].find(comment=LOOKING).to_list(None)]
    async for key in stores.redis.scan_iter():
        parts += [key, await stores.redis.dump(key) or b""]
        if await stores.redis.type(key) == b"string":
            parts.append(await stores.redis.get(key) or b"")
    return b"\n".join(parts)
