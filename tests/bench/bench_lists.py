"""How long a page of a long list takes at its beginning, middle and end: `python -m tests.bench.bench_lists [ROWS]`.

The audit log stands for every list: it pages by a key of one index, as they all do. It is filled with made-up entries over an embedded
MongoDB of its own, then read through its service: unfiltered, and by one member, whose entries lie scattered over all of it. A page whose
place costs nothing takes as long at the end as at the beginning: that ratio is what matters, and is printed last.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

from server.audit_log.chain import positions
from server.audit_log.service import PAGE, Asked, AuditLog, AuditLogStore
from server.stores import BulkWriteError, Database, Document, PyMongoError, Stores, ensure_indexes, open_stores
from tests.bench.own_stores import own_stores

# So many are written well within the time limit of a command, also where others use the machine.
BATCH, TRIES = 250, 15
FIRST_MS = 1_790_827_200_000
MEMBERS = 40
PATIENCE, DUPLICATE_KEY = 20, 11000


async def fill(mongo: Database, rows: int) -> None:
    """Entries as the service writes them, but for the chain, which no page looks at."""
    for start in range(0, rows, BATCH):
        made = []
        for seq in range(start + 1, min(rows, start + BATCH) + 1):
            entry = {"seq": seq, "at_ms": FIRST_MS + seq * 50, "at": (FIRST_MS + seq * 50) // 1000, "prev": "", "hash": "0" * 64,
                     "who": f"bianji-{seq % MEMBERS}", "role": "editor", "action": "campaign.update", "subject": f"campaign-{seq % 500}",
                     "origin": "10.1.2.3", "detail": {}, "before": {"title": "旧"}, "after": {"title": "新"}}
            made.append({"_id": seq, **entry, **positions(entry)})
        await insert(mongo, made)


async def insert(mongo: Database, made: list[Document]) -> None:
    """Once more where no answer came in time; what had arrived is there already."""
    for _ in range(PATIENCE):
        try:
            await mongo["audit_log"].insert_many(made, ordered=False)
            return
        except BulkWriteError as error:
            if all(failure["code"] == DUPLICATE_KEY for failure in error.details["writeErrors"]):
                return
            raise
        except PyMongoError as error:
            print(f"once more: {type(error).__name__}")
    raise SystemExit("the store does not take them")


async def page_ms(log: AuditLog, asked: Asked, cursor: str) -> tuple[float, float]:
    """The median and the slowest of some tries, in milliseconds."""
    taken = []
    for _ in range(TRIES):
        began = time.perf_counter()
        found, _ = await log.page(asked, cursor)
        taken.append(1000 * (time.perf_counter() - began))
        assert len(found) == PAGE
    return statistics.median(taken), max(taken)


async def measure(stores: Stores, rows: int) -> None:
    await ensure_indexes(stores.mongo)
    began = time.monotonic()
    await fill(stores.mongo_batches, rows)
    seconds = time.monotonic() - began
    print(f"{rows:,} entries written in {seconds:.0f} s, {rows / seconds:,.0f} a second")
    log = AuditLog(AuditLogStore(stores.mongo), b"k" * 32)
    for name, asked in (("all", Asked()), ("one member's", Asked(who="bianji-7"))):
        figures = []
        for place, seq in (("begin", 0), ("middle", rows // 2), ("end", MEMBERS * (PAGE + 2))):
            cursor = f"{FIRST_MS + seq * 50:013}:{seq:010}" if seq else ""
            median, slowest = await page_ms(log, asked, cursor)
            figures.append(median)
            print(f"{name}: a page of {PAGE} at the {place} in {median:.1f} ms, the slowest of {TRIES} in {slowest:.1f} ms")
        print(f"{name}: end to begin {figures[-1] / figures[0]:.2f}")


async def main(rows: int) -> None:
    with own_stores() as (redis_url, mongodb_uri, _):
        stores = open_stores(mongodb_uri, redis_url)
        try:
            await measure(stores, rows)
        finally:
            await stores.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
