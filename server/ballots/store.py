"""Ballots in MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from server.ballots.ballot import Ballot, Barred
from server.errors import StoreUnavailable
from server.seals import Seal
from server.stores import BulkWriteError, Database, Document, DuplicateKeyError

DUPLICATE_KEY = 11000
# A page of 1,000 rows takes 30 ms on the embedded store.
PAGE_ROWS = 1000
# One person's: one for each campaign and day, of some years.
OF_ONE = 1000
# A process begins a stream at its start and after an outage; a campaign of a month with a restart each hour has 720.
MOST_STREAMS = 5000


class Row(msgspec.Struct, frozen=True):
    """What the tally needs of a ballot (`sign` 1) or of what takes one back (-1)."""

    pos: str
    at: int
    sign: int
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Stream:
    """`acked`: the last batch that is durable and whole, -1 before the first; `at` when its writer was last heard of."""

    id: str
    campaign: str
    acked: int
    at: float

    @property
    def start(self) -> str:
        return f"{self.campaign}:{self.id}:"

    def before(self, batch: int) -> str:
        """The end of all rows before a batch."""
        return f"{self.start}{batch:08d}"

    @property
    def end(self) -> str:
        return f"{self.campaign}:{self.id};"  # ";" follows ":" in ASCII


class BallotStore:
    """The only code that touches `ballots`, `ballot_streams` and `vote_boards`. `mongo_batches`: see server/stores.py."""

    def __init__(self, mongo: Database, mongo_batches: Database, seal: Seal) -> None:
        self._ballots = mongo["ballots"]
        self._batches = mongo_batches["ballots"]
        self._streams = mongo["ballot_streams"]
        self._boards = mongo["vote_boards"]
        self._seal = seal

    # Writing, in streams

    async def open_stream(self, campaign: str, stream: str, now: float) -> None:
        await self._streams.insert_one({"_id": f"{campaign}:{stream}", "campaign": campaign, "stream": stream, "acked": -1,
                                        "at": round(now, 3)})

    async def touch(self, campaign: str, stream: str, now: float) -> None:
        """Its writer is about to write after a silence."""
        await self._streams.update_one({"_id": f"{campaign}:{stream}"}, {"$set": {"at": round(now, 3)}})

    async def write(self, campaign: str, stream: str, batch: int, rows: Sequence[Document], now: float) -> list[bool]:
        """Write a batch, each row once; which of them are new. Durable when it returns. Raises PyMongoError, StoreUnavailable."""
        documents = [{**row, "pos": f"{campaign}:{stream}:{batch:08d}:{place:04d}"} for place, row in enumerate(rows)]
        new = [True] * len(rows)
        try:
            await self._batches.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            failures = error.details["writeErrors"]
            if error.details.get("writeConcernErrors") or any(failure["code"] != DUPLICATE_KEY for failure in failures):
                raise StoreUnavailable() from error
            for failure in failures:
                new[failure["index"]] = False
        # Journaled, so that what stands before it in the embedded store's one log is durable too.
        await self._streams.update_one({"_id": f"{campaign}:{stream}"}, {"$set": {"acked": batch, "at": round(now, 3)}})
        return new

    def row_of(self, ballot: Ballot) -> Document:
        row: Document = {"_id": ballot.id, "campaign": ballot.campaign, "citizen": ballot.citizen, "at": ballot.at, "late": ballot.late}
        return row | {"sealed": self._seal.close(",".join(ballot.choices), ballot.id)}

    def void_of(self, ballot: Ballot, reason: str, by: str, now: float) -> Document:
        """The row that takes a ballot back."""
        row_id = void_id(ballot.id)
        return {"_id": row_id, "campaign": ballot.campaign, "citizen": ballot.citizen, "at": int(now), "sign": -1, "reason": reason,
                "by": by, "sealed": self._seal.close(",".join(ballot.choices), row_id)}

    # Reading

    async def find(self, ids: Sequence[str]) -> list[Ballot]:
        """Those of these ballots that exist, also those that were taken back."""
        found = await self._ballots.find({"_id": {"$in": list(ids)}}).to_list(None)
        return [self._ballot(document) for document in found]

    async def voided(self, ids: Sequence[str]) -> dict[str, str]:
        """Which of these ballots were taken back, and why."""
        found = await self._ballots.find({"_id": {"$in": [void_id(one) for one in ids]}}).to_list(None)
        return {d["_id"].removesuffix(":void"): d["reason"] for d in found}

    async def of_citizen(self, citizen: int) -> list[Ballot]:
        found = await self._ballots.find({"citizen": citizen}).limit(OF_ONE).to_list(None)
        return [self._ballot(document) for document in found if "sign" not in document]

    async def unlink(self, citizen: int) -> None:
        """Nothing finds her rows by her any more. Her number stands in their `_id`, so that she casts no second one; it is nobody's once
        its identities are forgotten: when the last campaign that she took part in is archived."""
        await self._ballots.update_many({"citizen": citizen}, {"$set": {"gone": 1}, "$unset": {"citizen": ""}})

    async def streams(self, campaign: str) -> list[Stream]:
        found = await self._streams.find({"campaign": campaign}).limit(MOST_STREAMS).to_list(None)
        return [_stream(document) for document in found]

    async def stream(self, stream: Stream) -> Stream | None:
        found = await self._streams.find_one({"_id": f"{stream.campaign}:{stream.id}"})
        return _stream(found) if found else None

    async def rows(self, after: str, end: str) -> list[Row]:
        """The next page of rows by `pos`, without who cast them. Raises SealBroken."""
        found = await self._ballots.find({"pos": {"$gt": after, "$lt": end}}).sort("pos", 1).limit(PAGE_ROWS).to_list(None)
        return [Row(d["pos"], d["at"], d.get("sign", 1), self._choices(d)) for d in found]

    # Who may not be voted for

    async def board(self, campaign: str) -> tuple[int, dict[str, Barred]]:
        """Its revision, and who is barred."""
        found = await self._boards.find_one({"_id": campaign})
        return (found["rev"], msgspec.convert(found["barred"], dict[str, Barred])) if found else (0, {})

    async def keep_board(self, campaign: str, rev: int, barred: dict[str, Barred]) -> bool:
        """False where somebody else was first."""
        fields: Document = {"rev": rev + 1, "barred": msgspec.to_builtins(barred)}
        if rev:
            return (await self._boards.update_one({"_id": campaign, "rev": rev}, {"$set": fields})).matched_count == 1
        try:
            await self._boards.insert_one({"_id": campaign, **fields})
        except DuplicateKeyError:
            return False
        return True

    def _ballot(self, document: Document) -> Ballot:
        _, period, citizen = document["_id"].split(":")
        return Ballot(document["campaign"], period, int(citizen), self._choices(document), document["at"], document["late"],
                      document.get("gone", 0))

    def _choices(self, document: Document) -> tuple[str, ...]:
        """None in a ballot that only takes the place of one that was under way while its voter was voided."""
        sealed = self._seal.open(bytes(document["sealed"]), document["_id"])
        return tuple(sealed.split(",")) if sealed else ()


def void_id(ballot_id: str) -> str:
    return f"{ballot_id}:void"


def _stream(document: dict[str, Any]) -> Stream:
    return Stream(document["stream"], document["campaign"], document["acked"], document["at"])
