"""The reviewers' queue with what machines said, and one who lets through what they turned down."""

from __future__ import annotations

import pytest

from server.metrics import Metrics
from server.moderation import Moderation, OwnWords, Provider
from server.words import WordList
from tests.handlers.civic_app import ALICE, BOB, CivicApp, error_of, json_of
from tests.handlers.test_staff import logged
from tests.sandbox.sandbox_world import OFFICIAL, World

pytestmark = pytest.mark.gen_test(timeout=60)
QUEUE = "/api/v1/staff/campaigns/flag/items"


@pytest.fixture
def app(io_loop, stores, tmp_path):
    async def opened():
        sandbox, app = World(tmp_path), await CivicApp(stores, tmp_path).open()
        await app.opened(free_words=True)
        app.counting.taken = {ALICE: ("salute",), BOB: ("salute",)}
        store = app.services.messages._store
        provider = Provider(sandbox.base + "/sandbox/moderation", OFFICIAL["secret"], lambda: app.now)
        app.moderation = Moderation(store, [OwnWords(app.services.words), provider], Metrics(), lambda: app.now, per_second=1000)
        return sandbox, app

    sandbox, app = io_loop.run_sync(opened)
    yield app
    io_loop.run_sync(app.moderation.close)
    io_loop.run_sync(app.close)
    sandbox.close()


async def test_reviewers_see_what_machines_said_and_decide(app, stores):
    await app.services.words.keep(WordList((), ("发财",)))
    for citizen, words in ((ALICE, "祖国万岁"), (BOB, "老赌场改成了图书馆")):
        answer = await app.ask("/api/v1/campaigns/flag/messages", {"message": words}, citizen=citizen)
        assert (answer.code, json_of(answer)["state"]) == (202, "pending")
    desk = await app.desk("reviewer")
    assert [item["machine"] for item in json_of(await desk.ask(QUEUE))["items"]] == [
        {"result": "waiting", "text": "尚未机审", "checks": []}] * 2
    await app.moderation.tick(app.now)
    [passed] = json_of(await desk.ask(QUEUE))["items"]
    assert passed["parts"][0]["text"] == "祖国万岁" and passed["machine"]["text"] == "机审通过"
    [blocked] = json_of(await desk.ask(f"{QUEUE}?list=machine:block"))["items"]
    assert [check["text"] for check in blocked["machine"]["checks"]] == [
        "自有词库 · 寄语：通过", "内容审核服务 · 寄语：不宜公开（赌博）"]
    verdict = {"items": [{"kind": "message", "id": blocked["id"]}], "approve": True}
    assert [one["done"] for one in json_of(await desk.ask(f"{QUEUE}/decisions", verdict))["items"]] == [True]
    wall = json_of(await app.ask("/api/v1/campaigns/flag/messages"))["items"]
    assert [item["message"] for item in wall] == ["老赌场改成了图书馆"]
    assert json_of(await desk.ask(f"{QUEUE}?list=machine:block"))["items"] == []
    assert [action for _, action, _ in await logged(stores)] == ["item.approve"]
    assert [one["code"] for one in json_of(await desk.ask(f"{QUEUE}/decisions", verdict))["items"]] == ["ITEM_DECIDED"]


async def test_a_verdict_that_does_not_exist_is_refused_and_only_reviewers_look(app):
    desk = await app.desk("reviewer")
    assert error_of(await desk.ask(f"{QUEUE}?list=machine:perhaps")) == (422, "UNKNOWN_LIST")
    editor = await app.desk("editor")
    assert error_of(await editor.ask(f"{QUEUE}?list=machine:block")) == (403, "ROLE_REFUSED")
