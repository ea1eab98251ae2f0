"""Publishing: from a draft to a page, told by an event or found out; never submitted twice, whatever is lost."""

from __future__ import annotations

import asyncio

import pytest

from server.articles import Publication, RecordStore
from server.articles.article import DraftChanged, DraftInUse, DraftNotFound, DraftPublished, PublicationNotFound
from server.articles.publishing import FIRST_LOOK_SECONDS, LOOK_FOR_SECONDS, UNANSWERED_SECONDS
from server.wechat.errors import NotPermitted
from tests.server.articles.articles_world import APPID, NOW, TITLE, until

pytestmark = pytest.mark.gen_test(timeout=60)
SUBMIT = "/cgi-bin/freepublish/submit"


def jobs(world):
    return len(world.sandbox.platform.store.things("publication", APPID))


async def lose(world, lost=True):
    await world.sandbox.told("/sandbox/article-events", {"lost": lost})


class TestPublishing:
    async def test_a_draft_becomes_a_page_when_the_event_says_so(self, world):
        desk = world.process()
        draft = await world.draft(desk, author="宣传部")
        asked = await desk.publishing.submit(draft.media_id, 1, "bianji", NOW)
        assert (asked.state, asked.title, asked.by, bool(asked.publish_id)) == ("publishing", TITLE, "bianji", True)
        await world.events(desk)
        done = await desk.publishing.find(draft.media_id)
        assert (done.state, done.status, bool(done.article_id)) == ("published", 0, True)
        shown = (await world.sandbox.http.fetch(done.urls[0])).body.decode()
        assert TITLE in shown and "早上六点" in shown and "宣传部" in shown
        with pytest.raises(DraftNotFound):
            await desk.drafts.held(draft.media_id)
        assert (await desk.publishing.page(""))[0] == [done]

    @pytest.mark.parametrize(("title", "status"), [("抄袭的文章", 2), ("违规的文章", 4)])
    async def test_one_that_fails_says_how(self, world, title, status):
        desk = world.process()
        draft = await world.draft(desk, title=title)
        await desk.publishing.submit(draft.media_id, 1, "bianji", NOW)
        await world.events(desk)
        done = await desk.publishing.find(draft.media_id)
        assert (done.state, done.status, done.failed_indexes, done.urls) == ("failed", status, (1,), ())

    async def test_however_often_it_is_asked_it_is_submitted_once(self, world):
        desk, other = world.process(), world.process()
        draft = await world.draft(desk)
        done = await asyncio.gather(*(process.publishing.submit(draft.media_id, 1, "bianji", NOW) for process in (desk, other) * 3))
        assert {one.state for one in done} <= {"submitting", "publishing"} and jobs(world) == 1
        await world.events(desk)
        assert (await other.publishing.submit(draft.media_id, 1, "lisi", NOW)).state == "published"

    async def test_a_draft_that_was_changed_meanwhile_is_not_published(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        await desk.drafts.update(draft.media_id, 1, 0, await world.article(desk, title="改过"), "lisi", NOW)
        with pytest.raises(DraftChanged):
            await desk.publishing.submit(draft.media_id, 1, "bianji", NOW)
        with pytest.raises(PublicationNotFound):
            await desk.publishing.find(draft.media_id)

    async def test_nobody_writes_in_one_that_is_being_published(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        await desk.publishing.submit(draft.media_id, 1, "bianji", NOW)
        with pytest.raises(DraftInUse):
            await desk.drafts.update(draft.media_id, 1, 0, await world.article(desk), "lisi", NOW)
        with pytest.raises(DraftInUse):
            await desk.drafts.delete(draft.media_id, 1, NOW)

    async def test_one_that_is_published_stays_as_it_is_and_says_so(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        await desk.publishing.submit(draft.media_id, 1, "bianji", NOW)
        await world.events(desk)
        with pytest.raises(DraftPublished) as refused:
            await desk.drafts.update(draft.media_id, 1, 0, await world.article(desk), "lisi", NOW)
        assert "新建草稿" in refused.value.message
        with pytest.raises(DraftPublished):
            await desk.drafts.delete(draft.media_id, 1, NOW)

    async def test_one_that_the_platform_refuses_can_be_mended_and_asked_again(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        await world.fault(SUBMIT, errcode=48001)
        with pytest.raises(NotPermitted):
            await desk.publishing.submit(draft.media_id, 1, "bianji", NOW)
        refused = await desk.publishing.find(draft.media_id)
        assert (refused.state, refused.errcode) == ("refused", 48001)
        changed = await desk.drafts.update(draft.media_id, 1, 0, await world.article(desk, title="改过"), "bianji", NOW)
        again = await desk.publishing.submit(draft.media_id, changed.rev, "lisi", NOW + 60)
        assert (again.state, again.title, again.by) == ("publishing", "改过", "lisi")


class TestLostEvents:
    async def test_a_lost_event_is_found_out_by_asking(self, world):
        desk = world.process()
        await lose(world)
        draft = await world.draft(desk)
        await desk.publishing.submit(draft.media_id, 1, "bianji", NOW)
        await until(lambda: world.pages() == 1)
        assert await desk.publishing.look(NOW + FIRST_LOOK_SECONDS - 1) == 0
        assert await desk.publishing.look(NOW + FIRST_LOOK_SECONDS) == 1
        done = await desk.publishing.find(draft.media_id)
        assert (done.state, len(done.urls)) == ("published", 1)
        assert await desk.publishing.look(NOW + 86400) == 0

    async def test_one_that_still_runs_is_asked_about_again(self, world):
        desk = world.process()
        await lose(world)
        draft = await world.draft(desk)
        one = await desk.publishing.submit(draft.media_id, 1, "bianji", NOW)
        await until(lambda: world.pages() == 1)
        store, job = world.sandbox.platform.store, world.sandbox.platform.store.thing("publication", APPID, one.publish_id)
        store.keep_thing("publication", APPID, one.publish_id, job | {"status": 1}, NOW)
        await desk.publishing.look(NOW + FIRST_LOOK_SECONDS)
        assert (await desk.publishing.find(draft.media_id)).state == "publishing"
        await desk.publishing.look(NOW + LOOK_FOR_SECONDS)
        assert (await desk.publishing.find(draft.media_id)).state == "uncertain"

    async def test_one_process_alone_looks_at_one(self, world):
        desk, other = world.process(), world.process()
        await lose(world)
        draft = await world.draft(desk)
        await desk.publishing.submit(draft.media_id, 1, "bianji", NOW)
        looked = await asyncio.gather(*(process.publishing.look(NOW + FIRST_LOOK_SECONDS) for process in (desk, other)))
        assert sum(looked) == 1

    async def test_an_event_that_is_faster_than_the_answer_is_not_lost(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        publication = await desk.publishing.submit(draft.media_id, 1, "bianji", NOW)
        # As if the answer were still on its way: the name is not known when the event comes.
        await world.stores.mongo["publications"].update_one({"_id": f"{APPID}:{draft.media_id}"}, {"$unset": {"name": ""}, "$set": {
            "state": "submitting"}})
        await world.events(desk)
        assert (await desk.publishing.find(draft.media_id)).state == "submitting"
        store = RecordStore(world.stores.mongo, "publications", Publication)
        report = await store.name(publication, publication.publish_id, {"state": "publishing"}, NOW)
        assert report is not None and report["state"] == "published"


class TestNoAnswer:
    async def test_one_that_was_taken_without_an_answer_is_found_among_what_is_published(self, world):
        hasty = world.process(answer_seconds=0.5)
        await lose(world)
        draft = await world.draft(hasty)
        await world.fault(SUBMIT, hang_seconds=1.0)
        assert (await hasty.publishing.submit(draft.media_id, 1, "bianji", NOW)).state == "submitting"
        await until(lambda: world.pages() == 1)
        platform = world.sandbox.platform
        [(publish_id, _, job)] = platform.store.things("publication", APPID)
        platform.store.keep_thing("publication", APPID, publish_id, job | {"at": NOW + 60}, NOW)  # the test's own clock
        await hasty.publishing.look(NOW + UNANSWERED_SECONDS)
        done = await hasty.publishing.find(draft.media_id)
        assert (done.state, len(done.urls), jobs(world)) == ("published", 1, 1)

    async def test_one_that_was_not_taken_may_be_asked_again(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        await world.fault(SUBMIT, status=502)
        assert (await desk.publishing.submit(draft.media_id, 1, "bianji", NOW)).state == "submitting"
        assert (await desk.publishing.submit(draft.media_id, 1, "bianji", NOW)).state == "submitting" and jobs(world) == 0
        await desk.publishing.look(NOW + UNANSWERED_SECONDS)
        assert (await desk.publishing.find(draft.media_id)).state == "refused"
        assert (await desk.publishing.submit(draft.media_id, 1, "bianji", NOW)).state == "publishing"
