"""Weight: real files, part by part; what is loaded before anybody scrolls; what to do where it is too much."""

from __future__ import annotations

import gzip
import random

import pytest

from server.blocks.rendering import rendered
from server.blocks.weight import FIRST_VIEW_BYTES, Shell, read_shell, said, weigh
from tests.server.blocks.test_rendering import FILM, MEDIA, PICTURE

ENTRY = {"id": "b1", "kind": "entry"}
SHELL = Shell(b"<html><style>body{color:red}</style></html>", 30_000)


def weight(*blocks, media=MEDIA, shell=SHELL):
    theme = {"blocks": list(blocks)}
    return weigh(theme, rendered(theme, media, [], ""), "<style>.b{}</style>", b"{}", media, shell)


def heavy(size):
    return {PICTURE: MEDIA[PICTURE] | {"variants": {"w750": MEDIA[PICTURE]["variants"]["w750"] | {"bytes": size}}}}


def picture(number):
    return {"id": f"b{number}", "kind": "picture", "media": PICTURE}


class TestRows:
    def test_each_part_and_their_sum(self):
        found = weight(ENTRY, picture(2))
        assert [row.part for row in found.rows] == ["html", "css", "js", "b2"]
        assert found.rows[2].bytes == 30_000 and found.rows[3].bytes == 50_000
        assert found.first_view == sum(row.bytes for row in found.rows) and not found.is_over and found.advice == []

    def test_a_film_weighs_its_picture_and_is_told_apart(self):
        found = weight(ENTRY, {"id": "b2", "kind": "film", "media": FILM})
        assert (found.rows[3].bytes, found.films) == (40_000, 9_000_000) and found.rows[3].at_once

    def test_what_lies_far_below_comes_with_scrolling(self):
        found = weight(ENTRY, *(picture(n) for n in range(2, 14)))
        assert [row.at_once for row in found.rows[3:]] == sorted((row.at_once for row in found.rows[3:]), reverse=True)
        assert found.later == 50_000 * sum(not row.at_once for row in found.rows) > 0

    def test_what_is_gone_weighs_nothing(self):
        assert len(weight(ENTRY, picture(2), media={}).rows) == 3


class TestTooMuch:
    def test_it_says_by_how_much_and_which_to_change(self):
        found = weight(picture(2), ENTRY, media=heavy(290_000))
        assert found.is_over and found.first_view > FIRST_VIEW_BYTES
        assert "比 300 KB 多" in found.advice[0] and "图片（b2） 290 KB" in found.advice[0]
        assert "换成 100 KB 以内的" in found.rows[3].advice

    def test_scripts_have_a_budget_of_their_own(self):
        assert "程序有 41 KB" in weight(ENTRY, shell=Shell(b"", 41_000)).advice[0]

    @pytest.mark.parametrize(("size", "words"), [(1, "1 KB"), (299_600, "300 KB"), (2_340_000, "2.3 MB")])
    def test_sizes_are_said_in_thousands(self, size, words):
        assert said(size) == words


class TestFiles:
    def test_the_shell_is_what_is_sent(self, tmp_path):
        noise = random.Random(7).randbytes(5000)
        (tmp_path / "assets").mkdir()
        (tmp_path / "assets/boot-1.js").write_bytes(b"//" + noise)
        (tmp_path / "assets/main-1.js").write_bytes(noise)
        (tmp_path / "campaign.html").write_text('<script type="module" crossorigin src="/static/assets/boot-1.js"></script>'
                                                '<link rel="preload" as="fetch" crossorigin id="main-script"'
                                                ' href="/static/assets/main-1.js" data-bytes="1"'
                                                ' data-kinds=\'{"quiz":["/static/assets/quiz-1.js","/static/assets/quiz-1.css"]}\'>')
        for name in ("js", "css"):
            (tmp_path / f"assets/quiz-1.{name}").write_bytes(noise[:1000])
        both, own = len(gzip.compress(b"//" + noise, 9)) + len(gzip.compress(noise, 9)), len(gzip.compress(noise[:1000], 9))
        salute, quiz = read_shell(tmp_path, "salute"), read_shell(tmp_path, "quiz")
        assert (salute.scripts, salute.styles, quiz.scripts, quiz.styles) == (both, 0, both + own, own)

    def test_what_was_not_built_weighs_nothing(self, tmp_path):
        assert read_shell(tmp_path, "salute") == Shell(b"", 0)
