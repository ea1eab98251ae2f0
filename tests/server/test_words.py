"""The word list: a word is found however it is written, and nothing that is not there."""

from __future__ import annotations

import pytest

from server import fresh
from server.errors import Conflict, InvalidBody
from server.personal_data import SUSPECTED
from server.words import MAX_WORDS, SAMPLE, Verdict, WordFilter, WordList, Words, skeleton

pytestmark = pytest.mark.gen_test(timeout=30)
LIST = WordList(("赌博", "Spam"), ("发票", "加微信"))


class TestFinding:
    @pytest.mark.parametrize("text", [
        "网上赌博", "赌 博", "赌\u200b博", "賭博", "赌*博", "赌…………博", "赌\n博", "【赌】博", "SPAM", "ｓｐａｍ", "s.p.a.m", "赌😀博"])
    def test_a_blocked_word_is_found_however_it_is_written(self, text):
        assert WordFilter(LIST).look(text).block

    @pytest.mark.parametrize("text", ["", "祝祖国繁荣昌盛", "赌", "博赌", "spa", "😀", "\u200b"])
    def test_nothing_is_found_where_nothing_is(self, text):
        assert WordFilter(LIST).look(text) == Verdict()

    def test_what_a_reviewer_should_see_is_told_by_its_name(self):
        assert WordFilter(LIST).look("代开發票，加 微 信，赌博") == Verdict(("赌博",), ("发票", "加微信"))

    def test_an_empty_list_finds_nothing_and_a_long_one_everything(self):
        assert WordFilter(WordList()).look("赌博") == Verdict()
        many = WordFilter(WordList(tuple(f"禁词{n}号" for n in range(20_000))))
        assert many.look("有禁词19999号").block == ("禁词19999号",)

    @pytest.mark.parametrize(("text", "seen"), [("漢 字", "汉字"), ("ＡＢＣ", "abc"), ("a\u200bb", "ab"), ("！？", "")])
    def test_a_skeleton_is_what_a_reader_sees(self, text, seen):
        assert skeleton(text) == seen

    @pytest.mark.parametrize(("text", "stretches"), [
        ("去賭 博吧", ["賭 博"]), ("赌博赌*博", ["赌博", "赌*博"]), ("代开ＡＢＣ", ["ＡＢＣ"]), ("好", []), ("", []),
        ("\u200b赌\u200b博\u200b", ["赌\u200b博"]),
        ("ß赌博", ["赌博"]), ("①赌博㈱", ["赌博"])])
    def test_a_word_is_shown_where_it_stands_in_the_text_as_it_was_written(self, text, stretches):
        hits = WordFilter(WordList(("赌博",), ("abc",))).find(text)
        assert [text[hit.start:hit.end] for hit in hits] == stretches
        assert {hit.list for hit in hits} <= {"block", "review"}

    def test_all_that_is_found_is_shown_also_what_has_no_place(self):
        words = WordFilter(WordList(("乾坤", "赌博"), ("发票",)))
        for text in ("乾坤賭博發票", "赌博 乾 坤", "發.票"):
            found = words.look(text)
            assert {hit.word for hit in words.find(text)} == {*found.block, *found.review}


class TestKeeping:
    async def test_what_is_kept_counts_in_every_process_at_once(self, stores, monkeypatch):
        one, two = Words(stores.mongo), Words(stores.mongo)
        monkeypatch.setattr(fresh, "CACHE_SECONDS", 0.0)
        assert await two.look("赌博") == Verdict()
        assert (await one.keep(WordList((" 赌博 ", "赌博"), ("发票",)))) == WordList(("赌博",), ("发票",), 1)
        assert (await two.look("赌博")).block == ("赌博",)
        assert await two.current() == WordList(("赌博",), ("发票",), 1)

    async def test_until_somebody_keeps_a_list_plain_advertising_is_looked_at_twice_and_can_be_taken_out(self, stores, monkeypatch):
        words = Words(stores.mongo)
        monkeypatch.setattr(fresh, "CACHE_SECONDS", 0.0)
        assert await words.current() == WordList(review=SAMPLE) and await words.look("加微信") == Verdict((), ("加微信",))
        assert await words.keep(WordList()) == WordList(rev=1)
        assert await words.look("加微信") == Verdict()

    async def test_the_number_of_a_person_is_looked_at_twice_whatever_the_list_says(self, stores):
        words = Words(stores.mongo)
        await words.keep(LIST)
        text = "赌博找我１３８ 1234 5678"
        assert await words.look(text) == Verdict(("赌博",), (SUSPECTED,)) and await words.look("祝福祖国") == Verdict()
        assert [(text[hit.start:hit.end], hit.word, hit.list) for hit in await words.find(text)] == [
            ("赌博", "赌博", "block"), ("１３８ 1234 5678", SUSPECTED, "review")]

    async def test_two_editors_do_not_undo_each_other(self, stores):
        words = Words(stores.mongo)
        seen = await words.keep(LIST)
        await words.keep(WordList(("新词",), (), seen.rev))
        for late in (seen, WordList()):
            with pytest.raises(Conflict) as refusal:
                await words.keep(late)
            assert refusal.value.code == "WORDS_CHANGED"

    @pytest.mark.parametrize(("words", "code"), [
        (WordList(("！",)), "WORD_WRONG"), (WordList((), ("长" * 33,)), "WORD_WRONG"),
        (WordList(tuple(map(str, range(MAX_WORDS + 1)))), "TOO_MANY_WORDS")])
    async def test_what_is_no_word_is_refused(self, stores, words, code):
        with pytest.raises(InvalidBody) as refusal:
            await Words(stores.mongo).keep(words)
        assert refusal.value.code == code
