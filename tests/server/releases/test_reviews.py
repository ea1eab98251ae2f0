"""Reviews: three different people, none of whom wrote it; a changed draft begins anew; a link decides once, in time, about one version."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Conflict, Forbidden, InvalidBody, NotFound
from server.releases.content import content_of
from server.releases.record import STEPS, DraftClash, DraftNotFound, ReviewMovedOn, Step, lacking_people
from server.releases.review_links import LINK_SECONDS, REMEMBER_SECONDS
from tests.server.releases.desk_world import CHEN, LIN, NOW, QIAN, SUN, ZHAO

pytestmark = pytest.mark.gen_test(timeout=60)
ADMIN, HEAD = "admin", "李局长"


def code_of(refusal) -> str:
    return refusal.value.code


class TestSteps:
    async def test_three_people_approve_in_order(self, desk):
        await desk.begun()
        draft = await desk.submitted(title="送审稿")
        assert (draft.review.state, draft.review.steps, draft.review.step) == ("reviewing", STEPS, 0)
        for n, person in enumerate((ZHAO, QIAN, SUN), 1):
            draft = await desk.decide(person, comment="同意")
            assert (draft.review.state, draft.review.step) == ("approved" if n == 3 else "reviewing", n)
        assert [(d.name, d.by) for d in draft.review.decisions] == [("初审", ZHAO), ("复审", QIAN), ("终审", SUN)]

    async def test_a_template_goes_to_them_as_it_is_and_who_sent_it_reviews_nothing(self, desk):
        made = await desk.begun()
        draft = await desk.reviews.submit("flag", 0, LIN, NOW)
        assert (draft.rev, draft.authors, draft.review.state, draft.content) == (1, (LIN,), "reviewing", content_of(made))
        assert (await desk.drafts.revision("flag", draft.review.revision)).content == content_of(made)
        with pytest.raises(Forbidden):
            await desk.decide(LIN)
        for person in (ZHAO, QIAN, SUN):
            draft = await desk.decide(person)
        assert (await desk.publishing.publish("flag", draft.review.revision, (), LIN, NOW)).state == "scheduled"

    async def test_of_a_campaign_that_is_public_nothing_goes_to_them_before_somebody_wrote(self, desk):
        await desk.begun()
        await desk.campaigns.transition("flag", "scheduled", NOW)
        with pytest.raises(DraftNotFound):
            await desk.reviews.submit("flag", 0, LIN, NOW)

    async def test_what_somebody_wrote_meanwhile_is_not_sent_unseen(self, desk):
        await desk.begun()
        await desk.written(CHEN, title="陈写过")
        with pytest.raises(DraftClash):
            await desk.reviews.submit("flag", 0, LIN, NOW)

    async def test_an_author_reviews_nothing_of_it(self, desk):
        await desk.begun()
        await desk.written(CHEN, title="陈写过")
        await desk.submitted(LIN, title="林改过")
        for author in (LIN, CHEN):
            with pytest.raises(Forbidden) as refusal:
                await desk.decide(author)
            assert code_of(refusal) == "AUTHOR_MAY_NOT_REVIEW"

    async def test_nobody_takes_two_steps(self, desk):
        await desk.begun()
        await desk.submitted(title="一")
        await desk.decide(ZHAO)
        with pytest.raises(Forbidden) as refusal:
            await desk.decide(ZHAO)
        assert code_of(refusal) == "REVIEWED_ALREADY"

    async def test_a_step_for_named_people_is_theirs(self, desk):
        await desk.begun()
        await desk.reviews.set_steps("flag", (Step("初审", (ZHAO,)), Step("终审", (SUN,))))
        await desk.submitted(title="一")
        with pytest.raises(Forbidden) as refusal:
            await desk.decide(SUN)
        assert code_of(refusal) == "NOT_THIS_STEP"
        await desk.decide(ZHAO)
        assert (await desk.decide(SUN)).review.state == "approved"

    async def test_a_return_needs_a_reason_and_ends_the_round(self, desk):
        await desk.begun()
        await desk.submitted(title="一")
        await desk.decide(ZHAO)
        with pytest.raises(InvalidBody) as refusal:
            await desk.decide(QIAN, "return", "  ")
        assert code_of(refusal) == "COMMENT_MISSING"
        draft = await desk.decide(QIAN, "return", "第二段改一改")
        assert (draft.review.state, draft.review.decisions[-1].comment) == ("returned", "第二段改一改")
        with pytest.raises(Conflict):
            await desk.decide(SUN)
        again = await desk.submitted(title="二")
        assert (again.review.step, again.review.round) == (0, 2)

    async def test_any_change_after_an_approval_begins_the_steps_anew(self, desk):
        await desk.begun()
        before = await desk.approved(title="一")
        saved = await desk.drafts.save("flag", before.rev, before.content.__class__(**{
            **{f: getattr(before.content, f) for f in before.content.__struct_fields__}, "title": "偷偷改"}), LIN, NOW)
        assert saved.restarted and saved.draft.review.state == "writing"
        with pytest.raises(Conflict) as refusal:
            await desk.publishing.publish("flag", 0, (), LIN, NOW)
        assert code_of(refusal) == "REVIEW_REQUIRED"
        kept = await desk.drafts.revision("flag", before.review.revision)
        assert [d.by for d in kept.reviews[0].decisions] == [ZHAO, QIAN, SUN]

    async def test_saving_without_a_change_ends_nothing(self, desk):
        await desk.begun()
        before = await desk.approved(title="一")
        assert (await desk.drafts.save("flag", before.rev, before.content, CHEN, NOW)).draft.review.state == "approved"

    async def test_a_decision_about_what_was_changed_meanwhile_falls_on_nothing(self, desk):
        await desk.begun()
        read = await desk.submitted(title="一")
        await desk.submitted(title="二")
        with pytest.raises(ReviewMovedOn):
            await desk.reviews.decide("flag", read.review.revision, read.review.round, ZHAO, "approve", "", NOW)

    async def test_of_an_edit_and_an_approval_at_once_no_approval_covers_unread_words(self, desk):
        await desk.begun()
        for n in range(5):
            await desk.submitted(title=f"稿{n}")
            await asyncio.gather(desk.decide(ZHAO), desk.written(LIN, title=f"改{n}"), return_exceptions=True)
            draft = await desk.drafts.of("flag")
            assert draft.review.state == "writing" or draft.content.title == f"稿{n}"

    async def test_of_two_reviewers_at_once_each_takes_her_own_step_or_is_told(self, desk):
        await desk.begun()
        await desk.submitted(title="一")
        other = desk.process().reviews
        draft = await desk.drafts.of("flag")
        done = await asyncio.gather(
            desk.decide(ZHAO), other.decide("flag", draft.review.revision, draft.review.round, QIAN, "approve", "", NOW),
            return_exceptions=True)
        made = (await desk.drafts.of("flag")).review.decisions
        assert len(made) == sum(not isinstance(one, BaseException) for one in done) >= 1
        assert len({d.step for d in made}) == len(made)

    async def test_it_can_be_taken_back_and_is_not_submitted_twice(self, desk):
        await desk.begun()
        draft = await desk.submitted(title="一")
        with pytest.raises(Conflict):
            await desk.reviews.submit("flag", draft.rev, LIN, NOW)
        assert (await desk.reviews.withdraw("flag", NOW)).review.state == "writing"
        with pytest.raises(Conflict):
            await desk.reviews.withdraw("flag", NOW)
        with pytest.raises(DraftClash):
            await desk.reviews.submit("flag", draft.rev + 1, LIN, NOW)

    async def test_what_waits_for_me_is_listed_for_me_alone(self, desk):
        await desk.begun()
        await desk.submitted(title="一")
        assert [d.campaign for d in await desk.reviews.waiting_for(ZHAO)] == ["flag"]
        assert await desk.reviews.waiting_for(LIN) == []
        await desk.decide(ZHAO)
        assert await desk.reviews.waiting_for(ZHAO) == []

    @pytest.mark.parametrize("steps", [(), (Step(""),), (Step("初审", ("",)),), (Step("一"),) * 6])
    async def test_steps_that_cannot_be_are_refused(self, desk, steps):
        with pytest.raises(InvalidBody):
            await desk.reviews.set_steps("flag", steps)

    def test_a_step_that_nobody_can_take_is_known_beforehand(self):
        assert lacking_people(STEPS, (LIN,)) == ""
        assert lacking_people((Step("初审", (ZHAO, QIAN)), Step("复审", (ZHAO,)), Step("终审", (QIAN, SUN))), ()) == ""
        assert lacking_people((Step("初审", (ZHAO,)), Step("复审", (ZHAO,))), ()) == "复审"
        assert lacking_people((Step("初审", (LIN,)),), (LIN,)) == "初审"


class TestLinks:
    @pytest.fixture
    def links(self, desk):
        return desk.releases.review_links

    async def token(self, desk, person=ZHAO, issuer="", now=NOW, **options) -> str:
        url, _ = await desk.releases.review_links.issue("flag", person, issuer or person, is_admin=options.get("is_admin", False), now=now)
        return url.rpartition("/")[2]

    async def test_it_decides_once(self, desk, links):
        await desk.begun()
        await desk.submitted(title="一")
        token = await self.token(desk)
        for _ in range(3):  # a chat fetches what is sent in it: looking decides nothing
            assert (await links.open(token, NOW))[0].person == ZHAO
        _, draft = await links.decide(token, "approve", "可以", NOW + 60)
        assert [(d.by, d.comment) for d in draft.review.decisions] == [(ZHAO, "可以")]
        for ask in (links.open(token, NOW + 61), links.decide(token, "return", "又不行", NOW + 61)):
            with pytest.raises(Conflict) as refusal:
                await ask
            assert code_of(refusal) == "REVIEW_LINK_USED"

    async def test_tapped_twice_in_the_same_moment_it_decides_once(self, desk, links):
        await desk.begun()
        await desk.submitted(title="一")
        token = await self.token(desk)
        done = await asyncio.gather(*(one.decide(token, "approve", "", NOW) for one in (links, desk.process().review_links)),
                                    return_exceptions=True)
        assert sum(not isinstance(one, BaseException) for one in done) == 1
        assert len((await desk.drafts.of("flag")).review.decisions) == 1

    async def test_late_it_says_so_and_then_it_is_unknown(self, desk, links):
        await desk.begun()
        await desk.submitted(title="一")
        token = await self.token(desk)
        await links.open(token, NOW + LINK_SECONDS - 1)
        with pytest.raises(Conflict) as refusal:
            await links.decide(token, "approve", "", NOW + LINK_SECONDS)
        assert code_of(refusal) == "REVIEW_LINK_LATE"
        await links.tidy(NOW + LINK_SECONDS + REMEMBER_SECONDS)
        with pytest.raises(NotFound):
            await links.open(token, NOW)

    async def test_for_another_version_or_step_it_decides_nothing(self, desk, links):
        await desk.begun()
        await desk.submitted(title="一")
        token, second = await self.token(desk), await self.token(desk, QIAN)
        await links.decide(second, "approve", "", NOW)
        for n in range(2):  # the step has moved on; then the version has changed
            with pytest.raises(Conflict) as refusal:
                await links.decide(token, "approve", "", NOW)
            assert code_of(refusal) == "REVIEW_LINK_OUTDATED"
            await desk.submitted(title=f"又一稿{n}")
        assert (await desk.drafts.of("flag")).review.decisions == ()

    async def test_the_same_version_sent_in_again_needs_a_new_link(self, desk, links):
        await desk.begun()
        draft = await desk.submitted(title="一")
        token = await self.token(desk)
        await desk.reviews.withdraw("flag", NOW)
        again = await desk.reviews.submit("flag", draft.rev, LIN, NOW)
        assert again.review.revision == draft.review.revision
        with pytest.raises(Conflict) as refusal:
            await links.open(token, NOW)
        assert code_of(refusal) == "REVIEW_LINK_OUTDATED"

    async def test_only_a_reviewer_for_herself_or_an_admin_for_who_is_named(self, desk, links):
        await desk.begun()
        await desk.reviews.set_steps("flag", (Step("终审", (HEAD, SUN)),))
        await desk.submitted(title="一")
        for person, issuer, is_admin, code in ((HEAD, ZHAO, False, "LINK_FOR_OTHERS"), (LIN, LIN, False, "AUTHOR_MAY_NOT_REVIEW"),
                                               (HEAD, LIN, True, "AUTHOR_MAY_NOT_REVIEW"), ("别人", ADMIN, True, "NOT_THIS_STEP")):
            with pytest.raises(Forbidden) as refusal:
                await links.issue("flag", person, issuer, is_admin=is_admin, now=NOW)
            assert code_of(refusal) == code
        token = await self.token(desk, HEAD, ADMIN, is_admin=True)
        _, draft = await links.decide(token, "approve", "", NOW)
        assert (draft.review.state, draft.review.decisions[0].by, draft.review.decisions[0].issued_by) == ("approved", HEAD, ADMIN)

    async def test_who_issued_a_link_decides_no_other_step(self, desk, links):
        await desk.begun()
        await desk.reviews.set_steps("flag", (Step("初审", (HEAD,)), Step("终审")))
        await desk.submitted(title="一")
        await links.decide(await self.token(desk, HEAD, ADMIN, is_admin=True), "approve", "", NOW)
        with pytest.raises(Forbidden) as refusal:
            await desk.decide(ADMIN)
        assert code_of(refusal) == "REVIEWED_ALREADY"

    async def test_a_token_is_kept_as_a_hash(self, desk, stores):
        await desk.begun()
        await desk.submitted(title="一")
        token = await self.token(desk)
        assert await stores.mongo["review_links"].find_one({"_id": token}) is None
