"""Staff: accounts, sign-in with its lock, sessions that end, roles, and the log that is only added to."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Conflict, Forbidden, InvalidBody, NotAuthorised, Unavailable
from server.staff import (
    FAILURES_BEFORE_LOCK,
    HASHES_WAITING,
    LOCK_SECONDS,
    ROLES,
    SESSION_SECONDS,
    AccountLocked,
    Member,
    SignInFailed,
    Staff,
    StaffStore,
    new_password,
)
from server.stores import ensure_indexes
from tests.command_listener import LOOKING

pytestmark = pytest.mark.gen_test(timeout=60)
NOW = 1_790_000_000.0
PASSWORD = "correct horse battery"


@pytest.fixture
def staff(io_loop, stores):
    async def made() -> Staff:
        await ensure_indexes(stores.mongo)
        service = Staff(StaffStore(stores.mongo))
        await service.create("bianji", "editor", PASSWORD, NOW)
        return service

    return io_loop.run_sync(made)


async def everything(stores, name: str) -> list[dict]:
    return await stores.mongo[name].find({}, comment=LOOKING).to_list(None)


class TestAccounts:
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

    async def test_five_wrong_passwords_lock_the_account_for_a_quarter_of_an_hour(self, staff, stores):
        for _ in range(FAILURES_BEFORE_LOCK):
            with pytest.raises(SignInFailed):
                await staff.sign_in("bianji", "wrong password", NOW)
        for now in (NOW, NOW + LOCK_SECONDS - 1):
            with pytest.raises(AccountLocked):
                await staff.sign_in("bianji", PASSWORD, now)
        assert (await staff.sign_in("bianji", PASSWORD, NOW + LOCK_SECONDS))[1].name == "bianji"
        assert [entry["action"] for entry in await everything(stores, "audit_log")] == ["staff.locked", "staff.sign_in"]

    async def test_many_tries_at_once_are_no_more_than_five(self, staff):
        tries = await asyncio.gather(*(staff.sign_in("bianji", f"wrong password {n}", NOW) for n in range(15)), return_exceptions=True)
        assert sum(isinstance(answer, SignInFailed) for answer in tries) == FAILURES_BEFORE_LOCK
        assert sum(isinstance(answer, AccountLocked) for answer in tries) == 15 - FAILURES_BEFORE_LOCK

    async def test_a_success_forgives_what_went_before(self, staff):
        for _ in range(3):
            for _ in range(FAILURES_BEFORE_LOCK - 1):
                with pytest.raises(SignInFailed):
                    await staff.sign_in("bianji", "wrong password", NOW)
            await staff.sign_in("bianji", PASSWORD, NOW)

    async def test_a_crowd_at_the_door_is_turned_away_instead_of_queued(self, staff):
        tries = await asyncio.gather(*(staff.sign_in("nobody", "x", NOW) for _ in range(HASHES_WAITING + 10)), return_exceptions=True)
        assert sum(isinstance(answer, Unavailable) for answer in tries) == 10
        assert (await staff.sign_in("bianji", PASSWORD, NOW))[1].role == "editor"


class TestSessions:
    async def test_a_session_ends_after_a_shift(self, staff, stores):
        secret, _ = await staff.sign_in("bianji", PASSWORD, NOW)
        await staff.of_session(secret, NOW + SESSION_SECONDS - 1)
        with pytest.raises(NotAuthorised):
            await staff.of_session(secret, NOW + SESSION_SECONDS)
        await staff.tidy(NOW + SESSION_SECONDS)
        assert await everything(stores, "staff_sessions") == []

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
    def test_an_admin_may_do_everything_and_others_what_is_named(self, staff):
        staff.check(Member("a", "admin", "x"), ("editor",), "x")
        staff.check(Member("b", "editor", "x"), ("editor", "operator"), "x")
        with pytest.raises(Forbidden) as refusal:
            staff.check(Member("c", "auditor", "x"), ("editor",), "x")
        assert refusal.value.code == "ROLE_REFUSED" and ROLES["editor"] in refusal.value.message

    @pytest.mark.parametrize("csrf", ["", "y", "旗"])
    def test_a_change_needs_the_csrf_token_whatever_the_role(self, staff, csrf):
        with pytest.raises(Forbidden) as refusal:
            staff.check(Member("a", "admin", "x"), (), csrf)
        assert refusal.value.code == "CSRF_REFUSED"


async def test_the_audit_log_says_who_did_what_to_what(staff, stores):
    await staff.record(Member("bianji", "editor", ""), "campaign.update", "flag", {"title": "新"}, NOW)
    (entry,) = await everything(stores, "audit_log")
    assert {name: entry[name] for name in ("at", "who", "role", "action", "subject", "detail")} == {
        "at": NOW, "who": "bianji", "role": "editor", "action": "campaign.update", "subject": "flag", "detail": {"title": "新"}}
