"""The page of a draft: its checks, the media that it holds on to, what of it a correction may change, and the way to the public."""

from __future__ import annotations

import random
from unittest import mock

import pytest
from msgspec import structs

from server.blocks.weight import Shell
from server.errors import Conflict, InvalidBody
from server.media.medium import Medium, MediumInUse, Variant
from server.releases.content import diff, fingerprint, locked_changes, read_text, text_of, tidy
from server.releases.guide import GuideStep, guide
from server.releases.moves import BIN_SECONDS
from server.releases.record import Review
from tests.server.civic_world import DURING
from tests.server.releases.desk_world import CHEN, LIN, NOW, QIAN, SUN, ZHAO

pytestmark = pytest.mark.gen_test(timeout=60)
ENTRY = {"id": "b1", "kind": "entry"}
TEXT = {"id": "b2", "kind": "text", "text": "晨光里，国旗就要升起。"}


async def medium(desk, number=1, kind="image", alt="学生们向国旗敬礼", size=50_000, **more):
    """One of the library, without its bytes."""
    name = f"{number:032x}"
    forms = {"w750": Variant(name, "jpg", size, 750, 500)} if kind == "image" else {"video": Variant(name, "mp4", size, 1280, 720)}
    made = Medium(name, kind, f"图{number}", alt, False, "", "", (), (0.5, 0.45), name * 2, name, size, 750, 500, 0.0, forms, LIN, int(NOW),
                  **more)
    await desk.library.add(made, NOW)
    return made


def picture(one, number=3):
    return {"id": f"b{number}", "kind": "picture", "media": one.id}


async def items(desk):
    found = await desk.releases.readiness.checklist(await desk.campaigns.get_any("flag"), await desk.drafts.of("flag"), NOW)
    return {item.key: (item.state, item.advice) for item in found}


class TestContent:
    async def test_blocks_are_kept_in_one_form_and_compared_field_by_field(self, desk):
        await desk.begun()
        base = await desk.content()
        first = tidy(structs.replace(base, theme={"skin": "paper", "blocks": [ENTRY, {**TEXT, "title": "", "count": 0}]}))
        assert first.theme["blocks"] == [ENTRY, TEXT] and fingerprint(read_text(text_of(first))) == fingerprint(first)
        second = tidy(structs.replace(base, theme={"blocks": [{**TEXT, "text": "同升一面旗"}, ENTRY]}))
        assert [(one.name, one.before, one.after) for one in diff(first, second)] == [
            ("页面内容及顺序", "活动入口（b1）、正文（b2）", "正文（b2）、活动入口（b1）"),
            ("正文（b2）的文字", "晨光里，国旗就要升起。", "同升一面旗"), ("页面风格", "素白", "")]

    async def test_an_empty_field_of_a_block_just_added_is_no_change_to_read(self, desk):
        await desk.begun()
        before = tidy(structs.replace(await desk.content(), theme={"blocks": [ENTRY]}))
        after = tidy(structs.replace(before, theme={"blocks": [ENTRY, TEXT]}))
        found = diff(before, after)
        assert [one.after for one in found if one.name == "正文（b2）的文字"] == [TEXT["text"]]
        assert [one for one in found if not one.before and not one.after] == []

    async def test_what_no_page_can_be_is_not_even_saved(self, desk):
        await desk.begun()
        with pytest.raises(InvalidBody) as refusal:
            await desk.written(theme={"blocks": [ENTRY, {"id": "b2", "kind": "entry"}]})
        assert refusal.value.code == "PAGE_WRONG" and "只能有一块" in refusal.value.message

    async def test_a_correction_changes_words_and_pictures_and_nothing_else_of_a_page(self, desk):
        await desk.begun()
        shown = {"id": "b3", "kind": "picture", "media": "a" * 32}
        base = tidy(structs.replace(await desk.content(), theme={"blocks": [ENTRY, TEXT, shown]}))

        def changed(*blocks, **theme):
            return locked_changes(base, tidy(structs.replace(base, theme={"blocks": list(blocks), **theme})))

        assert changed(ENTRY, {**TEXT, "text": "新", "title": "新"}, {**shown, "media": "b" * 32, "caption": "新"}) == []
        for locked in (changed(TEXT, ENTRY, base.theme["blocks"][2]), changed(ENTRY, TEXT), changed(*base.theme["blocks"], skin="paper"),
                       changed(*base.theme["blocks"], {"id": "b4", "kind": "wall", "count": 5})):
            assert locked


class TestChecks:
    async def test_a_page_without_blocks_is_whole(self, desk):
        await desk.begun()
        assert (await items(desk))["page"] == ("ok", "") and "weight" not in await items(desk)

    async def test_each_lack_of_a_page_blocks_it(self, desk):
        await desk.begun()
        await desk.written(theme={"blocks": [{"id": "b1", "kind": "picture"}, TEXT]})
        assert (await items(desk))["page"] == ("error", "没有“活动入口”，市民无法参加；第 1 块（图片）还没有选择文件")

    async def test_pictures_need_their_words_and_have_to_be_there(self, desk):
        await desk.begun()
        silent, film = await medium(desk, 1, alt=""), await medium(desk, 2, "video")
        await desk.written(theme={"blocks": [ENTRY, picture(silent), picture(film, 4), {"id": "b5", "kind": "picture", "media": "f" * 32}]})
        state, advice = (await items(desk))["media"]
        assert state == "error"
        assert [one.partition("）")[2] for one in advice.split("；")] == [
            "的图片没有替代文字，请在媒体库里填写，或标明仅作装饰", "要选一个图片", "的文件已不在媒体库，请另选"]

    async def test_a_heavy_page_is_a_warning_with_the_number(self, desk):
        await desk.begun()
        await desk.written(theme={"blocks": [picture(await medium(desk, size=400_000)), ENTRY]})
        with mock.patch("server.blocks.service.read_shell", return_value=Shell(random.Random(1).randbytes(9_000), 30_000)):
            state, advice = (await items(desk))["weight"]
        assert state == "warning" and "比 300 KB 多" in advice and "图片（b3） 400 KB" in advice

    async def test_pictures_with_a_flag_are_for_people_to_look_at(self, desk):
        await desk.begun()
        await desk.written(theme={"blocks": [ENTRY, picture(await medium(desk))]})
        state, advice = (await items(desk))["pictures"]
        assert state == "warning" and "图片（b3）" in advice and "不遮挡、不倒置" in advice

    async def test_words_of_blocks_are_looked_at_like_all_others(self, desk):
        await desk.begun()
        await desk.written(theme={"blocks": [ENTRY, {**TEXT, "text": "集赞送礼"}]})
        found = await desk.releases.readiness.findings((await desk.drafts.of("flag")).content)
        assert found[0].field == "theme.blocks.b2.text" and found[0].name == "正文（b2）的文字"


class TestHeldMedia:
    async def test_what_a_draft_shows_cannot_be_deleted_until_it_lets_go(self, desk):
        await desk.begun()
        one = await medium(desk)
        await desk.written(theme={"blocks": [ENTRY, picture(one)]})
        with pytest.raises(MediumInUse) as refusal:
            await desk.library.bin(one.id, NOW)
        assert "活动“向国旗敬礼”的草稿" in refusal.value.message
        await desk.written(theme={"blocks": [ENTRY]})
        assert (await desk.library.bin(one.id, NOW)).binned_at

    async def test_a_discarded_draft_holds_nothing(self, desk):
        await desk.begun()
        one = await medium(desk)
        await desk.written(theme={"blocks": [ENTRY, picture(one)]})
        await desk.drafts.discard("flag", LIN, NOW)
        assert await desk.library.uses(one.id) == []

    async def test_what_was_published_is_held_by_the_campaign(self, desk):
        await desk.begun()
        one = await medium(desk)
        await desk.approved(theme={"blocks": [ENTRY, picture(one)]})
        await desk.publishing.publish("flag", 0, ("pictures",), LIN, NOW)
        assert [use.subject for use in await desk.library.uses(one.id)] == ["campaign:flag"]

    async def test_a_campaign_that_left_the_bin_for_good_holds_nothing(self, desk):
        one = await medium(desk)
        await desk.begun(theme={"blocks": [ENTRY, picture(one)]})
        await desk.written(title="二", theme={"blocks": [ENTRY, picture(one, 5), picture(await medium(desk, 2), 6)]})
        await desk.releases.moves.throw_away("flag", NOW)
        await desk.releases.moves.tick(NOW + BIN_SECONDS)
        assert await desk.library.uses(one.id) == [] == await desk.library.uses(f"{2:032x}")

    async def test_what_is_gone_can_still_be_saved_and_is_told_by_the_checks(self, desk):
        await desk.begun()
        draft = await desk.written(theme={"blocks": [ENTRY, {"id": "b3", "kind": "picture", "media": "f" * 32}]})
        assert draft.rev == 1 and (await items(desk))["media"][0] == "error"


class TestCorrections:
    async def begin(self, desk, block):
        """An open page of an entry, a text and a picture, and a correction of it."""
        await desk.begun()
        one = await medium(desk)
        await desk.approved(theme={"blocks": [ENTRY, TEXT, picture(one)]})
        await desk.publishing.publish("flag", 0, ("pictures",), LIN, NOW)
        await desk.campaigns.transition("flag", "open", DURING)

        def change(content):
            blocks = [{**found, **block} if found["id"] == block["id"] else found for found in content.theme["blocks"]]
            return structs.replace(content, theme=content.theme | {"blocks": blocks})

        return await desk.releases.corrections.begin("flag", change, "错字", CHEN, DURING)

    async def test_a_text_is_corrected_while_it_is_open(self, desk):
        made = await self.begin(desk, {"id": "b2", "text": "晨光里，国旗即将升起。"})
        draft = await desk.decide(ZHAO, id=made.id, now=DURING)
        await desk.releases.corrections.decided(draft, DURING)
        assert (await desk.campaigns.get_any("flag")).theme["blocks"][1]["text"] == "晨光里，国旗即将升起。"

    async def test_a_picture_that_is_not_there_is_refused_at_once(self, desk):
        with pytest.raises(Conflict) as refusal:
            await self.begin(desk, {"id": "b3", "media": "f" * 32})
        assert refusal.value.code == "NOT_READY_TO_OPEN" and "已不在媒体库" in refusal.value.message


class TestGuide:
    async def steps(self, desk):
        campaign, draft = await desk.campaigns.get_any("flag"), await desk.drafts.of("flag")
        found = await desk.releases.readiness.checklist(campaign, draft, NOW)
        return {one.step: one.state for one in await desk.releases.readiness.guide(campaign, draft, found)}

    async def test_from_the_template_to_the_public(self, desk):
        await desk.begun()
        steps = await self.steps(desk)
        assert steps == {"content": "prefilled", "page": "prefilled", "poster": "prefilled", "checks": "prefilled",
                         "preview": "open", "review": "open", "release": "open"}
        await desk.written(title="红旗飘飘")
        assert await self.steps(desk) == steps | {"content": "done", "checks": "done"}
        await desk.written(theme={"blocks": [TEXT]})
        assert [(await self.steps(desk))[step] for step in ("page", "checks")] == ["open", "open"]
        await desk.written(theme={"blocks": [ENTRY, TEXT]})
        assert (await self.steps(desk))["preview"] == "open"
        await desk.releases.previews.issue(await desk.campaigns.get_any("flag"), 0, LIN, NOW)
        assert [step for step, state in (await self.steps(desk)).items() if state != "done"] == ["poster", "review", "release"]
        await desk.submitted()
        for person in (ZHAO, QIAN, SUN):
            await desk.decide(person)
        assert [step for step, state in (await self.steps(desk)).items() if state != "done"] == ["poster", "release"]
        await desk.publishing.publish("flag", 0, (), LIN, NOW)
        assert set((await self.steps(desk)).values()) == {"done"}

    async def test_submitting_is_no_looking_and_the_wizard_s_question_no_writing(self, desk):
        await desk.begun()
        await desk.written(period_rule="daily")
        assert (await self.steps(desk))["content"] == "prefilled"
        await desk.submitted()
        assert (await self.steps(desk))["preview"] == "open"

    async def test_where_no_review_is_asked_for_it_is_no_step(self, desk):
        await desk.begun()
        draft = await desk.drafts.of("flag")
        assert "review" not in {one.step for one in guide([], [], draft, "draft", required=False)}
        running = structs.replace(draft, review=Review(state="reviewing"))
        assert GuideStep("review", "open") in guide([], [], running, "draft", required=False)
