"""Personal data 个人信息: numbers by which a stranger could reach or name somebody, found in what citizens write for the public.

Knows: mobile and landline numbers, ID-card numbers, WeChat and QQ ids that are named as such; however they are written: full width, in
circles, in Chinese numerals, with spaces and signs in between. A find is a question to a reviewer and never a refusal: a date or an order
number may look the same.
"""

from __future__ import annotations

import re
import unicodedata

# Shown as the word that was hit.
SUSPECTED = "疑似个人信息"
NUMERALS = str.maketrans("〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖两", "0012345678911234567892")
# What people put between the groups of a number; more than three signs are the end of it.
_BETWEEN = re.compile(r"(?<=\d)[^\w]{1,3}(?=\d)|(?<=\d)_{1,3}(?=\d)")
# Mobile with or without the country's 86; a landline begins with its area; an ID card has a date of birth of the last two centuries inside.
_MOBILE = r"(?:86)?1[3-9]\d{9}"
_LANDLINE = r"0(?:10|2\d|[3-9]\d{2})[2-8]\d{6,7}"
_ID_CARD = r"[1-8]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dx]"
NUMBER = re.compile(rf"(?<!\d)(?:{_ID_CARD}|{_MOBILE}|{_LANDLINE})(?!\d)")
# The platform's rule: 6 to 20 letters, digits, _ and -, a letter first. Without the name before it, any English word would be one.
# Of letters alone it may be a word all the same, so something has to lead to it.
_NAMED = r"(?:微信|薇信|威信|v信|vx|wx|wechat|weixin|加v)"
_LED = r"(?:(?:号|id)?\s{0,4}[:是为加]|号|id)[^\w]{0,4}"
WECHAT = re.compile(rf"(?<![a-z]){_NAMED}(?:{_LED}|[^\w]{{0,4}}(?<![a-z])(?=[a-z]{{0,19}}[-_0-9]))([a-z][-_a-z0-9]{{5,19}})(?![a-z0-9])")
QQ = re.compile(r"(?<![a-z])(?:qq|扣扣|企鹅)(?:号|群|群号)?[^\w]{0,4}(?:是|为|加)?[^\w]{0,4}([1-9]\d{4,10})(?!\d)")


def find(text: str) -> list[tuple[int, int]]:
    """Where they stand: characters from start to end of the text as it was written, in its order."""
    plain, places = _plain(text)
    joined, kept = _joined(plain)
    found = {(places[kept[hit.start()]], places[kept[hit.end() - 1]] + 1) for hit in NUMBER.finditer(joined)}
    for pattern in (WECHAT, QQ):
        found |= {(places[hit.start(1)], places[hit.end(1) - 1] + 1) for hit in pattern.finditer(plain)}
    return sorted(found)


def _plain(text: str) -> tuple[str, list[int]]:
    """One width, small letters, digits for numerals, nothing that cannot be seen; and from which character of the text each comes."""
    seen, places = [], list[int]()
    for n, letter in enumerate(text):
        shown = unicodedata.normalize("NFKC", letter).lower().translate(NUMERALS)
        if unicodedata.category(letter) in ("Cf", "Mn"):
            continue
        seen.append(shown)
        places += [n] * len(shown)
    return "".join(seen), places


def _joined(plain: str) -> tuple[str, list[int]]:
    """The same without what stands between digits; and from which character each comes."""
    kept = list[int]()
    end = 0
    for gap in _BETWEEN.finditer(plain):
        kept += range(end, gap.start())
        end = gap.end()
    kept += range(end, len(plain))
    return "".join(plain[n] for n in kept), kept
