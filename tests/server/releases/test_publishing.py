"""Publishing: the approved revision alone, to the minute of Shanghai, over nothing that the draft has not seen; and taken down again."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import pytest
from msgspec import structs
from pymongo.errors import ServerSelectionTimeoutError

from server.campaigns import CACHE_SECONDS, Campaigns
from server.clock import shanghai
from server.errors import Conflict, InvalidBody
from server.releases.content import content_of, fingerprint
from server.releases.record import DraftNotFound
from server.stores import RedisError
from tests.server.civic_world import CLOSES, DURING, OPENS
from tests.server.releases.desk_world import CHEN, LIN, NOW, QIAN, REVIEWERS, SUN, ZHAO, DeskWorld

pytestmark = pytest.mark.gen_test(timeout=60)


def code_of(refusal) -> str:
    return refusal.value.code


class TestUntouched:
    """A campaign that is as its template made it."""

    async def test_without_a_review_it_is_published_as_it_is(self, stores):
        desk = await DeskWorld(stores, required=False).ready()
        made = await desk.begun()
        campaign = await desk.publishing.publish("flag", 0, (), LIN, NOW)
        assert (campaign.state, content_of(campaign)) == ("scheduled", content_of(made))

    async def test_where_review_is_required_who_only_tries_becomes_no_author(self, desk):
        await desk.begun()
        with pytest.raises(DraftNotFound):
            await desk.publishing.publish("flag", 0, (), ZHAO, NOW)
        assert (await desk.drafts.of("flag")).authors == ()


class TestNow:
    async def test_the_approved_version_becomes_the_campaign(self, desk):
        await desk.begun()
        draft = await desk.approved(title="向国旗敬个礼")
        campaign = await desk.publishing.publish("flag", draft.review.revision, (), LIN, NOW)
        assert (campaign.state, campaign.title, campaign.release) == ("scheduled", "向国旗敬个礼", 1)
        revision = await desk.drafts.revision("flag", 1)
        assert fingerprint(content_of(campaign)) == revision.hash == draft.review.hash
        assert (revision.released_by, revision.released_at) == (LIN, NOW)
        assert (await desk.drafts.of("flag")).rev == 0  # the box is empty again

    async def test_within_its_window_it_opens_at_once(self, desk):
        await desk.begun()
        assert (await desk.published(DURING)).state == "open"

    @pytest.mark.parametrize("approvals", [0, 1, 2])
    async def test_without_every_step_nothing_is_published(self, desk, approvals):
        await desk.begun()
        await desk.submitted(title="一")
        for person in REVIEWERS[:approvals]:
            await desk.decide(person)
        with pytest.raises(Conflict) as refusal:
            await desk.publishing.publish("flag", 0, (), LIN, NOW)
        assert code_of(refusal) == "REVIEW_REQUIRED"
        assert (await desk.campaigns.get_any("flag")).title == "向国旗敬礼"

    async def test_another_version_than_was_read_is_not_published(self, desk):
        await desk.begun()
        await desk.approved(title="一")
        with pytest.raises(Conflict) as refusal:
            await desk.publishing.publish("flag", 7, (), LIN, NOW)
        assert code_of(refusal) == "CONTENT_DIFFERS"

    @pytest.mark.parametrize("where", ["campaign_drafts", "campaign_revisions"])
    async def test_words_that_were_changed_behind_the_desk_are_not_published(self, desk, where):
        await desk.begun()
        await desk.approved(title="审过的标题")
        collection = desk.stores.mongo[where]
        id = "flag" if where == "campaign_drafts" else "flag:00000001"
        kept = await collection.find_one({"_id": id})
        await collection.update_one({"_id": id}, {"$set": {"content": kept["content"].replace("审过的标题", "没审的标题")}})
        with pytest.raises(Conflict) as refusal:
            await desk.publishing.publish("flag", 0, (), LIN, NOW)
        assert code_of(refusal) == "CONTENT_DIFFERS"

    async def test_an_open_campaign_is_published_over_and_keeps_its_counters_layout(self, desk):
        await desk.begun()
        await desk.published(DURING)
        await desk.approved(DURING, title="新标题")
        campaign = await desk.publishing.publish("flag", 0, (), LIN, DURING)
        assert (campaign.title, campaign.state, campaign.shards, campaign.release) == ("新标题", "open", 4, 2)
        await desk.approved(DURING, period_rule="daily")
        with pytest.raises(Conflict) as refusal:
            await desk.publishing.publish("flag", 0, (), LIN, DURING)
        assert code_of(refusal) == "NOT_READY_TO_OPEN" and "统计周期" in refusal.value.message

    async def test_what_changed_beneath_the_draft_has_to_be_taken_over_first(self, desk):
        await desk.begun()
        await desk.published(DURING)
        await desk.written(CHEN, DURING, title="草稿的标题")
        beneath = await desk.campaigns.get_any("flag")
        await desk.campaigns.update(replace(beneath, share=beneath.share | {"desc": "更正后的描述"}))
        draft = await desk.drafts.of("flag")
        await desk.reviews.submit("flag", draft.rev, CHEN, DURING)
        for person in REVIEWERS:
            await desk.decide(person)
        with pytest.raises(Conflict) as refusal:
            await desk.publishing.publish("flag", 0, (), LIN, DURING)
        assert code_of(refusal) == "DRAFT_OUTDATED"
        draft, clashes = await desk.drafts.rebase("flag", draft.rev, LIN, DURING)
        assert (draft.content.title, draft.content.share["desc"], clashes) == ("草稿的标题", "更正后的描述", [])
        await desk.reviews.submit("flag", draft.rev, LIN, DURING)
        for person in REVIEWERS:
            await desk.decide(person)
        assert (await desk.publishing.publish("flag", 0, (), LIN, DURING)).title == "草稿的标题"

    async def test_a_stop_in_the_middle_is_gone_on_with(self, desk):
        await desk.begun()
        await desk.approved(DURING, title="新标题")
        with mock.patch.object(Campaigns, "transition", side_effect=ServerSelectionTimeoutError("away")):
            with pytest.raises(ServerSelectionTimeoutError):
                await desk.publishing.publish("flag", 0, (), LIN, DURING)
        assert (await desk.campaigns.get_any("flag")).state == "draft"
        assert (await desk.process().publishing.publish("flag", 0, (), LIN, DURING)).state == "open"

    async def test_findings_block_or_have_to_be_confirmed_by_name(self, desk):
        await desk.begun()
        await desk.approved(share={"title": "集赞", "desc": "全国首创", "image": "/static/share/salute.jpg"})
        with pytest.raises(Conflict) as refusal:
            await desk.publishing.publish("flag", 0, (), LIN, NOW)
        assert code_of(refusal) == "NOT_READY_TO_OPEN" and "集赞" in refusal.value.message
        draft = await desk.approved(share={"title": "来敬礼", "desc": "全国首创", "image": "/static/share/salute.jpg"})
        with pytest.raises(Conflict) as refusal:
            await desk.publishing.publish("flag", 0, ("something else",), LIN, NOW)
        assert code_of(refusal) == "WARNINGS_UNCONFIRMED" and "首创" in refusal.value.message
        keys = tuple(found.key for found in await desk.releases.readiness.findings(draft.content))
        await desk.publishing.publish("flag", 0, keys, LIN, NOW)
        assert (await desk.drafts.revision("flag", draft.review.revision)).confirmed == keys

    async def test_where_review_is_not_required_an_editor_publishes_alone(self, stores):
        desk = await DeskWorld(stores, required=False).ready()
        await desk.begun()
        await desk.written(title="一个人写的")
        campaign = await desk.publishing.publish("flag", 0, (), LIN, NOW)
        assert (campaign.title, campaign.release) == ("一个人写的", 1)
        assert (await desk.drafts.revision("flag", 1)).occasion == "published"


class TestAtTheMinute:
    AT = OPENS - 600

    async def scheduled(self, desk, at=AT):
        await desk.begun()
        await desk.approved(title="定时的标题")
        return await desk.publishing.schedule("flag", 1, (), at, LIN, NOW)

    async def test_it_is_published_at_its_minute_of_shanghai(self, desk):
        draft = await self.scheduled(desk)
        assert f"{shanghai(draft.release.at):%m-%d %H:%M}" == "09-30 23:50"
        await desk.publishing.tick(self.AT - 0.5)
        assert (await desk.campaigns.get_any("flag")).state == "draft"
        await desk.publishing.tick(self.AT)
        assert ((await desk.campaigns.get_any("flag")).state, (await desk.campaigns.get_any("flag")).title) == ("scheduled", "定时的标题")
        await desk.campaigns.tick(OPENS)
        assert (await desk.campaigns.get_any("flag")).state == "open"
        assert desk.recorded == [(LIN, "campaign.release", "flag")]

    async def test_a_restart_forgets_nothing_and_two_processes_publish_once(self, desk):
        await self.scheduled(desk)
        late = self.AT + 3600.0  # nobody was there at the minute
        one, two = desk.process().publishing, desk.process().publishing
        await one.tick(late)
        await two.tick(late)
        assert (await desk.campaigns.get_any("flag")).state == "open"
        assert len(desk.recorded) == 1

    @pytest.mark.parametrize("at", [AT + 1, NOW, NOW - 60, CLOSES])
    async def test_a_time_that_cannot_be_is_refused(self, desk, at):
        with pytest.raises(InvalidBody) as refusal:
            await self.scheduled(desk, at)
        assert code_of(refusal) == "RELEASE_TIME_WRONG"

    async def test_it_is_called_off(self, desk):
        await self.scheduled(desk)
        assert await desk.publishing.cancel("flag", NOW) == "release"
        await desk.publishing.tick(self.AT)
        assert (await desk.campaigns.get_any("flag")).state == "draft"
        await desk.publishing.publish("flag", 0, (), LIN, NOW)
        assert await desk.publishing.cancel("flag", NOW) == "campaign"
        with pytest.raises(Conflict) as refusal:
            await desk.publishing.cancel("flag", NOW)
        assert code_of(refusal) == "NOTHING_SCHEDULED"

    async def test_a_change_calls_it_off_and_says_so(self, desk):
        seen = await self.scheduled(desk)
        saved = await desk.drafts.save("flag", seen.rev, structs.replace(seen.content, title="又改了"), CHEN, NOW)
        assert saved.restarted and saved.draft.release is None
        await desk.publishing.tick(self.AT)
        assert (await desk.campaigns.get_any("flag")).state == "draft"

    async def test_what_may_not_be_published_at_its_minute_stands_still_with_its_reason(self, desk):
        await self.scheduled(desk)
        beneath = await desk.campaigns.get_any("flag")
        await desk.campaigns.update(replace(beneath, title="别处改的"))
        await desk.publishing.tick(self.AT)
        await desk.publishing.tick(self.AT + 1)
        draft = await desk.drafts.kept("flag")
        assert "并入草稿" in draft.release.problem
        assert desk.recorded == [(LIN, "campaign.release_refused", "flag")]

    async def test_a_store_that_is_away_is_waited_for(self, desk):
        await self.scheduled(desk)
        publishing = desk.publishing
        with mock.patch.object(publishing, "_check", side_effect=RedisError("away")):
            await publishing.tick(self.AT)
        assert (await desk.drafts.kept("flag")).release.problem == ""
        await publishing.tick(self.AT + 1)
        assert (await desk.campaigns.get_any("flag")).state == "scheduled"


class TestTakeDown:
    async def test_citizens_see_why_it_is_paused_and_no_more_once_it_goes_on(self, desk):
        await desk.begun()
        await desk.published(DURING)
        paused = await desk.publishing.take_down("flag", "paused", " 系统维护，八点恢复 ", DURING)
        assert desk.campaigns.view(paused, [], False, "all", DURING)["pause_reason"] == "系统维护，八点恢复"
        again = await desk.publishing.take_down("flag", "paused", "改到九点", DURING)
        assert (again.state, again.pause_reason) == ("paused", "改到九点")
        assert (await desk.campaigns.transition("flag", "open", DURING)).pause_reason == ""
        assert (await desk.publishing.take_down("flag", "frozen", "提前结束", DURING)).state == "frozen"

    @pytest.mark.parametrize(("to", "reason"), [("paused", " "), ("paused", "长" * 101), ("archived", "结束"), ("open", "开")])
    async def test_it_needs_a_reason_and_a_state_to_go_down_to(self, desk, to, reason):
        await desk.begun()
        await desk.published(DURING)
        with pytest.raises(InvalidBody):
            await desk.publishing.take_down("flag", to, reason, DURING)


class TestByHand:
    async def test_with_review_nothing_is_published_or_rewritten_by_hand(self, desk):
        draft = await desk.begun()
        for campaign, to in ((draft, "scheduled"), (replace(draft, state="scheduled"), "open"), (replace(draft, state="open"), "")):
            with pytest.raises(Conflict) as refusal:
                desk.publishing.check_by_hand(campaign, to)
            assert code_of(refusal) == "REVIEW_REQUIRED"
        for campaign, to in ((draft, ""), (replace(draft, state="open"), "paused"), (replace(draft, state="paused"), "open"),
                             (replace(draft, state="scheduled", release=3), "open"), (replace(draft, state="scheduled"), "draft")):
            desk.publishing.check_by_hand(campaign, to)

    async def test_without_it_everything_goes_as_before(self, stores):
        desk = await DeskWorld(stores, required=False).ready()
        draft = await desk.begun()
        for campaign, to in ((draft, "scheduled"), (replace(draft, state="scheduled"), "open"), (replace(draft, state="open"), "")):
            desk.publishing.check_by_hand(campaign, to)


class TestCorrections:
    async def opened(self, desk):
        await desk.begun()
        return await desk.published(DURING)

    async def begin(self, desk, who=LIN, **changes):
        return await desk.releases.corrections.begin("flag", lambda content: structs.replace(content, **changes), "写错了一个字", who,
                                                     DURING)

    async def decide(self, desk, made, person, verdict="approve", comment=""):
        return await desk.releases.corrections.decided(await desk.decide(person, verdict, comment, made.id, DURING), DURING)

    async def test_one_approval_shows_it_and_the_others_look_afterwards(self, desk):
        await self.opened(desk)
        made = await self.begin(desk, title="向国旗敬个礼")
        assert (made.state, [step.name for step in made.review.steps]) == ("waiting", ["紧急核准", "补审：复审", "补审：终审"])
        assert (await desk.campaigns.get("flag")).title == "向国旗敬礼"
        shown = await self.decide(desk, made, ZHAO)
        assert shown.state == "shown" and (await desk.campaigns.get_any("flag")).title == "向国旗敬个礼"
        assert (await desk.campaigns.get_any("flag")).release == made.review.revision
        await self.decide(desk, made, QIAN)
        assert (await self.decide(desk, made, SUN)).state == "settled"

    async def test_every_process_shows_it_within_two_seconds(self, desk):
        await self.opened(desk)
        other = desk.civic.process()
        assert (await other.get("flag")).title == "向国旗敬礼"
        await self.decide(desk, await self.begin(desk, title="向国旗敬个礼"), ZHAO)
        assert CACHE_SECONDS <= 1.0
        other._known = {slug: (read_at - CACHE_SECONDS - 0.01, known) for slug, (read_at, known) in other._known.items()}
        assert (await other.get("flag")).title == "向国旗敬个礼"

    async def test_its_author_does_not_approve_it_and_nobody_twice(self, desk):
        await self.opened(desk)
        made = await self.begin(desk, title="二")
        with pytest.raises(Exception, match="AUTHOR_MAY_NOT_REVIEW"):
            await self.decide(desk, made, LIN)
        await self.decide(desk, made, ZHAO)
        with pytest.raises(Exception, match="REVIEWED_ALREADY"):
            await self.decide(desk, made, ZHAO)

    async def test_sent_back_it_is_never_shown_and_objected_to_it_is_seen(self, desk):
        await self.opened(desk)
        refused = await self.decide(desk, await self.begin(desk, title="二"), ZHAO, "return", "不必改")
        assert refused.state == "refused" and (await desk.campaigns.get_any("flag")).title == "向国旗敬礼"
        made = await self.begin(desk, title="三")
        await self.decide(desk, made, ZHAO)
        assert (await self.decide(desk, made, QIAN, "return", "还是原来的好")).state == "objected"
        assert (await desk.campaigns.get_any("flag")).title == "三"

    @pytest.mark.parametrize("change", [
        {"opens_at": OPENS + 60}, {"closes_at": CLOSES + 60}, {"period_rule": "daily"}, {"free_words": True}, {"activities": ()},
        {"theme": {"salute": "heroes"}}, {"theme": {"anthem_url": "/static/x.mp3"}}, {"presets": ()}])
    async def test_who_counts_when_and_for_what_is_locked(self, desk, change):
        await self.opened(desk)
        with pytest.raises(Conflict) as refusal:
            await self.begin(desk, **change)
        assert code_of(refusal) == "CORRECTION_LOCKED"

    async def test_an_activity_s_children_and_code_are_locked_and_its_words_are_not(self, desk):
        campaign = await self.opened(desk)
        first, *rest = campaign.activities
        for locked in (replace(first, children=True), replace(first, code="another")):
            with pytest.raises(Conflict):
                await self.begin(desk, activities=(locked, *rest))
        await self.decide(desk, await self.begin(desk, activities=(replace(first, title="礼敬五星红旗"), *rest)), ZHAO)
        assert (await desk.campaigns.get_any("flag")).activities[0].title == "礼敬五星红旗"

    async def test_a_wrong_word_is_refused_here_too(self, desk):
        await self.opened(desk)
        with pytest.raises(Conflict) as refusal:
            await self.begin(desk, title="集赞向国旗敬礼")
        assert code_of(refusal) == "NOT_READY_TO_OPEN"

    async def test_it_is_for_what_is_open(self, desk):
        await desk.begun()
        with pytest.raises(Conflict) as refusal:
            await self.begin(desk, title="二")
        assert code_of(refusal) == "CORRECTION_NOT_OPEN"

    async def test_a_stop_after_the_approval_loses_nothing(self, desk):
        await self.opened(desk)
        made = await self.begin(desk, title="二")
        await desk.decide(ZHAO, id=made.id, now=DURING)  # and the process ends before it shows anything
        await desk.process().publishing.tick(DURING + 1)
        assert (await desk.campaigns.get_any("flag")).title == "二"
        assert (await desk.reviews.about(made.id)).state == "shown"

    async def test_over_another_correction_it_is_refused(self, desk):
        await self.opened(desk)
        one, two = await self.begin(desk, title="二"), await self.begin(desk, CHEN, title="三")
        await self.decide(desk, one, ZHAO)
        assert (await self.decide(desk, two, ZHAO)).state == "refused"
        assert (await desk.campaigns.get_any("flag")).title == "二"
