"""What staff do: sign in, write and run campaigns, import places, review messages, void a participation."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Any

import msgspec

from handlers.base import ApiHandler, decode_body
from server import campaigns
from server.clock import iso
from server.errors import BodyTooLarge, InvalidBody
from server.places import decode_csv
from server.staff import SESSION_SECONDS, Member

COOKIE = "wenming_staff"
# 20,000 units with long names are about 1.5 MB.
MAX_IMPORT_BYTES = 4 * 1024 * 1024
# A campaign with its presets, theme and texts.
MAX_CAMPAIGN_BYTES = 64 * 1024
# Whoever is signed in may read campaigns; admins may do everything.
EVERYONE = ("editor", "reviewer", "operator", "auditor")


# Ordinals and citizen numbers.
Number = Annotated[int, msgspec.Meta(ge=1, lt=1 << 32)]


class SignIn(msgspec.Struct):
    name: str
    password: str


class CampaignBody(msgspec.Struct):
    """A campaign as an editor writes it; times in ISO 8601."""

    slug: str
    title: str
    opens_at: datetime
    closes_at: datetime
    activities: list[campaigns.Activity]
    kind: str = "salute"
    period_rule: str = "all"
    free_words: bool = False
    presets: list[campaigns.Preset] = []
    theme: dict[str, Any] = {}
    share: dict[str, str] = {}
    organiser: dict[str, str] = {}

    def campaign(self) -> campaigns.Campaign:
        """Raises InvalidBody for a time without a zone."""
        if self.opens_at.tzinfo is None or self.closes_at.tzinfo is None:
            raise InvalidBody(field="opens_at")
        fields = {f: getattr(self, f) for f in self.__struct_fields__}
        fields |= {"opens_at": int(self.opens_at.timestamp()), "closes_at": int(self.closes_at.timestamp()),
                   "activities": tuple(self.activities), "presets": tuple(self.presets)}
        return campaigns.Campaign(state="draft", **fields)


class StateBody(msgspec.Struct):
    state: str


class PlacesBody(msgspec.Struct):
    """`kind` regions or units; `csv` the file."""

    kind: str
    csv: str
    dry_run: bool = False


class DecisionBody(msgspec.Struct):
    approve: bool


class VoidBody(msgspec.Struct):
    """Whose participation, by the ordinal that she was shown or by her number, in which period, and why, for the audit log."""

    reason: str
    ordinal: Number | None = None
    citizen: Number | None = None
    period: str = "all"


def staff_view(campaign: campaigns.Campaign) -> dict[str, Any]:
    """A campaign as staff see it."""
    return {**asdict(campaign), "opens_at": iso(campaign.opens_at), "closes_at": iso(campaign.closes_at)}


class StaffHandler(ApiHandler):
    async def member(self, *roles: str) -> Member:
        """The member who is signed in, if she may do this. Raises NotAuthorised, Forbidden."""
        member = await self.services.staff.of_session(self.get_cookie(COOKIE), self.now())
        csrf = None if self.request.method in ("GET", "HEAD") else self.request.headers.get("X-CSRF-Token", "")
        self.services.staff.check(member, roles or EVERYONE, csrf)
        return member

    async def log(self, member: Member, action: str, subject: str, **detail: Any) -> None:
        await self.services.staff.record(member, action, subject, detail, self.now())


class Session(StaffHandler):
    async def get(self) -> None:
        """Who is signed in."""
        self._show(await self.member())

    async def post(self) -> None:
        """Sign in."""
        body = self.body(SignIn)
        secret, member = await self.services.staff.sign_in(body.name, body.password, self.now())
        self.set_cookie(COOKIE, secret, max_age=SESSION_SECONDS, path="/", httponly=True, samesite="Lax",
                        secure=self.settings["secure_cookies"])
        self._show(member)

    async def delete(self) -> None:
        """Sign out."""
        await self.member()
        await self.services.staff.sign_out(self.get_cookie(COOKIE, ""))
        self.clear_cookie(COOKIE, path="/")
        self.set_status(204)
        self.finish()

    def _show(self, member: Member) -> None:
        self.reply({"name": member.name, "role": member.role, "csrf": member.csrf})


class Campaigns(StaffHandler):
    async def get(self) -> None:
        """Every campaign, drafts too."""
        await self.member()
        self.reply({"items": [staff_view(campaign) for campaign in await self.services.campaigns.all()], "next": None})

    async def post(self) -> None:
        """A new draft."""
        member = await self.member("editor")
        created = await self.services.campaigns.create(decode_body(self.request.body, CampaignBody, MAX_CAMPAIGN_BYTES).campaign())
        await self.log(member, "campaign.create", created.slug)
        self.reply(staff_view(created), 201)


class Campaign(StaffHandler):
    async def get(self, slug: str) -> None:
        """One campaign, drafts too."""
        await self.member()
        self.reply(staff_view(await self.services.campaigns.get_any(slug)))

    async def put(self, slug: str) -> None:
        """Rewrite a campaign; what the counters are laid out by is fixed once it was scheduled."""
        member = await self.member("editor")
        changed = replace(decode_body(self.request.body, CampaignBody, MAX_CAMPAIGN_BYTES).campaign(), slug=slug)
        before = await self.services.campaigns.get_any(slug)
        after = await self.services.campaigns.update(replace(changed, state=before.state, shards=before.shards, demo=before.demo,
                                                           rehearsal=before.rehearsal))
        await self.log(member, "campaign.update", slug, before=staff_view(before), after=staff_view(after))
        self.reply(staff_view(after))


class CampaignState(StaffHandler):
    async def put(self, slug: str) -> None:
        """Move a campaign along its life cycle."""
        member = await self.member("editor", "operator")
        before = await self.services.campaigns.get_any(slug)
        after = await self.services.campaigns.transition(slug, self.body(StateBody).state, self.now())
        await self.log(member, "campaign.state", slug, before=before.state, after=after.state)
        self.reply(staff_view(after))


class Places(StaffHandler):
    async def post(self, slug: str) -> None:
        """Import regions or units from CSV, or only say what an import would do."""
        member = await self.member("editor")
        body = await self.file() or decode_body(self.request.body, PlacesBody, MAX_IMPORT_BYTES)
        campaign = await self.services.campaigns.get_any(slug)
        result = await self.services.places.import_csv(campaign, body.kind, body.csv, dry_run=body.dry_run)
        await self.log(member, "places.import", slug, kind=body.kind, imported=result["imported"])
        self.reply(result)

    async def file(self) -> PlacesBody | None:
        """The file as it was saved, sent as text/csv with `?kind=` and `?dry_run=1`. Raises InvalidBody, BodyTooLarge."""
        if not self.request.headers.get("Content-Type", "").startswith("text/csv"):
            return None
        if len(self.request.body) > MAX_IMPORT_BYTES:
            raise BodyTooLarge()
        text = await asyncio.to_thread(decode_csv, self.request.body)
        return PlacesBody(self.get_argument("kind", ""), text, self.get_argument("dry_run", "") in ("1", "true"))


class Messages(StaffHandler):
    async def get(self, slug: str) -> None:
        """What waits for a reviewer, oldest first."""
        await self.member("reviewer")
        campaign = await self.services.campaigns.get_any(slug)
        self.reply(await self.services.messages.queue(campaign, self.get_argument("cursor", "")))


class Message(StaffHandler):
    async def put(self, slug: str, message: str) -> None:
        """Approve or reject a message."""
        member, approve = await self.member("reviewer"), self.body(DecisionBody).approve
        await self.services.messages.decide(await self.services.campaigns.get_any(slug), message, approve, self.now())
        await self.log(member, "message.approve" if approve else "message.reject", f"{slug}:{message}")
        self.reply({"state": "approved" if approve else "rejected"})


class Voids(StaffHandler):
    async def post(self, slug: str) -> None:
        """Take a participation out of every total, with a reason."""
        member, body = await self.member("operator"), self.body(VoidBody)
        if not body.reason.strip():
            raise InvalidBody("REASON_MISSING", "请写明作废原因", field="reason")
        campaign = await self.services.campaigns.get(slug)
        citizen = body.citizen or await self.services.amendments.citizen_of(campaign, body.period, body.ordinal or 0)
        await self.log(member, "participation.void", f"{slug}:{body.period}:{citizen}", ordinal=body.ordinal,
                       reason=body.reason.strip()[:200])
        await self.services.amendments.void(campaign, body.period, citizen)
        self.reply({"voided": citizen})


class Journals(StaffHandler):
    async def get(self, slug: str) -> None:
        """What is on its way into MongoDB, how fast, and what MongoDB refused."""
        await self.member("operator", "auditor")
        self.reply(await self.services.journals.view(await self.services.campaigns.get_any(slug)))
