"""A campaign's page of blocks over HTTP: rendered by the server, escaped always; the draft's page and weight for its editors."""

from __future__ import annotations

import re
from unittest import mock

import pytest
from pymongo.errors import ServerSelectionTimeoutError

from server.campaigns import Preset
from server.media.medium import Medium, Variant
from tests.handlers.civic_app import CivicApp, error_of, json_of
from tests.handlers.test_pages import HTML, data_in
from tests.handlers.test_releases import CONTENT, signed_in
from tests.handlers.test_staff import BODY, FLAG, STAFF
from tests.server.civic_world import FOOTER, REGIONS

pytestmark = pytest.mark.gen_test(timeout=60)
NASTY = '<img src=x onerror=alert(1)></script><!--wenming:after-->'
PICTURE, OTHER = "a" * 32, "b" * 32
BLOCKS = [{"id": "b1", "kind": "cover", "title": "同升一面旗", "media": PICTURE}, {"id": "b2", "kind": "entry"},
          {"id": "b3", "kind": "text", "text": NASTY}, {"id": "b4", "kind": "wall", "title": "市民寄语"}, {"id": "b5", "kind": "signature"}]


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = io_loop.run_sync(lambda: CivicApp(stores, tmp_path).open())
    yield made
    io_loop.run_sync(made.close)


async def picture(app, name=PICTURE, alt="学生们向国旗敬礼"):
    form = {"w750": Variant(name, "jpg", 60_000, 750, 500)}
    await app.library.add(Medium(name, "image", "图", alt, False, "", "", (), (0.5, 0.45), name * 2, name, 60_000, 750, 500, 0.0, form,
                                 "lin", int(app.now)), app.now)


async def built(app, **theme):
    await picture(app)
    await app.opened(organiser=FOOTER, theme={"blocks": BLOCKS, **theme})
    return await app.ask("/c/flag")


class TestTheCitizensPage:
    async def test_blocks_stand_on_both_sides_of_the_activity(self, app):
        text = (await built(app, skin="paper")).body.decode()
        before, after = text.partition("<svg>")[::2]
        assert "同升一面旗" in before and '<img src="/media/' in before and "学生们向国旗敬礼" in before
        assert 'class="page skin-paper built led titled" id="page"' in before and ".skin-paper" in before
        assert "市民寄语" in after and "市文明办" in after and 'id="blocks-after"' in after

    async def test_whatever_an_editor_writes_is_text(self, app):
        text = (await built(app)).body.decode()
        assert "&lt;img src=x onerror=alert(1)&gt;&lt;/script&gt;" in text
        assert "<img src=x" not in text and text.count("<script") == 1 and text.count("</script>") == 1
        assert text.count('id="blocks-after"') == 1

    async def test_without_blocks_it_is_as_it_was(self, app):
        await app.opened(organiser=FOOTER)
        text = (await app.ask("/c/flag")).body.decode()
        assert 'class="page" id="page"' in text and "blocks" not in text and "<style>" not in text and "wenming:" not in text

    async def test_the_script_is_not_told_twice_and_the_interface_gets_them_as_data(self, app):
        told = data_in(await built(app))["campaign"]
        assert "blocks" not in told["theme"] and told["media"] == {}
        public = json_of(await app.ask("/api/v1/campaigns/flag"))
        assert public["theme"]["blocks"] == BLOCKS and public["media"][PICTURE]["alt"] == "学生们向国旗敬礼"

    async def test_what_the_page_itself_shows_is_still_told(self, app):
        await picture(app, OTHER)
        assert list(data_in(await built(app, top_media=OTHER))["campaign"]["media"]) == [OTHER]

    async def test_approved_messages_stand_on_the_wall_escaped(self, app):
        await picture(app)
        await app.opened(organiser=FOOTER, theme={"blocks": BLOCKS}, presets=(Preset("nasty", NASTY),))
        await app.ask("/api/v1/campaigns/flag/messages", {"preset": "nasty"}, citizen=1)
        text = (await app.ask("/c/flag")).body.decode()
        assert "&lt;/script&gt;" in re.search(r'class="b b-wall">(.*?)</section>', text, re.S)[1] and "<img src=x" not in text

    async def test_it_opens_while_the_messages_are_away(self, app):
        await picture(app)
        await app.opened(organiser=FOOTER, theme={"blocks": BLOCKS})
        with mock.patch.object(app.services.reviewing.wall, "page", side_effect=ServerSelectionTimeoutError("no server")):
            answer = await app.ask("/c/flag")
        assert answer.code == 200 and "市民寄语" in answer.body.decode()

    async def test_an_editor_s_words_about_privacy_are_text(self, app):
        text = (await built(app, privacy_text=f"{NASTY}\n\n照片不保存")).body.decode()
        assert "<h3>本次活动的说明</h3><p>&lt;img" in text and "<p>照片不保存</p>" in text

    async def test_the_unit_is_not_asked_for_where_the_editor_says_so(self, app):
        await app.opened(theme={"ask_unit": 0})
        assert json_of(await app.ask("/api/v1/campaigns/flag"))["form"]["unit"] is False


class TestTheDesk:
    async def begun(self, app, theme):
        lin = await signed_in(app, "lin", "editor")
        await lin.ask(f"{STAFF}/campaigns", BODY)
        await lin.ask(f"{FLAG}/places", {"kind": "regions", "csv": REGIONS})
        saved = await lin.ask(f"{FLAG}/draft", {"rev": 0, "content": {**CONTENT, "theme": theme}}, method="PUT")
        return lin, saved

    async def test_the_draft_is_seen_on_the_real_page_before_anybody_else_sees_it(self, app):
        await picture(app)
        lin, _ = await self.begun(app, {"blocks": BLOCKS, "skin": "festive"})
        page = await lin.ask(f"{FLAG}/draft/page", headers=HTML)
        assert page.code == 200 and "同升一面旗" in page.body.decode() and "skin-festive" in page.body.decode()
        data = data_in(page)
        assert data["preview"] is True and data["me"]["signed_in"] is False and data["login"] == ""
        assert (page.headers["X-Robots-Tag"], page.headers["Referrer-Policy"]) == ("noindex", "no-referrer")
        assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]
        assert (await app.ask("/c/flag")).code == 404
        assert error_of(await app.ask(f"{FLAG}/draft/page")) == (401, "STAFF_SESSION_MISSING")

    async def test_what_cannot_be_shown_yet_says_why_on_a_page(self, app):
        lin, _ = await self.begun(app, {})
        await lin.ask(f"{FLAG}/draft", {"rev": 1, "content": {**CONTENT, "title": " "}}, method="PUT")
        page = await lin.ask(f"{FLAG}/draft/page", headers=HTML)
        assert page.code == 422 and "活动名称 1 至 64 字" in page.body.decode()

    async def test_a_page_that_none_can_be_is_refused_with_the_rule(self, app):
        _, saved = await self.begun(app, {"blocks": [{"id": "b1", "kind": "entry"}, {"id": "b2", "kind": "entry"}]})
        assert error_of(saved) == (422, "PAGE_WRONG") and "只能有一块" in json_of(saved)["error"]["message"]

    async def test_its_weight_part_by_part(self, app):
        await picture(app)
        lin, _ = await self.begun(app, {"blocks": BLOCKS})
        weight = json_of(await lin.ask(f"{FLAG}/draft/weight"))
        assert [row["part"] for row in weight["rows"]] == ["html", "css", "js", "b1"]
        assert weight["first_view"] == sum(row["bytes"] for row in weight["rows"] if row["at_once"]) and weight["budget"] == 300_000
        assert weight["rows"][3] == {"part": "b1", "name": "封面（b1）", "bytes": 60_000, "at_once": True, "advice": ""}

    async def test_changes_of_blocks_are_said_in_chinese(self, app):
        await picture(app)
        lin, _ = await self.begun(app, {"blocks": BLOCKS})
        names = [one["name"] for one in json_of(await lin.ask(f"{FLAG}/draft"))["changes"]]
        assert "封面（b1）的标题" in names and "页面内容及顺序" in names and "正文（b3）的文字" in names

    async def test_the_checklist_comes_with_the_way_to_the_public(self, app):
        lin, _ = await self.begun(app, {"blocks": BLOCKS[1:2]})
        found = json_of(await lin.ask(f"{FLAG}/checklist"))
        assert [one["step"] for one in found["guide"]] == ["content", "page", "poster", "checks", "preview", "release"]
        assert {one["key"]: one["state"] for one in found["items"]}["page"] == "ok"

    async def test_districts_are_taken_over_from_another_campaign_once(self, app):
        lin, _ = await self.begun(app, {})
        await lin.ask(f"{STAFF}/campaigns", {**BODY, "slug": "next"})
        copied = await lin.ask(f"{STAFF}/campaigns/next/places/copy", {"campaign": "flag"})
        assert copied.code == 200 and json_of(copied)["regions"] > 0
        again = await lin.ask(f"{STAFF}/campaigns/next/places/copy", {"campaign": "flag"})
        assert error_of(again) == (409, "PLACES_THERE")
        await lin.ask(f"{STAFF}/campaigns", {**BODY, "slug": "third"})
        await lin.ask(f"{STAFF}/campaigns", {**BODY, "slug": "fourth"})
        assert error_of(await lin.ask(f"{STAFF}/campaigns/third/places/copy", {"campaign": "fourth"})) == (409, "PLACES_MISSING")
        assert error_of(await lin.ask(f"{STAFF}/campaigns/third/places/copy", {"campaign": "none"})) == (404, "CAMPAIGN_NOT_FOUND")


class TestCorrections:
    async def test_words_of_a_block_are_corrected_by_its_name(self, app):
        await picture(app)
        await app.opened(organiser=FOOTER, theme={"blocks": BLOCKS})
        lin = await signed_in(app, "lin", "editor")
        made = await lin.ask(f"{FLAG}/corrections", {"reason": "错字", "blocks": {"b1": {"title": "共升一面旗"}}})
        assert made.code == 201, made.body
        assert [(one["name"], one["after"]) for one in json_of(made)["changes"]] == [("封面（b1）的标题", "共升一面旗")]
        for wrong in ({"b9": {"title": "x"}}, {"b2": {"text": "x"}}):
            refused = await lin.ask(f"{FLAG}/corrections", {"reason": "错字", "blocks": wrong})
            assert error_of(refused) == (422, "PAGE_WRONG")
