"""The way out: due notices are claimed, sent at a bounded rate, and settled by what the platform says.

Failure policy, by the platform's answer: 43101 clears the grant; 47003 and its like are never tried again; what passes is tried again
(server/wechat/errors.py: pause_seconds); no answer at all is uncertain, unless the platform itself knows repeats of this kind (a template
message's client_msg_id) and still remembers the first; an answer that is not believed is uncertain. Whatever did not reach the platform
gives its grant back, and waits where there was no connection or no token to ask with.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from hashlib import blake2b

from server.citizens import OpenidOf
from server.clock import Clock
from server.metrics import Metrics
from server.notices.notice import Batch, Notice, NumbersOf, State, fitted
from server.notices.store import REPORTS_KEPT_SECONDS, SPENT_KEPT_SECONDS, GrantStore, NoticeStore
from server.wechat.client import Client
from server.wechat.errors import AnswerUntrusted, PlatformBusy, PlatformNotAsked, WeChatError, may_have_arrived, pause_seconds

logger = logging.getLogger(__name__)

# Longer than any call with its token (twice 4 s and a renewal), far shorter than an hour's wait for an operator.
CLAIM_SECONDS = 60.0
# Claimed at once: five seconds of work, which a kill leaves to be looked at again.
AT_ONCE = 250
# On their way at once; the platform answers in 100 ms, so that 16 are more than the rate below.
CONNECTIONS = 16
# 14,000 in under three minutes; the platform's own limit of a minute is higher, and not the same for every account.
PER_SECOND = 100.0
# A busy platform is tried at 2, 4, 8, 16 and 32 s.
MOST_TRIES = 6
# The platform knows a client_msg_id for ten minutes from the first try; a claim's length of that is for this try to arrive.
NAMED_SECONDS = 600.0 - CLAIM_SECONDS
# What is swept out is a few documents; it may lie some minutes longer.
TIDY_EVERY_SECONDS = 600.0
REFUSED = 43101


class NoticeSender:
    """`clients`: by appid. `openid_of(citizen, appid)`: where she is on that account. `numbers_of(citizen)`: the number that counts for
    her, and those merged into it."""

    def __init__(self, notices: NoticeStore, grants: GrantStore, clients: Mapping[str, Client], openid_of: OpenidOf, numbers_of: NumbersOf,
                 metrics: Metrics, clock: Clock, *, per_second: float = PER_SECOND) -> None:
        self._notices = notices
        self._grants = grants
        self._clients = clients
        self._openid_of = openid_of
        self._numbers_of = numbers_of
        self._metrics = metrics
        self._clock = clock
        self._per_second = per_second
        self._batches: dict[str, Batch] = {}
        self._tidied_at = 0.0

    async def tick(self, now: float) -> int:
        """Send what is due, until nothing is; how many were looked at."""
        if now >= self._tidied_at + TIDY_EVERY_SECONDS:
            await self._notices.forget_reports(now - REPORTS_KEPT_SECONDS)
            await self._grants.forget_spent(now - SPENT_KEPT_SECONDS)
            self._tidied_at = now
        looked_at, at_once = 0, asyncio.Semaphore(CONNECTIONS)

        async def one(notice: Notice) -> None:
            try:
                await self._one(notice)
            finally:
                at_once.release()

        while due := await self._notices.due(self._clock(), AT_ONCE):
            on_their_way = []
            for notice in due:
                await at_once.acquire()
                on_their_way.append(asyncio.create_task(one(notice)))
                await asyncio.sleep(1 / self._per_second)
            for failure in await asyncio.gather(*on_their_way, return_exceptions=True):
                if isinstance(failure, BaseException):
                    raise failure  # a store's outage or a bug: the job logs it, and the claims run out
            looked_at += len(due)
        return looked_at

    async def _one(self, notice: Notice) -> None:
        now = self._clock()
        batch = await self._batch(notice.batch)
        if await self._united(notice, now) or not await self._notices.claim(notice, now, now + CLAIM_SECONDS):
            return
        if batch is None:
            await self._end(notice, "failed")
        elif notice.tried_at and (batch.kind != "template" or now - notice.tried_at >= NAMED_SECONDS):
            # Its sender died, or got no answer, and nobody knows before or after; and the platform would take this for another message.
            await self._end(notice, "uncertain")
        else:
            await self._send(notice, batch, now)

    async def _united(self, notice: Notice, now: float) -> bool:
        """Whether it stands differently now: of a batch she gets one under all her numbers, and it goes on under the one that counts."""
        counts, *merged = self._numbers_of(notice.citizen)
        if notice.citizen != counts:
            if notice.state == "queued":
                await self._notices.unite(notice.batch, notice.citizen, counts, now)
            return notice.state == "queued"
        return any([await self._notices.unite(notice.batch, number, counts, now) for number in merged])

    async def _send(self, notice: Notice, batch: Batch, now: float) -> None:
        client, openid = self._clients.get(batch.appid), await self._openid_of(notice.citizen, batch.appid)
        if client is None or openid is None:
            await self._end(notice, "failed")
            return
        needs_grant = batch.kind != "template"
        if needs_grant and not await self._take(batch, notice.citizen, now):
            await self._end(notice, "no_grant")
            return
        try:
            msg_id = await client.notify(batch.kind, openid, batch.template_id, fitted(batch), batch.page, client_msg_id(notice))
        except WeChatError as error:
            await self._failed(notice, batch, error, now, needs_grant)
            return
        self._metrics.record("notices_settled_total", "sent")
        await self._notices.settle(notice.id, "sent", msg_id=f"{batch.appid}:{msg_id}")

    async def _take(self, batch: Batch, citizen: int, now: float) -> bool:
        for number in self._numbers_of(citizen):
            if await self._grants.take(batch.appid, batch.template_id, number, now):
                return True
        return False

    async def _give_back(self, batch: Batch, citizen: int) -> None:
        for number in self._numbers_of(citizen):
            if await self._grants.give_back(batch.appid, batch.template_id, number):
                return

    async def _failed(self, notice: Notice, batch: Batch, error: WeChatError, now: float, needs_grant: bool) -> None:
        if error.errcode == REFUSED:
            for number in self._numbers_of(notice.citizen):
                await self._grants.clear(batch.appid, batch.template_id, number, now)
            await self._end(notice, "refused", error.errcode)
            return
        arrived_perhaps = may_have_arrived(error)
        if arrived_perhaps and (needs_grant or isinstance(error, AnswerUntrusted)):
            await self._end(notice, "uncertain")
            return
        if needs_grant:
            await self._give_back(batch, notice.citizen)
        pause = pause_seconds(error, notice.tries)
        # Where nobody could be asked it waits until somebody can, as for settings that are wrong.
        is_last = isinstance(error, PlatformBusy) and not isinstance(error, PlatformNotAsked) and notice.tries + 1 >= MOST_TRIES
        if pause is None or is_last:
            await self._end(notice, "uncertain" if arrived_perhaps or notice.tried_at else "failed", error.errcode)
        else:
            self._metrics.record("notices_settled_total", "postponed")
            await self._notices.postpone(notice, now + pause, arrived_perhaps=arrived_perhaps)

    async def _end(self, notice: Notice, state: State, errcode: int = 0) -> None:
        self._metrics.record("notices_settled_total", state)
        await self._notices.settle(notice.id, state, errcode=errcode)

    async def _batch(self, batch_id: str) -> Batch | None:
        if batch_id not in self._batches:
            found = await self._notices.batch(batch_id)
            if found is None:
                return None
            if len(self._batches) >= AT_ONCE:
                self._batches.clear()
            self._batches[batch_id] = found
        return self._batches[batch_id]


def client_msg_id(notice: Notice) -> str:
    """A name by which the platform knows a repeat of this notice; it tells nobody whose it is."""
    return blake2b((notice.name or notice.id).encode(), digest_size=16).hexdigest()
