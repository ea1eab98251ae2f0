"""Numbers of persons are found however they are written, and ordinary words and figures are left alone."""

from __future__ import annotations

import pytest

from server.personal_data import find


def stretches(text: str) -> list[str]:
    return [text[start:end] for start, end in find(text)]


@pytest.mark.parametrize(("text", "found"), [
    ("找我13812345678", ["13812345678"]), ("电话 138 1234 5678，谢谢", ["138 1234 5678"]),
    ("１３８１２３４５６７８", ["１３８１２３４５６７８"]),
    ("138-1234-5678", ["138-1234-5678"]), ("+86 138.1234.5678", ["86 138.1234.5678"]), ("1\u200b3812345678", ["1\u200b3812345678"]),
    ("①③⑧①②③④⑤⑥⑦⑧", ["①③⑧①②③④⑤⑥⑦⑧"]), ("幺三八一二三四五六七八", ["幺三八一二三四五六七八"]),
    ("1 3 8 1 2 3 4 5 6 7 8", ["1 3 8 1 2 3 4 5 6 7 8"]),
    ("0596-2345678", ["0596-2345678"]), ("区号010 62345678", ["010 62345678"]),
    ("身份证350602199001011234", ["350602199001011234"]), ("35060219900101123Ｘ", ["35060219900101123Ｘ"]),
    ("350602 19900101 123x", ["350602 19900101 123x"]),
    ("加微信：wang_xiaohong88", ["wang_xiaohong88"]), ("微信号 Wang-2026", ["Wang-2026"]),
    ("VX：ａｂｃ１２３４", ["ａｂｃ１２３４"]), ("v信abc1234", ["abc1234"]), ("加V：happyday", ["happyday"]),
    ("QQ群：123456789", ["123456789"]), ("扣扣 10001", ["10001"]),
    ("13812345678 或 13912345678", ["13812345678", "13912345678"]),
])
def test_a_number_of_a_person_is_found_where_it_stands(text, found):
    assert stretches(text) == found


@pytest.mark.parametrize("text", [
    "", "祝祖国繁荣昌盛", "1949年10月1日 08:00", "2026-10-01", "第 1,234,567 位", "12345", "我爱你中国 5201314",
    "订单 202610010800123456789", "1381234567",
    "一九四九年十月一日", "微信公众号真好", "Happy National Day", "wechat official account", "加油加油", "wx小程序", "卫星 beidou3",
    "世界那么大", "二〇二六年", "12800001234", "v587",
])
def test_other_words_and_figures_are_left_alone(text):
    assert stretches(text) == []


def test_what_is_found_stands_where_it_is_shown_also_behind_letters_that_change_their_length():
    assert stretches("ß㈱😀13812345678😀") == ["13812345678"]


def test_a_long_text_of_digits_and_signs_is_read_in_one_pass():
    assert len(find("1-3-8 " * 50_000)) == 0
