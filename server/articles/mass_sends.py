"""Mass sends 群发: a draft goes to all followers or to those of a tag, once, after a second person confirmed it.

Invariants: whoever wrote in a draft does not confirm it, and who confirms repeats its title and a digest of what she saw, which is what
the platform holds when nobody can change it any more; a draft is sent under one clientmsgid that follows from it, so that whatever is
repeated or killed, the platform sends it once; the request is kept before it is made.
Failure policy: without an answer the job repeats the request under the same clientmsgid, within the time for which the platform
remembers that name; after that a person has to look.
"""

from __future__ import annotations

import logging
from datetime import datetime
from hashlib import blake2b
from typing import Any

from server.articles.article import Confirmed, DraftChanged, DraftInUse, MassSend, MassSendNotFound, State, digest_of
from server.articles.drafts import Drafts
from server.articles.records import ITEMS_A_PAGE, RecordStore, settled
from server.citizens import OpenidOf
from server.clock import day_bounds, day_of, shanghai
from server.digits import whole
from server.errors import Conflict, Forbidden, InvalidBody, WenmingError
from server.followers.record import FollowerNotFound
from server.stores import Document, PyMongoError
from server.wechat.client import Client
from server.wechat.details import MassDelivery
from server.wechat.errors import PASSING, AlreadySent, AnswerUntrusted, NeverRetry, NotPermitted, WeChatError

logger = logging.getLogger(__name__)

# The platform takes a repeat of one clientmsgid after a minute (45066) and remembers it for 24 h; half of that is safe from both clocks.
REPEAT_SECONDS, REMEMBERED_SECONDS = 90.0, 12 * 3600.0
# The event comes within minutes, or after the half hour that an account's administrator has to agree.
FIRST_LOOK_SECONDS, LATER_LOOK_SECONDS = 600.0, 1800.0
# After this a person has to look.
LOOK_FOR_SECONDS = 3 * 86400.0
# [Batch_Sends_and_Originality_Checks.html] By kind of account, of which the interface tells us nothing, so both are shown.
SERVICE_ACCOUNT_A_MONTH, SUBSCRIPTION_ACCOUNT_A_DAY = 4, 1
OPEN: tuple[State, ...] = ("sending", "accepted")
# It may have been taken, or will be when something has passed; the clientmsgid makes a repeat safe also where an answer was not believed.
# A spent quota is a refusal: a day later is a person's decision.
LATER = (*PASSING, AnswerUntrusted)
# msg_status of message/mass/get.
STATUSES: dict[str, tuple[State, str]] = {
    "SEND_SUCCESS": ("sent", "sendsuccess"), "SEND_FAIL": ("failed", "sendfail"), "DELETE": ("deleted", "")}

# Asked again within a minute of a try whose answer was lost.
ASKED_TOO_SOON = 45066
# Of 64 bits.
MAX_MSG_ID_DIGITS = 20


def fields_of(told: MassDelivery) -> Document:
    """What the event says, as fields of a mass send."""
    status = told.status.replace(" ", "").lower()
    return {"state": "sent" if status == "sendsuccess" else "failed", "status": status, "total": told.total, "sent": told.sent,
            "failed": told.failed, "urls": list(told.article_urls)}


class FourEyes(Forbidden):
    code = "FOUR_EYES"
    message = "写过这篇草稿的人不能自己确认群发，请另一位审核员或管理员确认"


class MassSends:
    """The mass sends of one account. `openid_of(citizen, appid)`: where a preview goes."""

    def __init__(self, store: RecordStore[MassSend], drafts: Drafts, client: Client, openid_of: OpenidOf) -> None:
        self._store = store
        self._drafts = drafts
        self._client = client
        self._openid_of = openid_of
        drafts.ask_before_freeing("mass", self._begun)

    async def preview(self, media_id: str, citizen: int) -> None:
        """Show a draft to one follower, as all would see it. Raises DraftNotFound, FollowerNotFound, WeChatError."""
        await self._drafts.find(media_id)
        openid = await self._openid_of(citizen, self._client.appid)
        if openid is None:
            raise FollowerNotFound()
        try:
            await self._client.call("post", "cgi-bin/message/mass/preview", {
                "touser": openid, "mpnews": {"media_id": media_id}, "msgtype": "mpnews"})
        except NotPermitted:
            raise
        except NeverRetry:  # she left, or never followed
            raise FollowerNotFound() from None

    async def send(self, media_id: str, confirmed: Confirmed, by: str, now: float) -> MassSend:
        """Send a draft as `by` confirmed it, once; asked again it tells how far that is.

        Raises DraftNotFound, DraftChanged, DraftInUse, FourEyes, InvalidBody TITLE_DIFFERS, Conflict MASS_SEND_DIFFERS, WeChatError.
        """
        if by in (await self._drafts.find(media_id)).writers:
            raise FourEyes()
        if (known := await self._begun(media_id)) is not None:
            return _same(known, confirmed)
        try:
            claimed = await self._drafts.claim(media_id, confirmed.rev, "mass", now, over=("",))
        except DraftInUse:
            return _same(await self._drafts.begun_by_another(media_id, "mass", self._begun), confirmed)
        wanted = MassSend(self._client.appid, media_id, confirmed.title, by, now, "sending", confirmed.rev, tag_id=confirmed.tag_id)
        try:
            if by in claimed.writers:  # since the first look; from here on nobody writes in it
                raise FourEyes()
            await self._check_held(media_id, confirmed)
            is_ours = await self._store.begin(wanted, now + REPEAT_SECONDS)
        except (WenmingError, PyMongoError):
            await self._drafts.release(media_id, confirmed.rev, "mass")
            raise
        if not is_ours:  # the one before is being marked as refused in this moment
            await self._drafts.release(media_id, confirmed.rev, "mass")
            return _same(await self.find(media_id), confirmed)
        return await self._ask(wanted, now, repeated=False)

    async def _check_held(self, media_id: str, confirmed: Confirmed) -> None:
        """What the platform holds is what she saw. Raises DraftNotFound, DraftChanged, InvalidBody TITLE_DIFFERS, WeChatError."""
        held = await self._drafts.held(media_id)
        if not held or str(held[0].get("title", "")) != confirmed.title:
            raise _title_differs()
        if digest_of(held) != confirmed.digest:
            raise DraftChanged()

    async def _begun(self, media_id: str) -> MassSend | None:
        return await self._store.begun(self._client.appid, media_id)

    async def find(self, media_id: str) -> MassSend:
        """Raises MassSendNotFound."""
        found = await self._store.find(self._client.appid, media_id)
        if found is None:
            raise MassSendNotFound()
        return found

    async def page(self, cursor: str) -> tuple[list[MassSend], str | None]:
        """The newest first, and where the next page begins."""
        found = await self._store.page(self._client.appid, cursor)
        return [one for one, _ in found], found[-1][1] if len(found) == ITEMS_A_PAGE else None

    async def delete(self, media_id: str) -> MassSend:
        """Take it back: whoever opens it reads that it was deleted. Raises MassSendNotFound, Conflict NOT_SENT, WeChatError."""
        found = await self.find(media_id)
        if found.state == "deleted":
            return found
        if not found.msg_id:
            raise Conflict("NOT_SENT", "这次群发没有发出，不需要删除")
        await self._client.call("post", "cgi-bin/message/mass/delete", {"msg_id": _number(found.msg_id)}, may_repeat=True)
        await self._store.change(found, {"state": "deleted"})
        return settled({"state": "deleted"}, found)

    async def quota(self, now: float) -> dict[str, Any]:
        """How many were sent from here this month and today, by Shanghai's calendar, and what is left to either kind of account."""
        month_start = datetime(shanghai(now).year, shanghai(now).month, 1, tzinfo=shanghai(now).tzinfo).timestamp()
        day_start = day_bounds(day_of(now))[0]
        counted = [one for one in await self._store.since(self._client.appid, month_start) if one.state not in ("refused", "failed")]
        today = sum(one.at >= day_start for one in counted)
        return {"this_month": len(counted), "today": today, "kinds": [
            {"kind": "service", "name": "服务号", "period": "month", "most": SERVICE_ACCOUNT_A_MONTH,
             "left": max(0, SERVICE_ACCOUNT_A_MONTH - len(counted))},
            {"kind": "subscription", "name": "订阅号", "period": "day", "most": SUBSCRIPTION_ACCOUNT_A_DAY,
             "left": max(0, SUBSCRIPTION_ACCOUNT_A_DAY - today)}]}

    async def look(self, now: float) -> int:
        """Repeat what got no answer, and ask about what no event told of; how many were looked at."""
        due = await self._store.claim_due(self._client.appid, now, now + LATER_LOOK_SECONDS)
        for one in due:
            try:
                if one.msg_id:
                    await self._look_at(one)
                elif not await self._drafts.has(one.media_id, one.rev, "mass"):  # it may say something else by now
                    await self._store.change(one, {"state": "uncertain"}, only_in=("sending",))
                elif now - one.at < REMEMBERED_SECONDS:
                    await self._ask(one, now, repeated=True)
            except WeChatError as error:
                logger.warning("a mass send cannot be looked at: %s", error.code)
            if now - one.at >= (LOOK_FOR_SECONDS if one.msg_id else REMEMBERED_SECONDS):
                await self._store.change(one, {"state": "uncertain"}, only_in=OPEN)
        return len(due)

    async def _ask(self, wanted: MassSend, now: float, *, repeated: bool) -> MassSend:
        """Ask, or ask again under the same name, and keep what the platform said."""
        audience: dict[str, Any] = {"is_to_all": False, "tag_id": wanted.tag_id} if wanted.tag_id else {"is_to_all": True}
        try:
            answer = await self._client.call("post", "cgi-bin/message/mass/sendall", {
                "filter": audience, "mpnews": {"media_id": wanted.media_id}, "msgtype": "mpnews", "send_ignore_reprint": 0,
                "clientmsgid": client_msg_id(wanted)})
            msg_id = str(answer.get("msg_id") or "")
        except AlreadySent as error:  # an earlier request of ours arrived
            msg_id = error.msg_id
        except WeChatError as error:
            if isinstance(error, LATER) or error.errcode == ASKED_TOO_SOON:
                # It may have been taken: the job asks again under the same name.
                await self._store.change(wanted, {}, due=now + REPEAT_SECONDS, only_in=("sending",))
                return wanted
            if repeated:  # a draft that is gone, a spent quota: that may be the work of our first request
                await self._store.change(wanted, {"state": "uncertain", "errcode": error.errcode}, only_in=("sending",))
            else:
                # In this order: whoever asks anew then has a claim of her own, which this does not end.
                await self._drafts.release(wanted.media_id, wanted.rev, "mass")
                await self._store.change(wanted, {"state": "refused", "errcode": error.errcode}, only_in=("sending",))
            raise
        if not msg_id:
            return wanted
        fields: Document = {"state": "accepted", "msg_id": msg_id}
        report = await self._store.name(wanted, msg_id, fields, now + FIRST_LOOK_SECONDS)
        if report:  # the event was faster than this answer
            await self._store.change(wanted, report)
        return settled(fields | (report or {}), wanted)

    async def _look_at(self, one: MassSend) -> None:
        answer = await self._client.call("post", "cgi-bin/message/mass/get", {"msg_id": one.msg_id}, may_repeat=True)
        told = STATUSES.get(str(answer.get("msg_status", "")))
        if told is not None:
            await self._store.change(one, {"state": told[0], "status": told[1]}, only_in=OPEN)


def client_msg_id(wanted: MassSend) -> str:
    """The name by which the platform knows a repeat; 64 bytes at most."""
    return blake2b(f"{wanted.appid}:{wanted.media_id}".encode(), digest_size=16).hexdigest()


def _same(known: MassSend, confirmed: Confirmed) -> MassSend:
    if known.title != confirmed.title:
        raise _title_differs()
    if known.tag_id != confirmed.tag_id:
        raise Conflict("MASS_SEND_DIFFERS", "这篇草稿已群发给另一些人")
    return known


def _title_differs() -> InvalidBody:
    return InvalidBody("TITLE_DIFFERS", "输入的标题与草稿不一致，请核对后再确认", field="title")


def _number(msg_id: str) -> int | str:
    number = whole(msg_id, MAX_MSG_ID_DIGITS)
    return msg_id if number is None else number
