"""Reading what changed in a collection since a moment, page by page, along its `changed_at` index."""

from __future__ import annotations

from collections.abc import AsyncIterator

from server.stores import Collection, Document

# Documents of one page: a few milliseconds and 100 KB.
PAGE = 1000
# Clocks of our machines may differ, and a write may be seen late: the last minute is read again each time.
OVERLAP_SECONDS = 60.0


async def changed_since(collection: Collection, changed_at: float) -> list[Document]:
    """Every document changed after `changed_at`, and those of the minute before it again."""
    found: dict[object, Document] = {}
    async for page in pages_since(collection, changed_at - OVERLAP_SECONDS):
        found.update((document["_id"], document) for document in page)
    return list(found.values())


async def pages_since(collection: Collection, since: float, field: str = "changed_at") -> AsyncIterator[list[Document]]:
    """Every document whose `field` is `since` or later, in that order, by pages. One at the seam of two pages comes twice."""
    start, limit = since, PAGE
    while True:
        page = await collection.find({field: {"$gte": start}}).sort(field, 1).limit(limit).to_list(limit)
        if page:
            yield page
        if len(page) < limit:
            return
        last = float(page[-1][field])
        # A page of one single moment cannot be passed by its time: look at more of it.
        start, limit = last, limit * 2 if last == start else PAGE
