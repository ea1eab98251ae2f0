"""What staff do: write and run campaigns, import places, review messages, void a participation."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import structs

from handlers.base import ApiHandler, decode_body
from handlers.peers import Peers
from server import campaigns
from server.clock import iso
from server.errors import BodyTooLarge, InvalidBody, WenmingError
from server.places import decode_csv
from server.staff import Member, Origin, Wish
from server.wechat.errcodes import staff_text
from server.wechat.errors import WeChatError
from server.words import WordList

COOKIE = "wenming_staff"
# 20,000 units with long names are about 1.5 MB.
MAX_IMPORT_BYTES = 4 * 1024 * 1024
# A campaign with its presets, theme and texts.
MAX_CAMPAIGN_BYTES = 64 * 1024
# As much as a switch may say.
MAX_REASON = 200
# Twenty thousand words.
MAX_WORDS_BYTES = 2 * 1024 * 1024
# Whoever is signed in may read campaigns; admins may do everything.
EVERYONE = ("editor", "reviewer", "operator", "auditor")


# Ordinals and citizen numbers.
Number = Annotated[int, msgspec.Meta(ge=1, lt=1 << 32)]


class CampaignBody(msgspec.Struct):
    """A campaign as an editor writes it; times in ISO 8601. `template`: what a new one begins with, its title and organiser apart."""

    slug: str
    opens_at: datetime
    closes_at: datetime
    title: str = ""
    template: str = ""
    activities: list[campaigns.Activity] = []
    kind: str = "salute"
    period_rule: str = "all"
    free_words: bool = False
    presets: list[campaigns.Preset] = []
    theme: dict[str, Any] = {}
    share: dict[str, str] = {}
    organiser: dict[str, str] = {}
    rules: dict[str, Any] = {}

    def campaign(self) -> campaigns.Campaign:
        """Raises InvalidBody for a time without a zone."""
        if self.opens_at.tzinfo is None or self.closes_at.tzinfo is None:
            raise InvalidBody(message="opens_at、closes_at 要写明时区，例如 2026-10-01T08:00:00+08:00", field="opens_at")
        fields = {f: getattr(self, f) for f in self.__struct_fields__ if f != "template"}
        fields |= {"opens_at": int(self.opens_at.timestamp()), "closes_at": int(self.closes_at.timestamp()),
                   "activities": tuple(self.activities), "presets": tuple(self.presets)}
        return campaigns.Campaign(state="draft", **fields)


class StateBody(msgspec.Struct):
    """`reason`: why, for the audit log."""

    state: str
    reason: Annotated[str, msgspec.Meta(max_length=MAX_REASON)] = ""


class PlacesBody(msgspec.Struct):
    """`kind` regions or units; `csv` the file."""

    kind: str
    csv: str
    dry_run: bool = False


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
    def closes_for_maintenance(self) -> bool:
        return False  # who ends it is staff

    async def member(self, *roles: str, campaign: str = "", anywhere: bool = False, unfinished: bool = False,
                     fresh: bool = False) -> Member:
        """The member who is signed in, if she may do this. Raises NotAuthorised, Forbidden.

        `campaign`: whose it is. Whoever has named campaigns may do what is theirs alone, and what is `anywhere`, such as her own account.
        `unfinished`: also for who must set a password or second factor first. `fresh`: a dangerous act, for a password given lately.
        """
        csrf = None if self.request.method in ("GET", "HEAD") else self.request.headers.get("X-CSRF-Token", "")
        wish = Wish(roles or EVERYONE, campaign, anywhere=anywhere, unfinished=unfinished, fresh=fresh, csrf=csrf)
        return await self.services.staff.authorise(self.get_cookie(COOKIE), wish, f"{self.request.method} {self.request.path}", self.now())

    def origin(self) -> Origin:
        """From where the request comes: the address as a trusted proxy tells it, and the browser."""
        peers: Peers | None = self.settings.get("peers")
        address = peers.client(self.request.remote_ip or "", self.request.headers) if peers else None
        return Origin(str(address or ""), self.request.headers.get("User-Agent", ""))

    def done(self) -> None:
        """Nothing to say but that it is done."""
        self.set_status(204)
        self.finish()

    def render_error(self, error: WenmingError) -> None:
        """Staff are told what the platform's errcode means and what to do; citizens get the mild words of the error itself."""
        if isinstance(error, WeChatError) and error.errcode:
            error.message = staff_text(error.errcode, error.address) + (f"（rid {error.rid}）" if error.rid else "")
        super().render_error(error)

    async def log(self, member: Member, action: str, subject: str, **detail: Any) -> None:
        await self.services.staff.record(member, action, subject, detail, self.now())


class CampaignTemplates(StaffHandler):
    async def get(self) -> None:
        """What a new campaign may begin with, a template for each kind at least."""
        await self.member(anywhere=True)
        self.reply({"items": [msgspec.to_builtins(one) for one in await self.services.campaign_templates.all()], "next": None})


class Campaigns(StaffHandler):
    async def get(self) -> None:
        """Every campaign of hers, drafts too."""
        member = await self.member(anywhere=True)
        self.reply({"items": [staff_view(campaign) for campaign in await self.services.campaigns.all() if member.sees(campaign.slug)],
                    "next": None})

    async def post(self) -> None:
        """A new draft."""
        member = await self.member("editor")
        body = decode_body(self.request.body, CampaignBody, MAX_CAMPAIGN_BYTES)
        created = await self.services.campaigns.create(await self.services.campaign_templates.fill(body.template, body.campaign()))
        await self.log(member, "campaign.create", created.slug)
        self.reply(staff_view(created), 201)


class Campaign(StaffHandler):
    async def get(self, slug: str) -> None:
        """One campaign, drafts too."""
        await self.member(campaign=slug)
        self.reply(staff_view(await self.services.campaigns.get_any(slug)))

    async def put(self, slug: str) -> None:
        """Rewrite a campaign; what the counters are laid out by is fixed once it was scheduled."""
        member = await self.member("editor", campaign=slug)
        changed = replace(decode_body(self.request.body, CampaignBody, MAX_CAMPAIGN_BYTES).campaign(), slug=slug)
        before = await self.services.campaigns.get_any(slug)
        self.services.releases.publishing.check_by_hand(before, "")
        after = await self.services.campaigns.update(replace(changed, state=before.state, shards=before.shards, demo=before.demo,
                                                           rehearsal=before.rehearsal, pause_reason=before.pause_reason))
        await self.log(member, "campaign.update", slug, before=staff_view(before), after=staff_view(after))
        self.reply(staff_view(after))

    async def delete(self, slug: str) -> None:
        """Put a draft into the recycle bin."""
        member = await self.member("editor")
        campaign = await self.services.releases.moves.throw_away(slug, self.now())
        await self.log(member, "campaign.bin", slug)
        self.reply(staff_view(campaign))


class CampaignState(StaffHandler):
    async def put(self, slug: str) -> None:
        """Move a campaign along its life cycle."""
        member = await self.member("editor", "operator", campaign=slug)
        before, body = await self.services.campaigns.get_any(slug), self.body(StateBody)
        self.services.releases.publishing.check_by_hand(before, body.state)
        after = await self.services.campaigns.transition(slug, body.state, self.now())
        reason = {"reason": body.reason.strip()} if body.reason.strip() else {}
        await self.log(member, "campaign.state", slug, before=before.state, after=after.state, **reason)
        self.reply(staff_view(after))


class Places(StaffHandler):
    async def post(self, slug: str) -> None:
        """Import regions or units from CSV, or only say what an import would do."""
        member = await self.member("editor", campaign=slug)
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


class Voids(StaffHandler):
    async def post(self, slug: str) -> None:
        """Take a participation out of every total, with a reason."""
        member, body = await self.member("operator", campaign=slug, fresh=True), self.body(VoidBody)
        if not body.reason.strip():
            raise InvalidBody("REASON_MISSING", "请写明作废原因", field="reason")
        campaign = await self.services.campaigns.get(slug)
        citizen = body.citizen or await self.services.amendments.citizen_of(campaign, body.period, body.ordinal or 0)
        await self.log(member, "participation.void", f"{slug}:{body.period}:{citizen}", ordinal=body.ordinal,
                       reason=body.reason.strip()[:200])
        await self.services.voids.void(campaign, body.period, citizen, body.reason, member.name, self.now())
        self.reply({"voided": citizen})


class Journals(StaffHandler):
    async def get(self, slug: str) -> None:
        """What is on its way into MongoDB, how fast, and what MongoDB refused."""
        await self.member("operator", "auditor", campaign=slug)
        self.reply(await self.services.journals.view(await self.services.campaigns.get_any(slug)))


class WordLists(StaffHandler):
    async def get(self) -> None:
        """What may not be written, and what a reviewer should look at twice."""
        await self.member("editor", "reviewer")
        self.reply(structs.asdict(await self.services.words.current()))

    async def put(self) -> None:
        """Replace the list as it was seen."""
        member = await self.member("editor", "reviewer")
        kept = await self.services.words.keep(decode_body(self.request.body, WordList, MAX_WORDS_BYTES))
        await self.log(member, "words.keep", str(kept.rev), block=len(kept.block), review=len(kept.review))
        self.reply(structs.asdict(kept))
