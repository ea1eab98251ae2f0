"""What ships in assets/ fits together: the demo campaign, its places, its texts and its pictures."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from PIL import Image

from server.campaigns import Activity, Campaign, Preset
from server.posters.layers import load_template

ASSETS = Path(__file__).parents[1] / "assets"
# GB/T 2260 codes of Zhangzhou's districts and counties.
DISTRICTS = {
    "350602": "芗城区", "350603": "龙文区", "350604": "龙海区", "350605": "长泰区", "350622": "云霄县", "350623": "漳浦县",
    "350624": "诏安县", "350626": "东山县", "350627": "南靖县", "350628": "平和县", "350629": "华安县",
}
# WeChat drops the picture of a shared link above 32 KB and blurs one under 300 pixels.
SHARE_MAX_BYTES, SHARE_MIN_PIXELS = 32 * 1024, 300


def seed() -> dict:
    return json.loads((ASSETS / "seeds" / "salute-the-flag.json").read_text("utf-8"))


def rows(name: str) -> list[dict[str, str]]:
    with (ASSETS / "places" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_demo_campaign_is_whole():
    given = seed()
    places = given.pop("places")
    activities = tuple(Activity(**activity) for activity in given.pop("activities"))
    presets = tuple(Preset(**preset) for preset in given.pop("presets"))
    campaign = Campaign(**given, state="draft", opens_at=0, closes_at=1, activities=activities, presets=presets)
    assert [(a.code, a.title, a.children) for a in activities] == [
        ("salute", "礼敬国旗", False), ("heroes", "致敬先烈", False), ("children", "童心向党", True)]
    assert campaign.demo and "演示" in campaign.organiser["name"]
    assert all((ASSETS / file).is_file() for file in places.values())
    load_template(ASSETS / "posters", campaign.theme["poster"])


def test_its_messages_are_in_the_library():
    library = {preset["code"]: preset["text"] for preset in json.loads((ASSETS / "presets.json").read_text("utf-8"))["presets"]}
    assert all(library[preset["code"]] == preset["text"] for preset in seed()["presets"])


def test_no_text_asks_for_a_share_or_ranks_anybody():
    words = json.dumps(seed(), ensure_ascii=False) + (ASSETS / "posters" / "salute.json").read_text("utf-8")
    assert not [banned for banned in ("不转", "必转", "集赞", "抽奖", "分享后", "排名", "红包") if banned in words]


def test_the_share_card_is_one_that_wechat_shows():
    file = ASSETS / seed()["share"]["image"].removeprefix("/static/")
    assert file.stat().st_size < SHARE_MAX_BYTES
    with Image.open(file) as picture:
        assert picture.width == picture.height >= SHARE_MIN_PIXELS


def test_the_regions_are_zhangzhous():
    regions = rows("zhangzhou.csv")
    assert {row["code"]: row["name"] for row in regions if row["kind"] == "region"} == DISTRICTS
    assert [row["name"] for row in regions if row["kind"] == "own"] == ["市直", "市外", "不便选择"]
    assert [int(row["order"]) for row in regions] == list(range(1, 15))


def test_the_units_are_plainly_made_up():
    codes = {row["code"] for row in rows("zhangzhou.csv")}
    units = rows("zhangzhou-units.csv")
    assert all(unit["name"].startswith("演示") and unit["region"] in codes for unit in units)
    assert len({unit["code"] for unit in units}) == len(units)
