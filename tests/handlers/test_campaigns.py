"""What anybody may ask of a campaign over HTTP, and what a citizen may leave there."""

from __future__ import annotations

import pytest
from redis.exceptions import ConnectionError as RedisGone

from handlers.base import FOR_EVERYBODY
from tests.handlers.civic_app import ALICE, BOB, CivicApp, error_of, json_of
from tests.server.civic_world import campaign

pytestmark = pytest.mark.gen_test(timeout=30)
FLAG = "/api/v1/campaigns/flag"


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = io_loop.run_sync(lambda: CivicApp(stores, tmp_path).open())
    yield made
    io_loop.run_sync(made.close)


class TestReading:
    async def test_the_list_holds_public_campaigns(self, app):
        await app.opened()
        await app.world.campaigns.create(campaign(slug="draft"))
        body = json_of(await app.ask("/api/v1/campaigns"))
        assert [item["slug"] for item in body["items"]] == ["flag"] and body["next"] is None

    async def test_one_campaign_s_view_has_its_places_and_the_server_s_time(self, app):
        await app.opened()
        answer = await app.ask(FLAG)
        view = json_of(answer)
        assert (view["state"], view["period"], view["server_time"]) == ("open", "all", "2026-10-01T01:00:00+08:00")
        assert [region["code"] for region in view["regions"]] == ["350602", "350605", "declined"]
        assert view["form"]["unit"] is True
        assert answer.headers["Cache-Control"] == FOR_EVERYBODY

    @pytest.mark.parametrize("path", ["", "/units?region=350602", "/messages"])
    async def test_a_draft_is_not_found(self, app, path):
        await app.world.campaigns.create(campaign())
        assert error_of(await app.ask(FLAG + path)) == (404, "CAMPAIGN_NOT_FOUND")

    async def test_units_come_by_page(self, app):
        await app.opened()
        assert [item["code"] for item in json_of(await app.ask(f"{FLAG}/units?region=350602"))["items"]] == ["school-2", "school-1"]
        assert error_of(await app.ask(f"{FLAG}/units?region=nowhere")) == (404, "UNKNOWN_REGION")
        assert error_of(await app.ask(f"{FLAG}/units")) == (404, "UNKNOWN_REGION")

    async def test_counters_are_asked_with_their_period_and_window(self, app):
        await app.opened()
        body = json_of(await app.ask(f"{FLAG}/counters?period=all&from=2026-10-01T00:00:00"))
        assert body == {"participants": 12, "period": "all", "from": "2026-10-01T00:00:00", "to": None}

    @pytest.mark.parametrize(("path", "body"), [
        ("/units?region=350602", b"region=350605"), ("/counters", b"period=none&from=2026-10-01T00:00:00")])
    async def test_a_body_is_no_part_of_a_question_whose_answer_may_be_kept(self, app, path, body):
        """Else whoever sends one decides what everybody else is shown."""
        await app.opened()
        answer = await app.ask(FLAG + path, body, method="GET", allow_nonstandard_methods=True,
                               headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert json_of(answer) == json_of(await app.ask(FLAG + path)) and answer.code == 200

    @pytest.mark.parametrize("slug", ["UPPER", "a" * 33, "a%2Fb", "-a", "a%00"])
    async def test_what_is_no_slug_is_not_found(self, app, slug):
        assert (await app.ask(f"/api/v1/campaigns/{slug}")).code == 404

    async def test_other_verbs_are_refused_in_the_one_shape(self, app):
        assert error_of(await app.ask(FLAG, {})) == (405, "METHOD_NOT_ALLOWED")


class TestMessages:
    async def test_a_preset_stands_at_once(self, app):
        await app.opened()
        answer = await app.ask(f"{FLAG}/messages", {"preset": "strong"}, citizen=ALICE)
        assert (answer.code, json_of(answer)) == (201, {"state": "approved"})
        assert [item["message"] for item in json_of(await app.ask(f"{FLAG}/messages"))["items"]] == ["愿祖国繁荣昌盛。"]
        assert error_of(await app.ask(f"{FLAG}/messages", {"preset": "strong"}, citizen=ALICE)) == (409, "MESSAGE_ALREADY_LEFT")

    async def test_own_words_wait(self, app):
        await app.opened(free_words=True)
        answer = await app.ask(f"{FLAG}/messages", {"message": "祖国万岁", "name": "王小明"}, citizen=ALICE)
        assert (answer.code, json_of(answer)) == (202, {"state": "pending"})
        assert json_of(await app.ask(f"{FLAG}/messages"))["items"] == []

    async def test_nothing_is_taken_of_children(self, app):
        await app.opened(free_words=True)
        young = {"preset": "strong", "under14": True}
        assert error_of(await app.ask(f"{FLAG}/messages", young, citizen=ALICE)) == (409, "MESSAGE_NOT_TAKEN")
        app.counting.taken[BOB] = ("children",)
        assert error_of(await app.ask(f"{FLAG}/messages", {"message": "我爱你"}, citizen=BOB)) == (409, "MESSAGE_NOT_TAKEN")

    async def test_it_needs_a_citizen_who_took_part(self, app):
        await app.opened()
        assert error_of(await app.ask(f"{FLAG}/messages", {"preset": "strong"})) == (401, "TOKEN_MISSING")
        assert error_of(await app.ask(f"{FLAG}/messages", {"preset": "strong"}, citizen=BOB)) == (404, "PARTICIPATION_NOT_FOUND")

    @pytest.mark.parametrize(("body", "wanted"), [
        (b"{", (422, "INVALID_BODY")), (b"[]", (422, "INVALID_BODY")), (b'{"preset": 5}', (422, "INVALID_BODY")),
        (b'{"preset": "none"}', (422, "UNKNOWN_PRESET")), (b'{"message": "' + b"x" * 9000 + b'"}', (413, "BODY_TOO_LARGE"))])
    async def test_a_bad_body_is_refused(self, app, body, wanted):
        await app.opened(free_words=True)
        assert error_of(await app.ask(f"{FLAG}/messages", body, citizen=ALICE)) == wanted


class TestVisits:
    async def test_a_visit_is_counted_by_its_channel(self, app):
        await app.opened()
        for channel in ("menu", "poster", "who knows"):
            answer = await app.ask(f"{FLAG}/visits", {"channel": channel})
            assert (answer.code, answer.body) == (204, b"")
        await app.visits.flush(["flag"], app.now)
        (day,) = await app.visits.of("flag")
        assert {name: n for name, n in day["channels"].items() if n} == {"menu": 1, "poster": 1, "other": 1}

    async def test_a_campaign_that_is_not_there_grows_no_table(self, app, stores):
        assert error_of(await app.ask("/api/v1/campaigns/nothing/visits", {"channel": "menu"})) == (404, "CAMPAIGN_NOT_FOUND")
        assert await stores.redis.dbsize() == 0


async def test_counters_that_are_away_say_so_with_a_time_to_come_again(app):
    await app.opened()
    app.live.problem = RedisGone("away")
    answer = await app.ask(f"{FLAG}/counters")
    assert error_of(answer) == (503, "STORE_UNAVAILABLE") and int(answer.headers["Retry-After"]) > 0
