"""Whose name a poster may carry.

Owns: the form of a personal name and the word list of names. Does not own: whether a font can draw it.
Invariants: what this module lets through has 2 to 15 Han characters and at most single "·" between them;
whatever else a person entered becomes 一位市民, silently, because a poster is no place for an error.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from pathlib import Path

# What the poster says where no name was given or the name may not stand.
NOBODY = "一位市民"
# The shortest name has a surname and a given name; the longest registered ones with "·" stay under 15 characters.
MIN_HAN, MAX_HAN = 2, 15
# Marks that keyboards give for the middle dot of names such as 阿卜杜拉·买买提.
_DOTS = str.maketrans(dict.fromkeys("•‧∙⋅・･●．", "·"))
# Unified ideographs with extensions A to I, and 〇. Compatibility forms are folded by NFC first.
_HAN = "〇㐀-䶿一-鿿\U00020000-\U0002a6df\U0002a700-\U0002ebef\U0002ebf0-\U0002ee5d\U00030000-\U000323af"
_FORM = re.compile(rf"[{_HAN}]+(?:·[{_HAN}]+)*")


def personal_name(text: str | None, blocked: Collection[str] = ()) -> str | None:
    """`text` as a personal name, or None where it is not one or holds a blocked word.

    Emoji, letters, zero-width and direction marks, spaces inside and punctuation are no part of a name.
    """
    if not text or len(text) > 4 * MAX_HAN:  # four times leaves room for combining marks that NFC folds away
        return None
    name = unicodedata.normalize("NFC", text).strip().translate(_DOTS)
    if not _FORM.fullmatch(name):
        return None
    plain = fold(name)
    if not MIN_HAN <= len(plain) <= MAX_HAN or any(word in plain for word in blocked):
        return None
    return name


def fold(text: str) -> str:
    """The text as words are compared: compatibility forms folded, "·" and spaces dropped."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().replace("·", "").split())


def blocked_words(path: Path) -> frozenset[str]:
    """The word list: one word a line, "#" for remarks. Raises OSError where the file cannot be read."""
    lines = (line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines())
    return frozenset(fold(line) for line in lines if line)
