"""One shard of a period's counters in Redis: every call that touches its keys, each one atomic script.

Owns: the keys of `keys.shard_*`. All calls fail closed: an error or SHARD_NOT_READY decides nothing, and
the same call may be made again, because each script finds what an earlier one did.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import msgspec

from server import keys
from server.counting.cells import CELLS_PER_PAGE, Record, place
from server.counting.figures import ShardFigures, parse_shard
from server.counting.receipts import Receipt
from server.redis_nodes import RedisNodes
from server.stores import NoScriptError, ResponseError

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_unpack_records = msgspec.msgpack.Decoder(list[Record]).decode

# Journal entries of one call, each of at most 512 rows: half a megabyte at the most.
ENTRIES_AT_ONCE = 16
# Pages of one wiping call: a millisecond.
WIPED_PAGES = 256

# On a cluster: four shards a master, so that a fourth of a master's work can move to a new one; fewer would be all or nothing,
# more would make batches small. On a single Redis one shard has the largest batches and ordinals without holes.
SHARDS_A_MASTER = 4

Row = list[Any]


class Item(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One salute for a batch, as the script reads it: `bit` -1 only looks; `late` 1 came after its period's end in time; `receipt`:
    a verified one, whose cell is restored where it is lost."""

    citizen: int
    bit: int
    region: str = ""
    unit: str = ""
    late: int = 0
    receipt: Receipt | None = None


@dataclass(frozen=True)
class Accepted:
    """A batch's answer: records in the order of its items; `watermark` tells which of them MongoDB has."""

    watermark: int
    records: list[Record]


@dataclass(frozen=True)
class PutBack:
    """A document to put back into its cell. `was_*`: the place that a cell with another ordinal counted for, where it is known."""

    citizen: int
    ordinal: int
    second: int
    seq: int
    bit: int
    region: str
    unit: str
    was_region: str = ""
    was_unit: str = ""


@dataclass(frozen=True)
class PutBackDone:
    """How many documents changed a cell, and how many of these counted for a place that nobody named."""

    changed: int
    displaced: int


@dataclass(frozen=True)
class Entry:
    """One journal entry: its rows, and the sequence of its last."""

    epoch: int
    seq: int
    rows: list[Row]


@dataclass(frozen=True)
class Begun:
    """What a closed shard still held: `had_meta` False means that nothing of it may be trusted. `moved_from`: the run_id of
    the server that it was open on until its slot came here, b"" where that is not so."""

    had_meta: bool
    seq: int
    ordinal: int
    watermark: int
    voids: int
    moved_from: bytes = b""


class Superseded(Exception):
    """Another process opened this shard under a younger epoch, or has its journal; or the shard is not ours at all."""


_REFUSED = {
    b"NEWER": "another process opened it under a younger epoch",
    b"FOREIGN": "Redis holds counters that MongoDB does not know, so it stays closed; point WENMING_REDIS_URL and "
                "WENMING_MONGODB_URI at the stores that belong together",
    b"LOST": "its Redis was emptied or replaced in the middle of a recovery, which starts again",
}


async def shards_for(redis: RedisNodes) -> int:
    """How many shards a campaign gets there. Raises ClusterDownError."""
    return SHARDS_A_MASTER * await redis.masters() or 1


class Shard:
    """Handle of one shard; cheap to make. `clock` is for tests: seconds that replace the server's TIME."""

    def __init__(self, redis: RedisNodes, campaign: str, period: str, shard: int, shards: int, clock: int | None = None) -> None:
        self.campaign, self.period, self.shard, self.shards = campaign, period, shard, shards
        self.id = f"{campaign}:{period}:{shard}"
        self.tag = keys.shard_tag(campaign, period, shard, shards)
        self.keys = keys.shard_keys(self.tag)
        self.clock = "" if clock is None else str(clock)
        self.newest_seq = 0  # that this process was told: a server that knows less was set back
        self._redis = redis
        # By page, a few hundred of them: each batch of a crowd names fifty.
        self._page = cache(partial(keys.shard_page, self.tag))

    async def accept(self, epoch: int, items: Sequence[Item]) -> Accepted | None:
        """Count a batch. None: the shard is not ready under this epoch, nothing was counted."""
        cells_per_page = CELLS_PER_PAGE * self.shards
        pages = list({item.citizen // cells_per_page for item in items})
        reply = await self._run("accept", [*self.keys, *map(self._page, pages)],
                                [epoch, _pack(items), _pack(pages), self.newest_seq, self.clock])
        if reply[0] != b"OK":
            return None
        records = _unpack_records(reply[3])
        if len(records) != len(items):
            raise RuntimeError(f"shard {self.id} answered {len(records)} of {len(items)}")
        self.newest_seq = max(self.newest_seq, int(reply[2]))
        return Accepted(int(reply[1]), records)

    async def amend(self, epoch: int, citizen: int, expected_seq: int, record: Record, *, old_place: tuple[str, str],
                    new_place: tuple[str, str], kind: str, recovering: bool = False) -> int | None:
        """Set a cell to `record`. Returns the change's sequence, None when not ready; raises Superseded when the cell changed."""
        _, page, offset = place(citizen, self.shards)
        reply = await self._run("amend", [*self.keys, self._page(page)],
                                [epoch, citizen, offset, expected_seq, record.ordinal, record.second, record.flags,
                                 *old_place, *new_place, kind, self.clock, int(recovering)])
        if reply[0] == b"CHANGED":
            raise Superseded(f"cell of shard {self.id} changed meanwhile")
        return int(reply[1]) if reply[0] == b"OK" else None

    async def figures(self, minutes: int = 120, units: bool = False) -> ShardFigures:
        """Every figure in one call; `ready` False when the shard is closed, missing or on another server."""
        return parse_shard(await self._run("figures", self.keys, [minutes, int(units), self.clock]))

    async def begin(self, epoch: int, birth: str, *, force: bool = False) -> Begun:
        """Close for recovery under `epoch`. Raises Superseded when a younger epoch or another product's shard is there."""
        reply = await self._run("begin", [self.keys[0], self.keys[4]], [epoch, birth, int(force)])
        if reply[0] != b"OK":
            raise Superseded(f"shard {self.id}: {_REFUSED[reply[0]]}")
        _, had_meta, seq, ordinal, watermark, voids, moved_from = reply
        return Begun(bool(had_meta), int(seq), int(ordinal), int(watermark), int(voids), moved_from)

    async def open(self, epoch: int, fields: dict[str, int | str], *, fresh: bool = False) -> None:
        """Open under `epoch` with the given meta fields; after `begin`, on the same server. Raises Superseded where it may not."""
        flat = [part for name, value in fields.items() for part in (name, value)]
        reply = await self._run("open", self.keys[:1], [epoch, int(fresh), *flat])
        if reply != b"OK":
            raise Superseded(f"shard {self.id}: {_REFUSED[reply]}")

    async def set_window(self, epoch: int, rev: int, state: str, opens: int, closes: int) -> bool:
        """Change state and window to what the campaign's revision `rev` says, where the shard has no younger one; False when the
        shard is not ready."""
        reply: bytes = await self._run("window", self.keys[:1], [epoch, state, opens, closes, rev])
        return reply == b"OK"

    async def put_back(self, epoch: int, items: Sequence[PutBack], *, settled: bool = False) -> PutBackDone | None:
        """Union documents into the cells. None when the epoch is not ours.

        `settled`: only where MongoDB has the cell's last change; another may be on its way to the very documents.
        """
        pages: dict[int, int] = {}
        packed = []
        for item in items:
            _, page, offset = place(item.citizen, self.shards)
            packed.append((pages.setdefault(page, len(pages) + 1), offset, item.ordinal, item.second, item.seq, item.bit,
                           item.region, item.unit, item.was_region, item.was_unit))
        reply = await self._run("putback", [*self.keys[:4], *map(self._page, pages)], [epoch, _pack(packed), self.clock, int(settled)])
        return PutBackDone(int(reply[1]), int(reply[2])) if reply[0] == b"OK" else None

    async def journal(self, rows: int) -> list[Entry]:
        """The oldest entries that MongoDB may not have yet: all of them, or as many as hold at least so many rows."""
        read: list[Entry] = []
        after = "-"
        while rows > 0:
            found = await self._redis.call(self.keys[4], "XRANGE", self.keys[4], after, "+", "COUNT", ENTRIES_AT_ONCE)
            for name, (_, packed, *_) in found:  # the first field: rows
                epoch, _, seq = name.partition(b"-")
                read.append(Entry(int(epoch), int(seq), _unpack(packed)))
                rows -= len(read[-1].rows)
            if len(found) < ENTRIES_AT_ONCE:
                break
            after = f"({found[-1][0].decode()}"
        return read

    async def journal_bytes(self) -> int:
        """Memory that the journal takes in Redis."""
        return int(await self._redis.call(self.keys[4], "MEMORY", "USAGE", self.keys[4]) or 0)

    async def trim(self, fence: int, epoch: int, seq: int) -> None:
        """MongoDB has everything up to `seq`: move the watermark, drop the entries. Raises Superseded when fenced off."""
        reply = await self._run("trim", [self.keys[0], self.keys[4]], [fence, seq, f"{epoch}-{seq + 1}"])
        if reply[0] != b"OK":
            raise Superseded(f"the journal of {self.id} belongs to fence {reply[1]}")

    async def page(self, page: int) -> bytes:
        """The raw cells of one page; empty where nobody of it took part."""
        name = self._page(page)
        raw: bytes | None = await self._redis.call(name, "GET", name)
        return raw or b""

    async def durable_server(self) -> bool:
        """Whether this server fsyncs every answer and was never a replica: then what it has is all that it gave.

        False when it does not say (CONFIG is often closed to clients): the careful answer.
        """
        try:
            config = await self._redis.call(self.keys[0], "CONFIG", "GET", "*append*")
            info = await self._redis.call(self.keys[0], "INFO", "replication")
        except ResponseError as error:
            if "config" not in str(error).lower() and "permission" not in str(error).lower():
                raise
            return False
        replaced = re.search(rb"master_replid2:(\w+)", info)
        said = dict(zip(config[::2], config[1::2], strict=True))
        wanted = {b"appendonly": b"yes", b"appendfsync": b"always", b"no-appendfsync-on-rewrite": b"no"}
        keeps_all = all(said.get(name) == value for name, value in wanted.items())
        return keeps_all and replaced is not None and set(replaced[1]) <= {ord("0")}

    @property
    def may_be_half(self) -> bool:
        """Whether a server may have some keys of the shard alone: a slot moves key by key, and its master may die meanwhile."""
        return self._redis.is_cluster

    async def moved_whole(self, begun: Begun) -> bool:
        """Whether the shard's slot was moved here by a master that is still one and knows of it: a move copies everything, a
        failover does not."""
        return bool(begun.moved_from) and await self._redis.gave_away(begun.moved_from, self.keys[0])

    async def wipe(self, epoch: int, citizens: int) -> None:
        """Drop cells and totals, not meta and journal, before a rebuild from documents. Raises Superseded when it is not ours to fill.

        `citizens`: numbers issued so far. Pages past them go too, as far as there are any.
        """
        last, page, names = citizens // self.shards // CELLS_PER_PAGE, 0, list(self.keys[1:4])
        while True:
            names += map(self._page, range(page, page + WIPED_PAGES))
            there = int(await self._run("wipe", [self.keys[0], *names], [epoch]))
            if there < 0:
                raise Superseded(f"shard {self.id}: {_REFUSED[b'NEWER']}")
            page, names = page + WIPED_PAGES, []
            if page > last and not there:
                return

    async def _run(self, script: str, names: Sequence[str], args: Sequence[Any]) -> Any:
        sha, text = _SCRIPTS[script]
        try:
            return await self._redis.call(names[0], "EVALSHA", sha, len(names), *names, *args)
        except NoScriptError:
            # A server that never saw the script ran nothing: sending its text counts once.
            return await self._redis.call(names[0], "EVAL", text, len(names), *names, *args)


def _load(name: str) -> tuple[str, str]:
    from hashlib import sha1

    text = (Path(__file__).parent / "scripts" / f"{name}.lua").read_text("utf-8")
    return sha1(text.encode(), usedforsecurity=False).hexdigest(), text


_SCRIPTS = {name: _load(name) for name in ("accept", "amend", "begin", "open", "window", "putback", "trim", "wipe", "figures")}
