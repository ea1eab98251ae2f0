"""Posters of campaigns' own and kits, through the staff's interface: from the draft to what citizens get."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from server.kits import KitMaker, Kits, KitStore
from server.media.medium import AltMissing
from server.metrics import Metrics
from server.posters.service import SAMPLES_A_MINUTE, Posters
from server.spreadsheets.workers import Workers
from tests.handlers.civic_app import ALICE, CivicApp, error_of, json_of
from tests.handlers.test_staff import logged

ROOT = Path(__file__).parents[2]
STAFF = "/api/v1/staff/campaigns/flag"
DESIGN, KIT = f"{STAFF}/poster-design", f"{STAFF}/kit"
pytestmark = [pytest.mark.gen_test(timeout=110), pytest.mark.timeout(120)]


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = CivicApp(stores, tmp_path)
    made.posters = Posters(made.world.campaigns, made.counting, made.world.places, made.short_links, Metrics(), assets=ROOT / "assets",
                           workers=1, queue=8)
    made.services.posters = made.posters
    store = KitStore(stores.mongo)
    made.services.kits = Kits(store, made.world.places, made.services.releases.wording, made.short_links)
    made.maker = KitMaker(store, made.services.kits, made.world.campaigns, made.world.places, made.short_links,
                          Workers(tmp_path / "kits", module="server.kits.worker", in_step=True), ROOT / "assets", lambda: made.now)
    io_loop.run_sync(made.open)
    yield made
    io_loop.run_sync(made.posters.close)
    io_loop.run_sync(made.close)


async def begun(desk) -> dict:
    return json_of(await desk.ask(DESIGN))["design"]


async def saved(desk, design: dict) -> dict:
    draft = json_of(await desk.ask(f"{STAFF}/draft"))
    content = draft["content"]
    content["theme"]["poster_design"] = design
    return await desk.ask(f"{STAFF}/draft", {"rev": draft["rev"], "content": content}, method="PUT")


def picture_of(answer: dict) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(answer["picture"].partition(",")[2])))


def part(design: dict, kind: str) -> dict:
    return next(layer for layer in design["layers"] if layer["kind"] == kind)


class TestBeginning:
    @pytest.mark.parametrize(("kind", "words"), [("quiz", "完成了知识问答"), ("vote", "投出自己的一票"), ("salute", "一起向国旗敬礼")])
    async def test_a_design_begins_from_the_poster_of_the_kind_of_the_draft(self, app, kind, words):
        await app.opened()
        desk = await app.desk("editor")
        draft = json_of(await desk.ask(f"{STAFF}/draft"))
        await desk.ask(f"{STAFF}/draft", {"rev": draft["rev"], "content": draft["content"] | {"kind": kind, "rules": {}}}, method="PUT")
        design = await begun(desk)
        assert design["scene"] == kind and words in [layer.get("text") for layer in design["layers"]]
        assert json_of(await desk.ask(f"{DESIGN}/preview", {"design": design}, method="POST"))["problems"] == []


class TestPreview:
    async def test_it_is_the_real_poster_with_the_words_of_the_draft(self, app):
        await app.opened()
        desk = await app.desk("editor")
        answer = json_of(await desk.ask(f"{DESIGN}/preview", {"design": await begun(desk)}, method="POST"))
        assert (answer["problems"], answer["warnings"]) == ([], [])
        [code] = zxingcpp.read_barcodes(picture_of(answer))
        assert (await app.ask(code.text.removeprefix("http://wm.example"))).headers["Location"] == "/c/flag?ch=poster"

    async def test_a_broken_rule_is_told_beside_the_picture_and_no_form_is_422(self, app):
        await app.opened()
        desk = await app.desk("reviewer")
        design = await begun(desk)
        part(design, "text")["y"] = 300
        answer = json_of(await desk.ask(f"{DESIGN}/preview", {"design": design}, method="POST"))
        assert any("盖住了国旗" in one for one in answer["problems"]) and picture_of(answer).size == (750, 1334)
        part(design, "flag")["rotate"] = 180
        refused = await desk.ask(f"{DESIGN}/preview", {"design": design}, method="POST")
        assert error_of(refused) == (422, "POSTER_DESIGN_WRONG") and "不能旋转" in json_of(refused)["error"]["message"]

    async def test_whoever_asks_too_often_waits_and_citizens_do_not(self, app):
        campaign = await app.opened()
        desk = await app.desk("editor")
        design = await begun(desk)
        assert (await desk.ask(f"{DESIGN}/preview", {"design": design}, method="POST")).code == 200
        app.posters._asked["the-editor"].extend([app.now] * SAMPLES_A_MINUTE)
        refused = await desk.ask(f"{DESIGN}/preview", {"design": design}, method="POST")
        assert error_of(refused) == (503, "POSTER_BUSY") and refused.headers["Retry-After"]
        assert (await app.posters.poster(campaign, "all", 1, int(app.now), "", None, "http://wm.example/s/x")).startswith(b"\xff\xd8")
        app.now += 61
        assert (await desk.ask(f"{DESIGN}/preview", {"design": design}, method="POST")).code == 200


class TestPublishing:
    async def test_a_design_goes_from_the_draft_to_every_poster_drawn_afterwards(self, app):
        await app.opened()
        desk = await app.desk("editor")
        before = await self.poster(app)
        design = await begun(desk)
        part(design, "flag")["x"] = 0
        design["layers"] = [layer for layer in design["layers"] if layer["kind"] != "shape"]  # the pole
        assert (await saved(desk, design)).code == 200
        assert await self.poster(app) == before  # a draft changes nothing
        shown = json_of(await desk.ask(f"{STAFF}/draft"))["changes"]
        assert any(change["field"] == "theme.poster_design.l5" and "国旗" in change["name"] for change in shown)
        checks = {item["key"]: item for item in json_of(await desk.ask(f"{STAFF}/checklist"))["items"]}
        assert checks["poster"]["state"] == checks["wording"]["state"] == "ok"
        await self.publish(app, desk)
        after = await self.poster(app)
        assert after != before
        red = Image.open(io.BytesIO(after)).getpixel((20, 550))
        assert red[0] > 190 and red[1] < 70  # the flag stands at the left edge now
        assert "poster_design" not in json_of(await app.ask("/api/v1/campaigns/flag"))["theme"]

    async def test_a_broken_one_is_kept_in_the_draft_and_never_published(self, app):
        await app.opened()
        desk = await app.desk("editor")
        design = await begun(desk)
        part(design, "qr")["w"] = part(design, "qr")["h"] = 150
        assert (await saved(desk, design)).code == 200
        checks = {item["key"]: item for item in json_of(await desk.ask(f"{STAFF}/checklist"))["items"]}
        assert checks["poster"]["state"] == "error" and "边长至少 200" in checks["poster"]["advice"]
        refused = await desk.ask(f"{STAFF}/release", {"revision": 0, "confirmed": []}, method="POST")
        assert error_of(refused) == (409, "NOT_READY_TO_OPEN") and "边长至少 200" in json_of(refused)["error"]["message"]
        body = json_of(await desk.ask(STAFF)) | {"theme": {"poster_design": design}}
        assert error_of(await desk.ask(STAFF, body, method="PUT")) == (422, "POSTER_DESIGN_WRONG")

    async def test_its_words_are_checked_like_all_others(self, app):
        await app.opened()
        desk = await app.desk("editor")
        design = await begun(desk)
        part(design, "text")["text"] = "转发有奖"
        await saved(desk, design)
        found = json_of(await desk.ask(f"{STAFF}/findings"))["items"]
        assert [one["field"] for one in found] == ["theme.poster_design.l6.text"] and "海报图层" in found[0]["name"]

    async def test_what_has_no_form_is_not_kept(self, app):
        await app.opened()
        desk = await app.desk("editor")
        design = await begun(desk)
        design["layers"][0]["color"] = "#DE2910"
        refused = await saved(desk, design)
        assert error_of(refused) == (422, "POSTER_DESIGN_WRONG") and "调色板" in json_of(refused)["error"]["message"]

    async def test_an_earlier_one_comes_back_with_its_revision(self, app):
        await app.opened()
        desk = await app.desk("editor")
        design = await begun(desk)
        await saved(desk, design)
        rev = json_of(await desk.ask(f"{STAFF}/draft"))["rev"]
        kept = json_of(await desk.ask(f"{STAFF}/revisions", {"rev": rev, "note": "第一稿"}, method="POST"))["revision"]
        await saved(desk, design | {"scene": "plain"})
        rev = json_of(await desk.ask(f"{STAFF}/draft"))["rev"]
        restored = json_of(await desk.ask(f"{STAFF}/revisions/{kept}/restore", {"rev": rev}, method="POST"))
        assert restored["content"]["theme"]["poster_design"]["scene"] == "salute"

    async def publish(self, app, desk) -> None:
        warnings = [item["key"] for item in json_of(await desk.ask(f"{STAFF}/checklist"))["items"] if item["state"] == "warning"]
        answer = await desk.ask(f"{STAFF}/release", {"revision": 0, "confirmed": warnings}, method="POST")
        assert answer.code == 200, answer.body

    async def poster(self, app) -> bytes:
        campaign = await app.world.campaigns.get_any("flag")
        return await app.posters.poster(campaign, "all", 7, int(app.now), "芗城区", None, await app.short_links.link_for("flag"))


class TestPictures:
    async def test_a_picture_is_fetched_once_and_one_that_cannot_be_read_refuses_the_poster(self, app):
        campaign = await app.opened()
        desk = await app.desk("editor")
        design = await begun(desk)
        design["layers"].insert(0, {"kind": "image", "id": "photo", "x": 400, "y": 900, "w": 300, "h": 100, "media": "a" * 32})
        out = io.BytesIO()
        Image.new("RGB", (600, 200), "#2E8B57").save(out, "PNG")
        library = Pictures({"a" * 32: ("f" * 32 + ".png", out.getvalue())})
        app.posters.pictures = library
        for _ in range(2):
            answer = json_of(await desk.ask(f"{DESIGN}/preview", {"design": design}, method="POST"))
            found = picture_of(answer).getpixel((650, 950))
            assert max(abs(a - b) for a, b in zip(found, (0x2E, 0x8B, 0x57), strict=True)) < 10
        assert library.read_files == ["f" * 32 + ".png"]
        library.files = {"a" * 32: ("e" * 32 + ".png", b"")}
        refused = json_of(await desk.ask(f"{DESIGN}/preview", {"design": design}, method="POST"))
        assert refused["picture"] == "" and any("画不出来" in one for one in refused["problems"])
        assert campaign.slug == "flag" and AltMissing.code


class Pictures:
    def __init__(self, files: dict[str, tuple[str, bytes]]) -> None:
        self.files = files
        self.read_files: list[str] = []

    async def files_of(self, media, widths):
        return {one: self.files[one][0] for one in media if one in self.files}

    async def read(self, file: str) -> bytes:
        self.read_files.append(file)
        return next(data for name, data in self.files.values() if name == file)


class TestKits:
    async def test_one_is_asked_for_made_and_fetched(self, app, stores):
        await app.opened()
        desk = await app.desk("editor")
        assert json_of(await desk.ask(KIT))["state"] == "none"
        assert error_of(await desk.ask(f"{KIT}/file")) == (404, "KIT_NOT_FOUND")
        asked = await desk.ask(KIT, {}, method="POST")
        assert (asked.code, json_of(asked)["state"]) == (202, "queued")
        assert error_of(await desk.ask(KIT, {}, method="POST")) == (409, "KIT_IN_WORK")
        await app.maker.tick(app.now)
        kit = json_of(await desk.ask(KIT))
        assert kit["state"] == "ready" and kit["has_file"] and not kit["outdated"] and kit["done"] == kit["total"]
        fetched = await desk.ask(f"{KIT}/file")
        assert fetched.headers["Content-Type"] == "application/zip" and "filename*=UTF-8''" in fetched.headers["Content-Disposition"]
        assert "说明.txt" in zipfile.ZipFile(io.BytesIO(fetched.body)).namelist()
        assert [action for _, action, _ in await logged(stores)] == ["kit.make", "kit.download"]

    async def test_texts_and_figures_are_there_without_one(self, app):
        await app.opened()
        desk = await app.desk("auditor")
        texts = {one["name"]: one["text"] for one in json_of(await desk.ask(f"{KIT}/texts"))["items"]}
        assert "向国旗敬礼" in texts["长文案"] and "http://wm.example/s/" in texts["短文案"]
        await app.visits.record_place("flag", "unit:school-2", app.now)
        await app.visits.flush(["places:flag"], app.now)
        regions = json_of(await desk.ask(f"{KIT}/visits"))["items"]
        assert [(one["name"], one["opened"]) for one in regions][:2] == [("芗城区", 0), ("长泰区", 0)]
        units = json_of(await desk.ask(f"{KIT}/visits?region=350602"))["items"]
        assert {one["name"]: one["opened"] for one in units} == {"实验小学": 0, "第一中学": 1}

    async def test_bad_bodies_are_refused_with_their_rule(self, app):
        await app.opened()
        desk = await app.desk("operator")
        assert error_of(await desk.ask(KIT, {"region": "nowhere"}, method="POST")) == (422, "UNKNOWN_REGION")
        assert error_of(await desk.ask(KIT, {"all": 1}, method="POST")) == (422, "INVALID_BODY")
        assert ALICE == 1
