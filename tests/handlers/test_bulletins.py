"""Bulletins, milestones and the duty log over HTTP: one tap by the operator on duty, read by those who answer for it."""

from __future__ import annotations

import csv
import io
import json
import time

import pytest
from PIL import Image

from server.clock import day_of
from tests.app_world import SLUG, AppWorld
from tests.command_listener import LOOKING
from tests.handlers.test_reports import FLAG, Desk, desk

pytestmark = pytest.mark.gen_test(timeout=90)


async def salutes(app: AppWorld, how_many: int) -> None:
    for _ in range(how_many):
        body = json.dumps({"activity": "salute", "region": "350602", "unit": "school-1"}).encode()
        taken = await app.fetch(f"/api/v1/campaigns/{SLUG}/participations", "POST", body, base=app.intake, **await app.citizen())
        assert taken.code == 201


def code_of(answer) -> str:
    return json.loads(answer.body)["error"]["code"]


async def test_an_operator_taps_once_and_has_text_and_picture(app, stores):
    await salutes(app, 3)
    operator, reviewer = await desk(app, "operator"), await desk(app, "reviewer")
    answer = await operator.ask(f"{FLAG}/bulletins", {})
    made = json.loads(answer.body)
    assert (answer.code, made["number"], made["participants"], made["by"]) == (201, 1, 3, "the-operator")
    assert "累计参与 3 人、3 人次。" in made["text"] and "芗城区 3 人" in made["text"] and "参与学校（单位）1 个" in made["text"]
    again = await operator.ask(f"{FLAG}/bulletins", {})
    assert (again.code, json.loads(again.body)["number"]) == (200, 1)

    await app.services.bulletins.close()
    await app.services.bulletins.tick(time.time() + 60)
    picture = await reviewer.ask(made["picture_url"])
    assert (picture.code, picture.headers["Content-Type"]) == (200, "image/png")
    assert Image.open(io.BytesIO(picture.body)).width == 1080 and picture.headers["Cache-Control"].startswith("private")
    assert (await reviewer.ask(made["picture_url"])).body == picture.body
    listed = json.loads((await reviewer.ask(f"{FLAG}/bulletins")).body)
    assert [(one["number"], one["text"], one["picture"]) for one in listed["items"]] == [(1, made["text"], "drawn")]
    assert code_of(await reviewer.ask(f"{FLAG}/bulletins/9.png")) == "BULLETIN_NOT_FOUND"
    assert code_of(await reviewer.ask(f"{FLAG}/bulletins", {})) == "ROLE_REFUSED"
    logged = await stores.mongo["audit_log"].find({}, comment=LOOKING).to_list(None)
    assert [one["detail"]["number"] for one in logged if one["action"] == "bulletin.make"] == [1]


async def test_settings_and_milestones_are_the_operators(app):
    operator, auditor = await desk(app, "operator"), await desk(app, "auditor")
    seen = json.loads((await auditor.ask(f"{FLAG}/bulletin-settings")).body)
    assert (seen["hourly"], seen["has_robots"]) == (False, False)
    wanted = {"hourly": True, "first_hour": 7, "last_hour": 21, "milestones": [100, 1000], "rev": 0}
    assert code_of(await auditor.ask(f"{FLAG}/bulletin-settings", wanted, "PUT")) == "ROLE_REFUSED"
    assert code_of(await operator.ask(f"{FLAG}/bulletin-settings", wanted | {"milestones": [1000, 100]}, "PUT")) == "INVALID_BODY"
    kept = json.loads((await operator.ask(f"{FLAG}/bulletin-settings", wanted, "PUT")).body)
    assert (kept["rev"], kept["last_hour"], kept["milestones"]) == (1, 21, [100, 1000])
    assert code_of(await operator.ask(f"{FLAG}/bulletin-settings", wanted, "PUT")) == "BULLETIN_SETTINGS_CHANGED"
    table = json.loads((await auditor.ask(f"{FLAG}/milestones")).body)["items"]
    assert table == [{"value": value, "passed_at": None, "known_below_at": None} for value in (100, 1000)]


async def test_the_watch_sees_a_milestone_passed_in_the_real_counters(app):
    operator = await desk(app, "operator")
    await operator.ask(f"{FLAG}/bulletin-settings", {"hourly": False, "milestones": [100], "rev": 0}, "PUT")
    await salutes(app, 1)
    await app.services.watch.tick(time.time())
    curve = json.loads((await operator.ask(f"{FLAG}/duty-log/curve")).body)
    assert sum(n for _, n in curve["minutes"]) == 1 and curve["day"] == day_of(time.time())
    assert (await app.services.bulletins.milestones(await app.services.campaigns.get(SLUG)))[0]["passed_at"] is None


async def hand_over(operator: Desk) -> str:
    answer = await operator.ask(f"{FLAG}/duty-log", {"kind": "handover", "to": "the-admin", "text": "未办：核对市直名单"})
    assert answer.code == 201
    return str(json.loads(answer.body)["id"])


async def test_a_shift_is_written_down_handed_over_and_taken_away_as_a_file(app):
    operator, admin, auditor = await desk(app, "operator"), await desk(app, "admin"), await desk(app, "auditor")
    refused = await operator.ask(f"{FLAG}/duty-log", {"text": "家长电话 13800001234"})
    assert (refused.code, code_of(refused)) == (422, "PERSONAL_DATA_SUSPECTED")
    assert (await operator.ask(f"{FLAG}/duty-log", {"text": "=HYPERLINK(\"x\")"})).code == 201
    assert code_of(await auditor.ask(f"{FLAG}/duty-log", {"text": "我也记"})) == "ROLE_REFUSED"
    number = await hand_over(operator)
    page = json.loads((await auditor.ask(f"{FLAG}/duty-log")).body)
    assert [one["id"] for one in page["open_handovers"]] == [number] and "the-operator" in page["people"]
    assert code_of(await operator.ask(f"{FLAG}/duty-log/{number}/acknowledgement", {})) == "HANDOVER_NOT_YOURS"
    assert (await admin.ask(f"{FLAG}/duty-log/{number}/acknowledgement", {})).code == 201
    assert code_of(await admin.ask(f"{FLAG}/duty-log/{number}/acknowledgement", {})) == "HANDOVER_ACKNOWLEDGED"
    page = json.loads((await auditor.ask(f"{FLAG}/duty-log?day={page['today']}")).body)
    assert page["open_handovers"] == [] and [one["kind"] for one in page["items"]] == ["acknowledgement", "handover", "note"]
    assert page["items"][1]["acknowledged"]["author"] == "the-admin"

    table = await auditor.ask(f"{FLAG}/duty-log.csv?day={page['today']}")
    rows = list(csv.reader(io.StringIO(table.body.decode("utf-8-sig"), newline="")))
    assert rows[0][:4] == ["时间", "类别", "记录人", "内容"] and rows[-1][3] == "'=HYPERLINK(\"x\")"
    text = await auditor.ask(f"{FLAG}/duty-log.txt")
    assert text.headers["Content-Type"].startswith("text/plain") and "交班　the-operator → the-admin" in text.body.decode()
    assert (await auditor.ask(f"{FLAG}/duty-log.csv?day=2026")).code == 422


async def test_a_pause_stands_in_the_duty_log_within_a_turn(app):
    operator = await desk(app, "operator")
    await app.services.duty_gathering.tick(time.time())
    assert (await operator.ask(f"{FLAG}/state", {"state": "paused"}, "PUT")).code == 200
    await app.services.duty_gathering.tick(time.time())
    items = json.loads((await operator.ask(f"{FLAG}/duty-log")).body)["items"]
    assert [(one["kind"], one["author"], one["text"]) for one in items] == [("switch", "the-operator", "活动状态：进行中 → 已暂停")]
