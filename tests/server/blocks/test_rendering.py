"""Blocks as HTML: escaped always, pictures with their measures, films that wait, and the skins' styles fit for old phones."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from server.blocks.block import KINDS, SKINS
from server.blocks.rendering import rendered, wall_count
from server.blocks.service import PageBlocks, without_blocks

ASSETS = Path(__file__).resolve().parents[3] / "assets"
NASTY = ['<img src=x onerror=alert(1)>',
         '</script><script>x()</script>', '" onload="alert(1)', "' autofocus onfocus='alert(1)",
         "<!--", "<!--wenming:after-->", "&lt;b&gt;", "{{ constructor }}", "javascript:alert(1)"]
PICTURE, FILM = "a" * 32, "b" * 32
FORM = {"url": "/media/x.jpg", "bytes": 50_000, "width": 750, "height": 500}
MEDIA = {
    PICTURE: {"kind": "image", "alt": "学生们向国旗敬礼", "decorative": False, "width": 2000, "height": 1333, "variants": {
        "w375": FORM | {"url": "/media/small.jpg", "width": 375, "height": 250}, "w750": FORM,
        "w1125": FORM | {"url": "/media/large.jpg", "width": 1125, "height": 750},
        "full": FORM | {"url": "/media/full.jpg", "width": 2000}}},
    FILM: {"kind": "video", "alt": "", "decorative": False, "width": 1280, "height": 720, "variants": {
        "video": {"url": "/media/film.mp4", "bytes": 9_000_000, "width": 1280, "height": 720},
        "poster": {"url": "/media/poster.jpg", "bytes": 40_000, "width": 1280, "height": 720}}}}


class Tags(HTMLParser):
    """Every element with its attributes, and the text between them."""

    def __init__(self, html):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.found.append(("comment", {}))

    def one(self, name):
        return next(attrs for tag, attrs in self.found if tag == name)


def page(*blocks, **theme):
    made = rendered({"blocks": list(blocks), **theme}, MEDIA, [], "市文明办")
    return made.before + made.after


class TestEscaping:
    @pytest.mark.parametrize("text", NASTY)
    def test_whatever_an_editor_writes_is_shown_as_text(self, text):
        blocks = [{"id": "b1", "kind": "cover", "title": text, "text": text, "media": PICTURE}, {"id": "b2", "kind": "entry"},
                  {"id": "b3", "kind": "text", "title": text, "text": f"{text}\n{text}"},
                  {"id": "b4", "kind": "picture", "media": PICTURE, "caption": text},
                  {"id": "b5", "kind": "film", "media": FILM, "caption": text}, {"id": "b6", "kind": "wall", "title": text},
                  {"id": "b7", "kind": "signature", "text": text}]
        media = {PICTURE: MEDIA[PICTURE] | {"alt": text}, FILM: MEDIA[FILM]}
        made = rendered({"blocks": blocks}, media, [{"message": text, "name": text}], text)
        tags = Tags(made.before + made.after)
        allowed = {"div", "section", "h2", "p", "img", "figure", "figcaption", "video", "ul", "li", "span"}
        assert {tag for tag, _ in tags.found} <= allowed
        assert not [name for _, attrs in tags.found for name in attrs if name.startswith("on") or name == "autofocus" or name == "style"]
        assert tags.one("img")["alt"] == text and tags.text.count(text.strip()) == 11

    def test_the_organiser_signs_where_nothing_else_is_written(self):
        assert "市文明办" in page({"id": "b1", "kind": "signature"})
        assert "办公室" in page({"id": "b1", "kind": "signature", "text": "办公室"})


class TestPlaces:
    def test_the_activity_stands_where_its_entry_stands(self):
        made = rendered({"blocks": [{"id": "b1", "kind": "text", "text": "上面"}, {"id": "b2", "kind": "entry"},
                                    {"id": "b3", "kind": "text", "text": "下面"}]}, {}, [], "")
        assert "上面" in made.before and "下面" in made.after and "下面" not in made.before
        assert made.classes == " built led"

    def test_without_an_entry_it_comes_first(self):
        made = rendered({"blocks": [{"id": "b1", "kind": "text", "text": "下面"}]}, {}, [], "")
        assert (made.before, made.classes) == ("", " built") and "下面" in made.after

    def test_without_blocks_the_page_is_as_it_was(self):
        assert rendered({"subtitle": "副"}, {}, [], "市文明办") == rendered({}, {}, [], "") == rendered({"blocks": []}, {}, [], "")
        assert rendered({}, {}, [], "").classes == rendered({}, {}, [], "").before == ""

    def test_a_skin_and_a_title_above_are_told_to_the_styles(self):
        cover, entry = {"id": "b1", "kind": "cover", "title": "同升一面旗"}, {"id": "b2", "kind": "entry"}
        assert rendered({"skin": "paper", "blocks": [cover, entry]}, {}, [], "").classes == " skin-paper built led titled"
        assert rendered({"skin": "festive", "blocks": [entry, cover]}, {}, [], "").classes == " skin-festive built"


class TestPictures:
    def test_they_come_with_their_measures_in_widths_for_phones(self):
        image = Tags(page({"id": "b0", "kind": "entry"}, {"id": "b1", "kind": "picture", "media": PICTURE})).one("img")
        assert image == {"src": "/media/x.jpg", "srcset": "/media/small.jpg 375w, /media/x.jpg 750w", "width": "750", "height": "500",
                         "sizes": "(max-width: 430px) calc(100vw - 44px), 386px", "alt": "学生们向国旗敬礼", "loading": "lazy",
                         "decoding": "async"}

    def test_only_the_first_of_a_page_is_loaded_at_once(self):
        cover = {"id": "b1", "kind": "cover", "media": PICTURE}
        made = page(cover, {"id": "b2", "kind": "picture", "media": PICTURE}, {"id": "b3", "kind": "entry"})
        images = [attrs for tag, attrs in Tags(made).found if tag == "img"]
        assert ["loading" in image for image in images] == [False, True]

    def test_what_is_gone_or_of_another_kind_leaves_its_place(self):
        for media in ("c" * 32, FILM):
            assert page({"id": "b1", "kind": "picture", "media": media, "caption": "说明"}) == ""

    def test_a_small_one_is_shown_as_it_is(self):
        small = {PICTURE: MEDIA[PICTURE] | {"variants": {"full": FORM | {"width": 300, "height": 200}}}}
        image = Tags(rendered({"blocks": [{"id": "b1", "kind": "picture", "media": PICTURE}]}, small, [], "").after).one("img")
        assert image["width"] == "300" and "srcset" not in image


class TestFilms:
    def test_nothing_is_loaded_before_it_is_played_and_it_is_muted(self):
        video = Tags(page({"id": "b1", "kind": "film", "media": FILM, "caption": "升旗"})).one("video")
        assert video["preload"] == "none" and {"muted", "controls", "playsinline"} <= set(video)
        assert "autoplay" not in video and "loop" not in video
        assert (video["poster"], video["src"], video["width"]) == ("/media/poster.jpg", "/media/film.mp4", "1280")


class TestWall:
    def test_it_shows_as_many_as_it_says_and_says_so_where_there_are_none(self):
        messages = [{"message": f"第{n}条", "name": "张**"} for n in range(20)]
        theme = {"blocks": [{"id": "b1", "kind": "wall", "count": 3}]}
        made = rendered(theme, {}, messages, "").after
        assert made.count("<li>") == wall_count(theme) == 3 and "第0条" in made and "第3条" not in made
        assert "审核通过" in page({"id": "b1", "kind": "wall"}) and wall_count({}) == 0

    def test_a_message_without_a_name_has_none(self):
        assert "<span>" not in rendered({"blocks": [{"id": "b1", "kind": "wall"}]}, {}, [{"message": "祝福祖国", "name": None}], "").after


class TestSkins:
    LATER = re.compile(r"inset\s*:|aspect-ratio|[^-]\bgap\s*:|:is\(|:where\(|:has\(|\b(clamp|min|max)\(|backdrop-filter|@layer|@container"
                       r"|oklch|color-mix|[^-]dvh")

    @pytest.fixture
    def css(self):
        return {path.stem: re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.S) for path in (ASSETS / "skins").glob("*.css")}

    def test_each_skin_but_the_first_has_its_styles(self, css):
        assert set(css) == {"blocks", *SKINS} - {"dawn"}

    def test_none_touches_the_flag_nor_filters_or_turns_anything(self, css):
        for name, text in css.items():
            selectors = " ".join(re.findall(r"([^{}]+)\{", text))
            assert not re.search(r"\.flag|\.hoist|#flag|\.mast\b", selectors), name
            assert not re.search(r"filter|mix-blend|rotate|scaleX\(-|mask|--gold", text), name

    def test_they_are_for_the_oldest_phones(self, css):
        assert {name: self.LATER.findall(text) for name, text in css.items()} == dict.fromkeys(css, [])

    def test_the_page_gets_them_only_where_it_needs_them(self, tmp_path):
        blocks = PageBlocks(None, None, skins=ASSETS / "skins", built=tmp_path)
        assert blocks.style({}) == "" and ".skin-paper" in blocks.style({"skin": "paper"})
        with_blocks = blocks.style({"skin": "paper", "blocks": [{"id": "b1", "kind": "entry"}]})
        assert ".b-cover" in with_blocks and "/*" not in with_blocks and "<" not in with_blocks[7:-8]
        assert len(with_blocks) < 8000

    def test_the_script_is_not_told_of_blocks(self):
        assert without_blocks({"blocks": [1], "skin": "paper", "salute": "x"}) == {"skin": "paper", "salute": "x"}

    def test_every_kind_has_a_name(self):
        assert all(re.fullmatch(r"[\u4e00-\u9fff]+", name) for name in (*KINDS.values(), *SKINS.values()))
