"""Reports, exports and files of places over HTTP: roles, the second person, streamed files, and what the audit log has."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from urllib.parse import quote

import openpyxl
import pytest

from server.participations import Participation
from tests.app_world import SLUG, AppWorld
from tests.command_listener import LOOKING

pytestmark = pytest.mark.gen_test(timeout=60)
STAFF = "/api/v1/staff"
FLAG = f"{STAFF}/campaigns/{SLUG}"
PASSWORD = "correct horse battery"


class Desk:
    """A browser of staff: sends its cookie and its CSRF token."""

    def __init__(self, app: AppWorld) -> None:
        self.app, self.headers = app, {}

    async def ask(self, path: str, body: object = None, method: str = ""):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return await self.app.fetch(path, method or ("GET" if body is None else "POST"), data, **self.headers)


async def desk(app: AppWorld, role: str, name: str = "") -> Desk:
    name = name or f"the-{role}"
    await app.services.staff.create(name, role, PASSWORD, time.time())
    made = Desk(app)
    answer = await made.ask(f"{STAFF}/session", {"name": name, "password": PASSWORD})
    made.headers = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0], "X_CSRF_Token": json.loads(answer.body)["csrf"]}
    return made


async def took_part(app: AppWorld, stores, citizens: range) -> None:
    """People whom the ledger has written."""
    services, now = app.services, int(time.time())
    [shard, *_] = await services.counting.prepare(await services.campaigns.get(SLUG), now)
    while await services.epochs.find(shard.id) is None:
        await asyncio.sleep(0.01)
    claims = [Participation(SLUG, "all", 0, n + 1, n * shard.shards, "salute", n + 1, now, "350602", "school-1") for n in citizens]
    await stores.mongo["participations"].insert_many([claim.document() for claim in claims])
    await services.epochs.saw(shard.id, claims[-1].seq, 0)
    for document in await services.epochs.of_campaign(SLUG):
        await services.epochs.written(document["_id"], document["high_seq"], 1, document["high_seq"], {}, 0.0)


async def logged(stores) -> list[str]:
    found = await stores.mongo["audit_log"].find({}, comment=LOOKING).to_list(None)
    return [entry["action"] for entry in found if not entry["action"].startswith("staff.")]


async def test_an_editor_asks_for_a_report_reads_prints_and_takes_it(app, stores):
    await took_part(app, stores, range(30))
    editor = await desk(app, "editor")
    settings = json.loads((await editor.ask(f"{FLAG}/report-settings")).body)
    kept = await editor.ask(f"{FLAG}/report-settings", settings | {"organisation": "市文明办", "daily_at": "18:00"}, "PUT")
    assert (kept.code, json.loads(kept.body)["rev"]) == (200, 1)
    asked = await editor.ask(f"{FLAG}/reports", {})
    number = json.loads(asked.body)["number"]
    assert asked.code == 202 and number.startswith(f"{SLUG}-20") and number.endswith("-0001")
    early = await editor.ask(f"{STAFF}/reports/{number}/print")
    assert (early.code, json.loads(early.body)["error"]["code"]) == (409, "REPORT_NOT_MADE")

    await app.services.report_maker.tick(time.time())
    report = json.loads((await editor.ask(f"{STAFF}/reports/{number}")).body)
    assert (report["state"], report["persons"], report["settings"]["organisation"]) == ("made", 30, "市文明办")
    table = json.loads((await editor.ask(f"{STAFF}/reports/{number}/tables/units")).body)
    assert table["items"][0][2:] == ["school-1", "演示第一小学", 30, 30, 0] and table["next"] is None
    assert (await editor.ask(f"{STAFF}/reports/{number}/tables/nothing")).code == 404
    assert (await editor.ask(f"{STAFF}/reports/{number}/tables/units?cursor=x")).code == 422
    listed = json.loads((await editor.ask(f"{FLAG}/reports")).body)["items"]
    assert number in [item["number"] for item in listed]

    page = await editor.ask(f"{STAFF}/reports/{number}/print")
    assert page.headers["Content-Type"].startswith("text/html") and page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "市文明办" in page.body.decode() and "<script" not in page.body.decode()
    book = await editor.ask(f"{STAFF}/reports/{number}.xlsx")
    assert book.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{number}.xlsx"
    assert openpyxl.load_workbook(io.BytesIO(book.body))["单位每日"]["D2"].value == "演示第一小学"
    unit = json.loads((await editor.ask(f"{FLAG}/units/school-1/report")).body)
    assert unit["rows"][0][1:] == [30, 30, 0] and (await editor.ask(f"{FLAG}/units/school-1/report.xlsx")).body[:2] == b"PK"
    assert await logged(stores) == ["report.settings", "report.ask", "report.download", "report.unit_download"]


async def test_an_export_goes_from_one_person_through_a_second_to_a_file(app, stores):
    await took_part(app, stores, range(30))
    operator, auditor, reviewer = await desk(app, "operator"), await desk(app, "auditor"), await desk(app, "reviewer")
    assert (await reviewer.ask(f"{FLAG}/exports", {"reason": "核对"})).code == 403
    missing = await operator.ask(f"{FLAG}/exports", {"reason": " "})
    assert json.loads(missing.body)["error"]["code"] == "REASON_MISSING"
    asked = json.loads((await operator.ask(f"{FLAG}/exports", {"reason": "核对名单", "format": "csv"})).body)
    one = f"{STAFF}/exports/{asked['id']}"
    assert json.loads((await operator.ask(f"{one}/consent", {"consent": True}, "PUT")).body)["error"]["code"] == "ROLE_REFUSED"
    own = json.loads((await auditor.ask(f"{FLAG}/exports", {"reason": "自查"})).body)
    refused = await auditor.ask(f"{STAFF}/exports/{own['id']}/consent", {"consent": True}, "PUT")
    assert (refused.code, json.loads(refused.body)["error"]["code"]) == (403, "SECOND_PERSON_NEEDED")
    assert json.loads((await operator.ask(f"{one}/file")).body)["error"]["code"] == "EXPORT_NOT_READY"
    assert json.loads((await auditor.ask(f"{one}/consent", {"consent": True}, "PUT")).body)["state"] == "queued"

    await app.services.exporter.tick(time.time())
    ready = json.loads((await operator.ask(one)).body)
    assert (ready["state"], ready["rows"], ready["rows_done"], ready["decided_by"]) == ("ready", 30, 30, "the-auditor")
    file = await operator.ask(f"{one}/file")
    assert file.headers["Cache-Control"] == "no-store" and file.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(file.body.decode("utf-8-sig"), newline="")))
    assert "the-operator" in rows[0][0] and len(rows) == 32
    stranger = await desk(app, "editor")
    assert json.loads((await stranger.ask(f"{one}/file")).body)["error"]["code"] == "EXPORT_NOT_YOURS"
    assert len(json.loads((await operator.ask(f"{FLAG}/exports")).body)["items"]) == 2
    done = [action for action in await logged(stores) if not action.startswith("refused.")]
    assert done == ["export.ask", "export.ask", "export.consent", "export.download"]


async def test_places_come_from_a_file_with_columns_of_its_own(app, stores):
    editor, reviewer = await desk(app, "editor"), await desk(app, "reviewer")
    data = "甲,乙,区县\r\nschool-9,新小学,芗城区\r\n".encode("gb18030")
    assert (await reviewer.ask(f"{FLAG}/places/file?kind=units", data)).code == 403
    tried = json.loads((await editor.ask(f"{FLAG}/places/file?kind=units&dry_run=1", data)).body)
    assert tried["headers"] == ["甲", "乙", "区县"] and len(tried["errors"]) == 2
    districts = "代码,名称,种类\n350605,长泰区,region\n".encode()
    mapped = f"&dry_run=1&code={quote('代码')}&name={quote('名称')}&kind_column={quote('种类')}"
    assert json.loads((await editor.ask(f"{FLAG}/places/file?kind=regions{mapped}", districts)).body)["errors"] == []
    done = await editor.ask(f"{FLAG}/places/file?kind=units&code={quote('甲')}&name={quote('乙')}", data)
    assert json.loads(done.body)["imported"] == 1
    assert (await editor.ask(f"{FLAG}/places/file?kind=units", b" " * (4 * 1024 * 1024 + 1))).code == 413
    broken = json.loads((await editor.ask(f"{FLAG}/places/file?kind=units", b"PK\x03\x04")).body)
    assert broken["error"]["field"] == "file" and "另存" in broken["error"]["message"]
    assert [action for action in await logged(stores) if not action.startswith("refused.")] == ["places.import"]


@pytest.mark.parametrize(("verb", "path"), [
    ("POST", f"{FLAG}/reports"), ("PUT", f"{FLAG}/report-settings"), ("POST", f"{FLAG}/exports"),
    ("PUT", f"{STAFF}/exports/{'0' * 16}/consent"), ("GET", f"{STAFF}/exports/{'0' * 16}/file"),
    ("GET", f"{STAFF}/reports/{SLUG}-2026-0001.xlsx"), ("GET", f"{STAFF}/reports/{SLUG}-2026-0001/print")])
async def test_nobody_gets_anything_without_a_session(app, verb, path):
    answer = await app.fetch(path, verb, b"{}" if verb != "GET" else None)
    assert (answer.code, json.loads(answer.body)["error"]["code"]) == (401, "STAFF_SESSION_MISSING")
