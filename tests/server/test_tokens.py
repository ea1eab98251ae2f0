"""A token is compact, has one spelling, and nobody else can make one."""

from __future__ import annotations

import pytest

from server.errors import NotAuthorised
from server.tokens import Token, Tokens

DAY = 86400
NOW = 1_790_827_200.7
TOKENS = Tokens(b"k" * 32, ttl_seconds=30 * DAY)


def refusal(text: str, now: float = NOW, tokens: Tokens = TOKENS) -> str:
    with pytest.raises(NotAuthorised) as caught:
        tokens.read(text, now)
    assert caught.value.status == 401
    return caught.value.code


@pytest.mark.parametrize("citizen", [1, 255, 2_000_000, 2**32 - 1])
def test_it_works(citizen):
    text = TOKENS.issue(citizen, NOW)
    assert len(text) == 32
    assert text.replace("-", "").replace("_", "").isalnum()
    assert TOKENS.read(text, NOW) == Token(citizen, int(NOW))


def test_it_lives_its_time_and_no_second_more():
    text = TOKENS.issue(7, NOW)
    assert TOKENS.read(text, int(NOW) + 30 * DAY - 1).citizen == 7
    assert refusal(text, int(NOW) + 30 * DAY) == "TOKEN_EXPIRED"


def test_every_changed_character_is_refused():
    text = TOKENS.issue(7, NOW)
    for i, old in enumerate(text):
        for new in "A_-9":
            if new != old:
                assert refusal(text[:i] + new + text[i + 1:]) == "TOKEN_INVALID"


@pytest.mark.parametrize("text", [
    "", "x", "A" * 31, "A" * 33, "A" * 32, "A" * 31 + "=", "A" * 31 + "\n", "国" * 32, " " * 32, "A" * 100_000,
])
def test_what_is_no_token_is_refused(text):
    assert refusal(text) == "TOKEN_INVALID"


def test_a_token_has_one_spelling():
    spelled = next(t for n in range(1, 10_000) if "-" in (t := TOKENS.issue(n, NOW)))
    assert refusal(spelled.replace("-", "+")) == "TOKEN_INVALID"


def test_another_key_is_refused():
    assert refusal(TOKENS.issue(7, NOW), tokens=Tokens(b"j" * 32, 30 * DAY)) == "TOKEN_INVALID"


def test_a_mark_is_hers_alone_and_no_token():
    mark = TOKENS.mark(7)
    assert mark == TOKENS.mark(7) != TOKENS.mark(8)
    assert mark != Tokens(b"x" * 32, 60).mark(7)
    with pytest.raises(NotAuthorised):
        TOKENS.read(mark, NOW)
