"""How the parts of review are put together, and what the rest of the product calls of them."""

from __future__ import annotations

from dataclasses import dataclass

from server.messages import Messages, MessageStore
from server.metrics import Metrics
from server.reviewing.bans import Bans, BanStore
from server.reviewing.case_files import CaseFiles
from server.reviewing.complaints import Complaints, ComplaintStore, HashesOf
from server.reviewing.desk import Desk
from server.reviewing.events import Events
from server.reviewing.fallback import Fallback, Record
from server.reviewing.item import Sources
from server.reviewing.likeness import Likenesses
from server.reviewing.locks import Locks
from server.reviewing.message_source import MessageSource
from server.reviewing.reasons import ReasonTable
from server.reviewing.records import IdentitiesOf, Records, RecordStore
from server.reviewing.rules import RuleBook
from server.reviewing.wall import Wall
from server.reviewing.writers import Writers
from server.seals import Seal
from server.stores import Stores
from server.words import Words

__all__ = ["Reviewing", "reviewing_of"]


@dataclass(frozen=True)
class Reviewing:
    bans: Bans
    case_files: CaseFiles
    complaints: Complaints
    desk: Desk
    events: Events
    fallback: Fallback
    messages: Messages
    reasons: ReasonTable
    records: Records
    rules: RuleBook
    sources: Sources
    wall: Wall
    writers: Writers
    _bans: BanStore
    _messages: MessageStore

    async def remove_of(self, citizen: int, now: float) -> None:
        """What is left of a citizen here at her deletion; what she wrote goes with its source."""
        await self.messages.remove_of(citizen, now)
        self.wall.forget()
        await self.bans.remove_of(citizen, now)
        await self.complaints.remove_of(citizen, now)

    async def forget(self, citizen: int) -> None:
        """Nobody can come back to this number any more."""
        await self.bans.forget(citizen)

    async def merge(self, loser: int, survivor: int) -> None:
        """Two numbers are one person. May be repeated."""
        await self.writers.forget("message", await self._messages.merge(loser, survivor))
        self.wall.forget()
        await self._bans.merge(loser, survivor)
        await self.complaints.merge(loser, survivor)

    async def tidy(self, now: float) -> None:
        """Remove what has had its time."""
        for old in (self.records, self.events, self.bans):
            while await old.tidy(now):
                """Until nothing is due."""


def reviewing_of(stores: Stores, store: MessageStore, words: Words, record: Record, *, secret_key: bytes, identities_of: IdentitiesOf,
                 hashes_of: HashesOf, metrics: Metrics | None = None) -> Reviewing:
    """Every part. A further source of things to review: one more line at `sources`."""
    mongo, redis = stores.mongo, stores.redis
    ban_store, events, likenesses = BanStore(mongo), Events(mongo), Likenesses(mongo, secret_key)
    bans, rules, reasons = Bans(ban_store), RuleBook(mongo), ReasonTable(mongo)
    records = Records(RecordStore(mongo, Seal(secret_key, "source record")), secret_key, identities_of)
    complaints = Complaints(ComplaintStore(mongo, Seal(secret_key, "complaint")), redis, secret_key, hashes_of)
    writers = Writers(bans, records, likenesses, events)
    messages = Messages(store, words, writers)
    wall = Wall(messages)
    sources = Sources([MessageSource(store, likenesses)])
    writers.fallback = fallback = Fallback(mongo, sources, rules, record)
    desk = Desk(sources, words, Locks(redis), reasons, rules, complaints, events, secret_key, wall.forget, metrics)
    return Reviewing(bans=bans, case_files=CaseFiles(desk, events, complaints, records), complaints=complaints, desk=desk, events=events,
                     fallback=fallback, messages=messages, reasons=reasons, records=records, rules=rules,
                     sources=sources, wall=wall, writers=writers, _bans=ban_store, _messages=store)
