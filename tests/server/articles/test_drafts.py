"""Drafts: what the platform holds, who wrote in it, and one thing at a time."""

from __future__ import annotations

import asyncio

import pytest

from server.articles import Article
from server.articles.article import DraftChanged, DraftInUse, DraftNotFound, check
from server.articles.drafts import EDIT_SECONDS
from server.errors import InvalidBody
from server.wechat.errors import ArticleRefused, NotPermitted, PlatformUnreachable
from tests.server.articles.articles_world import APPID, NOW, TITLE

pytestmark = pytest.mark.gen_test(timeout=60)


class TestBox:
    async def test_a_draft_is_what_the_platform_holds(self, world):
        desk = world.process()
        draft = await world.draft(desk, author="市委宣传部", digest="集合时间", content_source_url="https://h5.example.cn/c/flag",
                                  need_open_comment=True)
        known, [held] = await desk.drafts.view(draft.media_id)
        assert known == draft and (draft.writers, draft.rev, draft.use) == (("bianji",), 1, "")
        assert {name: held[name] for name in ("title", "author", "digest", "content_source_url", "need_open_comment")} == {
            "title": TITLE, "author": "市委宣传部", "digest": "集合时间", "content_source_url": "https://h5.example.cn/c/flag",
            "need_open_comment": 1}

    async def test_changes_are_counted_and_writers_remembered(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        changed = await desk.drafts.update(draft.media_id, 1, 0, await world.article(desk, title="改过的标题"), "lisi", NOW + 5)
        assert (changed.rev, changed.writers, changed.use) == (2, ("bianji", "lisi"), "")
        assert (await desk.drafts.held(draft.media_id))[0]["title"] == "改过的标题"
        assert (await desk.drafts.find(draft.media_id)) == changed

    async def test_two_editors_of_one_version_do_not_overwrite_each_other(self, world):
        desk = world.process()
        draft, articles = await world.draft(desk), [await world.article(desk, title=f"标题{n}") for n in range(3)]
        done = await asyncio.gather(*(desk.drafts.update(draft.media_id, 1, 0, article, "lisi", NOW) for article in articles),
                                    return_exceptions=True)
        refused = [one for one in done if isinstance(one, Exception)]
        assert len(refused) == 2 and all(isinstance(one, (DraftChanged, DraftInUse)) for one in refused)

    async def test_the_box_is_paged_and_says_which_were_written_here(self, world):
        desk = world.process()
        mine = [(await world.draft(desk, title=f"第{n}篇")).media_id for n in range(21)]
        platform = world.sandbox.platform
        platform.store.keep_thing("draft", APPID, "elsewhere", {"articles": [{"title": "别处写的"}], "at": platform.now()}, platform.now())
        first, following = await desk.drafts.page("")
        rest, end = await desk.drafts.page(following)
        assert len(first) == 20 and len(rest) == 2 and end is None
        assert [one["media_id"] for one in first + rest] == ["elsewhere", *reversed(mine)]
        assert first[0]["draft"] is None and first[0]["titles"] == ["别处写的"] and first[1]["draft"].writers == ("bianji",)

    async def test_a_deleted_one_is_gone_and_deleting_may_be_repeated_after_a_failure(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        for _ in range(3):  # as often as the client repeats it
            await world.fault("/cgi-bin/draft/delete", status=502)
        with pytest.raises(PlatformUnreachable):
            await desk.drafts.delete(draft.media_id, 1, NOW)
        await desk.drafts.delete(draft.media_id, 1, NOW)
        for look in (desk.drafts.find, desk.drafts.view):
            with pytest.raises(DraftNotFound):
                await look(draft.media_id)

    async def test_a_change_without_an_answer_keeps_others_out_until_it_is_saved_again(self, world):
        desk = world.process()
        draft, article = await world.draft(desk), await world.article(desk, title="新标题")
        for _ in range(3):
            await world.fault("/cgi-bin/draft/update", status=502)
        with pytest.raises(PlatformUnreachable):
            await desk.drafts.update(draft.media_id, 1, 0, article, "bianji", NOW)
        with pytest.raises(DraftInUse):
            await desk.publishing.submit(draft.media_id, 2, "bianji", NOW)
        with pytest.raises(DraftInUse):  # a try of it may still be under way
            await desk.drafts.update(draft.media_id, 1, 0, article, "bianji", NOW + EDIT_SECONDS - 1)
        saved = await desk.drafts.update(draft.media_id, 1, 0, article, "bianji", NOW + EDIT_SECONDS)  # from the page that she has
        assert (await desk.publishing.submit(draft.media_id, saved.rev, "bianji", NOW)).state == "publishing"

    async def test_a_change_that_the_platform_refuses_leaves_the_draft_free(self, world):
        desk = world.process()
        draft, article = await world.draft(desk), await world.article(desk)
        await world.fault("/cgi-bin/draft/update", errcode=45166)
        with pytest.raises(ArticleRefused):
            await desk.drafts.update(draft.media_id, 1, 0, article, "bianji", NOW)
        assert (await desk.drafts.find(draft.media_id)).use == ""
        with pytest.raises(DraftChanged):  # an earlier try of hers may have been taken
            await desk.drafts.update(draft.media_id, 1, 0, article, "lisi", NOW)
        saved = await desk.drafts.update(draft.media_id, 1, 0, article, "bianji", NOW)
        assert (saved.rev, saved.use) == (3, "")
        with pytest.raises(DraftChanged):  # what is confirmed is saved, also for her
            await desk.drafts.update(draft.media_id, 1, 0, article, "bianji", NOW)


class TestLimits:
    async def test_an_article_that_the_draft_has_not_is_refused_before_the_platform_is_asked_to_change_it(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        with pytest.raises(InvalidBody) as refusal:
            await desk.drafts.update(draft.media_id, 1, 7, await world.article(desk), "bianji", NOW)
        assert (refusal.value.code, refusal.value.field) == ("INDEX_WRONG", "index") and "有 1 篇" in refusal.value.message
        assert (await desk.drafts.find(draft.media_id)).rev == 1

    @pytest.mark.parametrize(("field", "value"), [
        ("title", ""), ("title", "长" * 33), ("author", "长" * 17), ("digest", "长" * 129), ("content", " "), ("content", "长" * 20_000),
        ("content_source_url", "javascript:1"), ("content_source_url", "https://a.cn/" + "a" * 1024)])
    async def test_what_the_platform_would_not_take_is_refused_before_asking(self, world, field, value):
        desk = world.process()
        with pytest.raises(InvalidBody) as refusal:
            await world.draft(desk, **{field: value})
        assert refusal.value.field == f"articles.0.{field}" and (await desk.drafts.page(""))[0] == []

    async def test_it_has_one_to_eight_articles(self, world):
        article = await world.article(world.process())
        check([article] * 8)
        for count in (0, 9):
            with pytest.raises(InvalidBody):
                check([article] * count)

    async def test_the_limits_are_the_platforms_own(self, world):
        desk = world.process()
        draft = await world.draft(desk, title="长" * 32, author="长" * 16, digest="长" * 128, content="长" * 19_999)
        assert len((await desk.drafts.held(draft.media_id))[0]["content"]) == 19_999

    @pytest.mark.parametrize("kind", ["nothing", "temporary", "voice"])
    async def test_a_cover_is_a_permanent_picture_that_is_known(self, world, kind):
        desk = world.process()
        known = await world.thumb(desk)
        if kind != "nothing":
            fields = {"expires_at": NOW} if kind == "temporary" else {"kind": "voice"}
            await world.stores.mongo["materials"].update_one({"_id": f"{APPID}:{known.media_id}"}, {"$set": fields})
        wanted = Article(TITLE, "x", "nothing" if kind == "nothing" else known.media_id)
        with pytest.raises(InvalidBody) as refusal:
            await desk.drafts.add([wanted], "bianji", NOW)
        assert refusal.value.code == "THUMB_UNKNOWN"

    async def test_an_account_that_is_not_certified_may_not(self, world):
        desk = world.process()
        article = await world.article(desk)
        await world.sandbox.told("/sandbox/accounts/official", {"kind": "subscription"})
        with pytest.raises(NotPermitted) as refusal:
            await desk.drafts.add([article], "bianji", NOW)
        assert refusal.value.status == 403
