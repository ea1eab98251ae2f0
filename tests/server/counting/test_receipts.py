"""What a receipt says, and that nobody else can write one."""

from __future__ import annotations

import pytest

from server.counting.receipts import MAX_CHARACTERS, Receipt, Receipts

HERS = Receipt("flag", "20261001", 7, 1234, 1_790_827_200, 3, "350602", "school-1")
RECEIPTS = Receipts(b"k" * 32)


def test_it_says_what_was_signed():
    assert RECEIPTS.read(RECEIPTS.sign(HERS)) == HERS


def test_it_is_short_enough_for_a_body_of_8_kb_and_its_own_limit():
    long = Receipt("x" * 32, "20261001", 2**32 - 1, 2**32 - 1, 2**32 - 1, 8191, "r" * 32, "u" * 32)
    assert len(RECEIPTS.sign(long)) < MAX_CHARACTERS // 2 and RECEIPTS.read(RECEIPTS.sign(long)) == long


def test_another_key_signs_nothing_of_ours():
    assert RECEIPTS.read(Receipts(b"x" * 32).sign(HERS)) is None


def test_no_changed_character_is_read():
    text = RECEIPTS.sign(HERS)
    for at in range(len(text)):
        changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]
        found = RECEIPTS.read(changed)
        assert found is None or found == HERS, "the last character's low bits carry nothing"


@pytest.mark.parametrize("text", ["", "x", "=", "é", "A" * 22, "A" * (MAX_CHARACTERS + 1), "\0", "%%%%", "A" * 100])
def test_nonsense_is_no_receipt(text):
    assert RECEIPTS.read(text) is None


def test_it_names_no_person():
    assert set(Receipt.__struct_fields__) == {"campaign", "period", "citizen", "ordinal", "second", "bits", "region", "unit"}
