"""Messages as reviewers have them before them, and a reviewer's verdict, without a desk around them."""

from __future__ import annotations

from server.messages import MessageStore, Ruling
from server.reviewing.item import Item
from server.reviewing.likeness import Likenesses
from server.reviewing.message_source import MessageSource
from server.stores import Stores

LIN = "lin"  # a reviewer


def source_of(stores: Stores, store: MessageStore) -> MessageSource:
    return MessageSource(store, Likenesses(stores.mongo, b"k" * 32))


async def waiting(source: MessageSource, machine: str = "", after: str = "", campaign: str = "flag") -> list[Item]:
    """A page of what waits; with `machine`, of what machines said that of."""
    return await source.page(f"machine:{machine}" if machine else "waiting", campaign, after, 50)


async def decide(source: MessageSource, item: Item, approve: bool, at: float, campaign: str = "flag") -> bool:
    """False where it was decided or deleted meanwhile."""
    return await source.decide(campaign, item.token, Ruling(approve, LIN, at))
