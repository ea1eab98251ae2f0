"""What people could try to get a release through that nobody but themselves looked at, or that was called off."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Conflict, Forbidden
from server.releases.record import Step
from tests.server.releases.desk_world import CHEN, LIN, NOW, QIAN, REVIEWERS, SUN, ZHAO

pytestmark = pytest.mark.gen_test(timeout=60)
ADMIN = "admin"
MINUTE = NOW - NOW % 60 + 600


async def by_link(desk, person):
    url, _ = await desk.releases.review_links.issue("flag", person, ADMIN, is_admin=True, now=NOW)
    _, draft = await desk.releases.review_links.decide(url.rpartition("/")[2], "approve", "", NOW)
    return draft


def interrupted(desk, act):
    """Another process that publishes; `act` is done once, between its checks and its first step."""
    other, done = desk.process().publishing, []
    real = other._readiness.problems

    async def problems(*args):
        found = await real(*args)
        if not done:
            done.append(await act())
        return found

    other._readiness.problems = problems
    return other, done


class TestWhoDecides:
    async def test_an_admin_who_sent_one_link_sends_no_second_of_the_round(self, desk):
        """The steps may name people without accounts: else he could open all three links himself."""
        await desk.begun()
        await desk.reviews.set_steps("flag", (Step("初审", ("王科长",)), Step("复审", ("刘处长",))))
        await desk.submitted(title="一")
        await by_link(desk, "王科长")
        with pytest.raises(Forbidden):
            await by_link(desk, "刘处长")

    @pytest.mark.parametrize("name", [f"{LIN} ", LIN.upper(), LIN.replace("l", "ｌ", 1)])
    async def test_an_author_is_known_however_a_step_writes_her_name(self, desk, name):
        await desk.begun()
        await desk.reviews.set_steps("flag", (Step("终审", (name,)),))
        await desk.submitted(title="一")
        with pytest.raises(Forbidden) as refusal:
            await by_link(desk, name)
        assert refusal.value.code == "AUTHOR_MAY_NOT_REVIEW"

    async def test_who_wrote_what_another_brings_back_does_not_review_it(self, desk):
        await desk.begun()
        await desk.written(LIN, title="林写的")
        number = await desk.drafts.discard("flag", LIN, NOW)
        saved = await desk.drafts.restore("flag", number, 0, CHEN, NOW + 1)
        await desk.reviews.submit("flag", saved.draft.rev, CHEN, NOW + 2)
        with pytest.raises(Forbidden) as refusal:
            await desk.decide(LIN)
        assert refusal.value.code == "AUTHOR_MAY_NOT_REVIEW"

    async def test_three_who_have_the_first_step_before_them_decide_the_first_step(self, desk):
        await desk.begun()
        review = (await desk.submitted(title="一")).review
        done = await asyncio.gather(*(
            desk.process().reviews.decide("flag", review.revision, review.round, person, "approve", "", NOW, step=0)
            for person in REVIEWERS), return_exceptions=True)
        assert sum(not isinstance(one, BaseException) for one in done) == 1
        assert (await desk.reviews.about("flag")).review.step == 1
        with pytest.raises(Conflict):
            await desk.process().reviews.decide("flag", review.revision, review.round, QIAN, "approve", "", NOW, step=0)


class TestWhatIsCalledOff:
    async def test_a_release_that_was_called_off_in_time_is_not_published(self, desk):
        await desk.begun()
        await desk.approved(title="定时的")
        await desk.publishing.schedule("flag", 0, (), MINUTE, LIN, NOW)
        job, said = interrupted(desk, lambda: desk.publishing.cancel("flag", MINUTE))
        await job.tick(MINUTE)
        assert said == ["release"] and (await desk.campaigns.get_any("flag")).title != "定时的"

    async def test_an_approval_that_was_taken_back_is_not_published(self, desk):
        await desk.begun()
        await desk.approved(title="撤回的")
        other, said = interrupted(desk, lambda: desk.reviews.withdraw("flag", NOW))
        with pytest.raises(Conflict):
            await other.publish("flag", 0, (), LIN, NOW)
        assert said[0].review.state == "writing" and (await desk.campaigns.get_any("flag")).title != "撤回的"

    async def test_what_has_begun_is_not_called_off_any_more_and_can_be_again_after_a_stop(self, desk, monkeypatch):
        await desk.begun()
        await desk.approved(title="开始了")

        async def stopped(*_):
            raise OSError("the process ended here")

        other = desk.process().publishing
        monkeypatch.setattr(other, "_put", stopped)
        with pytest.raises(OSError):
            await other.publish("flag", 0, (), LIN, NOW)
        with pytest.raises(Conflict) as refusal:
            await desk.reviews.withdraw("flag", NOW + 1)
        assert refusal.value.code == "RELEASE_UNDER_WAY"
        assert (await desk.publishing.publish("flag", 0, (), LIN, NOW + 2)).title == "开始了"

    async def test_four_processes_at_the_same_minute_release_and_log_once(self, desk):
        await desk.begun()
        await desk.approved(title="定时的")
        await desk.publishing.schedule("flag", 0, (), MINUTE, LIN, NOW)
        await asyncio.gather(*(desk.process().publishing.tick(MINUTE) for _ in range(4)))
        assert (await desk.campaigns.get_any("flag")).title == "定时的"
        assert [what for _, what, _ in desk.recorded if what.startswith("campaign.release")] == ["campaign.release"]

    async def test_three_verdicts_of_one_step_at_once_are_one(self, desk):
        await desk.begun()
        review = (await desk.submitted(title="一")).review
        done = await asyncio.gather(*(
            desk.process().reviews.decide("flag", review.revision, review.round, person, verdict, "意见", NOW, step=0)
            for person, verdict in ((ZHAO, "approve"), (QIAN, "return"), (SUN, "approve"))), return_exceptions=True)
        assert sum(not isinstance(one, BaseException) for one in done) == 1
        assert len((await desk.reviews.about("flag")).review.decisions) == 1
