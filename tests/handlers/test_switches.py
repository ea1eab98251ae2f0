"""Switches over HTTP: who may turn them, what the audit log keeps, and what citizens meet."""

from __future__ import annotations

import json

import pytest

from tests.handlers.civic_app import ALICE, CivicApp, error_of, json_of
from tests.server.civic_world import FOOTER

pytestmark = pytest.mark.gen_test(timeout=60)
SLUG = "flag"
HERS = f"/api/v1/staff/campaigns/{SLUG}/switches"
ALL = "/api/v1/staff/switches"
PUBLIC = f"/api/v1/campaigns/{SLUG}"
HTML = {"Accept": "text/html"}


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = io_loop.run_sync(lambda: CivicApp(stores, tmp_path).open())
    io_loop.run_sync(lambda: made.opened(free_words=True, organiser=FOOTER))
    yield made
    io_loop.run_sync(made.close)


async def turned(desk, path: str, on: bool = True, **parts):
    rev = json_of(await desk.ask(path.rpartition("/")[0]))["rev"]
    return await desk.ask(path, {"on": on, "reason": "按市里通知", "rev": rev, **parts}, method="PUT")


async def close(app) -> None:
    admin = await app.desk("admin")
    assert (await turned(admin, f"{ALL}/maintenance", text="<换机器>", confirm="维护")).code == 200


async def test_an_operator_turns_a_switch_and_the_log_has_before_and_after(app):
    operator = await app.desk("operator")
    answer = await turned(operator, f"{HERS}/slow_mode")
    assert answer.code == 200
    shown = {one["name"]: one for one in json_of(answer)["items"]}
    assert (shown["slow_mode"]["on"], shown["slow_mode"]["by"], json_of(answer)["rev"]) == (True, "the-operator", 1)
    await turned(operator, f"{HERS}/slow_mode", on=False)
    auditor = await app.desk("auditor")
    entries = [one for one in json_of(await auditor.ask("/api/v1/staff/audit-log"))["items"] if one["action"].startswith("switch.")]
    assert [(one["action"], one["who"], one["subject"]) for one in entries] == [
        ("switch.off", "the-operator", f"{SLUG}:slow_mode"), ("switch.on", "the-operator", f"{SLUG}:slow_mode")]
    assert [(one["before"]["on"], one["after"]["on"]) for one in entries] == [(True, False), (False, True)]
    assert [one["detail"]["reason"] for one in entries] == ["按市里通知"] * 2, "also where it is the same as before"


async def test_a_resumption_keeps_its_reason(app):
    operator = await app.desk("operator")
    await operator.ask(f"/api/v1/staff/campaigns/{SLUG}/take-down", {"state": "paused", "reason": "现场彩排"})
    answer = await operator.ask(f"/api/v1/staff/campaigns/{SLUG}/state", {"state": "open", "reason": " 彩排结束 "}, method="PUT")
    assert (answer.code, json_of(answer)["state"], json_of(answer)["pause_reason"]) == (200, "open", "")
    entries = json_of(await (await app.desk("auditor")).ask("/api/v1/staff/audit-log"))["items"]
    assert [one["detail"] for one in entries if one["action"] == "campaign.state"][0] == {"reason": "彩排结束"}
    much = await operator.ask(f"/api/v1/staff/campaigns/{SLUG}/state", {"state": "open", "reason": "长" * 201}, method="PUT")
    assert (much.code, json_of(much)["error"]["code"]) == (422, "INVALID_BODY")


async def test_two_people_do_not_turn_over_each_other(app):
    operator, admin = await app.desk("operator"), await app.desk("admin")
    wish = {"on": True, "reason": "人太多", "rev": 0}
    assert (await operator.ask(f"{HERS}/slow_mode", wish, method="PUT")).code == 200
    assert error_of(await admin.ask(f"{HERS}/wall_frozen", wish, method="PUT")) == (409, "SWITCHES_CHANGED")


async def test_editors_look_and_operators_leave_the_whole_product_alone(app):
    editor, operator = await app.desk("editor"), await app.desk("operator")
    assert (await editor.ask(HERS)).code == 200
    assert error_of(await turned(editor, f"{HERS}/slow_mode")) == (403, "ROLE_REFUSED")
    assert error_of(await turned(operator, f"{ALL}/maintenance", text="换机器", confirm="维护")) == (403, "ROLE_REFUSED")
    assert json_of(await operator.ask(ALL))["hosts"] == ["http://wm.example", "http://other.example"]


async def test_there_is_no_such_campaign(app):
    operator = await app.desk("operator")
    assert error_of(await operator.ask(HERS.replace(SLUG, "no-such-campaign"))) == (404, "CAMPAIGN_NOT_FOUND")


async def test_the_public_view_tells_what_pages_obey_and_no_ranking(app):
    operator = await app.desk("operator")
    for name, parts in (("slow_mode", {}), ("mourning", {"text": "深切哀悼"}), ("ranking", {"confirm": SLUG})):
        assert (await turned(operator, f"{HERS}/{name}", **parts)).code == 200
    told = json_of(await app.ask(PUBLIC))
    assert told["switches"] == {"slow_mode": True, "wall_frozen": False, "ticker_hidden": False, "messages_closed": False,
                                "mourning": "深切哀悼"}
    assert "ranking" not in (await app.ask(PUBLIC)).body.decode()


async def test_ranking_is_typed(app):
    operator = await app.desk("operator")
    assert error_of(await turned(operator, f"{HERS}/ranking")) == (422, "CONFIRMATION_WRONG")


async def test_own_words_are_refused_and_presets_go_on(app):
    operator = await app.desk("operator")
    await turned(operator, f"{HERS}/messages_closed")
    assert error_of(await app.ask(f"{PUBLIC}/messages", {"message": "祖国好"}, citizen=ALICE)) == (409, "WORDS_STOPPED")
    form = json_of(await app.ask(PUBLIC))["form"]
    assert form["free_words"] is False
    assert "暂时关闭" in form["free_words_note"]
    preset = json_of(await app.ask(PUBLIC))["presets"][0]["code"]
    assert (await app.ask(f"{PUBLIC}/messages", {"preset": preset}, citizen=ALICE)).code == 201


async def test_mourning_is_on_the_page_without_a_script(app):
    operator = await app.desk("operator")
    await turned(operator, f"{HERS}/mourning", text="深切哀悼<逝者>")
    page = (await app.ask(f"/c/{SLUG}")).body.decode()
    assert 'class="page mourning" id="page"' in page
    assert "深切哀悼&lt;逝者&gt;</p>" in page
    await turned(operator, f"{HERS}/mourning", on=False)
    assert "mourning\" id" not in (await app.ask(f"/c/{SLUG}")).body.decode()


@pytest.mark.parametrize("path", ["/", f"/c/{SLUG}", f"/c/{SLUG}/wall", f"/c/{SLUG}/mine", f"/class/{SLUG}", "/s/abc123",
                                  f"/teacher/{SLUG}"])
async def test_citizens_see_the_maintenance_page(app, path):
    await close(app)
    answer = await app.ask(path, headers=HTML)
    page = answer.body.decode()
    assert (answer.code, answer.headers["Retry-After"]) == (503, "30")
    assert "系统维护中" in page
    assert "&lt;换机器&gt;" in page, "the words are escaped"
    assert '<img src="/static/flag.svg" alt="中华人民共和国国旗">' in page
    assert not any(word in page for word in ("filter", "grayscale", "opacity", "transform", "<script")), "the flag is whole, in its colours"


async def test_the_maintenance_page_of_a_campaign_ends_with_its_organiser(app):
    await app.ask(PUBLIC)  # its campaign is known to the process
    await close(app)
    page = (await app.ask(f"/c/{SLUG}", headers=HTML)).body.decode()
    assert "主办单位：市文明办" in page
    assert "闽ICP备00000000号" in page


@pytest.mark.parametrize(("path", "body"), [
    (f"{PUBLIC}/participations", {"activity": "salute", "region": "350602"}), (f"{PUBLIC}/messages", {"preset": "prosper"}),
    (f"{PUBLIC}/visits", {"channel": "link"}), (f"{PUBLIC}/paper/answers", {"paper": "a", "answers": {}})])
async def test_what_citizens_change_is_kept_by_their_pages(app, path, body):
    await close(app)
    answer = await app.ask(path, body, citizen=ALICE)
    assert error_of(answer) == (503, "MAINTENANCE")
    assert answer.headers["Retry-After"] == "30"


@pytest.mark.parametrize("path", ["/healthz", "/version", "/console", f"/screen/{SLUG}", "/static/flag.svg", PUBLIC, f"{PUBLIC}/counters",
                                  "/docs"])
async def test_staff_probes_files_and_reading_go_on(app, path):
    await close(app)
    assert (await app.ask(path, headers=HTML)).code == 200


async def test_who_closed_can_open_again(app):
    await close(app)
    answer = await app.ask("/api/v1/staff/session", {"name": "the-admin", "password": "correct horse battery"})
    assert answer.code == 200, "staff sign in while citizens are shut out"


async def test_links_lead_to_the_chosen_host_and_short_links_work_under_all(app):
    before = await app.short_links.link_for(SLUG)
    admin = await app.desk("admin")
    host = "http://other.example"
    evil = "http://evil.example"
    assert error_of(await turned(admin, f"{ALL}/public_host", text=evil, confirm=evil)) == (422, "UNKNOWN_HOST")
    assert (await turned(admin, f"{ALL}/public_host", text=host, confirm=host)).code == 200
    after = await app.short_links.link_for(SLUG)
    assert (before.partition("/s/")[0], after.partition("/s/")[0]) == ("http://wm.example", host)
    for name in ("wm.example", "other.example"):
        answer = await app.ask(f"/s/{after.rpartition('/')[2]}", headers={"Host": name})
        assert (answer.code, answer.headers["Location"]) == (302, f"/c/{SLUG}?ch=poster")


@pytest.mark.parametrize("body", [{}, {"on": "yes"}, {"on": True, "reason": 1, "rev": 0}, {"on": True, "reason": "x", "rev": -1},
                                  {"on": True, "reason": "x", "rev": 0, "unknown": 1},
                                  {"on": True, "reason": "x", "rev": 0, "until": "2026-10-01T08:00:00"}])
async def test_bad_bodies_are_refused(app, body):
    operator = await app.desk("operator")
    answer = await operator.ask(f"{HERS}/slow_mode", json.dumps(body).encode(), method="PUT")
    assert error_of(answer) == (422, "INVALID_BODY")
