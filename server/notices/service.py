"""What others ask of notices: keep a batch, look at it, learn what citizens allow and what became of what was sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from msgspec import structs

from server.errors import Conflict
from server.notices.notice import Batch, BatchNotFound, NumbersOf, Progress, at_home, check
from server.notices.store import GrantStore, NoticeStore
from server.shared_reads import SharedReads
from server.wechat.details import Delivery, Grants
from server.wechat.messages import InboundMessage

Identify = Callable[[str, str, str | None, float], Awaitable[int]]


class Notices:
    """`identify(appid, openid, unionid, now)` gives a citizen's number; `numbers_of(citizen)` that and those merged into it."""

    def __init__(self, notices: NoticeStore, grants: GrantStore, identify: Identify, numbers_of: NumbersOf,
                 base_url: Callable[[], str] = str) -> None:
        self._notices = notices
        self._grants = grants
        self._identify = identify
        self._numbers_of = numbers_of
        self._counts: SharedReads[Progress] = SharedReads()
        self._base_url = base_url

    def check(self, batch: Batch) -> None:
        """Raises InvalidBody for what the platform would not take."""
        check(at_home(batch, self._base_url()), self._base_url())

    async def keep(self, batch: Batch, citizens: Sequence[int] | None, now: float) -> int:
        """Keep one for each of `citizens`, or for everybody who allowed this template; returns how many. They go out by the job.

        The same batch again adds whoever is new. Raises InvalidBody, Conflict BATCH_DIFFERS where this id said something else.
        """
        batch = structs.replace(at_home(batch, self._base_url()), created_at=now)
        check(batch, self._base_url())
        if not await self._notices.create_batch(batch):
            kept = await self._notices.batch(batch.id)
            if kept is None or structs.replace(kept, by=batch.by, created_at=now) != batch:
                raise Conflict("BATCH_DIFFERS", "这个批次号已用于另一批通知", field="id")
        if citizens is not None:
            return await self._notices.enqueue(batch.id, self._counting(citizens), now)
        new, after = 0, ""
        while True:  # a kill in between leaves the rest to the same request again
            holders, next_page = await self._grants.holders(batch.appid, batch.template_id, after)
            new += await self._notices.enqueue(batch.id, self._counting(holders), now)
            if next_page is None:
                return new
            after = next_page

    def _counting(self, citizens: Sequence[int]) -> list[int]:
        """The numbers that count for them, each once."""
        return sorted({self._numbers_of(citizen)[0] for citizen in citizens})

    async def page(self, cursor: str) -> tuple[list[Batch], str | None]:
        """The batches, the newest first, and where the next page begins."""
        return await self._notices.batches(cursor)

    async def view(self, batch_id: str) -> tuple[Batch, Progress]:
        """A batch, and how far its notices are; counted once for all who look at it meanwhile. Raises BatchNotFound."""
        batch = await self._notices.batch(batch_id)
        if batch is None:
            raise BatchNotFound()
        return batch, await self._counts.get(batch_id, lambda: self._notices.counts(batch_id), lambda _: None)

    async def learn_grants(self, message: InboundMessage, now: float) -> None:
        """She answered a question, or changed her mind; or the platform tells what became of a notice."""
        if not isinstance(message.details, Grants):
            return
        for line in message.details.lines:
            if message.details.change == "sent":
                await self._reported(message.appid, line.msg_id, not line.error_code, line.error_code, now)
                continue
            citizen = await self._identify(message.appid, message.openid, None, now)
            if line.status == "accept" and message.details.change == "popup":
                # A kill between two lines has the whole event come again; she answers one question at a time.
                await self._grants.add(message.appid, line.template_id, citizen, str(message.created_at))
            elif line.status == "reject":
                for number in self._numbers_of(citizen):
                    await self._grants.clear(message.appid, line.template_id, number, now)

    async def learn_delivery(self, message: InboundMessage, now: float) -> None:
        """What became of a template message."""
        if isinstance(message.details, Delivery):
            await self._reported(message.appid, message.details.msg_id, message.details.status == "success", 0, now)

    async def _reported(self, appid: str, msg_id: str, arrived: bool, errcode: int, now: float) -> None:
        if msg_id:
            await self._notices.reported(f"{appid}:{msg_id}", arrived, errcode, now)

    async def remove_of(self, citizen: int, now: float) -> None:
        """Her deletion takes her notices and grants away."""
        await self._notices.remove_of(citizen, now)
        await self._grants.remove_of(citizen, now)
