"""Staff: accounts, sign-in with its lock, sessions that end, roles, and the log that is only added to."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest

from server.errors import Conflict, Forbidden, InvalidBody, NotAuthorised, Unavailable
from server.staff import (
    FAILURES_BEFORE_LOCK,
    HASHES_WAITING,
    IDLE_SECONDS,
    LOCK_SECONDS,
    MAX_SESSIONS,
    MOST_LOCK_SECONDS,
    ROLES,
    SESSION_SECONDS,
    AccountLocked,
    Member,
    Origin,
    SignInFailed,
    Staff,
    Wish,
    build_staff,
    check_password,
    new_password,
)
from server.staff.member import refusal_of
from tests.command_listener import LOOKING

pytestmark = pytest.mark.gen_test(timeout=60)
NOW = 1_790_000_000.0
PASSWORD = "correct horse battery"


def process(stores, *, is_public: bool = False) -> Staff:
    """The service as one more process has it."""
    return build_staff(stores.mongo, b"k" * 32, base_url=lambda: "http://wm.example", is_public=is_public, resolve=lambda number: number)[0]


@pytest.fixture
def staff(io_loop, stores):
    async def made() -> Staff:
        service = process(stores)
        await service.create("bianji", "editor", PASSWORD, NOW)
        return service

    return io_loop.run_sync(made)


async def everything(stores, name: str) -> list[dict]:
    return await stores.mongo[name].find({}, comment=LOOKING).to_list(None)


async def fail(staff: Staff, name: str, times: int, now: float, **more) -> None:
    for _ in range(times):
        with pytest.raises(SignInFailed):
            await staff.sign_in(name, "wrong password", now, **more)


class TestAccounts:
    def test_a_hash_costs_whoever_guesses_64_megabytes_and_three_passes(self, real_hasher):
        assert (real_hasher.memory_cost, real_hasher.time_cost) >= (64 * 1024, 3)

    async def test_a_password_is_kept_as_an_argon2_hash_alone(self, staff, stores):
        (account,) = await everything(stores, "staff")
        assert account["password"].startswith("$argon2id$")
        assert PASSWORD not in str(account)

    async def test_a_name_is_taken_once(self, staff):
        with pytest.raises(Conflict) as refusal:
            await staff.create("bianji", "admin", PASSWORD, NOW)
        assert refusal.value.code == "NAME_TAKEN"

    @pytest.mark.parametrize(("name", "role", "password", "field"), [
        ("Editor", "editor", PASSWORD, "name"), ("x", "editor", PASSWORD, "name"), ("a b", "editor", PASSWORD, "name"),
        ("shenhe", "owner", PASSWORD, "role"), ("shenhe", "reviewer", "short", "password"), ("shenhe", "reviewer", "x" * 129, "password")])
    async def test_what_is_wrong_is_named(self, staff, name, role, password, field):
        with pytest.raises(InvalidBody) as refusal:
            await staff.create(name, role, password, NOW)
        assert refusal.value.field == field

    async def test_made_passwords_are_long_and_never_the_same(self):
        made = {new_password() for _ in range(100)}
        assert len(made) == 100 and all(len(password) == 16 for password in made)


class TestSignIn:
    async def test_the_right_password_opens_a_session_that_is_kept_as_a_hash(self, staff, stores):
        secret, member = await staff.sign_in("bianji", PASSWORD, NOW)
        assert (member.name, member.role) == ("bianji", "editor")
        assert await staff.of_session(secret, NOW + 1) == member
        (session,) = await everything(stores, "staff_sessions")
        assert secret not in str(session) and len(secret) >= 43

    @pytest.mark.parametrize(("name", "password"), [
        ("bianji", "wrong password"), ("nobody", PASSWORD), ("", PASSWORD), ("Bianji", PASSWORD)])
    async def test_anything_else_is_refused_in_the_same_words(self, staff, name, password):
        with pytest.raises(SignInFailed) as refusal:
            await staff.sign_in(name, password, NOW)
        assert refusal.value.code == "SIGN_IN_FAILED"

    async def test_five_wrong_passwords_pause_the_account(self, staff, stores):
        await fail(staff, "bianji", FAILURES_BEFORE_LOCK, NOW)
        for now in (NOW, NOW + LOCK_SECONDS - 1):
            with pytest.raises(AccountLocked) as refusal:
                await staff.sign_in("bianji", PASSWORD, now)
            assert NOW + LOCK_SECONDS <= now + refusal.value.retry_after_seconds <= NOW + LOCK_SECONDS + 1
        assert (await staff.sign_in("bianji", PASSWORD, NOW + LOCK_SECONDS))[1].name == "bianji"
        assert [entry["action"] for entry in await everything(stores, "audit_log")] == ["staff.locked", "staff.sign_in"]

    async def test_many_tries_at_once_are_no_more_than_five(self, staff):
        tries = await asyncio.gather(*(staff.sign_in("bianji", f"wrong password {n}", NOW) for n in range(15)), return_exceptions=True)
        assert 1 <= sum(isinstance(answer, SignInFailed) for answer in tries) <= FAILURES_BEFORE_LOCK
        assert all(isinstance(answer, (SignInFailed, AccountLocked)) for answer in tries), tries
        with pytest.raises(AccountLocked):
            await staff.sign_in("bianji", PASSWORD, NOW)

    async def test_a_success_forgives_what_went_before(self, staff):
        for _ in range(3):
            for _ in range(FAILURES_BEFORE_LOCK - 1):
                with pytest.raises(SignInFailed):
                    await staff.sign_in("bianji", "wrong password", NOW)
            await staff.sign_in("bianji", PASSWORD, NOW)

    async def test_a_crowd_at_the_door_is_turned_away_instead_of_queued(self, staff, monkeypatch):
        told = threading.Event()
        with monkeypatch.context() as patched:
            patched.setattr("server.staff.passwords._hasher", SimpleNamespace(verify=lambda *_: told.wait(30)))
            crowd = [asyncio.create_task(staff.sign_in(f"nobody{n}", "x", NOW)) for n in range(HASHES_WAITING + 10)]
            async with asyncio.timeout(30):
                while sum(one.done() for one in crowd) < 10:
                    await asyncio.sleep(0.01)
            told.set()  # no hash ends before ten were refused, however slow the machine is
            tries = await asyncio.gather(*crowd, return_exceptions=True)
        assert sum(isinstance(answer, Unavailable) for answer in tries) == 10
        assert (await staff.sign_in("bianji", PASSWORD, NOW))[1].role == "editor"

    async def test_each_further_pause_is_longer_up_to_a_bound(self, staff):
        now, pauses = NOW, []
        for _ in range(10):
            await fail(staff, "bianji", FAILURES_BEFORE_LOCK, now)
            with pytest.raises(AccountLocked) as refusal:
                await staff.sign_in("bianji", PASSWORD, now)
            pauses.append(refusal.value.retry_after_seconds - 1)
            now += pauses[-1]
        assert pauses[:4] == [LOCK_SECONDS, 2 * LOCK_SECONDS, 4 * LOCK_SECONDS, 8 * LOCK_SECONDS]
        assert pauses == sorted(pauses) and pauses[-1] == MOST_LOCK_SECONDS
        assert (await staff.sign_in("bianji", PASSWORD, now))[1].name == "bianji"
        await fail(staff, "bianji", FAILURES_BEFORE_LOCK, now)
        await staff.sign_in("bianji", PASSWORD, now + LOCK_SECONDS)

    @pytest.mark.parametrize("name", ["bianji", "nobody", "NO NAME"])
    async def test_a_name_that_does_not_exist_is_paused_like_one_that_does(self, staff, name):
        await fail(staff, name, FAILURES_BEFORE_LOCK, NOW)
        with pytest.raises(AccountLocked):
            await staff.sign_in(name, "wrong password", NOW)

    async def test_an_address_that_fails_with_many_names_is_paused_and_others_are_not(self, staff, stores):
        attacker, office = Origin("203.0.113.9"), Origin("203.0.113.10")
        for n in range(30):
            await fail(staff, f"nobody{n}", 1, NOW, origin=attacker)
        with pytest.raises(AccountLocked):
            await staff.sign_in("bianji", PASSWORD, NOW, attacker)
        assert (await staff.sign_in("bianji", PASSWORD, NOW, office))[1].origin == "203.0.113.0/24"
        entry = (await everything(stores, "audit_log"))[0]
        assert (entry["action"], entry["subject"]) == ("refused.address_locked", "203.0.113.0/24")
        assert "203.0.113.9" not in str(await everything(stores, "staff_tries"))

    async def test_an_admin_unlocks(self, staff):
        await fail(staff, "bianji", FAILURES_BEFORE_LOCK, NOW)
        await staff.unlock("bianji")
        assert (await staff.sign_in("bianji", PASSWORD, NOW))[1].name == "bianji"

    async def test_a_process_that_ends_between_counting_and_pausing_leaves_no_lock_for_ever(self, staff, stores):
        await stores.mongo["staff_tries"].insert_one({
            "_id": "name:bianji", "failures": FAILURES_BEFORE_LOCK, "locks": 0, "locked_until": 0.0, "forget_at": NOW + 1})
        with pytest.raises(AccountLocked):
            await staff.sign_in("bianji", PASSWORD, NOW)
        assert (await staff.sign_in("bianji", PASSWORD, NOW + LOCK_SECONDS))[1].name == "bianji"

    async def test_a_disabled_account_is_refused_like_a_wrong_password(self, staff):
        await staff.store.set("bianji", disabled=1)
        with pytest.raises(SignInFailed):
            await staff.sign_in("bianji", PASSWORD, NOW)


class TestPasswords:
    @pytest.mark.parametrize("password", [
        "short", "x" * 129, "password123", "Password123!", "1q2w3e4r5t", "0123456789", "9876543210", "aaaaaaaaaaaa", "abababababab",
        "bianji12345", "BIANJI-bianji", "abcdefghijkl", "admin@123456", "woaini1314520"])
    def test_what_everybody_tries_is_refused(self, password):
        with pytest.raises(InvalidBody) as refusal:
            check_password("bianji", password)
        assert refusal.value.code == "WEAK_PASSWORD"

    @pytest.mark.parametrize("password", [
        PASSWORD, "天安门广场升国旗我爱看", "onlylowercaseletters", "bianji and a long walk", "x7-x7-x8-y9-z0"])
    def test_nothing_else_is_asked_for(self, password):
        check_password("bianji", password)

    def test_passwords_that_we_make_pass(self):
        for _ in range(200):
            check_password("bianji", new_password())


class TestWhoMustDoWhatFirst:
    async def test_a_first_password_is_changed_before_anything_else(self, staff):
        await staff.create("shenhe", "reviewer", PASSWORD, NOW, temporary=True)
        secret, member = await staff.sign_in("shenhe", PASSWORD, NOW)
        assert member.needs == ("password",)
        with pytest.raises(Forbidden) as refusal:
            await staff.authorise(secret, Wish(("reviewer",)), "GET /", NOW)
        assert refusal.value.code == "PASSWORD_CHANGE_NEEDED"
        assert (await staff.authorise(secret, Wish(("reviewer",), unfinished=True), "GET /", NOW)).name == "shenhe"

    @pytest.mark.parametrize(("role", "needs"), [("admin", ("second_factor",)), ("reviewer", ("second_factor",)), ("editor", ())])
    async def test_on_a_public_address_admins_and_reviewers_need_a_second_factor(self, stores, staff, role, needs):
        public = process(stores, is_public=True)
        await public.create("somebody", role, PASSWORD, NOW)
        secret, member = await public.sign_in("somebody", PASSWORD, NOW)
        assert member.needs == needs
        if needs:
            with pytest.raises(Forbidden) as refusal:
                await public.authorise(secret, Wish((role,)), "GET /", NOW)
            assert refusal.value.code == "SECOND_FACTOR_NEEDED"

    async def test_what_an_admin_decided_holds_whatever_the_address(self, stores, staff):
        await staff.create("guanli", "admin", PASSWORD, NOW)
        _, admin = await staff.sign_in("guanli", PASSWORD, NOW)
        assert admin.needs == ()
        await staff.want_factor(admin, True, NOW)
        assert (await staff.sign_in("guanli", PASSWORD, NOW))[1].needs == ("second_factor",)
        await staff.want_factor(admin, False, NOW)
        assert (await process(stores, is_public=True).sign_in("guanli", PASSWORD, NOW))[1].needs == ()


class TestScope:
    async def test_who_has_named_campaigns_does_what_is_theirs_alone(self, staff):
        await staff.create("yuanxiao", "editor", PASSWORD, NOW, campaigns=("lantern",))
        secret, member = await staff.sign_in("yuanxiao", PASSWORD, NOW)
        assert member.sees("lantern") and not member.sees("flag")
        await staff.authorise(secret, Wish(("editor",), "lantern"), "GET /", NOW)
        await staff.authorise(secret, Wish(("editor",), anywhere=True), "GET /", NOW)
        for campaign in ("flag", ""):
            with pytest.raises(Forbidden) as refusal:
                await staff.authorise(secret, Wish(("editor",), campaign), "GET /", NOW)
            assert refusal.value.code == "SCOPE_REFUSED"

    @pytest.mark.parametrize(("role", "campaigns"), [
        ("editor", ()), ("editor", ("Not A Slug",)), ("admin", ("flag",)), ("editor", ("x",) * 51)])
    async def test_a_scope_that_cannot_be_is_named(self, staff, role, campaigns):
        with pytest.raises(InvalidBody) as refusal:
            await staff.create("yuanxiao", role, PASSWORD, NOW, campaigns=campaigns)
        assert refusal.value.field == "campaigns"


class TestSessions:
    async def test_a_session_ends_after_a_shift(self, staff, stores):
        secret, _ = await staff.sign_in("bianji", PASSWORD, NOW)
        for hour in range(1, SESSION_SECONDS // 3600 * 2):
            await staff.of_session(secret, NOW + hour * 1800)
        with pytest.raises(NotAuthorised):
            await staff.of_session(secret, NOW + SESSION_SECONDS)
        await staff.tidy(NOW + SESSION_SECONDS)
        assert await everything(stores, "staff_sessions") == []

    async def test_a_session_that_nobody_uses_ends_earlier(self, staff):
        secret, _ = await staff.sign_in("bianji", PASSWORD, NOW)
        await staff.of_session(secret, NOW + IDLE_SECONDS - 1)
        await staff.of_session(secret, NOW + 2 * IDLE_SECONDS - 2)
        with pytest.raises(NotAuthorised):
            await staff.of_session(secret, NOW + 3 * IDLE_SECONDS)

    async def test_an_end_holds_in_every_process_at_once(self, staff, stores):
        here, _ = await staff.sign_in("bianji", PASSWORD, NOW)
        there, other = await staff.sign_in("bianji", PASSWORD, NOW + 1)
        another = process(stores)
        assert (await another.of_session(there, NOW + 2)).session == other.session
        _, _, own, _ = build_staff(stores.mongo, b"k" * 32, base_url=str, is_public=False, resolve=lambda number: number)
        await own.end_others(await staff.of_session(here, NOW + 2), NOW + 2)
        with pytest.raises(NotAuthorised):
            await another.of_session(there, NOW + 2)
        assert (await another.of_session(here, NOW + 2)).name == "bianji"

    async def test_the_oldest_makes_room(self, staff):
        secrets = [(await staff.sign_in("bianji", PASSWORD, NOW + n))[0] for n in range(MAX_SESSIONS + 1)]
        with pytest.raises(NotAuthorised):
            await staff.of_session(secrets[0], NOW + 20)
        assert (await staff.of_session(secrets[1], NOW + 20)).name == "bianji"

    @pytest.mark.parametrize("secret", [None, "", "guessed"])
    async def test_no_session_is_no_member(self, staff, secret):
        with pytest.raises(NotAuthorised) as refusal:
            await staff.of_session(secret, NOW)
        assert refusal.value.code == "STAFF_SESSION_MISSING"

    async def test_signing_out_ends_it(self, staff):
        secret, _ = await staff.sign_in("bianji", PASSWORD, NOW)
        await staff.sign_out(secret)
        with pytest.raises(NotAuthorised):
            await staff.of_session(secret, NOW)

    async def test_a_new_password_ends_the_sessions_of_before_and_unlocks(self, staff):
        secret, _ = await staff.sign_in("bianji", PASSWORD, NOW)
        for _ in range(FAILURES_BEFORE_LOCK):
            with pytest.raises(SignInFailed):
                await staff.sign_in("bianji", "wrong password", NOW)
        await staff.set_password("bianji", "another long one", NOW + 1)
        with pytest.raises(NotAuthorised):
            await staff.of_session(secret, NOW + 2)
        again, _ = await staff.sign_in("bianji", "another long one", NOW + 1)
        assert (await staff.of_session(again, NOW + 2)).name == "bianji"

    async def test_a_password_for_nobody_is_refused(self, staff):
        with pytest.raises(InvalidBody):
            await staff.set_password("nobody", PASSWORD, NOW)


class TestRoles:
    def test_an_admin_may_do_everything_and_others_what_is_named(self):
        assert refusal_of(Member("a", "admin", "x"), Wish(("editor",), csrf="x"), NOW) is None
        assert refusal_of(Member("b", "editor", "x"), Wish(("editor", "operator"), csrf="x"), NOW) is None
        refusal = refusal_of(Member("c", "auditor", "x"), Wish(("editor",), csrf="x"), NOW)
        assert refusal is not None and refusal.code == "ROLE_REFUSED" and ROLES["editor"] in refusal.message

    @pytest.mark.parametrize("csrf", ["", "y", "旗"])
    def test_a_change_needs_the_csrf_token_whatever_the_role(self, csrf):
        refusal = refusal_of(Member("a", "admin", "x"), Wish(csrf=csrf), NOW)
        assert refusal is not None and refusal.code == "CSRF_REFUSED"


async def test_the_audit_log_says_who_did_what_to_what(staff, stores):
    await staff.record(Member("bianji", "editor", ""), "campaign.update", "flag", {"title": "新"}, NOW)
    (entry,) = await everything(stores, "audit_log")
    assert {name: entry[name] for name in ("at", "who", "role", "action", "subject", "detail")} == {
        "at": NOW, "who": "bianji", "role": "editor", "action": "campaign.update", "subject": "flag", "detail": {"title": "新"}}
