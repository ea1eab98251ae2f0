"""The array of citizens: where a citizen's cell is and what its 14 bytes say.

A cell is ordinal (4 bytes), second of the first participation (4), sequence of its last change (4) and
16 bits: 13 activities, void, merged, deleted. Big-endian, as `struct` in the scripts writes it.
"""

from __future__ import annotations

import struct

import msgspec

CELL = struct.Struct(">IIIH")
CELL_BYTES = CELL.size
# 4,096 cells are 57 KB: small enough to rewrite, large enough that a city of two million has 537 pages.
CELLS_PER_PAGE = 4096
# Empty pages that end a walk over a shard. Citizen numbers are nearly dense but for rehearsals, which use up millions that take part
# in nothing else: 1,024 pages are two of them on one shard, and cost 0.1 s to pass.
MAX_EMPTY_PAGES = 1024
PAGE_BYTES = CELL_BYTES * CELLS_PER_PAGE

VOID, MERGED, DELETED = 1 << 13, 1 << 14, 1 << 15
ACTIVITY_BITS = VOID - 1

# Statuses of a record, as accept.lua gives them.
REPEAT, FIRST, ACTIVITY, RESTORED = 0, 1, 2, 3
VOIDED, NOT_OPEN, ENDED, PAUSED, FROZEN, NO_PLACE, IS_MERGED, FULL, ABSENT = 16, 17, 18, 19, 20, 21, 22, 23, 24
# Of a merged one's cells those that she had deleted; told apart here, by the cell's flags.
IS_DELETED = 25


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One citizen's answer from her shard: `ordinal` is the city-wide number, `second` since 1970."""

    status: int
    ordinal: int
    second: int
    seq: int
    flags: int

    def bits(self) -> int:
        return self.flags & ACTIVITY_BITS

    def counted(self) -> bool:
        """Whether the cell is part of the totals."""
        return self.ordinal > 0 and not self.flags & (VOID | MERGED)


def place(citizen: int, shards: int) -> tuple[int, int, int]:
    """Shard, page and byte offset of a citizen's cell."""
    index, shard = divmod(citizen, shards)
    page, slot = divmod(index, CELLS_PER_PAGE)
    return shard, page, slot * CELL_BYTES


def citizen_at(page: int, slot: int, shard: int, shards: int) -> int:
    """The citizen whose cell is `slot` of `page`."""
    return (page * CELLS_PER_PAGE + slot) * shards + shard


def ordinal_of(n: int, shard: int, shards: int) -> int:
    """The city-wide ordinal of the n-th participant of a shard."""
    return (n - 1) * shards + shard + 1


def local_ordinal(ordinal: int, shard: int, shards: int) -> int:
    """How many the shard had given with this ordinal, 0 for one that a merge moved here from another shard."""
    n, rest = divmod(ordinal - shard - 1, shards)
    return n + 1 if rest == 0 and n >= 0 else 0
