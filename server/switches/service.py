"""Turning switches, and what this process knows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.switches.store import SwitchStore, board_id
from server.switches.switch import (
    NAMES,
    NO_BOARD,
    OF_CAMPAIGN,
    OF_PRODUCT,
    PHOTOS_NOTE,
    PRESETS_NOTE,
    WORDS_NOTE,
    Board,
    Flip,
    Maintenance,
    SwitchesChanged,
    UnknownSwitch,
    Wish,
    WordsStopped,
    flipped,
    maintenance_of,
    must_type,
)

if TYPE_CHECKING:
    from server.campaigns import Campaign


class Switches:
    """`hosts`: the addresses that citizens may be given, the usual one first."""

    def __init__(self, store: SwitchStore, hosts: tuple[str, ...]) -> None:
        self._store = store
        self.hosts = hosts
        self._boards: dict[str, Board] = {}
        self._turns = 0  # made by this process
        self._closing: Flip | None = None  # the maintenance that is on: asked with every salute

    # What pages, wall and doors ask: memory alone

    def of(self, slug: str) -> Board:
        """A campaign's switches as this process knows them."""
        return self._boards.get(board_id(slug), NO_BOARD)

    def public(self, slug: str) -> dict[str, Any]:
        """What anybody may know of a campaign's."""
        return self.of(slug).public()

    def form(self, campaign: Campaign) -> dict[str, Any]:
        """What the page's form says of own words while they are stopped; nothing otherwise."""
        if not self.of(campaign.slug).is_on("messages_closed"):
            return {}
        words = PRESETS_NOTE if campaign.presets else WORDS_NOTE
        return {"free_words": False, "free_words_note": PHOTOS_NOTE if campaign.kind == "photos" else words}

    def admit_words(self, slug: str) -> None:
        """Whether own words are taken; presets always are, as they are the organiser's. Raises WordsStopped."""
        if self.of(slug).is_on("messages_closed"):
            raise WordsStopped()

    def admit_photo(self, slug: str) -> None:
        """Whether photos are taken. Raises WordsStopped."""
        if self.of(slug).is_on("messages_closed"):
            raise WordsStopped(message=PHOTOS_NOTE)

    def maintenance(self, now: float) -> Maintenance | None:
        """What is said instead of everything, while there is maintenance."""
        return None if self._closing is None else maintenance_of(self._closing, now)

    def admit(self, now: float) -> None:
        """Whether citizens may change anything. Raises Maintenance."""
        if self._closing is not None:
            raise maintenance_of(self._closing, now)

    def base_url(self) -> str:
        """The address that goes into links and codes made now."""
        chosen = self.of("").text("public_host")
        return chosen if chosen in self.hosts else self.hosts[0]

    async def refresh(self) -> None:
        """Learn what others turned; the job of every process. What this one turned meanwhile stays."""
        turns = self._turns
        found = await self._store.all()
        if turns == self._turns:
            self._know(found)

    def _know(self, boards: dict[str, Board]) -> None:
        self._boards = boards
        closing = self.of("").flip("maintenance")
        self._closing = closing if closing.on else None

    # What staff ask

    async def board(self, slug: str) -> Board:
        """How they stand in the store itself; `slug` "" for the product's."""
        return await self._store.find(slug)

    async def turn(self, slug: str, name: str, rev: int, wish: Wish, by: str, now: float) -> tuple[Flip, Board]:
        """Turn one switch as it was seen at `rev`: how it stood before, and how all stand now. Raises UnknownSwitch, InvalidBody,
        SwitchesChanged.
        """
        if name not in (OF_CAMPAIGN if slug else OF_PRODUCT):
            raise UnknownSwitch()
        flip = flipped(name, wish, must_type(name, slug, wish.text), self.hosts, by, round(now, 3))
        before = await self._store.find(slug)
        if before.rev != rev or not await self._store.turn(slug, rev, name, flip):
            raise SwitchesChanged()
        after = Board(rev + 1, {**before.flips, name: flip})
        self._turns += 1
        self._know({**self._boards, board_id(slug): after})
        return before.flip(name), after

    async def remove(self, slug: str) -> None:
        """With a campaign that is gone for good."""
        await self._store.remove(slug)


def board_view(board: Board, slug: str) -> list[dict[str, Any]]:
    """Every switch of a board, in the console's order."""
    return [{"name": name, "title": NAMES[name], **board.flip(name).told()} for name in (OF_CAMPAIGN if slug else OF_PRODUCT)]
