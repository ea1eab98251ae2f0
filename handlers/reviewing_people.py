"""What concerns people: bans from writing, reports of citizens and their answers, source records, an item's 事件包."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from handlers.reviewing import ReviewHandler
from server.clock import iso
from server.reports.exports import masked_number
from server.reviewing.bans import EVERYWHERE, FOR_GOOD, Ban, BanNotFound
from server.reviewing.case_files import page, zipped
from server.reviewing.records import Opening, OpeningNotFound

PRINTED = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class BanBody(msgspec.Struct):
    """Whoever wrote this item may write no more. `days` 0: for good. `everywhere`: in all campaigns."""

    kind: str
    id: str
    days: int
    reason: str = ""
    words: str = ""
    everywhere: bool = False


class AppealBody(msgspec.Struct):
    """What she said and what came of it; `lift`: the ban ends."""

    appeal: str
    lift: bool = False


class AnswerBody(msgspec.Struct):
    """`upheld`: it comes down. `answer`: for whoever reported it."""

    upheld: bool
    answer: str


class OpeningBody(msgspec.Struct):
    kind: str
    id: str
    reason: str


class ConsentBody(msgspec.Struct):
    consent: bool


def ban_view(ban: Ban, now: float) -> dict[str, Any]:
    """The number of the citizen only masked: two bans of one person can be told to be hers, and nobody is found by it."""
    return {"id": ban.id, "everywhere": ban.scope == EVERYWHERE, "citizen": masked_number(ban.citizen),
            "until": None if ban.until >= FOR_GOOD else iso(ban.until), "for_good": ban.until >= FOR_GOOD, "holds": ban.holds(now),
            "reason": ban.reason, "by": ban.by, "at": iso(ban.at), "item": ban.item, "appeal": ban.appeal, "lifted_by": ban.lifted_by,
            "lifted_at": iso(ban.lifted_at) if ban.lifted_at else None}


class Bans(ReviewHandler):
    async def get(self, slug: str) -> None:
        """Who may not write in this campaign, newest first; with `everywhere=1` those of all campaigns."""
        await self.member("reviewer", "auditor", campaign=slug)
        scope = EVERYWHERE if self.get_query_argument("everywhere", "") == "1" else await self.exists(slug)
        found, cursor = await self.services.reviewing.bans.page(scope, self.get_query_argument("cursor", ""))
        self.reply({"items": [ban_view(ban, self.now()) for ban in found], "next": cursor})

    async def post(self, slug: str) -> None:
        """Ban the writer of an item from writing, for a time or for good."""
        member, body = await self.member("reviewer", campaign=slug), self.body(BanBody)
        if body.everywhere:
            await self.member("reviewer")
        reviewing, now = self.services.reviewing, self.now()
        reason = (await reviewing.reasons.current()).text_of("ban", body.reason, body.words)
        item = await reviewing.sources.find(body.kind, await self.exists(slug), body.id)
        ban = await reviewing.bans.ban(EVERYWHERE if body.everywhere else slug, item.citizen, body.days, reason, member.name, now,
                                       f"{item.kind}:{item.token}")
        await reviewing.events.add(item.token, "banned", now, member.name, reason)
        await self.log(member, "ban.make", f"{slug}:{ban.id}", item=ban.item, days=body.days, reason=reason, everywhere=body.everywhere)
        self.reply(ban_view(ban, now), 201)


class OneBan(ReviewHandler):
    async def put(self, slug: str, ban_id: str) -> None:
        """Write down an appeal, and lift the ban where it was right."""
        member, body = await self.member("reviewer", campaign=slug), self.body(AppealBody)
        bans, now = self.services.reviewing.bans, self.now()
        ban = await bans.find(ban_id)
        if ban.scope == EVERYWHERE:
            await self.member("reviewer")
        elif ban.scope != slug:
            raise BanNotFound()
        ban = await bans.note(ban, body.appeal, body.lift, member.name, now)
        await self.log(member, "ban.lift" if body.lift else "ban.note", f"{slug}:{ban.id}", appeal=ban.appeal)
        self.reply(ban_view(ban, now))


class Complaints(ReviewHandler):
    async def get(self, slug: str) -> None:
        """What citizens reported, the longest waiting first; with `all=1` answered ones too, newest first. Who reported is not said."""
        member, reviewing = await self.member("reviewer", "operator", "auditor", campaign=slug), self.services.reviewing
        found, cursor = await reviewing.complaints.page(await self.exists(slug), self.get_query_argument("all", "") == "1",
                                                        self.get_query_argument("cursor", ""))
        items = []
        for case in found:
            item = await reviewing.sources.of(case.kind).find(slug, case.token)
            items.append({**case.view, "item": None if item is None else await self.shown(item, member.name),
                          "reasons": await reviewing.complaints.of_item(case.token)})
        self.reply({"items": items, "next": cursor})


class OneComplaint(ReviewHandler):
    async def put(self, slug: str, kind: str, token: str) -> None:
        """Answer everybody who reported an item; what is upheld comes down."""
        member, body = await self.member("reviewer", "operator", campaign=slug), self.body(AnswerBody)
        case = await self.services.reviewing.desk.answer(slug, kind, token, body.upheld, body.answer, member.name, self.now())
        await self.log(member, "complaint.answer", f"{slug}:{kind}:{token}", upheld=body.upheld, answer=case["answer"])
        self.reply(case)


class Openings(ReviewHandler):
    async def get(self, slug: str) -> None:
        """Who asked for source records, newest first."""
        await self.member("reviewer", "auditor", campaign=slug)
        found, cursor = await self.services.reviewing.records.page(await self.exists(slug), self.get_query_argument("cursor", ""))
        self.reply({"items": [opening.view(self.now()) for opening in found], "next": cursor})

    async def post(self, slug: str) -> None:
        """Ask for the source record of an item; nothing opens before a second person consents."""
        member, body = await self.member("reviewer", "auditor", campaign=slug, fresh=True), self.body(OpeningBody)
        reviewing, now = self.services.reviewing, self.now()
        opening = await reviewing.records.ask(await self.exists(slug), body.kind, body.id, body.reason, member.name, now)
        await reviewing.events.add(body.id, "source_asked", now, member.name, opening.reason)
        await self.log(member, "source.ask", f"{slug}:{body.kind}:{body.id}", reason=opening.reason, opening=opening.id)
        self.reply(opening.view(now), 201)


class OneOpening(ReviewHandler):
    async def get(self, slug: str, opening_id: str) -> None:
        """The source record, for one of the two who let it, within half an hour. Each look is in the audit log."""
        member = await self.member("reviewer", "auditor", campaign=slug)
        reviewing, now, opening = self.services.reviewing, self.now(), await self.opening(slug, opening_id)
        source = await reviewing.records.open(opening, member, now)
        await self.log(member, "source.open", f"{slug}:{opening.kind}:{opening.item}", opening=opening.id)
        await reviewing.events.add(opening.item, "source_opened", now, member.name)
        self.reply({**opening.view(now), "source": source.view})

    async def opening(self, slug: str, opening_id: str) -> Opening:
        found = await self.services.reviewing.records.find(opening_id)
        if found.campaign != slug:
            raise OpeningNotFound()
        return found


class Consent(OneOpening):
    async def get(self, slug: str, opening_id: str) -> None:
        """How a request stands, without the record."""
        await self.member("reviewer", "auditor", campaign=slug)
        self.reply((await self.opening(slug, opening_id)).view(self.now()))

    async def put(self, slug: str, opening_id: str) -> None:
        """A second person lets the record be opened, or not."""
        member, body = await self.member("auditor", campaign=slug, fresh=True), self.body(ConsentBody)
        reviewing, now, opening = self.services.reviewing, self.now(), await self.opening(slug, opening_id)
        decided = await reviewing.records.decide(opening.id, member, body.consent, now)
        await reviewing.events.add(opening.item, "source_let" if body.consent else "source_refused", now, member.name)
        await self.log(member, "source.consent" if body.consent else "source.refuse", f"{slug}:{opening.kind}:{opening.item}",
                       opening=opening.id, asked_by=opening.asked_by)
        self.reply(decided.view(now))


class CaseFile(ReviewHandler):
    async def get(self, slug: str, kind: str, token: str, form: str) -> None:
        """An item's whole life as a ZIP, or to read and print. Each one is in the audit log."""
        member, reviewing, now = await self.member("reviewer", "auditor", campaign=slug), self.services.reviewing, self.now()
        case = await reviewing.case_files.of(await self.exists(slug), kind, token, member, now)
        await self.log(member, "case.export", f"{slug}:{kind}:{token}", form=form, with_source=case["source"] is not None)
        await reviewing.events.add(token, "exported", now, member.name)
        data = await asyncio.to_thread(zipped, case) if form == "zip" else page(case).encode()
        self.set_header("Content-Type", "application/zip" if form == "zip" else "text/html; charset=UTF-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", PRINTED)
        if form == "zip":
            self.set_header("Content-Disposition", f'attachment; filename="case-{kind}-{token}.zip"')
        self.finish(data)
