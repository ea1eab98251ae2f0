"""Pictures and sound: one verdict an event, told once, late ones too; without one in half an hour people look."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.metrics import Metrics
from server.moderation import MediaChecks, MediaCheckStore
from server.moderation.media import EVENT_SECONDS, KEPT_SECONDS, TELLING_SECONDS
from server.wechat.details import MediaChecked
from server.wechat.errors import NotVisited, RateLimited
from server.wechat.messages import InboundMessage
from tests.app_world import open_app
from tests.command_listener import LOOKING
from tests.sandbox.sandbox_world import MINI, OFFICIAL
from tests.sandbox.sandbox_world import World as Sandbox
from tests.server.accounts_world import client_of

pytestmark = pytest.mark.gen_test(timeout=60)
NOW = 1_790_827_200.0
APPID = MINI["appid"]
ALICE, BOB = 1, 2
PICTURE = "https://h5.example.cn/static/pictures/1.jpg"


class World:
    """The service over the sandbox's platform, with the events given to it by hand; `told` is what the pictures' owner heard."""

    def __init__(self, stores, sandbox):
        self.stores, self.sandbox = stores, sandbox
        self.client = client_of(MINI, sandbox.base, stores, lambda: NOW)
        self.openids = {}
        self.told = []
        self.broken = False

    async def ready(self):
        await self.sandbox.told("/sandbox/media-verdicts", {"hold": True})
        made = await self.sandbox.citizen()
        self.openids[ALICE, APPID] = self.sandbox.platform.store.openid(made["key"], APPID)
        await self.sandbox.told("/sandbox/login", {"openid": made["openid"]})
        self.checks = self.process()
        return self

    def process(self):
        async def openid_of(citizen, appid):
            return self.openids.get((citizen, appid))

        async def on_verdict(check):
            if self.broken:
                raise ConnectionError
            self.told.append((check.subject, check.state, check.label))

        made = MediaChecks(MediaCheckStore(self.stores.mongo), {APPID: self.client}, openid_of, Metrics())
        made.on_verdict = on_verdict
        return made

    async def ask(self, subject="photo-1", url=PICTURE):
        return await self.checks.ask(APPID, ALICE, "image", url, subject, NOW)

    async def event(self, check_id, suggest="pass", label=100, errcode=0, now=NOW):
        appid, _, trace_id = check_id.partition(":")
        details = MediaChecked(trace_id, suggest, label, errcode)
        await self.checks.learn(InboundMessage("event", appid, self.openids[ALICE, APPID], "gh_1", int(now), event="wxa_media_check",
                                               details=details), now)

    async def kept(self):
        return await self.stores.mongo["media_checks"].find({}, comment=LOOKING).to_list(None)


@pytest.fixture
def world(io_loop, stores, tmp_path):
    async def made():
        return await World(stores, Sandbox(tmp_path)).ready()

    found = io_loop.run_sync(made)
    yield found
    io_loop.run_sync(found.client.close)
    found.sandbox.close()


class TestVerdicts:
    @pytest.mark.parametrize(("suggest", "label", "errcode", "expected"), [
        ("pass", 100, 0, ("pass", "")), ("review", 10001, 0, ("review", "广告")), ("risky", 20002, 0, ("risky", "色情")),
        ("a new word", 77, 0, ("review", "其他")), ("", 0, -1008, ("failed", ""))])
    async def test_an_event_settles_its_check_once(self, world, suggest, label, errcode, expected):
        check = await world.ask()
        assert check.state == "waiting" and world.told == []
        await asyncio.gather(*(world.event(check.id, suggest, label, errcode) for _ in range(5)))
        await world.event(check.id, "pass")  # says otherwise, later
        assert world.told == [("photo-1", *expected)]
        settled = await world.checks.find(check.id)
        assert (settled.state, settled.label, settled.settled_at) == (*expected, NOW)

    async def test_without_an_event_in_half_an_hour_people_look(self, world):
        check = await world.ask()
        assert await world.checks.tick(NOW + EVENT_SECONDS - 1) == 0
        await asyncio.gather(*(world.process().tick(NOW + EVENT_SECONDS) for _ in range(3)))
        assert world.told == [("photo-1", "expired", "")]
        await world.event(check.id, "risky", 20002, now=NOW + EVENT_SECONDS + 60)  # better late than a bad picture that stays
        assert world.told[1:] == [("photo-1", "risky", "色情")]

    async def test_an_event_that_outran_the_answer_counts(self, world):
        check = await world.ask()
        await world.stores.mongo["media_checks"].delete_many({}, comment=LOOKING)  # as if the answer were still on its way
        await world.event(check.id, "risky", 20002)
        assert world.told == [] and await world.checks.find(check.id) is None
        kept = await MediaCheckStore(world.stores.mongo).add(check, NOW + EVENT_SECONDS)
        assert (kept.state, kept.label) == ("risky", "色情")
        await world.checks.tick(NOW + EVENT_SECONDS)
        assert world.told == [("photo-1", "risky", "色情")]

    async def test_a_check_of_somebody_else_under_this_account_is_dropped_after_half_an_hour(self, world):
        await world.event(f"{APPID}:not-ours", "risky")
        await world.checks.tick(NOW + EVENT_SECONDS)
        assert await world.kept() == [] and world.told == []

    async def test_an_owner_who_could_not_be_told_is_told_again(self, world):
        check = await world.ask()
        world.broken = True
        with pytest.raises(ConnectionError):
            await world.event(check.id, "risky", 20002)
        world.broken = False
        assert await world.process().tick(NOW + TELLING_SECONDS - 1) == 0
        await world.process().tick(NOW + TELLING_SECONDS)
        await world.process().tick(NOW + 3 * TELLING_SECONDS)
        assert world.told == [("photo-1", "risky", "色情")]

    async def test_nothing_of_the_picture_is_kept_and_old_checks_go(self, world):
        await world.event((await world.ask()).id)
        assert "example" not in str(await world.kept())
        await world.checks.tick(NOW + KEPT_SECONDS - 1)
        assert len(await world.kept()) == 1
        await world.checks.tick(NOW + KEPT_SECONDS + 1)
        assert await world.kept() == []


class TestAsking:
    async def test_who_cannot_be_asked_about_is_left_to_people(self, world):
        with pytest.raises(NotVisited):
            await world.checks.ask(APPID, BOB, "image", PICTURE, "photo-2", NOW)
        with pytest.raises(NotVisited):
            await world.checks.ask(OFFICIAL["appid"], ALICE, "image", PICTURE, "photo-2", NOW)
        await world.sandbox.told("/sandbox/faults", {"advance_seconds": 7201})
        with pytest.raises(NotVisited):
            await world.ask()
        assert await world.kept() == []

    async def test_a_refusal_is_the_callers(self, world):
        await world.sandbox.told("/sandbox/faults", {"path": "/wxa/media_check_async", "errcode": 45011})
        with pytest.raises(RateLimited):
            await world.ask()
        assert (await world.checks.ask(APPID, ALICE, "audio", PICTURE, "sound-1", NOW)).kind == "audio"

    async def test_her_deletion_takes_hers_away_and_a_late_event_finds_nothing(self, world):
        check = await world.ask()
        await world.checks.remove_of(ALICE, NOW)
        await world.event(check.id, "risky")
        assert world.told == [] and all("citizen" not in kept for kept in await world.kept())


async def test_through_the_whole_product_the_signed_event_has_one_effect(stores, tmp_path):
    sandbox = Sandbox(tmp_path / "sandbox")
    try:
        changes = {f"{role}_{part.upper()}": value for role, given in (("OFFICIAL", OFFICIAL), ("MINIPROGRAM", MINI))
                   for part, value in given.items()}
        async with open_app(stores, tmp_path, SANDBOX_PORT=sandbox.base.rpartition(":")[2], **changes) as app:
            sandbox.platform.callback = app.base
            person = await sandbox.citizen()
            code = (await sandbox.told("/sandbox/login", {"openid": person["openid"]}))["code"]
            identity = await app.services.accounts.of(APPID).client.miniprogram_identity(code)
            now = time.time()
            citizen = await app.services.citizens.identify(APPID, identity.openid, identity.unionid, now)
            told = []

            async def on_verdict(check):
                told.append((check.subject, check.state, check.label))

            app.services.media_checks.on_verdict = on_verdict
            await sandbox.told("/sandbox/media-verdicts", {"hold": True})
            held = await app.services.media_checks.ask(APPID, citizen, "image", PICTURE, "photo-1", now)
            trace_id = held.id.partition(":")[2]
            answers = await sandbox.told("/sandbox/media-verdicts", {"trace_id": trace_id, "suggest": "risky", "label": 20002, "times": 3})
            assert [answer["error"] for answer in answers["items"]] == [None] * 3
            assert told == [("photo-1", "risky", "色情")]
            # Two checks of one person in the same second, whose events have the same sender and time.
            await sandbox.told("/sandbox/media-verdicts", {"hold": False})
            for subject, url in (("photo-2", "https://a.cn/review.jpg"), ("photo-3", "https://a.cn/3.jpg")):
                await app.services.media_checks.ask(APPID, citizen, "image", url, subject, now)
            while len(told) < 3:
                await asyncio.sleep(0.05)
            assert sorted(told[1:]) == [("photo-2", "review", "其他"), ("photo-3", "pass", "")]
            await app.services.citizens.delete(citizen, time.time())
            assert await stores.mongo["media_checks"].find({}, comment=LOOKING).to_list(None) == []
    finally:
        sandbox.close()
