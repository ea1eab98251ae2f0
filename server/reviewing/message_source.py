"""Messages and the names beside them, as reviewers decide on them."""

from __future__ import annotations

import asyncio

from server.messages import KIND, MessageStore, Ruling, wall_key
from server.moderation.verdict import OVERALLS, shown
from server.reviewing.item import NEWEST_FIRST, Item, List, Page
from server.reviewing.likeness import NEAR, Likenesses, likeness, pairs
from server.stores import Document

FIELDS = {"waiting": "queue", "public": "wall", "second": "second", "decided": "decided"}


class MessageSource:
    kind = KIND
    name = "寄语"

    def __init__(self, store: MessageStore, likenesses: Likenesses) -> None:
        self._store = store
        self._likenesses = likenesses

    async def page(self, which: List, campaign: str, cursor: str, limit: int) -> list[Item]:
        field, start = self._stretch(which, campaign)
        prefix, is_newest_first = f"{start}:", which in NEWEST_FIRST
        after = prefix + (cursor or (";" if is_newest_first else ""))
        end = prefix if is_newest_first else f"{start};"
        found = await self._store.page(field, after, end, is_newest_first, limit)
        return [_item(document, document[field].removeprefix(prefix)) for document in found]

    def _stretch(self, which: List, campaign: str) -> tuple[str, str]:
        """Which index a list is a stretch of."""
        machine = which.removeprefix("machine:")
        if machine in OVERALLS and machine != which:
            return "by_machine", f"{campaign}:{machine}"
        return FIELDS[which], campaign

    async def places(self, which: Page, campaign: str, limit: int) -> list[str]:
        return await self._store.places(FIELDS[which], campaign, limit)

    async def find(self, campaign: str, token: str) -> Item | None:
        found = await self._store.of_token(campaign, token)
        return None if found is None else _item(self._store.opened(found), "")

    async def decide(self, campaign: str, token: str, ruling: Ruling) -> bool:
        """What waits, or what machines turned down."""
        found = await self._store.of_token(campaign, token)
        if found is None or ("queue" not in found and "by_machine" not in found):
            return False
        place = (found.get("queue") or found["by_machine"]).removeprefix(f"{campaign}:")
        return await self._store.decide(campaign, place.removeprefix("block:"), ruling)

    async def take_down(self, campaign: str, token: str, ruling: Ruling) -> bool:
        found = await self._store.of_token(campaign, token)
        if found is None or "wall" not in found:
            return False
        return await self._store.take_down(campaign, found["wall"].removeprefix(f"{campaign}:"), ruling.at, by=ruling.by,
                                           reason=ruling.reason)

    async def hide(self, campaign: str, token: str, at: float) -> bool:
        return await self._store.hide(campaign, token, at)

    async def reverse(self, campaign: str, token: str, ruling: Ruling) -> bool:
        return await self._store.reverse(campaign, token, ruling)

    async def confirm(self, campaign: str, token: str, by: str, at: float) -> bool:
        return await self._store.confirm(campaign, token, by, at)

    async def alike(self, item: Item, limit: int) -> list[Item]:
        text = item.parts.get("message", "")
        if item.preset or not text:
            return []
        tokens = [token for token in await self._likenesses.candidates(KIND, item.campaign, text) if token != item.token]
        items = [_item(one, "") for one in await self._store.of_tokens(item.campaign, tokens) if "wall" in one or "queue" in one]
        return await asyncio.to_thread(_nearest, text, items, limit)

    async def of_citizen(self, campaign: str, citizen: int, limit: int) -> list[Item]:
        return [_item(document, "") for document in await self._store.of_citizen(campaign, citizen, limit)]


def _nearest(text: str, items: list[Item], limit: int) -> list[Item]:
    own = pairs(text)
    near = [(likeness(own, pairs(item.parts.get("message", ""))), n) for n, item in enumerate(items)]
    return [items[n] for share, n in sorted(near, key=lambda pair: (-pair[0], pair[1])) if share >= NEAR][:limit]


def _item(document: Document, place: str) -> Item:
    """`document`: opened."""
    name = document.get("name")
    return Item(
        kind=KIND, campaign=document["campaign"], token=document["token"], state=document["state"], citizen=document["citizen"],
        place=place or wall_key(document["campaign"], document["at"], document["token"]).removeprefix(f"{document['campaign']}:"),
        at=document["at"], parts={"message": document["text"], **({"name": name} if name else {})}, preset="sealed" not in document,
        machine=shown(document.get("machine", "waiting"), document.get("verdicts", ())) if "sealed" in document else {},
        decided_by=document.get("decided_by", ""), decided_at=document.get("decided_at", 0.0), reason=document.get("reason", ""),
        second_by=document.get("second_by", ""), hidden="hidden_at" in document and "queue" in document,
        waits_for_second="second" in document, is_public="wall" in document)
