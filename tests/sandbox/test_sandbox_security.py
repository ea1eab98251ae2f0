"""The simulated content checks: what the platform demands, what its words find, its event, and the city's provider."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json

import pytest

from server.sandbox import security
from tests.sandbox.sandbox_world import MINI, OFFICIAL, World

pytestmark = pytest.mark.gen_test(timeout=30)
PICTURE = "https://example.cn/1.jpg"


class Person:
    """One who has logged in to the mini-program, and the account's token."""

    def __init__(self, world, openid, token):
        self.world, self.openid, self.token = world, openid, token

    async def text(self, content="祖国万岁", **changes):
        body = {"version": 2, "openid": self.openid, "scene": 2, "content": content, **changes}
        return await self.world.told("/wxa/msg_sec_check", body, access_token=self.token)

    async def media(self, url=PICTURE, **changes):
        body = {"version": 2, "openid": self.openid, "scene": 3, "media_url": url, "media_type": 2, **changes}
        return await self.world.told("/wxa/media_check_async", body, access_token=self.token)


@pytest.fixture
def world(io_loop, tmp_path):
    async def opened():
        return World(tmp_path)

    made = io_loop.run_sync(opened)
    yield made
    made.close()


@pytest.fixture
def person(io_loop, world):
    async def made():
        citizen = await world.citizen()
        await world.told("/sandbox/login", {"openid": citizen["openid"]})
        token = (await world.token(MINI))["access_token"]
        return Person(world, world.platform.store.openid(citizen["key"], MINI["appid"]), token)

    return io_loop.run_sync(made)


class TestTexts:
    @pytest.mark.parametrize(("content", "suggest", "label"), [
        ("祖国万岁", "pass", 100), ("代开发票", "risky", 20006), ("快来免费领取", "review", 10001), ("字" * 2500, "pass", 100)])
    async def test_it_finds_its_words(self, person, content, suggest, label):
        answer = await person.text(content)
        assert (answer["errcode"], answer["result"]) == (0, {"suggest": suggest, "label": label})
        assert answer["trace_id"] and answer["detail"][0]["suggest"] == suggest

    @pytest.mark.parametrize(("changes", "errcode"), [
        ({"content": ""}, 44004), ({"content": "字" * 2501}, 45002), ({"version": 1}, 40097), ({"scene": 5}, 40129),
        ({"openid": ""}, 41009), ({"openid": "oNobody"}, 40003)])
    async def test_it_demands_what_the_document_says(self, person, changes, errcode):
        assert (await person.text(**changes))["errcode"] == errcode

    async def test_an_openid_of_the_official_account_is_nobodys_here(self, world, person):
        key = world.platform.store.find_citizen(person.openid).key
        assert (await person.text(openid=world.platform.store.openid(key, OFFICIAL["appid"])))["errcode"] == 40003

    async def test_she_must_have_opened_the_mini_program_within_two_hours(self, world, person):
        await world.told("/sandbox/faults", {"advance_seconds": security.VISITED_SECONDS - 60})
        person.token = (await world.token(MINI))["access_token"]
        assert (await person.text())["errcode"] == 0
        await world.told("/sandbox/faults", {"advance_seconds": 61})
        person.token = (await world.token(MINI))["access_token"]
        assert ((await person.text())["errcode"], (await person.media())["errcode"]) == (61010, 61010)
        await world.told("/sandbox/login", {"openid": person.openid})
        assert (await person.text())["errcode"] == 0
        stranger = (await world.citizen())["key"]
        assert (await person.text(openid=world.platform.store.openid(stranger, MINI["appid"])))["errcode"] == 61010

    async def test_it_is_the_mini_programs_alone(self, world, person):
        person.token = (await world.token())["access_token"]
        assert (await person.text())["errcode"] == 48001

    async def test_a_minute_and_a_day_have_their_limits(self, world, person):
        now = world.platform.now()
        world.platform.store.set_count(f"text-check-minute:{MINI['appid']}", int(now // 60), security.TEXTS_PER_MINUTE)
        assert (await person.text())["errcode"] == 45011
        world.platform.store.set_count(f"text-check-minute:{MINI['appid']}", int(now // 60), 0)
        world.platform.store.set_count(f"text-check-day:{MINI['appid']}", int(now // 86400), security.TEXTS_PER_DAY)
        assert (await person.text())["errcode"] == 45009


class TestMedia:
    @pytest.mark.parametrize(("changes", "errcode"), [
        ({"media_url": "file:///etc/passwd"}, 40066), ({"media_type": 3}, 40097), ({"version": 1}, 40097), ({"scene": 0}, 40129)])
    async def test_it_demands_what_the_document_says(self, person, changes, errcode):
        assert (await person.media(**changes))["errcode"] == errcode

    async def test_its_event_comes_signed_by_itself(self, world, person):
        asked = await person.media("https://example.cn/risky/1.jpg")
        while not world.received:
            await asyncio.sleep(0.05)
        told = json.loads(world.message_of(world.received[0], MINI))
        assert (told["Event"], told["trace_id"], told["version"], told["errcode"]) == ("wxa_media_check", asked["trace_id"], 2, 0)
        assert told["result"] == {"suggest": "risky", "label": 20002} and told["FromUserName"] == person.openid

    async def test_a_test_says_when_and_which(self, world, person):
        await world.told("/sandbox/media-verdicts", {"hold": True})
        asked = await person.media()
        await asyncio.sleep(security.MOMENT_SECONDS + 0.3)
        assert world.received == []
        assert [item["trace_id"] for item in (await world.asked("/sandbox/media-verdicts"))["items"]] == [asked["trace_id"]]
        await world.told("/sandbox/media-verdicts", {"trace_id": asked["trace_id"], "errcode": -1008, "times": 2})
        assert [json.loads(world.message_of(one, MINI))["errcode"] for one in world.received] == [-1008, -1008]
        for wrong in ({"trace_id": "none"}, {"trace_id": asked["trace_id"], "suggest": "bad"}):
            assert (await world.post("/sandbox/media-verdicts", wrong)).code == 400


class TestProvider:
    async def ask(self, world, body, key=OFFICIAL["secret"]):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signature = "sha256=" + hmac.new(key.encode(), raw, hashlib.sha256).hexdigest()
        return await world.post("/sandbox/moderation", raw, headers={"X-Wenming-Signature": signature})

    @pytest.mark.parametrize(("text", "answer"), [
        ("祖国万岁", {"verdict": "pass", "labels": []}), ("赌场", {"verdict": "block", "labels": ["赌博"]}),
        ("内部消息", {"verdict": "review", "labels": ["不实信息"]})])
    async def test_it_finds_its_words(self, world, text, answer):
        assert json.loads((await self.ask(world, {"id": "1", "text": text, "kind": "message"})).body) == answer

    async def test_it_checks_signature_and_shape(self, world):
        asked = {"id": "1", "text": "祖国万岁", "kind": "message"}
        assert (await self.ask(world, asked, key="another")).code == 401
        assert (await world.post("/sandbox/moderation", asked)).code == 401
        assert [(await self.ask(world, wrong)).code for wrong in (b"[", [], {"id": "1"})] == [400, 400, 400]

    async def test_faults_hit_it(self, world):
        asked = {"id": "1", "text": "祖国万岁", "kind": "message"}
        for fault in ({"status": 502}, {"errcode": 1}):
            await world.told("/sandbox/faults", {"path": "/sandbox/moderation", **fault})
        assert (await self.ask(world, asked)).code == 502
        assert json.loads((await self.ask(world, asked)).body)["verdict"] == 1
        assert (await self.ask(world, asked)).code == 200
