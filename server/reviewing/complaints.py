"""举报: a citizen says that something public should not be, and why; staff answer.

Owns: `complaints` (`_id` token:citizen) and `complaint_cases` (`_id` the reported thing's token: how many, and the answer). Invariants:
one of a citizen on a thing; it is counted once, if not at once then when she repeats it; it has a reason; nobody who decides sees who
reported; many reports hide nothing by themselves unless the campaign's rules say so; an answer is for everybody who had reported by then;
a deletion removes what she reported.

Until it is answered a case keeps marks of who is counted in it: keyed hashes of the thing and of what she is known by. They outlive her
deletion and lead to nobody without the secret key; whoever deletes herself and comes back, under whichever number, is not counted again.

Failure policy: closed, but for the bound a day: without Redis it is not kept, since one on each thing bounds her too.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from server import keys
from server.clock import day_of, iso
from server.errors import Conflict, InvalidBody, Refusal
from server.seals import Seal, SealBroken, derive_key
from server.stores import Database, Document, DuplicateKeyError, RedisClient, RedisError

logger = logging.getLogger(__name__)

# Who reads a wall attentively finds a few; more is somebody's anger.
MOST_A_DAY = 20
MAX_ANSWER = 300
CASES_A_PAGE, OF_ONE, SHOWN_OF_A_CASE = 30, 200, 50
# Of the few who report one thing no two share a mark.
MARK_BYTES = 8

# The keyed hashes of whatever a citizen is known by; after a deletion and a return they are the same.
HashesOf = Callable[[int], Awaitable[list[str]]]


class ComplaintsTooMany(Refusal):
    status = 429
    code = "TOO_MANY_COMPLAINTS"
    message = f"今天已经举报 {MOST_A_DAY} 次，请明天再来；紧急情况请拨打页面下方的电话"


class CaseAnswered(Conflict):
    code = "CASE_ANSWERED"
    message = "这一条举报刚刚已有答复，请刷新列表"


@dataclass(frozen=True)
class Case:
    """`fresh`: how many reported since the last answer."""

    token: str
    campaign: str
    kind: str
    count: int
    fresh: int
    first_at: float
    last_at: float
    is_open: bool
    answer: str = ""
    answered_by: str = ""
    answered_at: float = 0.0
    upheld: bool = False

    @property
    def view(self) -> dict[str, Any]:
        return {"kind": self.kind, "id": self.token, "count": self.count, "fresh": self.fresh, "first_at": iso(self.first_at),
                "last_at": iso(self.last_at), "open": self.is_open, "answer": self.answer, "answered_by": self.answered_by,
                "answered_at": iso(self.answered_at) if self.answered_at else None, "upheld": self.upheld}


class ComplaintStore:
    """The only code that touches these collections."""

    def __init__(self, mongo: Database, seal: Seal) -> None:
        self._complaints = mongo["complaints"]
        self._cases = mongo["complaint_cases"]
        self._seal = seal

    async def add(self, campaign: str, kind: str, token: str, citizen: int, reason: str, now: float) -> bool:
        """Whether the case is still to count it; False where she reported this before and it is counted."""
        complaint_id = f"{token}:{citizen}"
        try:
            await self._complaints.insert_one({"_id": complaint_id, "campaign": campaign, "kind": kind, "item": token, "citizen": citizen,
                                               "at": now, "sealed": self._seal.close(reason, complaint_id), "uncounted": 1})
        except DuplicateKeyError:
            found = await self._complaints.find_one({"_id": complaint_id}, {"uncounted": 1})
            return found is not None and "uncounted" in found
        return True

    async def count(self, campaign: str, kind: str, token: str, citizen: int, marks: Sequence[str], now: float) -> Case | None:
        """One more on this thing; None where one of these marks is counted."""
        place = f"{campaign}:{int(now * 1000):015d}:{token}"
        unseen: Document = {"_id": token, **{f"by.{mark}": {"$exists": False} for mark in marks}}
        change: Document = {
            "$set": {"campaign": campaign, "kind": kind, "last_at": now, "open": place, "listed": place,
                     **{f"by.{mark}": 1 for mark in marks}},
            "$inc": {"count": 1, "fresh": 1}, "$min": {"first_at": now}}
        try:
            done = await self._cases.update_one(unseen, change, upsert=True)
        except DuplicateKeyError:  # the case was begun in this moment, or has a mark
            done = await self._cases.update_one(unseen, change)
        await self._complaints.update_one({"_id": f"{token}:{citizen}"}, {"$unset": {"uncounted": ""}})
        if done.matched_count == 0 and done.upserted_id is None:
            return None
        found = await self.case(token)
        if found is None:
            raise RuntimeError("a case that was just written is not there")
        return found

    async def case(self, token: str) -> Case | None:
        found = await self._cases.find_one({"_id": token})
        return None if found is None else _case(found)

    async def cases_of(self, tokens: list[str]) -> dict[str, Case]:
        if not tokens:
            return {}
        found = await self._cases.find({"_id": {"$in": tokens}}).limit(len(tokens)).to_list(None)
        return {document["_id"]: _case(document) for document in found}

    async def answer(self, token: str, answer: str, upheld: bool, by: str, now: float) -> bool:
        """False where nothing is open."""
        done = await self._cases.update_one({"_id": token, "open": {"$exists": True}}, {
            "$set": {"answer": answer, "upheld": int(upheld), "answered_by": by, "answered_at": now, "fresh": 0},
            "$unset": {"open": "", "by": ""}})
        return done.matched_count == 1

    async def page(self, campaign: str, answered: bool, cursor: str) -> list[tuple[Case, str]]:
        """Open cases, oldest first; or all of them, newest first. Each with its place."""
        field, prefix = ("listed" if answered else "open"), f"{campaign}:"
        bounds = ({"$gt": prefix, "$lt": prefix + (cursor or ";")} if answered else {"$gt": prefix + cursor, "$lt": f"{campaign};"})
        found = await self._cases.find({field: bounds}).sort(field, -1 if answered else 1).limit(CASES_A_PAGE).to_list(None)
        return [(_case(document), document[field].removeprefix(prefix)) for document in found]

    async def open_count(self, campaign: str, limit: int) -> int:
        found = await self._cases.find({"open": {"$gt": f"{campaign}:", "$lt": f"{campaign};"}}, {"_id": 1}).limit(limit).to_list(None)
        return len(found)

    async def of_item(self, token: str) -> list[Document]:
        """Who they are of is left out."""
        found = await self._complaints.find({"item": token}).limit(SHOWN_OF_A_CASE).to_list(None)
        return sorted(({"at": float(d["at"]), "reason": self._opened(d)} for d in found), key=lambda d: d["at"])

    async def of_citizen(self, citizen: int) -> list[Document]:
        found = await self._complaints.find({"citizen": citizen}).limit(OF_ONE).to_list(None)
        return sorted(({"campaign": d["campaign"], "item": d["item"], "at": float(d["at"]), "reason": self._opened(d)} for d in found),
                      key=lambda d: -d["at"])

    async def merge(self, loser: int, survivor: int) -> None:
        """Of two on one thing the older stays. May be repeated."""
        for lost in await self._complaints.find({"citizen": loser}).limit(OF_ONE).to_list(None):
            moved_id = f"{lost['item']}:{survivor}"
            try:
                sealed = self._seal.close(self._seal.open(bytes(lost["sealed"]), lost["_id"]), moved_id)
                await self._complaints.insert_one({**lost, "_id": moved_id, "citizen": survivor, "sealed": sealed})
            except SealBroken:
                logger.error("a complaint of campaign %s was sealed with another WENMING_SECRET_KEY", lost["campaign"])
                continue
            except DuplicateKeyError:
                logger.info("one person reported one thing under both of her numbers")
            await self._complaints.delete_one({"_id": lost["_id"]})

    async def remove_of(self, citizen: int) -> None:
        await self._complaints.delete_many({"citizen": citizen})

    def _opened(self, document: Document) -> str:
        try:
            return self._seal.open(bytes(document["sealed"]), document["_id"])
        except SealBroken:
            return "（无法读取：用另一个密钥封存）"


class Complaints:
    def __init__(self, store: ComplaintStore, redis: RedisClient, secret_key: bytes, hashes_of: HashesOf) -> None:
        self._store = store
        self._redis = redis
        self._key = derive_key(secret_key, "who reported")
        self._hashes_of = hashes_of

    async def report(self, campaign: str, kind: str, token: str, citizen: int, reason: str, now: float) -> Case:
        """Raises ComplaintsTooMany, Conflict ALREADY_REPORTED."""
        if await self._asked_today(citizen, now) > MOST_A_DAY:
            raise ComplaintsTooMany()
        marks = await self._marks(token, citizen)
        is_new = await self._store.add(campaign, kind, token, citizen, reason, now)
        case = await self._store.count(campaign, kind, token, citizen, marks, now) if is_new else None
        if case is None:
            raise Conflict("ALREADY_REPORTED", "您已经举报过这一条，处理结果可在“我的寄语与举报”里查看")
        return case

    async def _marks(self, token: str, citizen: int) -> list[str]:
        """One for each way in which she is known, so that she is found by whichever is left; who is known by none is her number."""
        known = await self._hashes_of(citizen) or [str(citizen)]
        return [hashlib.blake2b(f"{token}:{one}".encode(), key=self._key, digest_size=MARK_BYTES).hexdigest() for one in known]

    async def _asked_today(self, citizen: int, now: float) -> int:
        key = keys.complaint_asks(citizen, day_of(now))
        try:
            asked = int(await self._redis.incr(key))
            await self._redis.expire(key, keys.COMPLAINT_ASKS_SECONDS)
            return asked
        except (RedisError, OSError, TimeoutError) as error:
            logger.info("reports of a day are not counted: %s", type(error).__name__)
            return 0

    async def answer(self, token: str, answer: str, upheld: bool, by: str, now: float) -> Case:
        """`answer`: as `answer_text` gives it. Raises Conflict CASE_ANSWERED."""
        if not await self._store.answer(token, answer, upheld, by, now):
            raise CaseAnswered()
        found = await self._store.case(token)
        if found is None:
            raise RuntimeError("a case that was just answered is not there")
        return found

    async def settled(self, token: str, upheld: bool, by: str, now: float) -> bool:
        """A reviewer decided on a reported thing: that is an answer too."""
        return await self._store.answer(token, "经复核，已不再公开" if upheld else "经复核，内容可以公开", upheld, by, now)

    async def mine(self, campaign: str, citizen: int) -> list[dict[str, Any]]:
        """What she reported, with the answers that came after."""
        own = [one for one in await self._store.of_citizen(citizen) if one["campaign"] == campaign]
        cases = await self._store.cases_of([one["item"] for one in own])
        views = []
        for one in own:
            case = cases.get(one["item"])
            is_answered = case is not None and case.answered_at >= one["at"]
            views.append({"at": iso(one["at"]), "reason": one["reason"], "answered": is_answered,
                          "answer": case.answer if case is not None and is_answered else "",
                          "upheld": bool(case is not None and is_answered and case.upheld)})
        return views

    async def case(self, token: str) -> Case | None:
        return await self._store.case(token)

    async def cases_of(self, tokens: list[str]) -> dict[str, Case]:
        return await self._store.cases_of(tokens)

    async def page(self, campaign: str, answered: bool, cursor: str) -> tuple[list[Case], str | None]:
        found = await self._store.page(campaign, answered, cursor)
        return [case for case, _ in found], found[-1][1] if len(found) == CASES_A_PAGE else None

    async def open_count(self, campaign: str, limit: int) -> int:
        return await self._store.open_count(campaign, limit)

    async def of_item(self, token: str) -> list[dict[str, Any]]:
        return [{"at": iso(one["at"]), "reason": one["reason"]} for one in await self._store.of_item(token)]

    async def merge(self, loser: int, survivor: int) -> None:
        await self._store.merge(loser, survivor)

    async def remove_of(self, citizen: int, now: float) -> None:
        await self._store.remove_of(citizen)


def answer_text(answer: str) -> str:
    """As it is kept and read. Raises InvalidBody."""
    text = " ".join(answer.split())
    if not 0 < len(text) <= MAX_ANSWER:
        raise InvalidBody("ANSWER_MISSING", f"请写明处理结果，举报人会看到；最长 {MAX_ANSWER} 字", field="answer")
    return text


def _case(document: Document) -> Case:
    return Case(document["_id"], document["campaign"], document["kind"], int(document["count"]), int(document["fresh"]),
                float(document["first_at"]), float(document["last_at"]), "open" in document, document.get("answer", ""),
                document.get("answered_by", ""), float(document.get("answered_at", 0.0)), bool(document.get("upheld", 0)))
