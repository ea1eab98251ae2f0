"""Drafts, reviews and releases of campaigns, through the staff's interface."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import structs

from handlers.base import decode_body, error_body
from handlers.codes_drawn import drawn
from handlers.staff import MAX_CAMPAIGN_BYTES, StaffHandler, staff_view
from server.blocks.block import with_parts
from server.campaigns import Activity, Preset
from server.clock import iso
from server.digits import whole
from server.errors import InvalidBody, WenmingError
from server.releases.content import Change, Content, content_of, diff, fingerprint
from server.releases.corrections import correction_id
from server.releases.record import OCCASIONS, REVIEW_NAMES, Draft, DraftClash, Review, Revision, Step, Verdict
from server.releases.wording import BUILT_IN, WordingList

# Two hundred rules of two hundred words.
MAX_WORDING_BYTES = 512 * 1024
# As many as the address of a revision has.
MAX_NUMBER_DIGITS = 8


class ContentBody(msgspec.Struct):
    """A campaign as an editor writes it; a time that is not yet known is null."""

    title: str = ""
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    kind: str = "salute"
    period_rule: str = "all"
    free_words: bool = False
    activities: list[Activity] = []
    presets: list[Preset] = []
    theme: dict[str, Any] = {}
    share: dict[str, str] = {}
    organiser: dict[str, str] = {}
    rules: dict[str, Any] = {}

    def content(self) -> Content:
        """Raises InvalidBody for a time without a zone."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return Content(**fields | {"opens_at": seconds_of(self.opens_at, "opens_at"), "closes_at": seconds_of(self.closes_at, "closes_at"),
                                   "activities": tuple(self.activities), "presets": tuple(self.presets)})


class DraftBody(msgspec.Struct):
    rev: int
    content: ContentBody


class RevBody(msgspec.Struct):
    """The draft's `rev` as it was seen."""

    rev: int


class VersionBody(msgspec.Struct):
    rev: int
    note: str


class StepsBody(msgspec.Struct):
    steps: list[Step]


class ReviewDecisionBody(msgspec.Struct):
    """About the revision and the round that were read."""

    revision: int
    round: int
    verdict: Verdict
    comment: str = ""
    # Which step was before her, from 0: somebody may have decided it meanwhile.
    step: int | None = None


class LinkForBody(msgspec.Struct):
    """`person` empty: for oneself."""

    person: str = ""


class ReleaseBody(msgspec.Struct):
    """`at` null: now. `confirmed`: the keys of the warnings that the publisher stands for."""

    revision: int = 0
    at: datetime | None = None
    confirmed: list[str] = []


class TakeDownBody(msgspec.Struct):
    state: str
    reason: str


class CorrectionBody(msgspec.Struct):
    """What changes; whatever is not named stays. `activities` and `presets`: code to its new texts; `blocks`: id to its new parts;
    `rules`: whole fields of the kind.
    """

    reason: str
    title: str | None = None
    activities: dict[str, dict[str, str]] = {}
    presets: dict[str, str] = {}
    theme: dict[str, str] = {}
    blocks: dict[str, dict[str, str]] = {}
    share: dict[str, str] = {}
    organiser: dict[str, str] = {}
    rules: dict[str, Any] = {}

    def change(self, content: Content) -> Content:
        """Raises InvalidBody for an activity, a preset or a part that is not there."""
        known = {activity.code for activity in content.activities}, {preset.code for preset in content.presets}
        if not set(self.activities) <= known[0] or any(not set(parts) <= {"title", "verb"} for parts in self.activities.values()):
            raise InvalidBody(message="更正只能改已有主题活动的 title 与 verb", field="activities")
        if not set(self.presets) <= known[1]:
            raise InvalidBody(message="更正只能改已有寄语的文字", field="presets")
        return structs.replace(
            content, title=content.title if self.title is None else self.title,
            activities=tuple(Activity(a.code, **{"title": a.title, "verb": a.verb} | self.activities.get(a.code, {}), children=a.children)
                             for a in content.activities),
            presets=tuple(Preset(p.code, self.presets.get(p.code, p.text)) for p in content.presets),
            theme=with_parts(content.theme | self.theme, self.blocks), share=content.share | self.share,
            organiser=content.organiser | self.organiser, rules=content.rules | self.rules)


class PreviewBody(msgspec.Struct):
    """`revision` 0: the draft as it stands."""

    revision: int = 0


class CloneBody(msgspec.Struct):
    slug: str
    years: int = 1


def seconds_of(moment: datetime | None, field: str) -> int:
    if moment is None:
        return 0
    if moment.tzinfo is None:
        raise InvalidBody(message=f"{field} 要写明时区，例如 2026-10-01T08:00:00+08:00", field=field)
    return int(moment.timestamp())


def moment(seconds: float) -> str | None:
    return iso(seconds) if seconds else None


def content_view(content: Content) -> dict[str, Any]:
    return structs.asdict(content) | {"opens_at": moment(content.opens_at), "closes_at": moment(content.closes_at)}


def review_view(review: Review) -> dict[str, Any]:
    """`step`: the name of the step that is on, empty when none is."""
    return {"state": review.state, "state_name": REVIEW_NAMES[review.state], "round": review.round, "revision": review.revision,
            "hash": review.hash, "submitted_by": review.submitted_by, "submitted_at": moment(review.submitted_at),
            "steps": msgspec.to_builtins(review.steps), "step": review.steps[review.step].name if review.state == "reviewing" else "",
            "decisions": [msgspec.to_builtins(decision) | {"at": iso(decision.at)} for decision in review.decisions]}


def draft_view(draft: Draft) -> dict[str, Any]:
    release = draft.release and msgspec.to_builtins(draft.release) | {"at": iso(draft.release.at)}
    return {"slug": draft.campaign, "kind": draft.kind, "rev": draft.rev, "content": content_view(draft.content),
            "changes": changes_view(diff(draft.base, draft.content)), "authors": list(draft.authors), "edited_by": draft.edited_by,
            "edited_at": moment(draft.edited_at), "review": review_view(draft.review), "release": release, "state": draft.state,
            "reason": draft.reason}


def changes_view(changes: list[Change]) -> list[dict[str, str]]:
    return [structs.asdict(change) for change in changes]


def revision_view(revision: Revision) -> dict[str, Any]:
    """A revision in a list: without its content."""
    return {"number": revision.number, "hash": revision.hash, "by": revision.by, "at": moment(revision.at), "occasion": revision.occasion,
            "occasion_name": OCCASIONS[revision.occasion], "note": revision.note, "title": revision.content.title,
            "released_by": revision.released_by, "released_at": moment(revision.released_at)}


class DeskHandler(StaffHandler):
    def render_error(self, error: WenmingError) -> None:
        """A clash of two editors comes with both versions beside the error."""
        if not isinstance(error, DraftClash):
            super().render_error(error)
            return
        both = {"mine": content_view(error.mine), "theirs": draft_view(error.theirs),
                "changes": changes_view(diff(error.mine, error.theirs.content))}
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.finish(msgspec.json.encode(msgspec.json.decode(error_body(error, self.request_id)) | both))


class OneDraft(DeskHandler):
    async def get(self, slug: str) -> None:
        """The draft of a campaign; of one that nobody has begun, what is public now, with rev 0."""
        member = await self.member(campaign=slug)
        draft = await self.services.releases.drafts.of(slug)
        others = await self.services.releases.presence.come(slug, member.name, self.now()) if member.role in ("editor", "admin") else []
        self.reply(draft_view(draft) | {"editing": others})

    async def put(self, slug: str) -> None:
        """Save the draft over what was seen, as often as the editor pauses."""
        member, body = await self.member("editor", campaign=slug), decode_body(self.request.body, DraftBody, MAX_CAMPAIGN_BYTES)
        saved = await self.services.releases.drafts.save(slug, body.rev, body.content.content(), member.name, self.now())
        if saved.is_new or saved.restarted:  # not each of an afternoon's autosaves
            await self.log(member, "draft.edit", slug, rev=saved.draft.rev, restarted=saved.restarted)
        others = await self.services.releases.presence.come(slug, member.name, self.now())
        self.reply({"rev": saved.draft.rev, "saved_at": iso(saved.draft.edited_at), "restarted": saved.restarted, "editing": others})

    async def delete(self, slug: str) -> None:
        """Let the draft go; it stays among the revisions."""
        member = await self.member("editor", campaign=slug)
        number = await self.services.releases.drafts.discard(slug, member.name, self.now())
        await self.log(member, "draft.discard", slug, revision=number)
        self.reply({"revision": number})


class DraftBase(DeskHandler):
    async def post(self, slug: str) -> None:
        """Take over what was published beneath the draft meanwhile."""
        member, body = await self.member("editor", campaign=slug), self.body(RevBody)
        draft, clashes = await self.services.releases.drafts.rebase(slug, body.rev, member.name, self.now())
        await self.log(member, "draft.rebase", slug, clashes=clashes)
        self.reply(draft_view(draft) | {"clashes": clashes})


class Presence(DeskHandler):
    async def put(self, slug: str) -> None:
        """Say that the draft is open here, for a minute; and who else has it open."""
        member = await self.member("editor", campaign=slug)
        self.reply({"editing": await self.services.releases.presence.come(slug, member.name, self.now())})

    async def delete(self, slug: str) -> None:
        """Say that it was closed."""
        member = await self.member("editor", campaign=slug)
        await self.services.releases.presence.go(slug, member.name)
        self.done()


class Revisions(DeskHandler):
    async def get(self, slug: str) -> None:
        """The kept versions, newest first."""
        await self.member(campaign=slug)
        before = whole(self.get_argument("cursor", ""), MAX_NUMBER_DIGITS) or 0
        found = await self.services.releases.drafts.revisions(slug, before)
        more = str(found[-1].number) if found and found[-1].number > 1 else None
        self.reply({"items": [revision_view(one) for one in found], "next": more})

    async def post(self, slug: str) -> None:
        """Keep the draft as it stands under a name."""
        member, body = await self.member("editor", campaign=slug), self.body(VersionBody)
        number = await self.services.releases.drafts.keep_version(slug, body.rev, body.note)
        await self.log(member, "draft.keep", slug, revision=number)
        self.reply({"revision": number}, 201)


class OneRevision(DeskHandler):
    async def get(self, slug: str, number: str) -> None:
        """A version whole, and what it changes against another one or what is public now."""
        await self.member(campaign=slug)
        drafts, other = self.services.releases.drafts, whole(self.get_argument("against", ""), MAX_NUMBER_DIGITS) or 0
        found = await drafts.revision(slug, int(number))
        self.reply(revision_view(found) | {
            "content": content_view(found.content), "changes": changes_view(await drafts.changes(slug, found.number, other)),
            "reviews": [review_view(review) for review in found.reviews]})


class Restore(DeskHandler):
    async def post(self, slug: str, number: str) -> None:
        """Write a version into the draft again."""
        member, body = await self.member("editor", campaign=slug), self.body(RevBody)
        saved = await self.services.releases.drafts.restore(slug, int(number), body.rev, member.name, self.now())
        await self.log(member, "draft.restore", slug, revision=int(number))
        self.reply(draft_view(saved.draft))


class ReviewOf(DeskHandler):
    async def post(self, slug: str) -> None:
        """Hand the draft to the reviewers."""
        member, body = await self.member("editor", campaign=slug), self.body(RevBody)
        draft = await self.services.releases.reviews.submit(slug, body.rev, member.name, self.now())
        await self.log(member, "review.submit", slug, revision=draft.review.revision, hash=draft.review.hash)
        self.reply(draft_view(draft), 201)

    async def delete(self, slug: str) -> None:
        """Take it back."""
        member = await self.member("editor", campaign=slug)
        draft = await self.services.releases.reviews.withdraw(slug, self.now())
        await self.log(member, "review.withdraw", slug)
        self.reply(draft_view(draft))


class Steps(DeskHandler):
    async def get(self, slug: str) -> None:
        """The steps of a campaign's reviews."""
        await self.member(campaign=slug)
        await self.services.campaigns.get_any(slug)
        self.reply({"steps": msgspec.to_builtins(await self.services.releases.reviews.steps(slug))})

    async def put(self, slug: str) -> None:
        """Set the steps, for submissions from now on."""
        member, steps = await self.member("admin", campaign=slug), tuple(self.body(StepsBody).steps)
        await self.services.campaigns.get_any(slug)
        await self.services.releases.reviews.set_steps(slug, steps)
        await self.log(member, "review.steps", slug, steps=msgspec.to_builtins(steps))
        self.reply({"steps": msgspec.to_builtins(steps)})


class Waiting(DeskHandler):
    async def get(self) -> None:
        """What waits for whoever is signed in, of all campaigns, longest first."""
        member = await self.member("reviewer")
        found = await self.services.releases.reviews.waiting_for(member.name)
        self.reply({"items": [{"slug": draft.campaign, "kind": draft.kind, "title": draft.content.title,
                               "review": review_view(draft.review)} for draft in found], "next": None})


class Decisions(DeskHandler):
    async def post(self, slug: str, number: str = "") -> None:
        """Decide the step that is on, of the draft or of a correction."""
        member, body = await self.member("reviewer", campaign=slug), self.body(ReviewDecisionBody)
        releases, about = self.services.releases, correction_id(slug, int(number)) if number else slug
        draft = await releases.reviews.decide(about, body.revision, body.round, member.name, body.verdict, body.comment, self.now(),
                                              step=body.step)
        await self.log(member, f"review.{body.verdict}", slug, revision=body.revision, step=draft.review.decisions[-1].name)
        self.reply(draft_view(await releases.corrections.decided(draft, self.now())))


class Links(DeskHandler):
    async def post(self, slug: str, number: str = "") -> None:
        """A link for the phone, for the step that is on; its code to scan."""
        member, body = await self.member("reviewer", campaign=slug), self.body(LinkForBody)
        about = correction_id(slug, int(number)) if number else slug
        url, link = await self.services.releases.review_links.issue(about, body.person or member.name, member.name,
                                                                    is_admin=member.role == "admin", now=self.now())
        await self.log(member, "review.link", slug, person=link.person, revision=link.revision, step=link.step)
        self.reply({"url": url, "qr": await drawn(url), "person": link.person, "expires_at": iso(link.expires_at)}, 201)


class CorrectionDecisions(Decisions):
    """Of a correction."""


class CorrectionLinks(Links):
    """Of a correction."""


class Findings(DeskHandler):
    async def get(self, slug: str) -> None:
        """What of the draft's words should not be published as it stands."""
        await self.member(campaign=slug)
        releases = self.services.releases
        found = await releases.readiness.findings((await releases.drafts.of(slug)).content)
        self.reply({"items": [structs.asdict(one) for one in found], "next": None})


class Checklist(DeskHandler):
    async def get(self, slug: str) -> None:
        """What is missing until the draft may be published."""
        await self.member(campaign=slug)
        campaign, releases = await self.services.campaigns.get_any(slug), self.services.releases
        draft = await releases.drafts.of(slug)
        items = await releases.readiness.checklist(campaign, draft, self.now())
        self.reply({"items": [structs.asdict(item) for item in items], "ready": all(item.state != "error" for item in items),
                    "guide": [structs.asdict(step) for step in await releases.readiness.guide(campaign, draft, items)], "next": None})


class Release(DeskHandler):
    async def post(self, slug: str) -> None:
        """Publish the approved version now, or at a minute to come."""
        member, body = await self.member("editor", "operator", campaign=slug), self.body(ReleaseBody)
        publishing, at = self.services.releases.publishing, seconds_of(body.at, "at")
        confirmed = tuple(body.confirmed)
        if at:
            draft = await publishing.schedule(slug, body.revision, confirmed, at, member.name, self.now())
            await self.log(member, "campaign.release_at", slug, at=iso(at), confirmed=body.confirmed)
            self.reply(draft_view(draft), 202)
            return
        campaign = await publishing.publish(slug, body.revision, confirmed, member.name, self.now())
        await self.log(member, "campaign.release", slug, revision=campaign.release, hash=fingerprint(content_of(campaign)),
                       confirmed=body.confirmed)
        self.reply(staff_view(campaign))

    async def delete(self, slug: str) -> None:
        """Call off a release that waits, or take a campaign that has not begun back to draft."""
        member = await self.member("editor", "operator", campaign=slug)
        what = await self.services.releases.publishing.cancel(slug, self.now())
        await self.log(member, "campaign.unschedule", slug, what=what)
        self.reply({"cancelled": what})


class TakeDown(DeskHandler):
    async def post(self, slug: str) -> None:
        """Pause with a reason that the page shows, or end for good."""
        member, body = await self.member("editor", "operator", campaign=slug), self.body(TakeDownBody)
        campaign = await self.services.releases.publishing.take_down(slug, body.state, body.reason, self.now())
        await self.log(member, "campaign.take_down", slug, state=body.state, reason=body.reason.strip())
        self.reply(staff_view(campaign))


class Corrections(DeskHandler):
    async def get(self, slug: str) -> None:
        """The corrections of a campaign, newest first."""
        await self.member(campaign=slug)
        await self.services.campaigns.get_any(slug)
        self.reply({"items": [draft_view(one) for one in await self.services.releases.corrections.all(slug)], "next": None})

    async def post(self, slug: str) -> None:
        """Ask for a correction of words or pictures."""
        member, body = await self.member("editor", campaign=slug), decode_body(self.request.body, CorrectionBody, MAX_CAMPAIGN_BYTES)
        made = await self.services.releases.corrections.begin(slug, body.change, body.reason, member.name, self.now())
        await self.log(member, "correction.begin", slug, revision=made.review.revision, reason=made.reason)
        self.reply(draft_view(made), 201)


class Previews(DeskHandler):
    async def post(self, slug: str) -> None:
        """A code that shows a version on the real page, to one phone, for half an hour."""
        member, body = await self.member("editor", "reviewer", "operator", campaign=slug), self.body(PreviewBody)
        campaign = await self.services.campaigns.get_any(slug)
        url, preview = await self.services.releases.previews.issue(campaign, body.revision, member.name, self.now())
        await self.log(member, "draft.preview", slug, revision=preview.revision)
        self.reply({"url": url, "qr": await drawn(url), "revision": preview.revision, "expires_at": iso(preview.expires_at)}, 201)


class Clone(DeskHandler):
    async def post(self, slug: str) -> None:
        """A new draft like this campaign, its dates moved by whole years."""
        member, body = await self.member("editor", campaign=slug), self.body(CloneBody)
        made = await self.services.releases.moves.clone(slug, body.slug, body.years)
        await self.log(member, "campaign.clone", made.slug, model=slug, years=body.years)
        self.reply(staff_view(made), 201)


class RecycleBin(DeskHandler):
    async def get(self) -> None:
        """Campaigns that were thrown away in the last 30 days."""
        await self.member()
        found = await self.services.campaigns.binned()
        self.reply({"items": [staff_view(campaign) | {"binned_at": iso(campaign.binned_at)} for campaign in found], "next": None})


class Recovery(DeskHandler):
    async def post(self, slug: str) -> None:
        """Take a campaign out of the recycle bin."""
        member = await self.member("editor", campaign=slug)
        campaign = await self.services.releases.moves.recover(slug)
        await self.log(member, "campaign.recover", slug)
        self.reply(staff_view(campaign))


class WordingRules(StaffHandler):
    async def get(self) -> None:
        """The wording rules: the built-in table, the city's own, and what is switched off."""
        await self.member("editor", "reviewer")
        await self._show()

    async def put(self) -> None:
        """Replace the city's own rules as they were seen."""
        member = await self.member("reviewer")
        kept = await self.services.releases.wording.keep(decode_body(self.request.body, WordingList, MAX_WORDING_BYTES))
        await self.log(member, "wording.keep", str(kept.rev), rules=[rule.code for rule in kept.rules], off=list(kept.off))
        await self._show()

    async def _show(self) -> None:
        own = await self.services.releases.wording.current()
        self.reply(msgspec.to_builtins(own) | {"built_in": msgspec.to_builtins(BUILT_IN)})
