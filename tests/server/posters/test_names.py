"""A poster names a person only by something that looks like a name and is fit to be seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.posters.names import blocked_words, personal_name

BLOCKED = blocked_words(Path(__file__).parents[3] / "assets" / "words" / "names-blocked.txt")


@pytest.mark.parametrize("name", ["张三", "欧阳娜娜", "阿卜杜热西提·买买提艾力江", "𠮷野", "㛃䶮", "𬭛𫖮", "〇一", "龘靐"])
def test_names_that_stand(name):
    assert personal_name(name, BLOCKED) == name


@pytest.mark.parametrize(("given", "shown"), [
    (" 张三 ", "张三"), ("买买提•艾力", "买买提·艾力"), ("買買提・艾力", "買買提·艾力"), ("\uf907山", "龜山")])
def test_other_spellings_become_one(given, shown):
    assert personal_name(given, BLOCKED) == shown


@pytest.mark.parametrize("text", [
    None, "", "张", "张" * 16, "张三" * 500, "Zhang San", "张三1", "张 三", "张\u200b三", "张\u202e三",
    "\u2066张三\u2069", "张三😀", "🇨🇳张三", "·张三", "张三·", "张··三", "张三！", "<b>张三</b>", "张\n三", "ﾁｬﾝ三", "张\ufe0f三",
    "张\u0301三", "张三\U000e0100", "\ue000\ue001",
])
def test_texts_that_are_no_name(text):
    assert personal_name(text, BLOCKED) is None


@pytest.mark.parametrize("text", ["大傻瓜", "傻·瓜", "张主席", "总书记", "打倒某某", "汉奸走狗", "加微信聊"])
def test_blocked_words_are_found_in_every_spelling(text):
    assert personal_name(text, BLOCKED) is None
    assert personal_name(text) is not None


def test_the_list_reads_remarks_and_blank_lines(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("# remark\n\n坏词 # why\n", "utf-8")
    assert blocked_words(file) == {"坏词"}
