"""What a phone encrypts: opened with the key of the last login, checked, and only the allowed fields leave; a stale key says so."""

from __future__ import annotations

from base64 import b64decode, b64encode

import msgspec
import pytest

from server.encrypted_data import MAX_AGE_SECONDS, EncryptedData, Opened, Sealed
from server.errors import InvalidBody, NotFound
from server.sandbox.miniprogram import encrypted
from server.web_login import SessionStale
from server.wechat.errors import PlatformUnreachable
from server.wechat.session_crypto import DataRefused
from tests.server.mini_world import MiniWorld

pytestmark = pytest.mark.gen_test(timeout=60)
CHECK, RESET = "/wxa/checksession", "/wxa/resetusersessionkey"
GROUP = {"openGId": "tGroup0123456789"}
STEPS = {"stepInfoList": [{"timestamp": 1_790_784_000, "step": 6021}, {"timestamp": 1_790_697_600, "step": 0}]}
changed = msgspec.structs.replace


@pytest.fixture
def world(io_loop, stores, tmp_path):
    async def opened():
        return await MiniWorld(stores, tmp_path).open()

    made = io_loop.run_sync(opened)
    yield made
    io_loop.run_sync(made.close)


@pytest.fixture
def wang(io_loop, world):
    return io_loop.run_sync(lambda: world.person("王小红"))


@pytest.fixture
def citizen(io_loop, world, wang):
    return io_loop.run_sync(lambda: world.login(wang))


class TestOpening:
    @pytest.mark.parametrize(("data", "kind"), [(GROUP, "group_share"), (STEPS, "steps")])
    async def test_the_allowed_fields_of_its_kind_leave_and_nothing_else(self, world, wang, citizen, data, kind):
        more = {"openId": world.openid(wang), "unionId": wang["unionid"], "phoneNumber": "13800138000", "nickName": "小红"}
        opened = await world.encrypted_data.open(citizen, await world.sealed(wang, more | data), world.now)
        assert opened == Opened(kind, data)

    async def test_the_plain_text_and_its_signature_may_be_left_out_together(self, world, wang, citizen):
        sealed = await world.sealed(wang, GROUP)
        without = changed(sealed, raw_data=None, signature=None)
        assert await world.encrypted_data.open(citizen, without, world.now) == Opened("group_share", GROUP)
        for alone in (changed(sealed, raw_data=None), changed(sealed, signature=None)):
            with pytest.raises(InvalidBody):
                await world.encrypted_data.open(citizen, alone, world.now)

    @pytest.mark.parametrize("data", [{"phoneNumber": "13800138000"}, {"nickName": "小红", "openId": "o"}, {"openGId": ""}, {"openGId": 7},
                                      {"openGId": "t" * 129}, {"stepInfoList": "many"}, {"stepInfoList": [{"step": 1}]},
                                      {"stepInfoList": [{"timestamp": 1, "step": 1}] * 32}])
    async def test_other_kinds_are_not_served(self, world, wang, citizen, data):
        with pytest.raises(DataRefused):
            await world.encrypted_data.open(citizen, await world.sealed(wang, data), world.now)

    @pytest.mark.parametrize("watermark", [{"appid": "wxtheirs"}, {"appid": 7}, {"timestamp": "now"}])
    async def test_a_foreign_watermark_is_refused(self, world, wang, citizen, watermark):
        with pytest.raises(DataRefused):
            await world.encrypted_data.open(citizen, await world.sealed(wang, GROUP, **watermark), world.now)

    async def test_an_old_one_is_refused_and_one_from_the_future(self, world, wang, citizen):
        sealed = await world.sealed(wang, GROUP)
        assert (await world.encrypted_data.open(citizen, sealed, world.now + MAX_AGE_SECONDS)).fields == GROUP
        for now in (world.now + MAX_AGE_SECONDS + 1, world.now - 61):
            with pytest.raises(DataRefused):
                await world.encrypted_data.open(citizen, sealed, now)


def flipped(text, place=-1):
    """The same bytes with one bit turned."""
    raw = bytearray(b64decode(text))
    raw[place] ^= 1
    return b64encode(raw).decode()


class TestGarbage:
    @pytest.mark.parametrize("change", [
        {"iv": ""}, {"iv": b64encode(b"x" * 15).decode()}, {"iv": b64encode(b"x" * 17).decode()}, {"iv": "no base64!"}, {"iv": "中文"},
        {"encrypted_data": ""}, {"encrypted_data": "====="}, {"encrypted_data": "no base64!"}, {"encrypted_data": "ＡＢＣＤ"},
        {"encrypted_data": b64encode(b"x" * 17).decode()}, {"encrypted_data": b64encode(b"x" * 16).decode()},
        {"signature": "0" * 40}, {"signature": ""}, {"signature": "中"}, {"raw_data": "{}"}])
    async def test_it_is_refused_alike(self, world, wang, citizen, change):
        sealed = changed(await world.sealed(wang, GROUP), **change)
        with pytest.raises(DataRefused) as refusal:
            await world.encrypted_data.open(citizen, sealed, world.now)
        assert (refusal.value.code, refusal.value.field, refusal.value.__cause__) == ("DATA_REFUSED", None, None)

    async def test_a_changed_byte_anywhere_is_refused(self, world, wang, citizen):
        sealed = changed(await world.sealed(wang, GROUP), raw_data=None, signature=None)
        length = len(b64decode(sealed.encrypted_data))
        # One in each block: the padding, the fields, the watermark. A turned bit of the IV turns the first brace.
        for change in [{"encrypted_data": flipped(sealed.encrypted_data, place)} for place in range(0, length, 16)] + [
                {"iv": flipped(sealed.iv, 0)}]:
            with pytest.raises(DataRefused):
                await world.encrypted_data.open(citizen, changed(sealed, **change), world.now)

    @pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{", b"\xff\xfe", b"{}", b"[" * 3000, b'{"watermark": 1}'])
    async def test_what_decrypts_to_no_data_is_refused(self, world, wang, citizen, text):
        iv = b"i" * 16
        sealed = changed(await world.sealed(wang, GROUP), raw_data=None, signature=None, iv=b64encode(iv).decode(),
                         encrypted_data=encrypted(text, world.session_key(wang), iv))
        with pytest.raises(DataRefused):
            await world.encrypted_data.open(citizen, sealed, world.now)


class TestStaleKeys:
    async def test_what_a_newer_login_encrypted_says_that_the_session_is_over(self, world, wang, citizen):
        await world.sandbox.told("/sandbox/login", {"openid": wang["openid"]})
        world.sandbox.platform.store.set_session_key(world.openid(wang), b64encode(b"another key 0123").decode())
        sealed = await world.sealed(wang, GROUP)
        for _ in range(2):
            with pytest.raises(SessionStale):
                await world.encrypted_data.open(citizen, sealed, world.now)
        assert await world.web_login.session_key_of(citizen) is None
        await world.login(wang)
        assert (await world.encrypted_data.open(citizen, await world.sealed(wang, GROUP), world.now)).fields == GROUP

    async def test_what_an_older_key_encrypted_is_bad_data_for_the_new_one(self, world, wang, citizen):
        replayed = await world.sealed(wang, GROUP)
        await world.login(wang)
        with pytest.raises(DataRefused):
            await world.encrypted_data.open(citizen, replayed, world.now)

    async def test_another_persons_data_is_not_hers(self, world, wang, citizen):
        li = await world.person("李建国")
        await world.login(li)
        with pytest.raises(DataRefused):
            await world.encrypted_data.open(citizen, await world.sealed(li, GROUP), world.now)

    async def test_nonsense_costs_one_question_in_ten_seconds(self, world, wang, citizen, stores):
        sealed = changed(await world.sealed(wang, GROUP), iv="x")
        await world.fault(CHECK, status=500, hang_seconds=0)  # asked and not answered: nothing is known
        with pytest.raises(DataRefused):
            await world.encrypted_data.open(citizen, sealed, world.now)  # the client asks again by itself
        await world.sandbox.told("/sandbox/faults", {"path": CHECK, "errcode": 87009, "times": 50})
        for _ in range(5):
            with pytest.raises(DataRefused):
                await world.encrypted_data.open(citizen, sealed, world.now)
        assert world.sandbox.platform.faults[0].times == 50

    async def test_while_the_platform_is_away_it_is_not_decided(self, world, wang, citizen):
        sealed = changed(await world.sealed(wang, GROUP), iv="x")
        await world.sandbox.told("/sandbox/faults", {"path": CHECK, "status": 500, "times": 3})
        with pytest.raises(PlatformUnreachable):
            await world.encrypted_data.open(citizen, sealed, world.now)

    async def test_who_never_logged_in_has_to(self, world):
        with pytest.raises(SessionStale):
            await world.encrypted_data.open(77, Sealed("x", "x"), world.now)

    async def test_without_a_mini_program_there_is_nothing_to_open(self, world, wang, citizen):
        alone = EncryptedData(world.web_login, world.citizens, world.stores.redis, None)
        with pytest.raises(NotFound):
            await alone.open(citizen, await world.sealed(wang, GROUP), world.now)


class TestSigningOut:
    async def test_our_key_is_forgotten_and_the_platforms_is_another(self, world, wang, citizen):
        before = world.session_key(wang)
        for _ in range(2):
            await world.encrypted_data.sign_out(citizen, world.now)
        assert world.session_key(wang) != before
        with pytest.raises(SessionStale):
            await world.encrypted_data.open(citizen, await world.sealed(wang, GROUP), world.now)

    @pytest.mark.parametrize("fault", [{"errcode": 45011}, {"errcode": 87009}, {"status": 500}])
    async def test_ours_is_forgotten_also_where_the_platform_does_not_answer(self, world, citizen, fault):
        await world.fault(RESET, **fault)
        await world.encrypted_data.sign_out(citizen, world.now)
        assert await world.web_login.session_key_of(citizen) is None

    async def test_a_newer_key_is_not_dropped_with_an_old_one(self, world, wang, citizen):
        old = world.session_key(wang)
        await world.login(wang)
        await world.web_login.drop_session_key(citizen, old)
        assert await world.web_login.session_key_of(citizen) == world.session_key(wang)
