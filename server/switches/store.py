"""Switches in MongoDB."""

from __future__ import annotations

import msgspec

from server.stores import Database, Document, DuplicateKeyError
from server.switches.switch import NO_BOARD, Board, Flip

# A city's campaigns of some years, of which few ever had a switch turned; the product's own board is read beside them.
MOST_BOARDS = 2000
PRODUCT = "product"


def board_id(slug: str) -> str:
    """`slug` "" for the whole product."""
    return f"campaign:{slug}" if slug else PRODUCT


class SwitchStore:
    """The only code that touches `switches`; each method one atomic step."""

    def __init__(self, mongo: Database) -> None:
        self._switches = mongo["switches"]

    async def all(self) -> dict[str, Board]:
        """Every board by its id; the product's is among them however many there are."""
        found = await self._switches.find({}).limit(MOST_BOARDS).to_list(None)
        return {document["_id"]: _board(document) for document in found} | {PRODUCT: await self.find("")}

    async def find(self, slug: str) -> Board:
        found = await self._switches.find_one({"_id": board_id(slug)})
        return NO_BOARD if found is None else _board(found)

    async def turn(self, slug: str, rev: int, name: str, flip: Flip) -> bool:
        """Turn one switch of the board that was seen at `rev`; False where somebody was first."""
        fields = msgspec.to_builtins(flip)
        if rev == 0:
            try:
                await self._switches.insert_one({"_id": board_id(slug), "rev": 1, "flips": {name: fields}})
            except DuplicateKeyError:
                return False
            return True
        turned = await self._switches.update_one({"_id": board_id(slug), "rev": rev}, {"$set": {f"flips.{name}": fields, "rev": rev + 1}})
        return turned.matched_count == 1

    async def remove(self, slug: str) -> None:
        await self._switches.delete_one({"_id": board_id(slug)})


def _board(document: Document) -> Board:
    # The embedded store gives a truth value that was updated back as 1 or 0.
    return Board(int(document["rev"]), {name: Flip(bool(one["on"]), one["text"], float(one["until"]), one["by"], float(one["since"]),
                                                   one["reason"]) for name, one in document["flips"].items()})
