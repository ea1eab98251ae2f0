"""Second factors: codes of an app, codes on paper and a bound phone, each as good as the others; none is taken twice."""

from __future__ import annotations

import asyncio
import re

import pytest

from server.errors import Conflict, Forbidden, NotFound
from server.staff import FAILURES_BEFORE_LOCK, TICKET_SECONDS, AccountLocked, SecondFactorWrong, SignInExpired, Waiting, Wish, build_staff
from server.staff.factors import STEP_SECONDS, new_secret, step_of, totp
from server.staff.member import SessionMissing
from server.staff.sessions import Origin
from server.staff.tickets import MAX_CODES
from tests.command_listener import LOOKING

pytestmark = pytest.mark.gen_test(timeout=60)
NOW = 1_790_000_010.0
PASSWORD = "correct horse battery"
WANG, LI = 41, 42


class Desk:
    """A member at her desk: bianji, signed in."""

    def __init__(self, stores, merged: dict[int, int]) -> None:
        self.stores = stores
        self.staff, self.members, self.own, self.phones = build_staff(
            stores.mongo, b"k" * 32, base_url=lambda: "https://wm.example", is_public=False,
            resolve=lambda number: merged.get(number, number))

    async def open(self) -> Desk:
        await self.staff.create("bianji", "editor", PASSWORD, NOW)
        self.secret, self.member = await self.staff.sign_in("bianji", PASSWORD, NOW)
        return self

    async def with_app(self) -> str:
        secret, url = await self.own.begin_totp(self.member)
        assert url.startswith("otpauth://totp/") and secret in url
        await self.own.confirm_totp(self.member, totp(secret, int(NOW // STEP_SECONDS) - 1), NOW)
        return secret

    async def with_phone(self, citizen: int) -> None:
        shown = await self.phones.begin_binding(self.member, NOW)
        assert await self.phones.answer(ticket_of(shown), citizen, shown["number"], NOW) == "bind"

    async def waiting(self, now: float = NOW) -> Waiting:
        done = await self.staff.sign_in("bianji", PASSWORD, now)
        assert isinstance(done, Waiting)
        return done

    async def actions(self) -> list[str]:
        found = await self.stores.mongo["audit_log"].find({}, comment=LOOKING).to_list(None)
        return [entry["action"] for entry in sorted(found, key=lambda entry: entry["seq"])]


def ticket_of(shown: dict) -> str:
    found = re.fullmatch(r"https://wm\.example/staff-phone/([A-Za-z0-9_-]{43})", shown["url"])
    assert found
    return found[1]


@pytest.fixture
def merged() -> dict[int, int]:
    return {}


@pytest.fixture
def desk(io_loop, stores, merged):
    return io_loop.run_sync(lambda: Desk(stores, merged).open())


# RFC 6238, appendix B: SHA-1, eight digits, the secret 12345678901234567890.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(("seconds", "code"), [
    (59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924"), (2000000000, "69279037"),
    (20000000000, "65353130")])
def test_codes_are_those_of_the_standard(seconds, code):
    assert totp(RFC_SECRET, seconds // STEP_SECONDS, 8) == code


def test_a_clock_may_be_a_step_off_and_no_more():
    secret, step = new_secret(), int(NOW // STEP_SECONDS)
    assert [step_of(secret, totp(secret, step + off), NOW) for off in (-1, 0, 1)] == [step - 1, step, step + 1]
    assert [step_of(secret, totp(secret, step + off), NOW) for off in (-2, 2)] == [None, None]
    assert [step_of(secret, code, NOW) for code in ("", "12345", "١٢٣٤٥٦", "0" * 400)] == [None] * 4


class TestApp:
    async def test_it_is_asked_for_once_a_code_was_shown(self, desk):
        secret, _ = await desk.own.begin_totp(desk.member)
        assert not isinstance(await desk.staff.sign_in("bianji", PASSWORD, NOW), Waiting)
        with pytest.raises(SecondFactorWrong):
            await desk.own.confirm_totp(desk.member, "000000" if totp(secret, int(NOW // STEP_SECONDS)) != "000000" else "1", NOW)
        await desk.own.confirm_totp(desk.member, totp(secret, int(NOW // STEP_SECONDS)), NOW)
        assert (await desk.waiting()).ways == ["totp"]

    async def test_nothing_begun_is_nothing_to_confirm(self, desk):
        with pytest.raises(Conflict) as refusal:
            await desk.own.confirm_totp(desk.member, "123456", NOW)
        assert refusal.value.code == "TOTP_NOT_BEGUN"

    async def test_a_right_code_signs_in_and_is_spent(self, desk):
        code = totp(await desk.with_app(), int(NOW // STEP_SECONDS))
        first, second = await desk.waiting(), await desk.waiting()
        done = await desk.staff.finish(first.secret, "totp", f"{code[:3]} {code[3:]}", NOW)
        assert (await desk.staff.of_session(done.secret, NOW)).name == "bianji"
        with pytest.raises(SecondFactorWrong):
            await desk.staff.finish(second.secret, "totp", code, NOW)
        with pytest.raises(SignInExpired):
            await desk.staff.finish(first.secret, "totp", code, NOW)

    async def test_many_at_once_with_one_code_are_one(self, desk):
        code = totp(await desk.with_app(), int(NOW // STEP_SECONDS))
        waiting = [await desk.waiting() for _ in range(2)]
        done = await asyncio.gather(*(desk.staff.finish(one.secret, "totp", code, NOW) for one in waiting), return_exceptions=True)
        assert sum(isinstance(one, SecondFactorWrong) for one in done) == 1

    async def test_guessing_codes_pauses_the_name_and_a_right_password_does_not_forgive(self, desk):
        await desk.with_app()
        waiting = await desk.waiting()
        for _ in range(FAILURES_BEFORE_LOCK - 1):
            with pytest.raises(SecondFactorWrong):
                await desk.staff.finish(waiting.secret, "totp", "abcdef", NOW)
        with pytest.raises(AccountLocked):
            await desk.staff.finish(waiting.secret, "totp", "abcdef", NOW)
        with pytest.raises(AccountLocked):
            await desk.staff.sign_in("bianji", PASSWORD, NOW)

    async def test_a_step_that_takes_too_long_begins_anew(self, desk):
        secret, waiting = await desk.with_app(), await desk.waiting()
        later = NOW + TICKET_SECONDS
        with pytest.raises(SignInExpired):
            await desk.staff.finish(waiting.secret, "totp", totp(secret, int(later // STEP_SECONDS)), later)

    async def test_the_secret_is_sealed(self, desk, stores):
        secret = await desk.with_app()
        assert secret not in str(await stores.mongo["staff"].find({}, comment=LOOKING).to_list(None))


class TestPaper:
    async def test_each_code_signs_in_once(self, desk):
        codes = await desk.own.new_codes(desk.member, NOW)
        assert len(set(codes)) == 10 and all(re.fullmatch(r"[a-z2-9]{5}-[a-z2-9]{5}", code) for code in codes)
        for code in (codes[0].upper(), codes[1].replace("-", " ")):
            assert await desk.staff.finish((await desk.waiting()).secret, "recovery", code, NOW)
        with pytest.raises(SecondFactorWrong):
            await desk.staff.finish((await desk.waiting()).secret, "recovery", codes[0], NOW)
        assert (await desk.own.view(desk.member))["factors"] == {"totp": False, "recovery": 8, "wechat": False}

    async def test_new_ones_make_the_old_ones_void(self, desk):
        old = await desk.own.new_codes(desk.member, NOW)
        await desk.own.new_codes(desk.member, NOW)
        with pytest.raises(SecondFactorWrong):
            await desk.staff.finish((await desk.waiting()).secret, "recovery", old[0], NOW)

    async def test_they_are_kept_as_hashes(self, desk, stores):
        codes = await desk.own.new_codes(desk.member, NOW)
        kept = str(await stores.mongo["staff"].find({}, comment=LOOKING).to_list(None))
        assert not any(code in kept or code.replace("-", "") in kept for code in codes)


class TestPhone:
    async def test_who_scanned_at_the_desk_approves_later(self, desk):
        await desk.with_phone(WANG)
        waiting = await desk.waiting()
        assert waiting.ways == ["wechat"]
        shown = await desk.phones.begin_approval(waiting.secret, NOW)
        assert await desk.staff.finish(waiting.secret, "wechat", "", NOW) is None, "not yet"
        assert (await desk.phones.look(ticket_of(shown), WANG, NOW))["name"] == "bianji"
        assert await desk.phones.answer(ticket_of(shown), WANG, shown["number"], NOW) == "approve"
        assert (await desk.staff.finish(waiting.secret, "wechat", "", NOW)).member.name == "bianji"
        assert (await desk.actions())[-2:] == ["staff.wechat_on", "staff.sign_in"]

    async def test_nobody_else_approves(self, desk):
        await desk.with_phone(WANG)
        shown = await desk.phones.begin_approval((await desk.waiting()).secret, NOW)
        for act in (desk.phones.look(ticket_of(shown), LI, NOW), desk.phones.answer(ticket_of(shown), LI, shown["number"], NOW)):
            with pytest.raises(Forbidden) as refusal:
                await act
            assert refusal.value.code == "NOT_YOUR_ACCOUNT"
        assert await desk.phones.answer(ticket_of(shown), WANG, shown["number"], NOW) == "approve", "a stranger does not spend it"

    async def test_a_wrong_number_spends_the_code(self, desk):
        await desk.with_phone(WANG)
        waiting = await desk.waiting()
        shown = await desk.phones.begin_approval(waiting.secret, NOW)
        with pytest.raises(Conflict) as refusal:
            await desk.phones.answer(ticket_of(shown), WANG, "00", NOW)
        assert refusal.value.code == "NUMBER_WRONG"
        with pytest.raises(NotFound):
            await desk.phones.answer(ticket_of(shown), WANG, shown["number"], NOW)
        assert await desk.staff.finish(waiting.secret, "wechat", "", NOW) is None

    async def test_a_sign_in_shows_only_so_many_codes(self, desk):
        await desk.with_phone(WANG)
        waiting = await desk.waiting()
        for _ in range(MAX_CODES):
            await desk.phones.begin_approval(waiting.secret, NOW)
        with pytest.raises(SignInExpired):
            await desk.phones.begin_approval(waiting.secret, NOW)

    async def test_no_ends_the_sign_in_and_is_logged(self, desk):
        await desk.with_phone(WANG)
        waiting = await desk.waiting()
        await desk.phones.deny(ticket_of(await desk.phones.begin_approval(waiting.secret, NOW)), WANG, NOW)
        with pytest.raises(SignInExpired):
            await desk.staff.finish(waiting.secret, "wechat", "", NOW)
        assert (await desk.actions())[-1] == "staff.sign_in_denied"

    async def test_a_code_is_used_once_and_for_minutes(self, desk):
        shown = await desk.phones.begin_binding(desk.member, NOW)
        with pytest.raises(NotFound):
            await desk.phones.look(ticket_of(shown), WANG, NOW + TICKET_SECONDS)
        await desk.phones.answer(ticket_of(shown), WANG, shown["number"], NOW)
        with pytest.raises(NotFound):
            await desk.phones.answer(ticket_of(shown), LI, shown["number"], NOW)

    async def test_one_person_approves_for_one_account(self, desk):
        await desk.with_phone(WANG)
        await desk.staff.create("shenhe", "reviewer", PASSWORD, NOW)
        _, other = await desk.staff.sign_in("shenhe", PASSWORD, NOW)
        shown = await desk.phones.begin_binding(other, NOW)
        with pytest.raises(Conflict) as refusal:
            await desk.phones.answer(ticket_of(shown), WANG, shown["number"], NOW)
        assert refusal.value.code == "WECHAT_BOUND"

    async def test_a_person_who_deletes_her_data_is_unbound(self, desk):
        await desk.with_phone(WANG)
        await desk.phones.forget(WANG, NOW)
        assert not isinstance(await desk.staff.sign_in("bianji", PASSWORD, NOW), Waiting)

    async def test_a_person_whose_numbers_were_joined_approves_as_before(self, desk, merged):
        await desk.with_phone(LI)
        shown = await desk.phones.begin_approval((await desk.waiting()).secret, NOW)
        merged[LI] = WANG
        assert await desk.phones.answer(ticket_of(shown), WANG, shown["number"], NOW) == "approve"
        await desk.phones.merge(LI, WANG)
        await desk.phones.forget(WANG, NOW)
        assert not isinstance(await desk.staff.sign_in("bianji", PASSWORD, NOW), Waiting)


async def test_an_admin_takes_all_of_them_away(desk):
    await desk.with_app()
    await desk.with_phone(WANG)
    await desk.own.new_codes(desk.member, NOW)
    waiting = await desk.waiting()
    assert waiting.ways == ["totp", "recovery", "wechat"]
    await desk.members.reset_factors(desk.member, "bianji", NOW + 1)
    with pytest.raises(SignInExpired):
        await desk.staff.finish(waiting.secret, "recovery", "aaaaa-aaaaa", NOW + 1)
    secret, member = await desk.staff.sign_in("bianji", PASSWORD, NOW + 1)
    assert (await desk.own.view(member))["factors"] == {"totp": False, "recovery": 0, "wechat": False}
    assert (await desk.staff.authorise(secret, Wish(("editor",)), "GET /", NOW + 1)).name == "bianji"


async def test_a_new_password_ends_a_sign_in_that_waits(desk):
    code = totp(await desk.with_app(), int(NOW // STEP_SECONDS))
    waiting = await desk.waiting()
    await desk.staff.set_password("bianji", "another long one", NOW + 1)
    with pytest.raises(SignInExpired):
        await desk.staff.finish(waiting.secret, "totp", code, NOW + 1)


@pytest.mark.parametrize("fraction", [0.1153498, 0.11534519, 0.0, 0.9999999])
async def test_whoever_sets_a_new_password_goes_on_at_whatever_fraction_of_a_second(desk, fraction):
    now = NOW + 60 + fraction  # stores keep some digits less than a clock gives
    entered = await desk.own.change_password(desk.member, PASSWORD, "another long one", Origin(), now)
    assert (await desk.staff.of_session(entered.secret, now)).name == "bianji"
    with pytest.raises(SessionMissing):
        await desk.staff.of_session(desk.secret, now)
