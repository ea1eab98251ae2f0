"""How pages felt, over HTTP: what one tells, what is kept of it, what staff read."""

from __future__ import annotations

import pytest

from server.experience import FAMILIES, FEWEST, MOST_DAYS, TOLD_AT_ONCE, family
from server.stores import PyMongoError
from tests.browser.browsers import PLAIN, WECHAT
from tests.handlers.civic_app import ALICE, CivicApp, error_of, json_of

pytestmark = pytest.mark.gen_test(timeout=60)
TELL = "/api/v1/campaigns/flag/experience"
FIGURES = "/api/v1/staff/campaigns/flag/experience"
FELT = {"errors": 0, "lcp": 1200, "inp": 80, "cls": 0.02, "ready": 1500, "region": "350602"}
IPHONE = ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
          "MicroMessenger/8.0.49(0x18003137) NetType/WIFI Language/zh_CN")
DESKTOP = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = io_loop.run_sync(lambda: CivicApp(stores, tmp_path).open())
    yield made
    io_loop.run_sync(made.close)


async def tell(app: CivicApp, times: int = 1, agent: str = WECHAT, **felt):
    answers = [await app.ask(TELL, FELT | felt, headers={"User-Agent": agent, "Cookie": "wenming_citizen=somebody"}) for _ in range(times)]
    return answers[-1]


async def figures(app: CivicApp, query: str = ""):
    await app.services.experiences.flush(app.now)
    desk = await app.desk("operator")
    return json_of(await desk.ask(FIGURES + query))


def counted(app: CivicApp, outcome: str) -> float:
    return app.services.experiences._metrics.series("experiences_told_total", outcome).value


@pytest.mark.parametrize(("agent", "which"), [
    (IPHONE, "ios_wechat"), (WECHAT, "android_wechat"), (PLAIN, "phone"), (DESKTOP, "desktop"), ("", "other"), ("curl/8.0", "other"),
    (DESKTOP + " MicroMessenger/7.0.20 WindowsWechat", "desktop_wechat"), (IPHONE.replace(" MicroMessenger/8.0.49", ""), "phone"),
    ("Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 ArkWeb/4.1 Mobile MicroMessenger/8.0.5", "harmony_wechat"),
    ("Mozilla " * 500 + "iPhone MicroMessenger", "other")])
def test_browsers_belong_to_few_families(agent, which):
    assert family(agent) == which and which in FAMILIES


class TestTelling:
    async def test_a_page_is_added_and_nothing_of_its_citizen(self, app, stores):
        await app.opened()
        answer = await tell(app)
        assert (answer.code, answer.body) == (204, b"")
        await app.services.experiences.flush(app.now)
        (day,) = await stores.mongo["experiences"].find({"campaign": "flag"}).to_list(None)
        assert day.pop("_id") == "flag:20261001" and day.pop("campaign") == "flag" and day.pop("day") == "20261001"
        assert {name.rsplit(":", 1)[0] for name in day} == {
            f"{group}{part}" for group in ("device:android_wechat", "region:350602") for part in ("", ":lcp", ":inp", ":cls", ":ready")}
        assert set(day.values()) == {1}

    async def test_a_second_one_of_another_process_adds_to_the_same_day(self, app):
        await app.opened()
        await tell(app, FEWEST)
        await app.services.experiences.flush(app.now)
        await tell(app, 2)
        assert (await figures(app))["all"]["pages"] == FEWEST + 2

    @pytest.mark.parametrize("region", ["", "999999", "flag.$inc"])
    async def test_a_region_that_the_campaign_does_not_have_is_none(self, app, region):
        await app.opened()
        await tell(app, FEWEST, region=region)
        assert [one["code"] for one in (await figures(app))["regions"]] == ["none"]

    @pytest.mark.parametrize(("felt", "refusal"), [
        ({"lcp": -1}, (422, "INVALID_BODY")), ({"lcp": 1e9}, (422, "INVALID_BODY")), ({"cls": "much"}, (422, "INVALID_BODY")),
        ({"errors": 101}, (422, "INVALID_BODY")), ({"region": "x" * 33}, (422, "INVALID_BODY")),
        ({"more": "x" * 600}, (413, "BODY_TOO_LARGE"))])
    async def test_what_is_no_figure_is_refused_and_kept_nowhere(self, app, felt, refusal):
        await app.opened()
        assert error_of(await tell(app, **felt)) == refusal
        assert counted(app, "refused") == 1 and not app.services.experiences._gathered

    async def test_an_unknown_campaign_has_no_pages(self, app):
        assert error_of(await tell(app)) == (404, "CAMPAIGN_NOT_FOUND")

    async def test_a_flood_is_dropped_and_what_comes_a_second_later_is_not(self, app):
        await app.opened()
        experiences = app.services.experiences
        experiences.admit(app.now)
        experiences._tokens = 0.0
        answer = await tell(app)
        assert error_of(answer) == (429, "EXPERIENCES_TOO_MANY") and counted(app, "dropped") == 1
        app.now += 1
        assert (await tell(app)).code == 204
        app.now += 3600
        experiences.admit(app.now)
        assert experiences._tokens == TOLD_AT_ONCE - 1

    async def test_it_waits_while_mongodb_is_away(self, app, monkeypatch):
        await app.opened()
        await tell(app, FEWEST)
        kept, experiences = app.services.experiences._days, app.services.experiences

        class Away:
            async def update_one(self, *_args, **_options):
                raise PyMongoError("away")

        monkeypatch.setattr(experiences, "_days", Away())
        await experiences.flush(app.now)
        monkeypatch.setattr(experiences, "_days", kept)
        assert (await figures(app))["all"]["pages"] == FEWEST


class TestFigures:
    async def test_p75_by_device_and_region_and_the_share_that_broke(self, app):
        await app.opened()
        await tell(app, 30, IPHONE, errors=1, lcp=None, inp=None, cls=None, ready=6500, region="350605")
        await tell(app, 30, WECHAT, lcp=1900, inp=30, cls=0)
        found = await figures(app)
        devices = {one["code"]: one for one in found["devices"]}
        assert list(devices) == ["ios_wechat", "android_wechat"]
        assert devices["ios_wechat"]["broken_share"] == 1 and devices["ios_wechat"]["lcp"] == {"told": 0, "p75": None, "state": "none"}
        assert devices["ios_wechat"]["ready"]["state"] == "poor" and 6000 < devices["ios_wechat"]["ready"]["p75"] <= 8000
        assert devices["android_wechat"]["broken_share"] == 0 and devices["android_wechat"]["lcp"]["state"] == "good"
        assert 1500 < devices["android_wechat"]["lcp"]["p75"] <= 2000
        assert found["all"]["pages"] == 60 and found["all"]["broken_share"] == 0.5
        assert {one["code"]: one["pages"] for one in found["regions"]} == {"350602": 30, "350605": 30}
        assert found["days"][0]["code"] == "20261001" and found["days"][0]["pages"] == 60 and len(found["days"]) == 7

    async def test_few_pages_say_nothing(self, app):
        await app.opened()
        await tell(app, FEWEST - 1)
        found = (await figures(app))["all"]
        assert found["pages"] == FEWEST - 1 and found["broken_share"] is None
        assert found["lcp"] == {"told": FEWEST - 1, "p75": None, "state": "few"}

    async def test_nothing_told_is_an_empty_answer(self, app):
        await app.opened()
        found = await figures(app)
        assert (found["all"]["pages"], found["devices"], found["regions"]) == (0, [], [])

    @pytest.mark.parametrize(("query", "days"), [("?days=1", 1), ("?days=99", MOST_DAYS), ("?days=many", 1), ("?days=0", 1)])
    async def test_as_many_days_as_asked_within_a_month(self, app, query, days):
        await app.opened()
        assert len((await figures(app, query))["days"]) == days

    async def test_they_go_with_the_campaign(self, app, stores):
        await app.opened()
        await tell(app)
        await app.services.experiences.flush(app.now)
        await app.services.experiences.remove("flag")
        assert await stores.mongo["experiences"].find_one({"_id": "flag:20261001"}) is None


class TestWhichPagesTell:
    async def test_the_chosen_ones_have_the_script_and_the_others_not(self, app):
        (app.folder / "h5" / "campaign.html").write_text(
            '<!doctype html><!--told /static/assets/told-abc.js told--><script id="wenming-data">"__WENMING_DATA__"</script>', "utf-8")
        await app.opened()
        script = b'<script type="module" async src="/static/assets/told-abc.js"></script>'
        for share, is_there in ((1, True), (0, False)):
            app.app.settings["experience_share"] = share
            page = (await app.ask("/c/flag", citizen=ALICE)).body
            assert (script in page) == is_there and (b"<!--told /static" in page) != is_there
