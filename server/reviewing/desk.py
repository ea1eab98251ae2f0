"""The reviewers' desk: one queue of what citizens wrote or took, decided one by one or together, looked at a second time, taken down.

Owns: the order of steps over sources, locks, reasons, rules, complaints and events. Invariants: of two verdicts one counts, and the other
is told so; nobody decides on what another has before her; a second look is another reviewer's, and which items it falls on cannot be
foreseen by the first; whatever leaves the public leaves the wall of this process at once and that of all others within a second.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from server.clock import iso, shanghai
from server.errors import Conflict, Forbidden, InvalidBody, NotFound, Refusal, Unavailable
from server.messages import Ruling
from server.metrics import Metrics
from server.moderation.verdict import OVERALLS
from server.reviewing.complaints import Case, CaseAnswered, Complaints, answer_text
from server.reviewing.events import Events, What
from server.reviewing.fallback import waiting
from server.reviewing.item import NEWEST_FIRST, STATES, Item, ItemNotFound, Source, Sources
from server.reviewing.locks import Locks
from server.reviewing.reasons import ReasonTable
from server.reviewing.rules import RuleBook
from server.seals import derive_key
from server.stores import PyMongoError, RedisError, translate
from server.words import Hit, Words, skeleton

logger = logging.getLogger(__name__)

# Is told of each decision, by kind, token and reason, as soon as it stands: for the audit log.
Told = Callable[[str, str, str], Awaitable[None]]

ITEMS_A_PAGE = 50
# What one screen selects.
MOST_AT_ONCE = 50
# Each waits seconds for a store that is away: after two in a row the rest is not tried.
MOST_OUTAGES = 2
# A reviewer at work decides far less; past it "more than" is said.
MOST_COUNTED = 1_000
# Pages that one search reads: the newest thousand, some 60 ms; the next thousand is asked for.
PAGES_A_SEARCH = 20
MOST_ALIKE = 50
PARTS = {"message": "寄语", "name": "姓名", "caption": "说明", "title": "标题"}
LISTS = ("waiting", "second", "decided", *(f"machine:{machine}" for machine in OVERALLS))


class ItemHeld(Conflict):
    code = "ITEM_HELD"

    def __init__(self, owner: str, until: float) -> None:
        super().__init__(message=f"{owner} 正在看这一条，{shanghai(until):%H:%M:%S} 前由对方处理；请先看下一条")


class ItemDecided(NotFound):
    code = "ITEM_DECIDED"
    message = "这一条刚刚已被处理或已删除，列表会自动跳过"


class OwnDecision(Forbidden):
    code = "OWN_DECISION"
    message = "这一条是您自己通过的，复看要由另一位审核员来做"


@dataclass(frozen=True)
class Ruled:
    """What became of one of several. `error` None: done; Unavailable: a store was away, and it may have been done or not."""

    item: Item | None
    kind: str
    token: str
    error: Refusal | Unavailable | None = None

    @property
    def view(self) -> dict[str, Any]:
        return {"kind": self.kind, "id": self.token, "done": self.error is None, "code": self.error.code if self.error else "",
                "message": self.error.message if self.error else ""}


async def _unheard(kind: str, token: str, reason: str) -> None:
    """Where nobody wants to be told."""


class Desk:
    """`changed()` is called when something left or entered the public here."""

    def __init__(self, sources: Sources, words: Words, locks: Locks, reasons: ReasonTable, rules: RuleBook, complaints: Complaints,
                 events: Events, secret_key: bytes, changed: Callable[[], None], metrics: Metrics | None = None) -> None:
        self.sources = sources
        self._words = words
        self._locks = locks
        self._reasons = reasons
        self._rules = rules
        self._complaints = complaints
        self._events = events
        self._key = derive_key(secret_key, "second look")
        self._changed = changed
        self._metrics = metrics

    # Reading

    async def page(self, which: str, campaign: str, kind: str, cursor: str, member: str, now: float) -> dict[str, Any]:
        """{"items", "next", "counts", "kinds"}; counts with the first page alone. Raises InvalidBody, UnknownKind."""
        if which not in LISTS:
            raise InvalidBody("UNKNOWN_LIST", f"列表只有 {'、'.join(LISTS)}", field="list")
        items = await self._merged(which, campaign, kind, cursor, ITEMS_A_PAGE)
        return {"items": await self.views(items, member, now), "next": items[-1].place if len(items) == ITEMS_A_PAGE else None,
                "counts": None if cursor else await self.counts(campaign, kind, now), "kinds": self.sources.names}

    async def counts(self, campaign: str, kind: str, now: float) -> dict[str, Any]:
        queue = await waiting(self.sources, campaign, MOST_COUNTED, kind)
        second = [place for source in self.sources.some(kind) for place in await source.places("second", campaign, MOST_COUNTED)]
        return {"waiting": queue.count, "more": queue.more, "oldest": iso(queue.oldest) if queue.oldest else None,
                "oldest_seconds": int(queue.seconds(now)), "second": min(len(second), MOST_COUNTED),
                "complaints": await self._complaints.open_count(campaign, MOST_COUNTED)}

    async def search(self, campaign: str, kind: str, text: str, cursor: str, member: str, now: float) -> dict[str, Any]:
        """What is public and holds a text, however it is written; newest first, so many pages at a time."""
        wanted, found, place = skeleton(text), list[Item](), cursor
        for _ in range(PAGES_A_SEARCH if wanted else 1):
            items = await self._merged("public", campaign, kind, place, ITEMS_A_PAGE)
            found += items if not wanted else await asyncio.to_thread(_holding, items, wanted)
            place = items[-1].place if len(items) == ITEMS_A_PAGE else ""
            if not place or len(found) >= ITEMS_A_PAGE:
                break
        return {"items": await self.views(found, member, now), "next": place or None}

    async def _merged(self, which: str, campaign: str, kind: str, cursor: str, limit: int) -> list[Item]:
        pages = [await source.page(which, campaign, cursor, limit) for source in self.sources.some(kind)]
        together = sorted((item for page in pages for item in page), key=lambda item: item.place, reverse=which in NEWEST_FIRST)
        return together[:limit]

    async def views(self, items: Sequence[Item], member: str, now: float) -> list[dict[str, Any]]:
        """Items as staff see them: who has one before her, the hit words where they stand."""
        held: dict[str, Any] = {}
        cases = await self._complaints.cases_of([item.token for item in items])
        for campaign in {item.campaign for item in items}:
            held |= await self._locks.others(campaign, [item.token for item in items if item.campaign == campaign], member, now)
        return [{**await self._view(item), "own": item.decided_by == member,
                 "reports": cases[item.token].count if item.token in cases else 0,
                 "held_by": {"name": held[item.token].owner, "until": iso(held[item.token].until)} if item.token in held else None}
                for item in items]

    async def _view(self, item: Item) -> dict[str, Any]:
        parts, words = [], dict[tuple[str, str], None]()
        for name, text in item.parts.items():
            hits = [] if item.preset else await self._words.find(text)
            words |= dict.fromkeys((hit.list, hit.word) for hit in hits)
            parts.append({"name": name, "label": PARTS.get(name, name), "text": text, "hits": [_hit(hit) for hit in hits if hit.end > 0]})
        return {"kind": item.kind, "kind_name": self.sources.names[item.kind], "id": item.token, "at": iso(item.at), "state": item.state,
                "state_name": STATES.get(item.state, item.state), "parts": parts, "pictures": list(item.pictures),
                "words": [{"list": name, "word": word} for name, word in words], "machine": item.machine, "preset": item.preset,
                "hidden": item.hidden, "public": item.is_public, "decided_by": item.decided_by,
                "decided_at": iso(item.decided_at) if item.decided_at else None, "reason": item.reason, "second_by": item.second_by,
                "waits_for_second": item.waits_for_second}

    # Deciding

    async def decide(self, campaign: str, wanted: Sequence[tuple[str, str]], approve: bool, reason: str, words: str, member: str,
                     now: float, told: Told = _unheard) -> list[Ruled]:
        """A verdict on each (kind, token); one that cannot be decided holds up no other. Raises InvalidBody for the verdict as a whole."""
        _few(wanted)
        text = "" if approve else (await self._reasons.current()).text_of("reject", reason, words)
        percent = (await self._rules.of(campaign)).second_percent if approve else 0
        held = await self._locks.others(campaign, [token for _, token in wanted], member, now)

        async def one(kind: str, token: str) -> Ruled:
            if token in held:
                return Ruled(None, kind, token, ItemHeld(held[token].owner, held[token].until))
            ruling = Ruling(approve, member, now, text, second=approve and self._is_sampled(token, percent))
            ruled = await self._one("approved" if approve else "rejected", campaign, kind, token, ruling, told,
                                    lambda source: source.decide(campaign, token, ruling))
            if ruled.error is None and self._metrics is not None:
                self._metrics.record("items_reviewed_total", "approved" if approve else "rejected")
            return ruled

        return await self._each(wanted, one)

    async def _each(self, wanted: Sequence[tuple[str, str]], one: Callable[[str, str], Awaitable[Ruled]]) -> list[Ruled]:
        done: list[Ruled] = []
        for kind, token in wanted:
            last = [ruled.error for ruled in done[-MOST_OUTAGES:] if isinstance(ruled.error, Unavailable)]
            done.append(Ruled(None, kind, token, last[-1]) if len(last) == MOST_OUTAGES else await one(kind, token))
        self._changed()
        return done

    async def _one(self, what: What, campaign: str, kind: str, token: str, ruling: Ruling, told: Told,
                   step: Callable[[Source], Awaitable[bool]]) -> Ruled:
        """The step, and right after it everything that says so."""
        try:
            source = self.sources.of(kind)
            if not await step(source):
                raise ItemDecided()
            await told(kind, token, ruling.reason)
            await self._events.add(token, what, ruling.at, ruling.by, ruling.reason)
            await self._complaints.settled(token, not ruling.approve, ruling.by, ruling.at)
            await self._locks.free(campaign, token, ruling.by)
            return Ruled(await source.find(campaign, token), kind, token)
        except (Refusal, Unavailable) as error:
            return Ruled(None, kind, token, error)
        except (PyMongoError, RedisError) as error:
            outage = translate(error)
            if not isinstance(outage, Unavailable):
                raise
            logger.warning("a verdict may not be done: %s", type(error).__name__)
            return Ruled(None, kind, token, outage)

    def _is_sampled(self, token: str, percent: int) -> bool:
        """By a keyed hash: who approves sees the token and must not know which will be looked at again."""
        return int.from_bytes(hashlib.blake2b(token.encode(), key=self._key, digest_size=8).digest()) % 100 < percent

    async def second_look(self, campaign: str, kind: str, token: str, stands: bool, reason: str, words: str, member: str,
                          now: float, told: Told = _unheard) -> Item:
        """A second reviewer lets it stand, or takes it down. Raises ItemNotFound, ItemDecided, OwnDecision, InvalidBody."""
        source, item = self.sources.of(kind), await self.sources.find(kind, campaign, token)
        if not item.waits_for_second:
            raise ItemDecided()
        if item.decided_by == member:
            raise OwnDecision()
        text = "" if stands else (await self._reasons.current()).text_of("reject", reason, words)
        if stands:
            is_done = await source.confirm(campaign, token, member, now)
        else:
            is_done = await source.reverse(campaign, token, Ruling(False, member, now, text))
        if not is_done:
            raise ItemDecided()
        await told(kind, token, text)
        await self._events.add(token, "confirmed" if stands else "reversed", now, member, text)
        self._changed()
        return await self.sources.find(kind, campaign, token)

    async def take_down(self, campaign: str, wanted: Sequence[tuple[str, str]], reason: str, words: str, member: str,
                        now: float, told: Told = _unheard) -> list[Ruled]:
        """Each at once, from everything that shows it. Raises InvalidBody."""
        _few(wanted)
        ruling = Ruling(False, member, now, (await self._reasons.current()).text_of("reject", reason, words))

        async def one(kind: str, token: str) -> Ruled:
            return await self._one("taken_down", campaign, kind, token, ruling, told,
                                   lambda source: source.take_down(campaign, token, ruling))

        return await self._each(wanted, one)

    async def alike(self, campaign: str, kind: str, token: str, member: str, now: float) -> list[dict[str, Any]]:
        """Near-duplicates that wait or are public. Raises ItemNotFound."""
        item = await self.sources.find(kind, campaign, token)
        return await self.views(await self.sources.of(kind).alike(item, MOST_ALIKE), member, now)

    # Locks

    async def take(self, campaign: str, kind: str, token: str, member: str, now: float) -> dict[str, Any]:
        """She looks at it now. Raises ItemNotFound, ItemHeld."""
        await self.sources.find(kind, campaign, token)
        lock = await self._locks.take(campaign, token, member, now)
        if lock is not None and lock.owner != member:
            raise ItemHeld(lock.owner, lock.until)
        return {"until": iso(lock.until) if lock else None}

    async def free(self, campaign: str, token: str, member: str) -> None:
        await self._locks.free(campaign, token, member)

    # Reports of citizens

    async def report(self, campaign: str, kind: str, token: str, citizen: int, reason: str, words: str, now: float) -> None:
        """A citizen reports what is public. Raises ItemNotFound, InvalidBody, Conflict, ComplaintsTooMany."""
        reasons = await self._reasons.current()
        text = reasons.text_of("complaint", reason, words)
        item = await self.sources.find(kind, campaign, token)
        if not item.is_public:
            raise ItemNotFound(message="这一条已不在公开的内容里，不需要再举报")
        enough = (await self._rules.of(campaign)).hide_after_reports
        try:
            case = await self._complaints.report(campaign, kind, token, citizen, text, now)
        except Conflict:
            await self._hide(campaign, kind, token, await self._complaints.case(token), enough, now)  # what was cut short after the last
            raise
        # Not in her words: those go with her deletion, an item's life stays.
        await self._events.reported(token, case.answered_at, now, reasons.known("complaint", reason))
        await self._hide(campaign, kind, token, case, enough, now)

    async def _hide(self, campaign: str, kind: str, token: str, case: Case | None, enough: int, now: float) -> None:
        """Where so many reported it since anybody looked at it."""
        if enough and case is not None and case.fresh >= enough and await self.sources.of(kind).hide(campaign, token, now):
            await self._events.add(token, "hidden", now, "", f"{case.fresh} 人举报")
            self._changed()

    async def answer(self, campaign: str, kind: str, token: str, upheld: bool, answer: str, member: str, now: float) -> dict[str, Any]:
        """The answer to everybody who reported it; what is upheld comes down. Raises UnknownKind, ItemNotFound, InvalidBody, CaseAnswered.

        The answer is last: whatever breaks before leaves the case open, and it may be repeated. Nobody is told of what was not done.
        """
        source, before = self.sources.of(kind), await self._complaints.case(token)
        if before is None or before.campaign != campaign:
            raise ItemNotFound(message="这一条没有被举报")
        text = answer_text(answer)
        if not before.is_open:
            raise CaseAnswered()
        ruling = Ruling(not upheld, member, now, text if upheld else "")
        if upheld and await source.take_down(campaign, token, ruling):
            await self._events.add(token, "taken_down", now, member, text)
        elif (item := await source.find(campaign, token)) is not None and item.hidden and await source.decide(campaign, token, ruling):
            await self._events.add(token, "approved" if ruling.approve else "rejected", now, member, ruling.reason)
        self._changed()
        case = await self._complaints.answer(token, text, upheld, member, now)
        await self._events.add(token, "answered", now, member, text)
        return case.view


def _hit(hit: Hit) -> dict[str, Any]:
    return {"start": hit.start, "end": hit.end, "word": hit.word, "list": hit.list}


def _holding(items: list[Item], wanted: str) -> list[Item]:
    return [item for item in items if any(wanted in skeleton(text) for text in item.parts.values())]


def _few(wanted: Sequence[tuple[str, str]]) -> None:
    if not 0 < len(wanted) <= MOST_AT_ONCE:
        raise InvalidBody("TOO_MANY_ITEMS", f"一次处理 1 到 {MOST_AT_ONCE} 条", field="items")
