"""The checklist, previews, clones and the recycle bin."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.campaigns import CampaignNotFound
from server.clock import iso
from server.errors import Conflict, InvalidBody, NotFound
from server.releases.moves import BIN_SECONDS, moved
from server.releases.previews import PREVIEW_SECONDS
from server.releases.record import Step
from tests.command_listener import LOOKING
from tests.server.civic_world import CLOSES, DURING, OPENS, campaign
from tests.server.releases.desk_world import CHEN, LIN, NOW, ZHAO

pytestmark = pytest.mark.gen_test(timeout=60)


async def states(desk, now=NOW) -> dict[str, str]:
    items = await desk.releases.readiness.checklist(await desk.campaigns.get_any("flag"), await desk.drafts.of("flag"), now)
    assert all(bool(item.advice) == (item.state != "ok") for item in items)
    return {item.key: item.state for item in items}


class TestChecklist:
    async def test_a_whole_campaign_waits_for_its_reviewers_alone(self, desk):
        await desk.begun()
        assert {key for key, state in (await states(desk)).items() if state != "ok"} == {"review"}
        await desk.approved(title="一")
        assert set((await states(desk)).values()) == {"ok"}

    async def test_an_empty_one_is_told_everything(self, desk):
        await desk.campaigns.create(campaign(presets=()))
        found = await states(desk)
        assert [key for key, state in found.items() if state == "error"] == ["regions", "footer", "privacy", "review"]
        assert [key for key, state in found.items() if state == "warning"] == ["units", "presets", "share", "report"]

    @pytest.mark.parametrize(("change", "key", "state"), [
        ({"title": " "}, "title", "error"), ({"opens_at": 0}, "window", "error"), ({"closes_at": OPENS}, "window", "error"),
        ({"activities": ()}, "activities", "error"), ({"theme": {"poster": "none"}}, "poster", "error"),
        ({"theme": {"flag_url": "/static/my-flag.png"}}, "flag", "error"), ({"theme": {"anthem_loop": 1}}, "anthem", "error"),
        ({"theme": {"cover_image": "/static/x.jpg"}}, "pictures", "warning"),
        ({"share": {"title": "敬" * 31, "desc": "礼", "image": "/x"}}, "share", "warning"),
        ({"title": "全国首创"}, "wording", "warning"), ({"title": "集赞"}, "wording", "error")])
    async def test_each_lack_is_named(self, desk, change, key, state):
        await desk.begun()
        await desk.written(**change)
        assert (await states(desk))[key] == state

    async def test_a_campaign_that_would_be_over_and_a_step_without_anybody(self, desk):
        await desk.begun()
        assert (await states(desk, CLOSES + 1.0))["window"] == "error"
        await desk.reviews.set_steps("flag", (Step("初审", (ZHAO,)), Step("终审", (ZHAO,))))
        assert (await states(desk))["review"] == "error"


class TestPreviews:
    async def token(self, desk, now=NOW) -> str:
        url, _ = await desk.releases.previews.issue(await desk.campaigns.get_any("flag"), 0, LIN, now)
        return url.partition("preview=")[2]

    async def open(self, desk, token, mark="", now=NOW):
        return await desk.releases.previews.open(await desk.campaigns.get_any("flag"), token, mark, now)

    async def test_one_phone_opens_it_and_may_reload(self, desk):
        await desk.begun()
        await desk.written(title="预览的标题")
        token = await self.token(desk)
        shown, preview, mark = await self.open(desk, token)
        assert (shown.title, shown.state, preview.revision) == ("预览的标题", "scheduled", 1)
        assert (await self.open(desk, token, mark, NOW + PREVIEW_SECONDS - 1))[2] == mark
        for other in ("", "a-guess"):
            with pytest.raises(Conflict) as refusal:
                await self.open(desk, token, other)
            assert refusal.value.code == "PREVIEW_USED"

    async def test_it_ends_after_half_an_hour_and_is_cleared(self, desk, stores):
        await desk.begun()
        token = await self.token(desk)
        _, _, mark = await self.open(desk, token)
        with pytest.raises(NotFound) as refusal:
            await self.open(desk, token, mark, NOW + PREVIEW_SECONDS)
        assert refusal.value.code == "PREVIEW_GONE"
        await desk.releases.tidy(NOW + PREVIEW_SECONDS)
        assert await stores.mongo["previews"].find({}, comment=LOOKING).to_list(None) == []

    async def test_it_is_bound_to_its_version_and_campaign(self, desk):
        await desk.begun()
        await desk.written(title="看过的")
        token = await self.token(desk)
        await desk.written(title="后来改的")
        assert (await self.open(desk, token))[0].title == "看过的"
        other = await desk.campaigns.create(campaign(slug="other"))
        with pytest.raises(NotFound):
            await desk.releases.previews.open(other, token, "", NOW)

    async def test_what_no_page_can_show_gets_no_preview(self, desk):
        await desk.begun()
        await desk.written(activities=())
        with pytest.raises(InvalidBody) as refusal:
            await self.token(desk)
        assert refusal.value.field == "activities"


class TestClone:
    async def test_next_year_s_has_the_words_and_places_and_nobody(self, desk):
        model = await desk.begun(free_words=True)
        await desk.campaigns.transition("flag", "scheduled", NOW)
        await desk.reviews.set_steps("flag", (Step("终审", (ZHAO,)),))
        made = await desk.releases.moves.clone("flag", "flag-2027", 1)
        assert (made.state, made.title, made.release, iso(made.opens_at), iso(made.closes_at)) == (
            "draft", model.title, 0, "2027-10-01T00:00:00+08:00", "2027-10-08T00:00:00+08:00")
        assert (made.activities, made.presets, made.organiser, made.free_words) == (model.activities, model.presets, model.organiser, True)
        index = await desk.civic.places.of(made)
        assert (len(index.regions), len(index.units)) == (3, 3)
        assert await desk.reviews.steps("flag-2027") == (Step("终审", (ZHAO,)),)
        with pytest.raises(Conflict):
            await desk.releases.moves.clone("flag", "flag-2027", 1)

    async def test_a_year_that_was_forgotten_in_its_words_is_found(self, desk):
        await desk.begun(title="2026年国庆向国旗敬礼")
        made = await desk.releases.moves.clone("flag", "flag-2027", 1)
        assert [f.code for f in await desk.releases.readiness.findings((await desk.drafts.of(made.slug)).content)] == ["DATE_YEAR"]

    def test_a_leap_day_becomes_the_28th(self):
        at = 1_835_409_600
        assert (iso(at), iso(moved(at, 1)), iso(moved(at, 4))) == (
            "2028-02-29T12:00:00+08:00", "2029-02-28T12:00:00+08:00", "2032-02-29T12:00:00+08:00")


class TestRecycleBin:
    async def test_a_draft_is_thrown_away_found_and_taken_out(self, desk):
        await desk.begun()
        await desk.written(title="写到一半")
        await desk.releases.moves.throw_away("flag", NOW)
        assert await desk.campaigns.all() == [] and [c.slug for c in await desk.campaigns.binned()] == ["flag"]
        for refused in (desk.campaigns.transition("flag", "scheduled", NOW), desk.campaigns.create(campaign()),
                        desk.campaigns.update(campaign())):
            with pytest.raises(Conflict):
                await refused
        await desk.releases.moves.recover("flag")
        assert [c.slug for c in await desk.campaigns.all()] == ["flag"]
        assert (await desk.drafts.of("flag")).content.title == "写到一半"

    async def test_after_thirty_days_nothing_of_it_is_left(self, desk, stores):
        await desk.begun()
        await desk.written(LIN, title="一")
        await desk.written(CHEN, title="二")
        await desk.releases.moves.throw_away("flag", NOW)
        await desk.releases.tidy(NOW + BIN_SECONDS - 1)
        assert (await desk.campaigns.get_any("flag")).binned_at
        await desk.releases.tidy(NOW + BIN_SECONDS)
        with pytest.raises(CampaignNotFound):
            await desk.campaigns.get_any("flag")
        for name in ("campaign_drafts", "campaign_revisions", "campaign_desks", "regions", "units"):
            assert await stores.mongo[name].find({}, comment=LOOKING).to_list(None) == [], name

    async def test_what_was_public_cannot_be_thrown_away(self, desk):
        await desk.begun()
        await desk.campaigns.transition("flag", "scheduled", DURING)
        with pytest.raises(Conflict) as refusal:
            await desk.releases.moves.throw_away("flag", NOW)
        assert refusal.value.code == "CAMPAIGN_PUBLISHED"

    async def test_what_was_taken_out_at_the_last_moment_stays(self, desk):
        await desk.begun()
        binned = await desk.releases.moves.throw_away("flag", NOW)
        await desk.releases.moves.recover("flag")
        assert not await desk.campaigns.purge(binned) and not await desk.campaigns.purge(replace(binned, binned_at=0))
        assert (await desk.campaigns.get_any("flag")).slug == "flag"
