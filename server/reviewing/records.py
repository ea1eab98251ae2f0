"""Source records 来源记录: who wrote a thing and from where, sealed, opened by two people alone.

Owns: `source_records` (`_id` kind:token; nothing in it leads to a person without the secret key) and `source_openings`. Invariants: each
thing that a citizen wrote herself has one, kept before the thing; it is bound to its place; nobody opens it alone: one asks with a reason,
an admin or auditor who is somebody else consents, and what was let is seen by these two, for half an hour; it goes after 180 days.

A deletion of the citizen leaves it until then: 网络安全法 第二十一条 has network logs kept for at least six months, and 个人信息保护法
第四十七条 lets nothing be done with such data but to keep them safe. It holds no words; the thing itself is gone.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec

from server.clock import iso
from server.errors import Conflict, Forbidden, InvalidBody, NotFound
from server.messages import Author
from server.seals import Seal, SealBroken, derive_key
from server.staff import Member
from server.stores import Database, Document, newest_page

State = Literal["waiting", "refused", "lapsed", "open", "expired"]
STATE_NAMES: dict[State, str] = {"waiting": "等待第二人同意", "refused": "未获同意", "lapsed": "逾期未同意", "open": "可以查看",
                                 "expired": "查看期已过"}
KEPT_SECONDS = 180 * 86400
# Long enough to write down what was asked for, too short to be left open.
OPEN_SECONDS, CONSENT_SECONDS = 1800, 7 * 86400
MAX_REASON, MAX_AGENT, MAX_ADDRESS = 200, 300, 64
ITEMS_A_PAGE, TIDY_AT_ONCE = 50, 1_000

# The AppIDs that she is known under, each with the keyed hash of her openid there.
IdentitiesOf = Callable[[int], Awaitable[list[tuple[str, str]]]]


class Source(msgspec.Struct, frozen=True):
    """`digest`: of the text, so that a text at hand can be proved to be the one."""

    citizen: int
    identities: tuple[tuple[str, str], ...]
    address: str
    user_agent: str
    request_id: str
    at: float
    digest: str

    @property
    def view(self) -> dict[str, Any]:
        return {"citizen": self.citizen, "identities": [{"appid": appid, "openid_hash": digest} for appid, digest in self.identities],
                "address": self.address, "user_agent": self.user_agent, "request_id": self.request_id, "at": iso(self.at),
                "digest": self.digest}


class Opening(msgspec.Struct, frozen=True):
    id: str
    campaign: str
    kind: str
    item: str
    reason: str
    asked_by: str
    asked_at: float
    decided: Literal["waiting", "refused", "open"] = "waiting"
    decided_by: str = ""
    decided_at: float = 0.0

    def state(self, now: float) -> State:
        if self.decided == "waiting":
            return "waiting" if now < self.asked_at + CONSENT_SECONDS else "lapsed"
        if self.decided == "open":
            return "open" if now < self.open_until else "expired"
        return "refused"

    @property
    def open_until(self) -> float:
        return self.decided_at + OPEN_SECONDS

    def view(self, now: float) -> dict[str, Any]:
        return {"id": self.id, "campaign": self.campaign, "kind": self.kind, "item": self.item, "reason": self.reason,
                "asked_by": self.asked_by, "asked_at": iso(self.asked_at), "state": self.state(now),
                "state_name": STATE_NAMES[self.state(now)], "decided_by": self.decided_by,
                "decided_at": iso(self.decided_at) if self.decided_at else None,
                "open_until": iso(self.open_until) if self.decided == "open" else None}


class RecordGone(NotFound):
    code = "SOURCE_RECORD_GONE"
    message = "这一条没有来源记录：现成的寄语不留，其余保存 180 天"


class OpeningNotFound(NotFound):
    code = "OPENING_NOT_FOUND"
    message = "没有这次查看申请"


class SecondPersonNeeded(Forbidden):
    code = "SECOND_PERSON_NEEDED"
    message = "查看来源记录须由另一位管理员或审计人员同意，申请人不能自己同意"


class NotOpen(Conflict):
    code = "SOURCE_RECORD_SHUT"
    message = "现在不能查看：要先有另一位管理员或审计人员同意，同意后半小时内由申请人或同意人查看"


class RecordStore:
    """The only code that touches these collections."""

    def __init__(self, mongo: Database, seal: Seal) -> None:
        self._records = mongo["source_records"]
        self._openings = mongo["source_openings"]
        self._seal = seal

    async def keep(self, kind: str, campaign: str, token: str, source: Source) -> None:
        where = f"{kind}:{token}"
        sealed = self._seal.close(msgspec.json.encode(source).decode(), where)
        await self._records.insert_one({"_id": where, "campaign": campaign, "sealed": sealed, "remove_at": source.at + KEPT_SECONDS})

    async def exists(self, kind: str, campaign: str, token: str) -> bool:
        found = await self._records.find_one({"_id": f"{kind}:{token}"}, {"campaign": 1})
        return found is not None and found["campaign"] == campaign

    async def open(self, kind: str, token: str) -> Source | None:
        """Raises SealBroken."""
        found = await self._records.find_one({"_id": f"{kind}:{token}"})
        return None if found is None else msgspec.json.decode(self._seal.open(bytes(found["sealed"]), found["_id"]), type=Source)

    async def drop(self, kind: str, token: str) -> None:
        """Of what never came to be."""
        await self._records.delete_one({"_id": f"{kind}:{token}"})

    async def tidy(self, now: float) -> int:
        old = await self._records.find({"remove_at": {"$lte": now}}, {"_id": 1}).limit(TIDY_AT_ONCE).to_list(None)
        if old:
            await self._records.delete_many({"_id": {"$in": [document["_id"] for document in old]}})
        return len(old)

    # Openings

    async def ask(self, opening: Opening) -> None:
        fields = {name: value for name, value in msgspec.to_builtins(opening).items() if name != "id"}
        await self._openings.insert_one({"_id": opening.id, **fields,
                                         "listed": f"{opening.campaign}:{int(opening.asked_at * 1000):015d}:{opening.id}"})

    async def find(self, opening_id: str) -> Opening | None:
        found = await self._openings.find_one({"_id": opening_id})
        return None if found is None else _opening(found)

    async def decide(self, opening_id: str, decided: str, by: str, now: float) -> bool:
        """False where somebody decided before."""
        changed = await self._openings.update_one({"_id": opening_id, "decided": "waiting"},
                                                  {"$set": {"decided": decided, "decided_by": by, "decided_at": now}})
        return changed.matched_count == 1

    async def page(self, campaign: str, before: str) -> list[Opening]:
        found, _ = await newest_page(self._openings, f"{campaign}:", before, ITEMS_A_PAGE)
        return [_opening(document) for document in found]

    async def of_item(self, item: str) -> list[Opening]:
        found = await self._openings.find({"item": item}).limit(ITEMS_A_PAGE).to_list(None)
        return sorted((_opening(document) for document in found), key=lambda opening: -opening.asked_at)


class Records:
    def __init__(self, store: RecordStore, secret_key: bytes, identities_of: IdentitiesOf) -> None:
        self._store = store
        self._key = derive_key(secret_key, "digest of a text")
        self._identities_of = identities_of

    async def keep(self, kind: str, campaign: str, token: str, text: str, citizen: int, author: Author, now: float) -> None:
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
        identities = tuple(await self._identities_of(citizen))
        await self._store.keep(kind, campaign, token, Source(citizen, identities, author.address[:MAX_ADDRESS],
                                                             author.user_agent[:MAX_AGENT], author.request_id, now, digest))

    async def drop(self, kind: str, token: str) -> None:
        await self._store.drop(kind, token)

    async def ask(self, campaign: str, kind: str, token: str, reason: str, by: str, now: float) -> Opening:
        """Raises InvalidBody, RecordGone."""
        text = " ".join(reason.split())
        if not 0 < len(text) <= MAX_REASON:
            raise InvalidBody("REASON_MISSING", f"请写明为什么要查看来源记录，最长 {MAX_REASON} 字", field="reason")
        if not await self._store.exists(kind, campaign, token):
            raise RecordGone()
        opening = Opening(secrets.token_hex(8), campaign, kind, token, text, by, now)
        await self._store.ask(opening)
        return opening

    async def decide(self, opening_id: str, member: Member, consents: bool, now: float) -> Opening:
        """Raises OpeningNotFound, SecondPersonNeeded, Conflict OPENING_DECIDED."""
        opening = await self.find(opening_id)
        if member.role not in ("admin", "auditor") or member.name == opening.asked_by:
            raise SecondPersonNeeded()
        is_first = opening.state(now) == "waiting" and await self._store.decide(
            opening_id, "open" if consents else "refused", member.name, now)
        decided = await self.find(opening_id)
        if not is_first:
            raise Conflict("OPENING_DECIDED", f"这次申请已经是“{STATE_NAMES[decided.state(now)]}”，请刷新列表")
        return decided

    async def find(self, opening_id: str) -> Opening:
        found = await self._store.find(opening_id)
        if found is None:
            raise OpeningNotFound()
        return found

    async def open(self, opening: Opening, member: Member, now: float) -> Source:
        """What was let, for the two who let it. Raises NotOpen, RecordGone."""
        if opening.state(now) != "open" or member.name not in (opening.asked_by, opening.decided_by):
            raise NotOpen()
        try:
            found = await self._store.open(opening.kind, opening.item)
        except SealBroken as error:
            raise RecordGone("SOURCE_RECORD_SEALED", "来源记录是用另一个 WENMING_SECRET_KEY 封存的，请恢复原来的密钥") from error
        if found is None:
            raise RecordGone()
        return found

    async def opened_for(self, item: str, member: Member, now: float) -> Source | None:
        """The record, where it is open for this member now."""
        for opening in await self._store.of_item(item):
            if opening.state(now) == "open" and member.name in (opening.asked_by, opening.decided_by):
                return await self.open(opening, member, now)
        return None

    async def openings_of(self, item: str) -> list[Opening]:
        return await self._store.of_item(item)

    async def page(self, campaign: str, cursor: str) -> tuple[list[Opening], str | None]:
        found = await self._store.page(campaign, cursor)
        return found, f"{int(found[-1].asked_at * 1000):015d}:{found[-1].id}" if len(found) == ITEMS_A_PAGE else None

    async def tidy(self, now: float) -> int:
        """Remove records that are 180 days old."""
        return await self._store.tidy(now)


def _opening(document: Document) -> Opening:
    return Opening(document["_id"], **{name: document[name] for name in Opening.__struct_fields__ if name != "id"})
