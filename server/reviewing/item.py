"""What reviewers decide on: one thing that a citizen wrote or took, whichever source keeps it, and what a source has to offer.

To add a source: a class with the methods of `Source`, and one entry in the table that `reviewing_of` (wiring.py) is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from server.errors import NotFound
from server.messages import Ruling

# waiting: oldest first. public: the wall, newest first. second: approved ones that a second reviewer looks at, oldest first. decided:
# newest first. machine:<verdict>: what machines said that of, oldest first.
List = str
Page = Literal["waiting", "public", "second", "decided"]
NEWEST_FIRST = ("public", "decided")
STATES = {"pending": "等待审核", "approved": "已公开", "rejected": "未通过", "taken_down": "已撤下"}


@dataclass(frozen=True)
class Item:
    """`token` names it for ever; `place` is millisecond:token in the list that it was read from. `pictures`: addresses that staff may open.

    `parts`: texts by their name, such as {"message": …, "name": …}; `first` is who decided before, for a second look.
    """

    kind: str
    campaign: str
    token: str
    place: str
    state: str
    citizen: int
    at: float
    parts: dict[str, str] = field(default_factory=dict, repr=False)
    pictures: tuple[str, ...] = ()
    # The address that everybody may open while it is public.
    tile: str = ""
    machine: dict[str, Any] = field(default_factory=dict)
    preset: bool = False
    decided_by: str = ""
    decided_at: float = 0.0
    reason: str = ""
    second_by: str = ""
    hidden: bool = False
    waits_for_second: bool = False
    is_public: bool = False


class ItemNotFound(NotFound):
    code = "ITEM_NOT_FOUND"
    message = "没有这一条，可能已被市民删除，请刷新列表"


class UnknownKind(NotFound):
    code = "UNKNOWN_KIND"
    message = "没有这一类内容"


class Source(Protocol):
    """One kind of things. Every method is one atomic step; `place` sorts as text, so that lists of several sources can be merged."""

    kind: str
    # In words for staff.
    name: str

    async def page(self, which: List, campaign: str, cursor: str, limit: int) -> list[Item]:
        """Those behind `cursor` (a place, "" for the beginning) in the order of the list."""
        ...

    async def places(self, which: Page, campaign: str, limit: int) -> list[str]:
        """The first places of a list, to know how long it is and since when."""
        ...

    async def find(self, campaign: str, token: str) -> Item | None: ...

    async def decide(self, campaign: str, token: str, ruling: Ruling) -> bool:
        """False where it waits no more, or is gone."""
        ...

    async def take_down(self, campaign: str, token: str, ruling: Ruling) -> bool:
        """False where it is not public, or gone."""
        ...

    async def hide(self, campaign: str, token: str, at: float) -> bool:
        """Public ones wait once more. False where it is not public."""
        ...

    async def reverse(self, campaign: str, token: str, ruling: Ruling) -> bool:
        """A second reviewer took it down. False where it waits for none."""
        ...

    async def confirm(self, campaign: str, token: str, by: str, at: float) -> bool:
        """A second reviewer let it stand. False where it waits for none."""
        ...

    async def alike(self, item: Item, limit: int) -> list[Item]:
        """Near-duplicates in the same campaign that wait or are public, without itself, the nearest first."""
        ...

    async def of_citizen(self, campaign: str, citizen: int, limit: int) -> list[Item]:
        """What she left, the newest first: for herself."""
        ...


class Sources:
    """The table of them, in the order in which staff see them."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = {source.kind: source for source in sources}

    def of(self, kind: str) -> Source:
        """Raises UnknownKind."""
        source = self._sources.get(kind)
        if source is None:
            raise UnknownKind()
        return source

    def add(self, source: Source) -> None:
        self._sources[source.kind] = source

    def some(self, kind: str) -> list[Source]:
        """One kind, or all with ""."""
        return [self.of(kind)] if kind else list(self._sources.values())

    @property
    def names(self) -> dict[str, str]:
        return {source.kind: source.name for source in self._sources.values()}

    async def find(self, kind: str, campaign: str, token: str) -> Item:
        """Raises UnknownKind, ItemNotFound."""
        found = await self.of(kind).find(campaign, token)
        if found is None:
            raise ItemNotFound()
        return found
