"""The wall and the leader's phone: who may look, by which link, until when; the ceremony; the standard map."""

from __future__ import annotations

import asyncio
import io
from types import SimpleNamespace

import pytest
from PIL import Image

from server.errors import Unavailable
from server.kiosks import CHECK_SECONDS, DAY_SECONDS, SEEN_SECONDS, KioskClosed, Kiosks, KioskStore
from server.stores import INDEXES
from tests.command_listener import LOOKING
from tests.handlers.civic_app import CivicApp, error_of, json_of
from tests.handlers.test_staff import logged
from tests.server.civic_world import DURING, campaign

STAFF = "/api/v1/staff/campaigns/flag"
WALL, PHONE = "/api/v1/screens/flag", "/api/v1/screens/flag/now"
pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = CivicApp(stores, tmp_path)
    io_loop.run_sync(made.open)
    yield made
    io_loop.run_sync(made.close)


async def link(desk, **changes) -> dict:
    answer = await desk.ask(f"{STAFF}/kiosks", {"label": "市民中心大厅", **changes})
    assert answer.code == 201, answer.body
    return json_of(answer)


async def open_link(app, made: dict) -> tuple[str, str]:
    """What a television does with the link: the cookie that it keeps, and where it is led."""
    answer = await app.ask(made["url"].removeprefix("http://wm.example"))
    assert answer.code == 302
    return answer.headers["Set-Cookie"].partition(";")[0], answer.headers["Location"]


async def looks(app, cookie: str, path: str = WALL):
    return await app.ask(path, headers={"Cookie": cookie} if cookie else {})


def a_picture(kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 200), "white").save(out, kind)
    return out.getvalue()


class TestKioskLinks:
    async def test_a_television_shows_the_wall_by_its_link_and_nobody_signs_in_there(self, app):
        await app.opened()
        made = await link(await app.desk("operator"))
        assert len(made["url"].rpartition("/")[2]) == 43 and made["qr"].startswith("data:image/png")
        assert error_of(await looks(app, "")) == (401, "STAFF_SESSION_MISSING")
        cookie, led_to = await open_link(app, made)
        assert led_to == "/screen/flag"
        view = json_of(await looks(app, cookie))
        assert (view["title"], view["by_link"], view["units"]["total"]) == ("向国旗敬礼", True, 3)
        assert [one["name"] for one in view["regions"]] == ["芗城区", "长泰区", "不便选择"]
        assert "population" not in str(view) and made["url"] not in str(view)

    async def test_a_link_shows_what_is_not_public_yet_and_others_see_nothing_of_it(self, app):
        await app.world.campaigns.create(campaign())
        cookie, led_to = await open_link(app, await link(await app.desk("operator")))
        assert (await looks(app, "", led_to)).code == 404
        assert (await looks(app, cookie, led_to)).code == 200
        assert json_of(await looks(app, cookie))["state"] == "draft"

    async def test_a_revoked_link_is_dark_at_the_next_question_and_opens_a_calm_page(self, app):
        await app.opened()
        desk = await app.desk("operator")
        made = await link(desk)
        cookie, _ = await open_link(app, made)
        assert (await looks(app, cookie)).code == 200
        ended = json_of(await desk.ask(f"{STAFF}/kiosks/{made['id']}", method="DELETE"))
        assert (ended["is_open"], ended["revoked_by"]) == (False, "the-operator")
        assert error_of(await looks(app, cookie)) == (403, "KIOSK_CLOSED")
        page = await app.ask(made["url"].removeprefix("http://wm.example"), headers={"Accept": "text/html"})
        assert page.code == 403 and "已失效" in page.body.decode()
        assert error_of(await desk.ask(f"{STAFF}/kiosks/{made['id']}", method="DELETE")) == (404, "KIOSK_NOT_FOUND")

    async def test_it_is_revoked_in_every_process_within_a_second_or_two(self, app, stores):
        await app.opened()
        made = await link(await app.desk("operator"))
        token = made["url"].rpartition("/")[2]
        other = Kiosks(KioskStore(stores.mongo), str)
        await other.look(token, "flag", "wall", app.now)
        await app.services.kiosks.revoke("flag", made["id"], "小赵", app.now)
        await asyncio.sleep(CHECK_SECONDS)
        with pytest.raises(KioskClosed):
            await other.look(token, "flag", "wall", app.now)

    async def test_a_link_ends_by_itself(self, app):
        await app.opened()
        cookie, _ = await open_link(app, await link(await app.desk("operator"), days=1))
        app.now += DAY_SECONDS - 1
        assert (await looks(app, cookie)).code == 200
        app.now += 1
        assert error_of(await looks(app, cookie)) == (403, "KIOSK_CLOSED")

    async def test_a_link_shows_one_view_of_one_campaign(self, app):
        await app.opened()
        await app.opened(slug="other")
        made = await link(await app.desk("operator"), view="phone")
        cookie, led_to = await open_link(app, made)
        assert led_to == "/screen/flag/now"
        value = cookie.partition("=")[2]
        assert error_of(await looks(app, f"wenming_kiosk_wall_flag={value}")) == (403, "KIOSK_CLOSED")
        assert error_of(await looks(app, f"wenming_kiosk_phone_other={value}", "/api/v1/screens/other/now")) == (403, "KIOSK_CLOSED")

    async def test_the_token_stands_nowhere_but_in_the_answer(self, app, stores):
        await app.opened()
        desk = await app.desk("operator")
        made = await link(desk)
        token = made["url"].rpartition("/")[2]
        for name in INDEXES:
            assert token not in str(await stores.mongo[name].find({}, comment=LOOKING).to_list(None)), name
        listed = json_of(await desk.ask(f"{STAFF}/kiosks"))["items"]
        assert [(one["label"], one["view_name"], one["is_open"]) for one in listed] == [("市民中心大厅", "大屏", True)]
        assert token not in str(listed) and "url" not in listed[0]
        assert ("the-operator", "kiosk.make", "flag") in await logged(stores)

    async def test_the_list_says_when_a_link_was_seen_last(self, app):
        await app.opened()
        desk = await app.desk("operator")
        cookie, _ = await open_link(app, await link(desk))
        app.now += SEEN_SECONDS + 1
        await looks(app, cookie)
        assert json_of(await desk.ask(f"{STAFF}/kiosks"))["items"][0]["seen_at"] is not None

    @pytest.mark.parametrize(("changes", "code"), [
        ({"view": "console"}, "UNKNOWN_VIEW"), ({"label": " "}, "LABEL_WRONG"), ({"label": "长" * 41}, "LABEL_WRONG"),
        ({"days": 0}, "DAYS_WRONG"), ({"days": 91}, "DAYS_WRONG"), ({"days": "1"}, "INVALID_BODY")])
    async def test_what_is_no_link_is_refused(self, app, changes, code):
        await app.opened()
        desk = await app.desk("operator")
        assert error_of(await desk.ask(f"{STAFF}/kiosks", {"label": "大厅", **changes})) == (422, code)

    async def test_a_stranger_with_a_made_up_link_gets_the_same_page(self, app):
        assert (await app.ask("/k/" + "x" * 43)).code == 403
        assert error_of(await looks(app, "wenming_kiosk_wall_flag=" + "x" * 43)) == (403, "KIOSK_CLOSED")

    async def test_a_link_does_not_open_another_campaign_of_the_same_code(self, app):
        await app.world.campaigns.create(campaign())
        cookie, _ = await open_link(app, await link(await app.desk("operator"), days=90))
        moves = app.services.releases.moves
        moves.also.append(app.services.kiosks.remove)  # as server/services.py does
        await moves.throw_away("flag", app.now)
        await moves.tick(app.now + 31 * DAY_SECONDS)
        await app.world.campaigns.create(campaign())
        await asyncio.sleep(CHECK_SECONDS)
        assert error_of(await looks(app, cookie)) == (403, "KIOSK_CLOSED")

    async def test_ended_links_leave_the_list_after_a_month(self, app):
        await app.opened()
        desk = await app.desk("operator")
        await link(desk, days=1)
        await app.services.kiosks.tidy(app.now + 20 * DAY_SECONDS)
        assert len(json_of(await desk.ask(f"{STAFF}/kiosks"))["items"]) == 1
        await app.services.kiosks.tidy(app.now + 32 * DAY_SECONDS)
        assert json_of(await desk.ask(f"{STAFF}/kiosks"))["items"] == []


class TestTheCeremony:
    async def scheduled(self, app, seconds: int):
        await app.world.campaigns.create(campaign(opens_at=int(DURING) + seconds, closes_at=int(DURING) + 10 * DAY_SECONDS))
        await app.world.campaigns.transition("flag", "scheduled", app.now)

    async def test_the_press_opens_the_campaign_now_and_is_in_the_log_once(self, app, stores):
        await self.scheduled(app, 600)
        desk = await app.desk("operator")
        assert error_of(await desk.ask(f"{STAFF}/ceremony/opening", b"")) == (409, "CEREMONY_NOT_ARMED")
        armed = json_of(await desk.ask(f"{STAFF}/ceremony", {"armed": True}, method="PUT"))
        assert (armed["is_armed"], armed["may_press"]) == (True, True)
        assert json_of(await desk.ask(WALL))["ceremony"] == {"is_armed": True}
        opened = json_of(await desk.ask(f"{STAFF}/ceremony/opening", b""))
        assert opened["state"] == "open"
        assert (await app.world.campaigns.get("flag")).opens_at == int(DURING)
        assert (await desk.ask(f"{STAFF}/ceremony/opening", b"")).code == 200
        assert (await logged(stores)).count(("the-operator", "ceremony.open", "flag")) == 1
        told = json_of(await desk.ask(f"{STAFF}/ceremony"))
        assert (told["is_armed"], told["pressed_by"], told["state"]) == (False, "the-operator", "open")

    async def test_nobody_presses_and_it_opens_at_its_time(self, app):
        await self.scheduled(app, 600)
        desk = await app.desk("operator")
        await desk.ask(f"{STAFF}/ceremony", {"armed": True}, method="PUT")
        await app.world.campaigns.tick(DURING + 600)
        assert json_of(await desk.ask(WALL))["state"] == "open"
        assert json_of(await desk.ask(WALL))["ceremony"] == {"is_armed": False}

    async def test_two_presses_at_once_open_it_once(self, app):
        await self.scheduled(app, 600)
        desk = await app.desk("operator")
        await desk.ask(f"{STAFF}/ceremony", {"armed": True}, method="PUT")
        answers = await asyncio.gather(*(desk.ask(f"{STAFF}/ceremony/opening", b"") for _ in range(4)))
        assert {answer.code for answer in answers} == {200}
        assert (await app.world.campaigns.get("flag")).state == "open"

    async def test_of_two_who_both_moved_it_one_opened_it(self, app, monkeypatch):
        await self.scheduled(app, 600)
        ceremonies, campaigns = app.services.ceremonies, app.services.campaigns
        await ceremonies.arm("flag", "小赵", app.now)
        transition, second = campaigns.transition, []

        async def slow(slug, to, now):
            if not second:
                second.append(None)
                second[0] = await ceremonies.press("flag", "小林", app.now)
            return await transition(slug, to, now)

        monkeypatch.setattr(campaigns, "transition", slow)
        _, was_first = await ceremonies.press("flag", "小赵", app.now)
        assert (was_first, second[0][1]) == (False, True)
        assert (await ceremonies.of(await campaigns.get_any("flag"))).pressed_by == "小林"

    async def test_who_pressed_is_kept_whatever_a_console_that_is_late_sends(self, app):
        await self.scheduled(app, 600)
        desk = await app.desk("operator")
        await desk.ask(f"{STAFF}/ceremony", {"armed": True}, method="PUT")
        await desk.ask(f"{STAFF}/ceremony/opening", b"")
        told = json_of(await desk.ask(f"{STAFF}/ceremony", {"armed": False}, method="PUT"))
        assert (told["is_armed"], told["pressed_by"]) == (False, "the-operator")
        assert json_of(await desk.ask(f"{STAFF}/ceremony"))["pressed_by"] == "the-operator"

    async def test_a_rehearsals_press_the_day_before_is_refused(self, app):
        await self.scheduled(app, DAY_SECONDS)
        desk = await app.desk("operator")
        await desk.ask(f"{STAFF}/ceremony", {"armed": True}, method="PUT")
        assert error_of(await desk.ask(f"{STAFF}/ceremony/opening", b"")) == (409, "CEREMONY_TOO_EARLY")
        assert (await app.world.campaigns.get("flag")).state == "scheduled"

    async def test_only_what_is_scheduled_has_a_ceremony_and_it_can_be_left(self, app):
        await app.opened()
        desk = await app.desk("operator")
        assert error_of(await desk.ask(f"{STAFF}/ceremony", {"armed": True}, method="PUT")) == (409, "CEREMONY_NOT_POSSIBLE")
        assert json_of(await desk.ask(f"{STAFF}/ceremony", {"armed": False}, method="PUT"))["is_armed"] is False

    async def test_a_link_has_no_button(self, app):
        await self.scheduled(app, 600)
        desk = await app.desk("operator")
        await desk.ask(f"{STAFF}/ceremony", {"armed": True}, method="PUT")
        cookie, _ = await open_link(app, await link(desk))
        assert (await app.ask(f"{STAFF}/ceremony/opening", b"", headers={"Cookie": cookie})).code == 401
        assert json_of(await looks(app, cookie))["by_link"] is True


class TestTheMap:
    async def test_an_admins_map_is_given_as_it_came_with_its_number(self, app):
        await app.opened()
        admin, data = await app.desk("admin"), a_picture()
        kept = json_of(await admin.ask(f"{STAFF}/wall-map?number=GS(2023)2767%E5%8F%B7", data, method="PUT"))
        assert (kept["number"], kept["type"], kept["width"]) == ("GS(2023)2767号", "image/png", 320)
        shown = json_of(await admin.ask(WALL))["map"]
        assert shown["number"] == "GS(2023)2767号"
        assert (await admin.ask(shown["url"])).body == data
        again = a_picture("JPEG")
        await admin.ask(f"{STAFF}/wall-map?number=GS(2024)0001%E5%8F%B7", again, method="PUT")
        other = json_of(await admin.ask(WALL))["map"]
        assert other["url"] != shown["url"] and (await admin.ask(other["url"])).body == again
        assert (await admin.ask(f"{STAFF}/wall-map", method="DELETE")).code == 204
        assert json_of(await admin.ask(WALL))["map"] is None
        assert error_of(await admin.ask(shown["url"])) == (404, "MAP_NOT_FOUND")

    async def test_of_two_that_are_uploaded_at_once_one_stays_whole_and_nothing_of_the_other(self, app, stores):
        await app.opened()
        maps, given = app.services.wall_maps, [a_picture(), a_picture("JPEG")]
        await asyncio.gather(*(maps.keep("flag", data, "GS(2023)2767号", "小赵", app.now) for data in given))
        kept, shown = await maps.open("flag")
        assert shown in given
        assert len(await stores.mongo["wall_map_parts"].find({}, comment=LOOKING).to_list(None)) == kept.parts

    @pytest.mark.parametrize(("number", "data", "code"), [
        ("", a_picture(), "MAP_NUMBER_MISSING"), ("%E6%97%A0", a_picture(), "MAP_NUMBER_MISSING"),
        ("GS(2023)2767%E5%8F%B7", b"<svg/>", "MAP_WRONG"), ("GS(2023)2767%E5%8F%B7", b"", "MAP_WRONG"),
        ("GS(2023)2767%E5%8F%B7", a_picture()[:-40], "MAP_WRONG")])
    async def test_without_a_number_or_a_picture_there_is_no_map(self, app, number, data, code):
        await app.opened()
        admin = await app.desk("admin")
        assert error_of(await admin.ask(f"{STAFF}/wall-map?number={number}", data, method="PUT")) == (422, code)


class TestTheFigures:
    async def test_how_many_schools_take_part_but_never_which(self, app, monkeypatch):
        async def figures(slug, period, now, *, minutes, units):
            return SimpleNamespace(by_unit={"school-1": 3, "school-2": 0}, as_of=int(now))

        monkeypatch.setattr(app.services.screens, "_figures", figures)
        await app.opened()
        answer = await (await app.desk("auditor")).ask(WALL)
        assert json_of(answer)["units"] == {"total": 3, "taking_part": 1}
        assert b"school-" not in answer.body

    async def test_a_wall_without_counters_still_has_its_titles(self, app, monkeypatch):
        async def figures(*_, **__):
            raise Unavailable()

        monkeypatch.setattr(app.services.screens, "_figures", figures)
        await app.opened()
        view = json_of(await (await app.desk("auditor")).ask(WALL))
        assert (view["title"], view["units"]["taking_part"]) == ("向国旗敬礼", None)
