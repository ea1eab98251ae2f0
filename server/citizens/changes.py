"""Reading what changed in a collection since a moment, page by page, along its `changed_at` index."""

from __future__ import annotations

from server.stores import Collection, Document

# Documents of one page: a few milliseconds and 100 KB.
PAGE = 1000
# Clocks of our machines may differ, and a write may be seen late: the last minute is read again each time.
OVERLAP_SECONDS = 60.0


async def changed_since(collection: Collection, changed_at: float) -> list[Document]:
    """Every document changed after `changed_at`, and those of the minute before it again."""
    found: dict[object, Document] = {}
    start, limit = changed_at - OVERLAP_SECONDS, PAGE
    while True:
        page = await collection.find({"changed_at": {"$gte": start}}).sort("changed_at", 1).limit(limit).to_list(limit)
        found.update((document["_id"], document) for document in page)
        if len(page) < limit:
            return list(found.values())
        last = float(page[-1]["changed_at"])
        # A page of one single moment cannot be passed by its time: look at more of it.
        start, limit = last, limit * 2 if last == start else PAGE
