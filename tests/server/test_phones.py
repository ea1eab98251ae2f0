"""A phone number: given by one code, for one purpose, by the one whom the code was made for; sealed, masked, rationed, taken back."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import InvalidBody, NotFound, StoreUnavailable
from server.phones import (
    ASKS_PER_DAY,
    PURPOSE,
    Phone,
    PhoneAskedTooOften,
    PhoneCodeRejected,
    PhoneNotFound,
    PhoneNotTaken,
    Phones,
    PhoneStore,
    _number,
)
from server.seals import Seal
from server.stores import RedisError, open_stores
from server.web_login import SessionStale
from server.wechat.errors import PlatformUnreachable, RateLimited
from tests.server.citizens.people import everything
from tests.server.mini_world import NOW, MiniWorld

pytestmark = pytest.mark.gen_test(timeout=60)
ASK = "/wxa/business/getuserphonenumber"
MOON = "月饼领取时与您联系"


@pytest.fixture
def world(io_loop, stores, tmp_path):
    async def opened():
        return await MiniWorld(stores, tmp_path).open()

    made = io_loop.run_sync(opened)
    yield made
    io_loop.run_sync(made.close)


async def held_up(world, citizen, code):
    """Her taking of a number, whose answer is on its way; and what lets it arrive."""
    answered, gate, real = asyncio.Event(), asyncio.Event(), world.client.call

    async def call(*args, **kwargs):
        answer = await real(*args, **kwargs)
        answered.set()
        await gate.wait()
        return answer

    world.client.call = call
    taking = asyncio.create_task(world.phones.take(citizen, code, MOON, world.now))
    await answered.wait()
    return taking, gate


class TestMeanwhile:
    async def test_who_has_herself_deleted_while_the_platform_is_asked_leaves_no_number(self, world):
        world.citizens._erasers = (world.phone_store.remove,)
        wang = await world.person("王小红")
        citizen = await world.login(wang)
        taking, gate = await held_up(world, citizen, await world.phone_code(wang))
        await world.citizens.delete(citizen, world.now + 1)
        await world.citizens.finish_deletions(world.now + 7)
        gate.set()
        with pytest.raises(SessionStale):
            await taking
        assert await world.phone_store.find(citizen) is None

    async def test_one_that_is_taken_back_before_the_merge_moved_it_stays_away(self, world):
        wang = await world.person("王小红")
        survivor = await world.citizens.identify("wxofficial", "o-web", "u-wang", world.now)
        loser = await world.citizens.identify("wxelsewhere", "o-other", None, world.now)
        assert survivor != loser and wang
        await world.phone_store.keep(loser, Phone("86", "13800138000", MOON, NOW))
        assert await world.citizens.identify("wxelsewhere", "o-other", "u-wang", world.now) == survivor
        assert (await world.phones.of(survivor)).national == "13800138000"  # also before the job
        await world.phones.take_back(survivor, world.now)
        await world.phone_store.merge(loser, survivor)  # what the job does
        with pytest.raises(PhoneNotFound):
            await world.phones.of(survivor)


class TestTaking:
    async def test_the_number_of_the_code_is_kept_sealed_with_its_purpose(self, world, stores):
        wang = await world.person("王小红")
        citizen = await world.login(wang)
        taken = await world.phones.take(citizen, await world.phone_code(wang), MOON, world.now)
        number = world.sandbox.platform.store.phone(world.openid(wang), "")
        assert (taken.country, taken.national, taken.purpose, taken.given_at) == ("86", number, MOON, NOW)
        assert await world.phones.of(citizen) == taken
        assert number.encode() not in await everything(stores)
        assert taken.masked == f"{number[:3]}****{number[-4:]}" and number not in repr(taken)

    async def test_a_code_is_good_once_and_for_five_minutes(self, world):
        wang = await world.person("王小红")
        citizen = await world.login(wang)
        used, old = [await world.phone_code(wang) for _ in range(2)]
        await world.phones.take(citizen, used, PURPOSE, world.now)
        world.now += 300
        for code in (used, old, "nonsense"):
            with pytest.raises(PhoneCodeRejected):
                await world.phones.take(citizen, code, PURPOSE, world.now)

    async def test_a_login_code_is_none_and_another_persons_is_not_hers(self, world):
        wang, li = await world.person("王小红"), await world.person("李建国")
        citizen = await world.login(wang)
        login_code = (await world.sandbox.told("/sandbox/login", {"openid": wang["openid"]}))["code"]
        for code in (login_code, await world.phone_code(li)):
            with pytest.raises(PhoneCodeRejected):
                await world.phones.take(citizen, code, PURPOSE, world.now)
        with pytest.raises(PhoneNotFound):
            await world.phones.of(citizen)

    async def test_a_child_gives_none_and_the_platform_is_not_asked(self, world, stores):
        child = await world.person("小明")
        citizen, code = await world.login(child), await world.phone_code(child)
        with pytest.raises(PhoneNotTaken):
            await world.phones.take(citizen, code, PURPOSE, world.now, under14=True)
        assert (await world.phones.take(citizen, code, PURPOSE, world.now)).national  # the code was not used up

    async def test_who_signed_in_on_the_web_alone_has_no_code_of_the_mini_program(self, world):
        citizen = await world.citizens.identify("wxofficial", "o-web", None, world.now)
        with pytest.raises(SessionStale):
            await world.phones.take(citizen, "code", PURPOSE, world.now)

    @pytest.mark.parametrize(("code", "purpose", "field"), [
        ("", PURPOSE, "code"), ("x" * 257, PURPOSE, "code"), ("c", " ", "purpose"), ("c", "长" * 101, "purpose")])
    async def test_what_cannot_be_is_refused_unasked(self, world, code, purpose, field):
        with pytest.raises(InvalidBody) as refusal:
            await world.phones.take(1, code, purpose, world.now)
        assert refusal.value.field == field

    async def test_so_often_a_day_and_again_on_the_next(self, world):
        wang = await world.person("王小红")
        citizen = await world.login(wang)
        for _ in range(ASKS_PER_DAY):
            await world.phones.take(citizen, await world.phone_code(wang), PURPOSE, world.now)
        with pytest.raises(PhoneAskedTooOften):
            await world.phones.take(citizen, await world.phone_code(wang), PURPOSE, world.now)
        world.now += 86400
        await world.phones.take(citizen, await world.phone_code(wang), PURPOSE, world.now)

    async def test_the_platforms_own_limit_is_told_as_such(self, world):
        wang = await world.person("王小红")
        citizen, code = await world.login(wang), await world.phone_code(wang)
        await world.fault(ASK, errcode=45011)
        with pytest.raises(RateLimited):
            await world.phones.take(citizen, code, PURPOSE, world.now)

    async def test_without_redis_none_is_taken(self, world):
        wang = await world.person("王小红")
        citizen, nowhere = await world.login(wang), open_stores("mongodb://127.0.0.1:9/x", "redis://127.0.0.1:9")
        phones = Phones(world.phone_store, world.citizens, nowhere.redis, world.client)
        with pytest.raises((RedisError, StoreUnavailable)):
            await phones.take(citizen, await world.phone_code(wang), PURPOSE, world.now)
        await nowhere.close()

    async def test_without_a_mini_program_there_is_none(self, world):
        with pytest.raises(NotFound):
            await Phones(world.phone_store, world.citizens, world.stores.redis, None).take(1, "code", PURPOSE, world.now)


def info(**changes):
    return {"phoneNumber": "+8613800138000", "purePhoneNumber": "13800138000", "countryCode": 86,
            "watermark": {"timestamp": 1, "appid": "wxours"}} | changes


class TestReading:
    @pytest.mark.parametrize("code", [86, "86", "+86"])
    def test_the_country_comes_as_a_number_or_a_text(self, code):
        assert _number(info(countryCode=code), "wxours") == ("86", "13800138000")

    def test_another_accounts_is_refused(self):
        with pytest.raises(PhoneCodeRejected):
            _number(info(watermark={"timestamp": 1, "appid": "wxtheirs"}), "wxours")

    @pytest.mark.parametrize("wrong", [None, {}, info(purePhoneNumber="138-001"), info(purePhoneNumber=""), info(countryCode=None),
                                       info(purePhoneNumber="１３８００１３８０００")])
    def test_what_is_no_number_is_no_answer(self, wrong):
        with pytest.raises(PlatformUnreachable) as refusal:
            _number(wrong, "wxours")
        assert "138" not in str(refusal.value) and refusal.value.__cause__ is None

    @pytest.mark.parametrize(("phone", "shown"), [
        (("86", "13800138000"), "138****8000"), (("852", "51234567"), "+852 51****67"), (("376", "3123"), "+376 3****3")])
    def test_it_is_shown_masked(self, phone, shown):
        assert Phone(*phone, "", 0.0).masked == shown


class TestTakingBack:
    async def test_it_is_gone(self, world, stores):
        wang = await world.person("王小红")
        citizen = await world.login(wang)
        await world.phones.take(citizen, await world.phone_code(wang), PURPOSE, world.now)
        for _ in range(2):  # asking twice is no error
            await world.phones.take_back(citizen, world.now)
        with pytest.raises(PhoneNotFound):
            await world.phones.of(citizen)
        assert PURPOSE.encode() not in await everything(stores)

    async def test_two_numbers_that_are_one_person_have_one_phone(self, world):
        store, older, newer = world.phone_store, Phone("86", "13800138000", "甲", 1.0), Phone("86", "13900139000", "乙", 2.0)
        await store.keep(7, older)
        for _ in range(2):  # a merge that broke off is repeated
            await store.merge(7, 3)
        assert (await store.find(3), await store.find(7)) == (older, None)
        await store.keep(8, newer)
        await store.merge(8, 3)
        assert (await store.find(3), await store.find(8)) == (older, None)

    async def test_it_cannot_be_read_in_another_place_or_with_another_key(self, world, stores):
        await world.phone_store.keep(7, Phone("86", "13800138000", "甲", 1.0))
        kept = await stores.mongo["phones"].find_one({"_id": 7})
        await stores.mongo["phones"].insert_one({**kept, "_id": 8})
        assert await world.phone_store.find(8) is None
        assert await PhoneStore(stores.mongo, Seal(b"other" * 8, "phone number")).find(7) is None
