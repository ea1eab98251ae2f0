"""Drafts: two editors at once, revisions that say who wrote what, and a published campaign that stays as it is meanwhile."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from server import keys
from server.errors import Conflict, InvalidBody
from server.releases import drafts as drafts_module
from server.releases.content import content_of, diff, fingerprint, merge, read_text, text_of, tidy
from server.releases.drafts import STRETCH_SECONDS
from server.releases.record import DraftClash, DraftNotFound, RevisionNotFound
from tests.server.civic_world import CLOSES, DURING
from tests.server.releases.desk_world import CHEN, LIN, NOW

pytestmark = pytest.mark.gen_test(timeout=60)


class TestWriting:
    async def test_a_published_campaign_stays_while_its_draft_is_written(self, desk):
        await desk.begun()
        await desk.campaigns.transition("flag", "scheduled", NOW)
        await desk.written(title="向国旗敬个礼")
        assert (await desk.campaigns.get("flag")).title == "向国旗敬礼"
        assert (await desk.drafts.of("flag")).content.title == "向国旗敬个礼"

    async def test_a_draft_nobody_has_begun_is_the_public_content_and_is_kept_nowhere(self, desk):
        made = await desk.begun()
        draft = await desk.drafts.of("flag")
        assert (draft.rev, draft.content) == (0, content_of(made))
        with pytest.raises(DraftNotFound):
            await desk.drafts.kept("flag")

    async def test_an_unfinished_draft_is_saved(self, desk):
        await desk.begun()
        draft = await desk.written(title="", opens_at=0, closes_at=0, activities=())
        assert (draft.rev, draft.content.title) == (1, "")

    async def test_autosave_is_in_the_audit_log_once_a_stretch(self, desk):
        await desk.begun()
        news = []
        for second in (0, 2, 4, STRETCH_SECONDS + 1, STRETCH_SECONDS + 3):
            seen = await desk.drafts.of("flag")
            changed = structs.replace(seen.content, title=f"标题{second}")
            news.append((await desk.drafts.save("flag", seen.rev, changed, LIN, NOW + second)).is_new)
        assert news == [True, False, False, True, False]
        assert await desk.drafts.revisions("flag", 0) == []

    async def test_the_same_sent_again_changes_nothing(self, desk):
        await desk.begun()
        draft = await desk.written(title="一")
        again = await desk.drafts.save("flag", draft.rev - 1, draft.content, LIN, NOW)
        assert again.draft.rev == draft.rev and not again.is_new

    async def test_what_has_ended_or_lies_in_the_bin_is_not_written(self, desk):
        await desk.begun()
        await desk.campaigns.bin("flag", NOW)
        with pytest.raises(Conflict):
            await desk.written(title="二")
        await desk.campaigns.bin("flag", 0)
        for state in ("scheduled", "open", "frozen"):
            await desk.campaigns.transition("flag", state, DURING)
        with pytest.raises(Conflict):
            await desk.written(title="二")

    @pytest.mark.parametrize(("change", "field"), [
        ({"kind": "poll"}, "kind"), ({"period_rule": "hourly"}, "period_rule"), ({"theme": {"a": {"b": {"c": {"d": {"e": 1}}}}}}, "theme"),
        ({"theme": {"text": "国" * 30_000}}, None)])
    async def test_what_no_campaign_can_be_is_refused(self, desk, change, field):
        await desk.begun()
        with pytest.raises(InvalidBody) as refusal:
            await desk.written(**change)
        assert refusal.value.field == field


class TestTwoEditors:
    async def test_whoever_saves_second_is_shown_both_versions(self, desk):
        await desk.begun()
        seen = await desk.written(title="一")
        other = desk.process().drafts
        await desk.drafts.save("flag", seen.rev, structs.replace(seen.content, title="林的标题"), LIN, NOW)
        with pytest.raises(DraftClash) as clash:
            await other.save("flag", seen.rev, structs.replace(seen.content, title="陈的标题"), CHEN, NOW)
        assert (clash.value.theirs.content.title, clash.value.theirs.edited_by) == ("林的标题", LIN)
        assert clash.value.mine.title == "陈的标题"

    async def test_of_two_in_the_same_moment_one_wins_whole(self, desk):
        for n in range(6):
            if n == 0:
                await desk.begun()
            seen, other = await desk.drafts.of("flag"), desk.process().drafts
            done = await asyncio.gather(
                desk.drafts.save("flag", seen.rev, structs.replace(seen.content, title=f"林{n}"), LIN, NOW),
                other.save("flag", seen.rev, structs.replace(seen.content, title=f"陈{n}"), CHEN, NOW), return_exceptions=True)
            saved = [one for one in done if not isinstance(one, BaseException)]
            assert len(saved) == 1 and [type(one) for one in done if isinstance(one, BaseException)] == [DraftClash]
            assert (await desk.drafts.of("flag")).content == saved[0].draft.content

    async def test_who_takes_over_leaves_the_other_s_version_as_a_revision(self, desk):
        await desk.begun()
        await desk.written(LIN, title="林的标题")
        draft = await desk.written(CHEN, NOW + 5, title="陈的标题")
        [kept] = await desk.drafts.revisions("flag", 0)
        assert (kept.number, kept.by, kept.at, kept.content.title, kept.occasion) == (1, LIN, NOW, "林的标题", "handed_over")
        assert draft.authors == (LIN, CHEN)

    async def test_they_see_each_other_for_a_minute(self, desk):
        presence, other = desk.releases.presence, desk.process().presence
        assert await presence.come("flag", LIN, NOW) == []
        assert await other.come("flag", CHEN, NOW + 10) == [LIN]
        assert await presence.come("flag", LIN, NOW + 20) == [CHEN]
        assert await other.come("flag", CHEN, NOW + 20 + keys.EDITING_SECONDS) == []
        await other.go("flag", CHEN)
        assert await presence.come("flag", LIN, NOW + 85) == []

    async def test_without_redis_nobody_is_named_and_nobody_is_kept_out(self, desk):
        class Away:
            async def hset(self, *args):
                raise OSError("away")

            hdel = hset

        desk.releases.presence._redis = Away()
        assert await desk.releases.presence.come("flag", LIN, NOW) == []
        await desk.releases.presence.go("flag", LIN)


class TestRevisions:
    async def test_a_version_is_kept_under_a_name_and_restored(self, desk):
        await desk.begun()
        draft = await desk.written(title="第一稿")
        assert await desk.drafts.keep_version("flag", draft.rev, "给科长看的") == 1
        draft = await desk.written(CHEN, title="第二稿")
        restored = await desk.drafts.restore("flag", 1, draft.rev, CHEN, NOW)
        assert (restored.draft.content.title, restored.draft.rev) == ("第一稿", 3)
        assert [(r.number, r.content.title, r.occasion, r.note) for r in await desk.drafts.revisions("flag", 0)] == [
            (2, "第二稿", "restored", ""), (1, "第一稿", "saved", "给科长看的")]

    async def test_differences_are_in_words(self, desk):
        await desk.begun()
        draft = await desk.written(title="敬个礼", closes_at=CLOSES + 86400, share={"title": "来敬礼"}, presets=())
        number = await desk.drafts.keep_version("flag", draft.rev, "一")
        changes = {change.name: (change.before, change.after) for change in await desk.drafts.changes("flag", number, 0)}
        assert changes["标题"] == ("向国旗敬礼", "敬个礼")
        assert changes["结束时间"] == ("2026年10月8日（星期四）00:00", "2026年10月9日（星期五）00:00")
        assert changes["分享标题"] == ("我正在向国旗敬礼", "来敬礼") and changes["分享描述"] == ("同升一面旗", "")
        assert changes["预设寄语 strong"] == ("愿祖国繁荣昌盛。", "")

    async def test_what_is_let_go_can_be_had_back(self, desk):
        await desk.begun()
        await desk.written(title="不要了")
        number = await desk.drafts.discard("flag", LIN, NOW)
        assert (await desk.drafts.of("flag")).rev == 0
        assert (await desk.drafts.restore("flag", number, 0, CHEN, NOW)).draft.content.title == "不要了"

    async def test_an_unknown_revision_and_an_unnamed_version_are_refused(self, desk):
        await desk.begun()
        draft = await desk.written(title="一")
        with pytest.raises(RevisionNotFound):
            await desk.drafts.restore("flag", 9, draft.rev, LIN, NOW)
        with pytest.raises(InvalidBody):
            await desk.drafts.keep_version("flag", draft.rev, "  ")

    async def test_the_oldest_makes_room_unless_it_was_public(self, desk, monkeypatch):
        monkeypatch.setattr(drafts_module, "MAX_REVISIONS", 3)
        await desk.published(title="公开过的") if await desk.begun() else None
        for n in range(4):
            draft = await desk.written(title=f"第{n}稿")
            await desk.drafts.keep_version("flag", draft.rev, f"第{n}稿")
        assert [(r.number, r.content.title) for r in await desk.drafts.revisions("flag", 0)] == [
            (5, "第3稿"), (4, "第2稿"), (3, "第1稿"), (1, "公开过的")]


class TestContent:
    async def test_the_fingerprint_is_the_same_through_every_store(self, desk):
        content = await desk.content() if await desk.begun() else None
        content = tidy(structs.replace(content, free_words=True, theme={"z": True, "a": 1.0, "deep": {"on": False, "x": [2.0, "二"]}}))
        await desk.written(theme=content.theme, free_words=True)
        again = (await desk.process().drafts.of("flag")).content
        assert fingerprint(again) == fingerprint(content) == fingerprint(read_text(text_of(content)))
        await desk.campaigns.update((await desk.campaigns.get_any("flag")).__class__(**{
            **(await desk.campaigns.get_any("flag")).__dict__, "theme": {"z": True, "a": 1.0, "deep": {"on": False, "x": [2.0, "二"]}},
            "free_words": True}))
        assert fingerprint(content_of(await desk.campaigns.get_any("flag"))) == fingerprint(content)

    async def test_what_only_they_changed_is_taken_and_what_both_changed_is_named(self, desk):
        await desk.begun()
        base = await desk.content()
        mine = structs.replace(base, title="我的", share=base.share | {"desc": "我的描述"})
        theirs = structs.replace(base, title="他的", share=base.share | {"title": "他的分享"}, free_words=True)
        merged, clashes = merge(base, mine, theirs)
        assert (merged.title, merged.free_words, clashes) == ("我的", True, ["title"])
        assert merged.share == base.share | {"desc": "我的描述", "title": "他的分享"}
        assert diff(mine, mine) == []
