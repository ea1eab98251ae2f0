"""Blocks: what a page may hold, what it lacks, how it is said in words, and how some of it is corrected."""

from __future__ import annotations

import pytest

from server.blocks.block import MAX_BLOCKS, Block, blocks_of, check_page, flat_page, plain, skin_of, unfinished, with_parts
from server.errors import InvalidBody

MEDIUM = "a" * 32
COVER = {"id": "b1", "kind": "cover", "title": "同升一面旗", "media": MEDIUM}
TEXT = {"id": "b2", "kind": "text", "text": "晨光里，国旗就要升起。"}
ENTRY = {"id": "b3", "kind": "entry"}


def page(*blocks, **more):
    return {"blocks": list(blocks), **more}


class TestWhatAPageMayHold:
    def test_blocks_in_the_order_of_the_editor(self):
        check_page(page(COVER, TEXT, ENTRY, skin="paper"))
        assert [block.kind for block in blocks_of(page(COVER, TEXT, ENTRY))] == ["cover", "text", "entry"]
        assert blocks_of({}) == () and blocks_of({"blocks": []}) == ()

    @pytest.mark.parametrize(("theme", "said"), [
        ({"blocks": "x"}, "列表"), (page("x"), "第 1 块的种类"), (page({"id": "b1", "kind": "script"}), "第 1 块的种类"),
        (page({"id": "B 1", "kind": "text"}), "编号"), (page({"id": "b1", "kind": "text", "html": "<b>"}), "第 1 块"),
        (page({"id": "b1", "kind": "text", "text": 7}), "第 1 块"),
        (page(TEXT, {"id": "b2", "kind": "entry"}), "同一个编号"),
        (page(ENTRY, {"id": "b9", "kind": "entry"}), "“活动入口”在一页里只能有一块"),
        (page({"id": "b1", "kind": "text", "text": "敬" * 2001}), "文字最多 2000 字，现在有 2001 字"),
        (page({"id": "b1", "kind": "cover", "title": "敬" * 33}), "标题最多 32 字"),
        (page({"id": "b1", "kind": "picture", "caption": "敬" * 61}), "说明最多 60 字"),
        (page({"id": "b1", "kind": "picture", "media": "/static/x.jpg"}), "媒体库"),
        (page({"id": "b1", "kind": "entry", "text": "字"}), "不能有文字"),
        (page({"id": "b1", "kind": "text", "media": MEDIUM}), "不能有文件"),
        (page({"id": "b1", "kind": "wall", "count": 2}), "显示 3 至 20 条"),
        (page({"id": "b1", "kind": "text", "text": "\u202e倒着写"}), "控制字符"),
        (page({"id": "b1", "kind": "text", "text": "\x00"}), "控制字符"),
        (page(*({"id": f"b{n}", "kind": "text"} for n in range(MAX_BLOCKS + 1))), f"最多 {MAX_BLOCKS} 块"),
        ({"skin": "neon"}, "黎明、素白、红金")])
    def test_what_may_not_is_refused_with_the_rule(self, theme, said):
        with pytest.raises(InvalidBody) as refusal:
            check_page(theme)
        assert refusal.value.code == "PAGE_WRONG" and refusal.value.field == "theme" and said in refusal.value.message

    def test_lines_of_a_form_are_lines(self):
        assert blocks_of(page({"id": "b1", "kind": "text", "text": "一\r\n二\n三"}))[0].text == "一\n二\n三"

    def test_it_is_kept_with_what_it_holds_alone(self):
        assert plain(blocks_of(page(COVER))[0]) == COVER
        assert plain(Block("b1", "entry")) == {"id": "b1", "kind": "entry"}

    def test_what_is_no_skin_is_the_dawn(self):
        assert [skin_of(theme) for theme in ({}, {"skin": "paper"}, {"skin": 7})] == ["dawn", "paper", "dawn"]


class TestWhatItLacks:
    def test_nothing_where_there_is_no_block(self):
        assert unfinished(()) == []

    def test_each_lack_by_its_number(self):
        found = unfinished(blocks_of(page({"id": "b1", "kind": "cover"}, {"id": "b2", "kind": "text", "text": " \n"},
                                          {"id": "b3", "kind": "picture"}, {"id": "b4", "kind": "film", "caption": "升旗"})))
        assert found == ["没有“活动入口”，市民无法参加", "第 1 块（封面）还是空的", "第 2 块（正文）还没有文字",
                         "第 3 块（图片）还没有选择文件", "第 4 块（视频）还没有选择文件"]

    def test_a_whole_one_lacks_nothing(self):
        assert unfinished(blocks_of(page(COVER, TEXT, ENTRY, {"id": "b4", "kind": "wall"}, {"id": "b5", "kind": "signature"}))) == []


class TestWords:
    def test_every_part_has_a_name_and_a_value_in_chinese(self):
        assert flat_page(page(COVER, ENTRY, skin="festive")) == {
            "theme.skin": ("页面风格", "红金"), "theme.blocks": ("页面内容及顺序", "封面（b1）、活动入口（b3）"),
            "theme.blocks.b1.title": ("封面（b1）的标题", "同升一面旗"), "theme.blocks.b1.text": ("封面（b1）的文字", ""),
            "theme.blocks.b1.media": ("封面（b1）的文件", MEDIUM)}
        assert flat_page({"subtitle": "副标题"}) == {}


class TestCorrections:
    def test_words_and_media_of_blocks_that_are_there(self):
        changed = with_parts(page(COVER, TEXT, subtitle="副"), {"b2": {"text": "同升一面旗"}, "b1": {"media": "b" * 32}})
        assert changed == page({**COVER, "media": "b" * 32}, {**TEXT, "text": "同升一面旗"}, subtitle="副")
        assert with_parts({"subtitle": "副"}, {}) == {"subtitle": "副"}

    @pytest.mark.parametrize("changes", [
        {"b9": {"text": "x"}}, {"b2": {"kind": "film"}}, {"b2": {"media": MEDIUM}}, {"b2": {"count": "9"}}])
    def test_what_is_not_there_is_refused(self, changes):
        with pytest.raises(InvalidBody) as refusal:
            with_parts(page(COVER, TEXT), changes)
        assert refusal.value.code == "PAGE_WRONG"
