"""Followers through the staff's interface: who may do what, what is shown of people, and the audit log."""

from __future__ import annotations

import pytest

from tests.handlers.civic_app import CivicApp, error_of, json_of
from tests.handlers.test_staff import logged
from tests.server.accounts_world import accounts_with
from tests.server.followers.world import APPID, NOW, World

pytestmark = pytest.mark.gen_test(timeout=60)
ACCOUNT = f"/api/v1/staff/accounts/{APPID}"
OLD = {"from_appid": "wxold"}


@pytest.fixture
def world(io_loop, stores, tmp_path):
    async def opened():
        world, app = await World(stores, tmp_path).ready(), await CivicApp(stores, tmp_path).open()
        world.process_of_app = process = world.process()
        app.services.accounts = accounts_with(process.client, followers=process.followers)
        world.app = app
        return world

    found = io_loop.run_sync(opened)
    yield found
    io_loop.run_sync(found.app.close)
    io_loop.run_sync(found.close)


async def people(world, count):
    return await world.people(world.process_of_app, count)


class TestTags:
    async def test_from_a_new_tag_to_the_people_who_have_it(self, world, stores):
        desk, [one, other] = await world.app.desk("editor"), await people(world, 2)
        made = await desk.ask(f"{ACCOUNT}/tags", {"name": "志愿者"}, method="POST")
        assert (made.code, json_of(made)) == (201, {"id": 100, "name": "志愿者", "count": 0})
        renamed = await desk.ask(f"{ACCOUNT}/tags/100", {"name": "文明志愿者"}, method="PUT")
        assert json_of(renamed) == {"id": 100, "name": "文明志愿者"}
        changed = await desk.ask(f"{ACCOUNT}/tags/100/followers", {"add": [one, other, 777], "remove": []}, method="PUT")
        assert json_of(changed) == {"changed": 2, "unknown": [777]}
        assert json_of(await desk.ask(f"{ACCOUNT}/tags/100/followers", {"remove": [other]}, method="PUT"))["changed"] == 1
        [shown] = json_of(await desk.ask(f"{ACCOUNT}/tags/100/followers"))["items"]
        assert shown == {"citizen": one, "subscribed": True, "since": "2026-10-01T12:00:00+08:00", "scene": "", "channel": "",
                         "tags": [100], "blacklisted": False}
        assert json_of(await desk.ask(f"{ACCOUNT}/tags"))["items"][-1] == {"id": 100, "name": "文明志愿者", "count": 1}
        assert (await desk.ask(f"{ACCOUNT}/tags/100", method="DELETE")).code == 204
        done = [action for _, action, _ in await logged(stores)]
        assert done == ["tag.create", "tag.rename", "tag.members", "tag.members", "tag.delete"]

    @pytest.mark.parametrize(("verb", "path", "body", "expected"), [
        ("POST", "/tags", {"name": " "}, (422, "TAG_NAME_WRONG")), ("POST", "/tags", {"nickname": "x"}, (422, "INVALID_BODY")),
        ("PUT", "/tags/1", {"name": "x"}, (409, "TAG_RESERVED")), ("DELETE", "/tags/0", None, (409, "TAG_RESERVED")),
        ("PUT", "/tags/999", {"name": "x"}, (404, "WECHAT_TAG_UNKNOWN")), ("DELETE", "/tags/999", None, (404, "WECHAT_TAG_UNKNOWN")),
        ("PUT", "/tags/1/followers", {"add": [1]}, (409, "TAG_RESERVED")),
        ("PUT", "/tags/2/followers", {"add": [0]}, (422, "INVALID_BODY")),
        ("PUT", "/tags/2/followers", {"add": list(range(1, 502))}, (422, "TOO_MANY_CITIZENS")),
        ("PUT", "/blacklist", {"add": [1], "remove": [1]}, (422, "INVALID_BODY")),
        ("GET", "/followers?cursor=x", None, (422, "INVALID_BODY")),
        ("GET", "/tags/100/followers?cursor=-1", None, (422, "INVALID_BODY")),
        ("GET", "/followers?cursor=%C2%B2", None, (422, "INVALID_BODY")),
        ("GET", "/followers/777", None, (404, "FOLLOWER_NOT_FOUND")),
        ("PUT", "/followers/777", {"remark": "x"}, (404, "FOLLOWER_NOT_FOUND")),
        ("PUT", "/followers/777", {"remark": "长" * 31}, (422, "REMARK_TOO_LONG")),
        ("POST", "/followers/move", {"from_appid": APPID}, (422, "INVALID_BODY"))])
    async def test_what_cannot_be_is_refused(self, world, verb, path, body, expected):
        desk = await world.app.desk("admin")
        assert error_of(await desk.ask(ACCOUNT + path, body, method=verb)) == expected

    async def test_another_account_is_none_of_ours(self, world):
        desk = await world.app.desk("admin")
        for path in ("/tags", "/followers", "/blacklist", "/followers/refresh", "/followers/move"):
            assert error_of(await desk.ask(f"/api/v1/staff/accounts/wxnobody{path}")) == (404, "ACCOUNT_NOT_FOUND")


class TestPeople:
    async def test_they_are_shown_by_number_and_never_by_openid_name_or_unionid(self, world):
        desk, person = await world.app.desk("editor"), await world.person()
        [number] = await people(world, 1)
        await world.process_of_app.followers.profiles.tick(NOW)
        answers = [await desk.ask(f"{ACCOUNT}{path}") for path in ("/followers", f"/followers/{number}", "/blacklist", "/tags/2/followers")]
        said = b"".join(answer.body for answer in answers)
        openid = await world.process_of_app.citizens.openid_of(number, APPID)
        assert [answer.code for answer in answers] == [200] * 4 and json_of(answers[0])["items"][0]["citizen"] == number
        for secret in (openid, world.sandbox.platform.store.find_citizen(openid).unionid, person["nickname"], "nickname", "headimgurl"):
            assert secret.encode() not in said

    async def test_a_remark_is_shown_on_one_page_and_its_words_are_not_in_the_log(self, world, stores):
        desk, [number] = await world.app.desk("operator"), await people(world, 1)
        changed = await desk.ask(f"{ACCOUNT}/followers/{number}", {"remark": "王老师"}, method="PUT")
        assert json_of(changed)["remark"] == "王老师" == json_of(await desk.ask(f"{ACCOUNT}/followers/{number}"))["remark"]
        assert "王老师".encode() not in (await desk.ask(f"{ACCOUNT}/followers")).body
        assert await logged(stores) == [("the-operator", "follower.remark", f"{APPID}:{number}")]
        assert "王老师".encode() not in await world.everything()

    async def test_the_blacklist_is_shown_and_changed(self, world, stores):
        desk, [one, other] = await world.app.desk("operator"), await people(world, 2)
        assert json_of(await desk.ask(f"{ACCOUNT}/blacklist", {"add": [one, other]}, method="PUT")) == {"changed": 2, "unknown": []}
        assert json_of(await desk.ask(f"{ACCOUNT}/blacklist", {"remove": [other]}, method="PUT"))["changed"] == 1
        [shown] = json_of(await desk.ask(f"{ACCOUNT}/blacklist"))["items"]
        assert (shown["citizen"], shown["blacklisted"], shown["tags"]) == (one, True, [])
        assert [action for _, action, _ in await logged(stores)] == ["blacklist.change"] * 2


class TestJobs:
    async def test_a_refresh_is_started_once_and_its_progress_is_shown(self, world, stores):
        desk = await world.app.desk("admin")
        await world.person()
        assert json_of(await desk.ask(f"{ACCOUNT}/followers/refresh")) == {"state": "never", "started_at": None}
        assert (await desk.ask(f"{ACCOUNT}/followers/refresh", {}, method="POST")).code == 202
        assert error_of(await desk.ask(f"{ACCOUNT}/followers/refresh", {}, method="POST")) == (409, "JOB_RUNNING")
        while await world.process_of_app.followers.refresh.tick(NOW):
            pass
        view = json_of(await desk.ask(f"{ACCOUNT}/followers/refresh"))
        assert (view["state"], view["by"], view["listed"], view["found"]) == ("done", "the-admin", 1, 1)
        assert [action for _, action, _ in await logged(stores)] == ["followers.refresh"]

    async def test_a_move_is_started_and_its_end_is_shown(self, world, stores):
        desk = await world.app.desk("admin")
        await people(world, 1)
        assert (await desk.ask(f"{ACCOUNT}/followers/move", OLD, method="POST")).code == 202
        assert await world.process_of_app.followers.moves.tick(NOW) == 1
        view = json_of(await desk.ask(f"{ACCOUNT}/followers/move"))
        assert (view["state"], view["from_appid"], view["moved"]) == ("done", "wxold", 0)
        assert [action for _, action, _ in await logged(stores)] == ["followers.move"]


CHANGES = [("POST", "/tags", {"name": "x"}, {"editor"}), ("PUT", "/tags/100", {"name": "x"}, {"editor"}),
           ("DELETE", "/tags/100", None, {"editor"}),
           ("PUT", "/tags/2/followers", {"add": []}, {"editor"}), ("PUT", "/blacklist", {"add": []}, {"editor", "operator"}),
           ("PUT", "/followers/1", {"remark": "x"}, {"editor", "operator"}), ("POST", "/followers/refresh", {}, set()),
           ("POST", "/followers/move", OLD, set())]
READS = [("/tags", {"editor", "operator", "auditor", "reviewer"}),
         *((path, {"editor", "operator", "auditor"}) for path in ("/followers", "/followers/1", "/tags/2/followers", "/blacklist",
                                                                  "/followers/refresh", "/followers/move"))]


class TestRoles:
    async def test_each_role_may_what_is_its_own(self, world):
        for role in ("editor", "operator", "auditor", "reviewer"):
            desk = await world.app.desk(role)
            for verb, path, body, roles in [*CHANGES, *(("GET", path, None, roles) for path, roles in READS)]:
                answer = await desk.ask(ACCOUNT + path, body, method=verb)
                assert (answer.code == 403) is (role not in roles), (role, verb, path)

    async def test_nobody_without_a_session_or_a_csrf_value(self, world):
        for verb, path, body, _ in [*CHANGES, *(("GET", path, None, set()) for path, _ in READS)]:
            assert error_of(await world.app.ask(ACCOUNT + path, body, method=verb)) == (401, "STAFF_SESSION_MISSING")
        desk = await world.app.desk("admin")
        desk.csrf = ""
        for verb, path, body, _ in CHANGES:
            assert error_of(await desk.ask(ACCOUNT + path, body, method=verb)) == (403, "CSRF_REFUSED")
