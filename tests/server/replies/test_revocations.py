"""What a person takes back in WeChat goes from here too: by the platform's event, through the real callback, and nothing else goes."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.metrics import Metrics
from server.official import OfficialCallbacks, owed
from server.official.repeats import Repeats
from server.phones import Phone, PhoneStore
from server.seals import Seal
from server.stores import PyMongoError
from server.wechat import Account
from tests.command_listener import LOOKING
from tests.sandbox.sandbox_world import MINI
from tests.sandbox.sandbox_world import World as Sandbox
from tests.server.articles.articles_world import until
from tests.server.replies.test_replies import context_of

pytestmark = pytest.mark.gen_test(timeout=60)
REVOKED, CLOSED = "user_authorization_revoke", "user_authorization_cancellation"


class World:
    """The product, and a sandbox whose mini-program tells it what people take back."""

    def __init__(self, app, folder):
        self.app, self.sandbox, self.metrics, self.service = app, Sandbox(folder), Metrics(), ""
        self.citizens, self.mongo = app.services.citizens, app.services.stores.mongo
        account = Account(MINI["appid"], MINI["secret"], MINI["token"], MINI["aes_key"], role="miniprogram")
        self.callbacks = OfficialCallbacks(account, Repeats(app.services.stores.counting, b"k" * 32, 600),
                                           lambda now: context_of(app, now), None, self.metrics, max_age_seconds=600)

    async def person(self, *, unionid=None):
        """Somebody who signed in and left her phone number: her key on the platform, and her number here."""
        key = (await self.sandbox.citizen())["key"]
        citizen = await self.citizens.identify(MINI["appid"], self.openid(key), unionid, time.time())
        phones = PhoneStore(self.mongo, Seal(b"k" * 32, "phone number"))
        await phones.keep(citizen, Phone("86", "13800138000", "领取证书", time.time()))
        return key, citizen

    def openid(self, key):
        return self.sandbox.platform.store.openid(key, MINI["appid"])

    async def tells(self, event, key, what=None, **more):
        """The platform's event, sent by its own service, not by her."""
        self.service = self.service or (await self.sandbox.citizen())["key"]
        before = len(self.sandbox.received)
        fields = {"OpenID": self.openid(key), "AppID": MINI["appid"], **({"RevokeInfo": what} if what else {})}
        await self.sandbox.told("/sandbox/messages", {"openid": self.service, "account": "miniprogram", "event": event, "fields": fields,
                                                         **more})
        await until(lambda: len(self.sandbox.received) > before)
        request = self.sandbox.received[-1]
        query = {name: values[0].decode() for name, values in request.query_arguments.items()}
        assert await self.callbacks.receive(query, request.body, time.time()) == b"success"

    async def with_phones(self):
        return {document["_id"] for document in await self.mongo["phones"].find({}, comment=LOOKING).to_list(None)}

    async def known(self):
        found = await self.mongo["identities"].find({}, comment=LOOKING).to_list(None)
        return {document["citizen"] for document in found if "erased" not in document}


@pytest.fixture
def world(io_loop, app, tmp_path):
    async def opened():
        return World(app, tmp_path / "sandbox")

    found = io_loop.run_sync(opened)
    yield found
    found.sandbox.close()


@pytest.mark.parametrize("what", ["8", "6,8"])
async def test_a_phone_number_that_is_taken_back_goes_and_nothing_of_others(world, what):
    (her_key, her), (_, other) = await world.person(), await world.person()
    await world.tells(REVOKED, her_key, what)
    assert await world.with_phones() == {other} and await world.known() == {her, other}


async def test_so_does_one_that_still_stands_under_a_merged_number(world):
    now = time.time()
    first = await world.citizens.identify("wxsandboxofficial0", "openid-there", "union-1", now)
    key, second = await world.person()
    assert await world.citizens.identify(MINI["appid"], world.openid(key), "union-1", now) == first != second
    assert await world.with_phones() == {second}
    await world.tells(REVOKED, key, "8")
    assert await world.with_phones() == set()


@pytest.mark.parametrize("what", ["1", "2", "6", "13", "14", "20", "201", "205"])
async def test_what_is_not_kept_here_changes_nothing(world, what, caplog):
    key, her = await world.person()
    await world.tells(REVOKED, key, what)
    assert await world.with_phones() == await world.known() == {her} and "no name for" not in caplog.text


async def test_a_number_that_nobody_knows_is_told_to_the_operators_without_her(world, caplog):
    key, her = await world.person()
    await world.tells(REVOKED, key, "77")
    assert await world.with_phones() == {her} and "[77]" in caplog.text and world.openid(key) not in caplog.text


@pytest.mark.parametrize(("event", "what"), [(REVOKED, "301"), (CLOSED, None)])
async def test_who_takes_back_everything_or_closes_her_account_is_deleted(world, event, what):
    (her_key, _), (_, other) = await world.person(), await world.person()
    await world.tells(event, her_key, what)
    assert await world.with_phones() == await world.known() == {other}
    assert await world.citizens.openid_of(other, MINI["appid"]) is not None


@pytest.mark.parametrize(("event", "what"), [(REVOKED, "8"), (CLOSED, None)])
async def test_who_was_never_here_is_not_made_known_by_it(world, event, what):
    stranger = (await world.sandbox.citizen())["key"]
    await world.tells(event, stranger, what)
    assert await world.mongo["identities"].find({}, comment=LOOKING).to_list(None) == []


async def test_two_people_in_one_second_are_two_events(world):
    (one, _), (other, _) = await world.person(), await world.person()
    at = int(time.time())
    await world.tells(REVOKED, one, "8", create_time=at)
    await world.tells(REVOKED, other, "8", create_time=at)
    assert await world.with_phones() == set()


async def test_an_outage_is_waited_for(world, monkeypatch):
    monkeypatch.setattr(owed, "FIRST_PAUSE_SECONDS", 0.01)
    one, _ = await world.person()
    take_back, failures = world.app.services.phones.take_back, [PyMongoError("away")] * 3

    async def fails(citizen, now):
        if failures:
            raise failures.pop()
        await take_back(citizen, now)

    monkeypatch.setattr(world.app.services.phones, "take_back", fails)
    await world.tells(REVOKED, one, "8")
    while await world.with_phones():
        await asyncio.sleep(0.01)
    assert world.metrics.series("effects_owed_total", "paid").value == 1
