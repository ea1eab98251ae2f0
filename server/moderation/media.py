"""Pictures and sound: asked of the platform by address, judged by an event within half an hour (media_check_async, version 2).

Owns: `media_checks` (`_id` AppID:trace_id). Does not own: the pictures; whoever does is told each verdict once by `on_verdict`.
Invariants: a check is waiting until one event, or the end of the half hour, settles it; an event that comes after that still counts,
because a picture that turns out to be risky must not stay; nothing of a picture is kept here, not even its address; a verdict is told at
least once, whatever is killed, and `on_verdict` bears to be told again; an event may come before the answer that names its check.

Failure policy: `ask` fails to its caller, who leaves the picture to people; so do `failed` (the platform could not fetch it) and `expired`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Literal

import msgspec

from server.citizens import OpenidOf
from server.metrics import Metrics
from server.stores import Database, Document, DuplicateKeyError
from server.wechat.client import Client
from server.wechat.details import MediaChecked
from server.wechat.errors import NotVisited
from server.wechat.messages import InboundMessage
from server.wechat.security import FORUM, MediaKind, check_media, label_of, suggestion_of

# waiting -> pass | review | risky | failed, or expired, which a late event still turns into one of them.
State = Literal["waiting", "pass", "review", "risky", "failed", "expired"]

# The platform promises its event within this.
EVENT_SECONDS = 30 * 60.0
# Who was telling a verdict and died is followed by the job after this; a hook is a write or two.
TELLING_SECONDS = 60.0
# Settled ones are for questions about a picture of last month.
KEPT_SECONDS = 30 * 86400.0
AT_ONCE = 100

OnVerdict = Callable[["MediaCheck"], Awaitable[None]]


class MediaCheck(msgspec.Struct, frozen=True):
    """`subject` is its owner's own name for what is checked; `label` why, in a word for people; `settled_at` 0 while it waits."""

    id: str
    subject: str
    citizen: int
    kind: MediaKind
    state: State
    label: str = ""
    asked_at: float = 0.0
    settled_at: float = 0.0


class MediaCheckStore:
    """The only code that touches `media_checks`; each method one atomic step."""

    def __init__(self, mongo: Database) -> None:
        self._checks = mongo["media_checks"]

    async def add(self, check: MediaCheck, due: float) -> MediaCheck:
        """Keep a check that was asked for; where its event came first, it has that verdict."""
        fields: Document = {name: value for name, value in msgspec.to_builtins(check).items() if name != "id"}
        try:
            await self._checks.insert_one({"_id": check.id, **fields, "due": due})
            return check
        except DuplicateKeyError:
            known: Document = {name: fields[name] for name in ("subject", "citizen", "kind", "asked_at")}
            await self._checks.update_one({"_id": check.id}, {"$set": known | {"due": due}})
            return await self.find(check.id) or check

    async def find(self, check_id: str) -> MediaCheck | None:
        found = await self._checks.find_one({"_id": check_id})
        return None if found is None or "subject" not in found else _check(found)

    async def settle(self, check_id: str, state: State, label: str, now: float, due: float, *, unknown_until: float) -> MediaCheck | None:
        """Give it its verdict; the check, where it is ours and had none. One whose check is not known yet is kept until `unknown_until`."""
        verdict: Document = {"state": state, "label": label, "settled_at": now}
        changed = await self._checks.update_one({"_id": check_id, "state": {"$in": ["waiting", "expired"]}},
                                                {"$set": verdict | {"due": due}, "$unset": {"told": ""}})
        if changed.matched_count:
            return await self.find(check_id)
        with suppress(DuplicateKeyError):  # then it has its verdict
            await self._checks.insert_one({"_id": check_id, **verdict, "due": unknown_until})
        return None

    async def due(self, now: float, limit: int) -> list[Document]:
        return await self._checks.find({"due": {"$lte": now}}).sort("due", 1).limit(limit).to_list(None)

    async def take(self, document: Document, due: float, changes: Document) -> MediaCheck | None:
        """The check, with `changes`, where nobody else has it; nobody has until `due`."""
        taken = await self._checks.update_one({"_id": document["_id"], "due": document["due"]}, {"$set": {"due": due, **changes}})
        return _check({**document, **changes}) if taken.matched_count else None

    async def told(self, check: MediaCheck, due: float) -> None:
        """Its owner knows this verdict."""
        await self._checks.update_one({"_id": check.id, "state": check.state}, {"$set": {"told": 1, "due": due}})

    async def remove(self, document: Document) -> None:
        await self._checks.delete_one({"_id": document["_id"], "due": document["due"]})

    async def remove_of(self, citizen: int) -> None:
        await self._checks.delete_many({"citizen": citizen})


class MediaChecks:
    """`clients`: of the mini-programs, by AppID. `openid_of(citizen, appid)`: where she is on that one."""

    def __init__(self, store: MediaCheckStore, clients: Mapping[str, Client], openid_of: OpenidOf, metrics: Metrics) -> None:
        self._store = store
        self._clients = clients
        self._openid_of = openid_of
        self._metrics = metrics
        self.on_verdict: OnVerdict = _nobody

    async def ask(self, appid: str, citizen: int, kind: MediaKind, url: str, subject: str, now: float) -> MediaCheck:
        """Have the platform look at what stands at a public address of at most 10 MB, as hers. Raises NotVisited, else WeChatError."""
        client = self._clients.get(appid)
        openid = None if client is None else await self._openid_of(citizen, appid)
        if client is None or openid is None:
            raise NotVisited()
        trace_id = await check_media(client, openid, FORUM, kind, url)
        asked = MediaCheck(f"{appid}:{trace_id}", subject, citizen, kind, "waiting", asked_at=now)
        check = await self._store.add(asked, now + EVENT_SECONDS)
        if check.state != "waiting":
            self._metrics.record("media_checks_settled_total", check.state)
            await self._tell(check, now)
        return check

    async def find(self, check_id: str) -> MediaCheck | None:
        return await self._store.find(check_id)

    async def learn(self, message: InboundMessage, now: float) -> None:
        """The platform's event: one effect, however often it comes."""
        told = message.details
        if not isinstance(told, MediaChecked) or not told.trace_id:
            return
        state: State = "failed" if told.errcode else suggestion_of(told.suggest)
        check = await self._store.settle(f"{message.appid}:{told.trace_id}", state, "" if told.errcode else label_of(told.label), now,
                                         now + TELLING_SECONDS, unknown_until=now + EVENT_SECONDS)
        if check is not None:
            self._metrics.record("media_checks_settled_total", check.state)
            await self._tell(check, now)

    async def tick(self, now: float) -> int:
        """Let those go whose event did not come, tell what was not told, drop what is old; how many were looked at."""
        due = await self._store.due(now, AT_ONCE)
        for document in due:
            if "subject" not in document or document.get("told"):
                await self._store.remove(document)  # somebody else's check under this AppID, or an old one
                continue
            expired = document["state"] == "waiting"
            check = await self._store.take(document, now + TELLING_SECONDS, {"state": "expired", "settled_at": now} if expired else {})
            if check is not None:
                if expired:
                    self._metrics.record("media_checks_settled_total", "expired")
                await self._tell(check, now)
        return len(due)

    async def remove_of(self, citizen: int, now: float) -> None:
        """Her deletion takes hers away; an event that still comes finds nothing."""
        await self._store.remove_of(citizen)

    async def _tell(self, check: MediaCheck, now: float) -> None:
        await self.on_verdict(check)
        await self._store.told(check, now + KEPT_SECONDS)


async def _nobody(check: MediaCheck) -> None:
    """No part of the product keeps citizens' pictures."""


def _check(document: Document) -> MediaCheck:
    return msgspec.convert({"id": document["_id"], **document}, MediaCheck)
