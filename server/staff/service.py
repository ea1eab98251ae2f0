"""Signing in and out, who a session belongs to, what she may do, and what is logged of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from server.audit_log import AuditLog
from server.errors import Conflict, InvalidBody
from server.fresh import Fresh, Revision
from server.seals import Seal, derive_key
from server.staff.factors import recovery_digest, step_of
from server.staff.member import (
    FACTOR_ROLES,
    NAME,
    SYSTEM,
    Account,
    Member,
    SecondFactorWrong,
    SessionMissing,
    SignInExpired,
    SignInFailed,
    Wish,
    checked,
    refusal_of,
)
from server.staff.passwords import NOBODY, Hashing
from server.staff.sessions import SEEN_SECONDS, Origin, SessionStore, id_of, key_of, lives
from server.staff.store import StaffStore
from server.staff.tickets import TicketStore
from server.staff.tries import FAILURES_BEFORE_LOCK, FAILURES_OF_ADDRESS, Tries
from server.stores import Database, Document

SETTING = "staff_settings"


class SignedIn(NamedTuple):
    """A session's secret and whose it is."""

    secret: str
    member: Member


class Waiting(NamedTuple):
    """The password was right; the sign-in of this secret waits for one of these second factors."""

    secret: str
    ways: list[str]


class Staff:
    """`is_public`: whether second factors are asked for where nobody decided otherwise."""

    def __init__(self, mongo: Database, secret_key: bytes, log: AuditLog, *, is_public: bool) -> None:
        self.store, self.sessions, self.tickets = StaffStore(mongo), SessionStore(mongo), TicketStore(mongo)
        self.tries = Tries(mongo, derive_key(secret_key, "staff tries"))
        self.hashing, self.seal = Hashing(), Seal(secret_key, "staff totp")
        self.audit_log, self.is_public = log, is_public
        self._recovery_key = derive_key(secret_key, "staff recovery codes")
        self._revision = Revision(mongo, SETTING)
        self._factor_wanted: Fresh[bool] = Fresh(is_public, self._revision, self._read_setting)

    async def create(self, name: str, role: str, password: str, now: float, *, campaigns: Sequence[str] | None = None,
                     temporary: bool = False) -> None:
        """A new account; `temporary`: its password must be changed at the first sign-in. Raises InvalidBody, Conflict NAME_TAKEN."""
        scope = checked(name, role, campaigns)
        made = Account(name, role, await self.hashing.hash(name, password), scope, temporary=temporary, created_at=now)
        if not await self.store.create(made):
            raise Conflict("NAME_TAKEN", "这个账号名已被使用", field="name")

    async def set_password(self, name: str, password: str, now: float, *, temporary: bool = False, by: Member | None = None) -> None:
        """A new password, which also unlocks and ends every session. Raises InvalidBody for an unknown name."""
        hashed = await self.hashing.hash(name, password)
        # To the millisecond before: a store may round a number up in its 16th digit, and the session that goes on would be older than this.
        since = math.floor(now * 1000) / 1000
        if not await self.store.set(name, password=hashed, temporary=int(temporary), sessions_from=since):
            raise InvalidBody("UNKNOWN_STAFF", "没有这个账号", field="name")
        await self.sessions.close_of(name)
        await self.unlock(name)
        await self.record(by or SYSTEM, "staff.password", name, {}, now)

    async def unlock(self, name: str) -> None:
        await self.tries.forgive(self.tries.of_name(name, exists=True))

    async def sign_in(self, name: str, password: str, now: float, origin: Origin = Origin()) -> SignedIn | Waiting:  # noqa: B008
        """The first step, which is the only one for who has no second factor. Raises SignInFailed, AccountLocked."""
        account = await self.store.find(name) if NAME.fullmatch(name) else None
        keys = await self._claim(self.tries.of_name(name, exists=account is not None), account, origin, now)
        right = await self.hashing.verify(account.password if account else NOBODY, password)
        if not right or account is None or account.disabled:
            raise SignInFailed()
        if account.factors:
            secret, _ = await self.tickets.open("sign_in", name, now, address=origin.place, browser=origin.browser, approved=0,
                                                asked=0)
            return Waiting(secret, account.factors)
        return await self._open(account, keys, origin, now)

    async def finish(self, secret: str, way: str, code: str, now: float, origin: Origin = Origin()) -> SignedIn | None:  # noqa: B008
        """The second step; None: the phone has not said yes yet. Raises SignInExpired, SecondFactorWrong, AccountLocked."""
        ticket = await self.tickets.find(secret, now, "sign_in")
        account = await self.store.find(ticket["name"]) if ticket else None
        if ticket is None or account is None or account.disabled or ticket["opened_at"] < account.sessions_from:
            raise SignInExpired()
        if way == "wechat" and not ticket["approved"]:
            return None
        keys = await self._claim(self.tries.of_name(account.name, exists=True), account, origin, now)
        if not (way == "wechat" and account.wechat is not None or await self.is_right(account, way, code, now)):
            raise SecondFactorWrong(field="code")
        if await self.tickets.take(secret, now, "sign_in") is None:  # somebody else was faster with the same ticket
            raise SignInExpired()
        return await self._open(account, keys, origin, now, way)

    async def is_right(self, account: Account, way: str, code: str, now: float) -> bool:
        """Whether a code is one of the account's, which is then spent."""
        if way == "totp" and account.totp is not None:
            step = step_of(self.seal.open(account.totp, account.name), "".join(code.split()), now)
            return step is not None and await self.store.use_step(account.name, step)
        if way == "recovery" and account.recovery:
            return await self.store.use_recovery(account.name, self.recovery_digest(account.name, code))
        return False

    async def verify_password(self, name: str, password: str, now: float, origin: Origin = Origin()) -> Account:  # noqa: B008
        """Of who is signed in, once more. Raises SignInFailed, AccountLocked."""
        account = await self.store.find(name)
        keys = await self._claim(self.tries.of_name(name, exists=True), account, origin, now)
        if account is None or not await self.hashing.verify(account.password, password):
            raise SignInFailed()
        await self.tries.forgive(*keys)
        return account

    async def reauthenticate(self, member: Member, secret: str, password: str, now: float, origin: Origin = Origin()) -> None:  # noqa: B008
        """The password again, before a dangerous act. Raises SignInFailed, AccountLocked."""
        await self.verify_password(member.name, password, now, origin)
        await self.sessions.authenticated(key_of(secret), now)

    async def of_session(self, secret: str | None, now: float) -> Member:
        """Who a session belongs to. Raises SessionMissing."""
        session = await self.sessions.find(secret) if secret else None
        account = await self.store.find(session["name"]) if session and lives(session, now) else None
        if session is None or account is None or account.disabled or session["opened_at"] < account.sessions_from:
            raise SessionMissing()
        if now - session["seen_at"] >= SEEN_SECONDS:
            await self.sessions.seen(session["_id"], now)
        return await self._member(account, session)

    async def authorise(self, secret: str | None, wish: Wish, what: str, now: float) -> Member:
        """Who a session belongs to, if she may do this. `what`: for the log, if she may not. Raises SessionMissing, Forbidden."""
        member = await self.of_session(secret, now)
        if (refusal := refusal_of(member, wish, now)) is not None:
            if refusal.code in ("ROLE_REFUSED", "SCOPE_REFUSED", "CSRF_REFUSED"):
                await self.audit_log.refused(member.name, member.role, refusal.code, what, now, member.origin)
            raise refusal
        return member

    async def sign_out(self, secret: str) -> None:
        await self.sessions.close(key_of(secret))

    async def record(self, member: Member, action: str, subject: str, detail: Mapping[str, Any], now: float) -> None:
        """Add to the audit log: who did what to what."""
        await self.audit_log.record(member.name, member.role, action, subject, detail, now, member.origin)

    async def factor_wanted(self) -> bool:
        """Whether admins and reviewers must have a second factor; at most a second old."""
        return await self._factor_wanted.get()

    async def want_factor(self, member: Member, required: bool, now: float) -> None:
        before = await self._read_setting()
        await self.store.want_factor(required)
        await self._revision.rise()
        self._factor_wanted.forget()
        await self.record(member, "staff.second_factor", "instance", {"before": {"required": before}, "after": {"required": required}}, now)

    async def tidy(self, now: float) -> None:
        """Drop what has ended: sessions, tickets, and tries of long ago."""
        await self.sessions.tidy(now)
        await self.tickets.tidy(now)
        await self.tries.tidy(now)

    def recovery_digest(self, name: str, code: str) -> str:
        return recovery_digest(self._recovery_key, name, code)

    async def enter(self, account: Account, origin: Origin, now: float, way: str = "") -> SignedIn:
        """A new session."""
        secret, session = await self.sessions.open(account.name, origin, now)
        await self.store.set(account.name, signed_in_at=now)
        member = await self._member(account, session)
        await self.record(member, "staff.sign_in", account.name, {"way": way} if way else {}, now)
        return SignedIn(secret, member)

    async def _open(self, account: Account, keys: tuple[str, str], origin: Origin, now: float, way: str = "") -> SignedIn:
        await self.tries.forgive(*keys)
        return await self.enter(account, origin, now, way)

    async def _claim(self, key: str, account: Account | None, origin: Origin, now: float) -> tuple[str, str]:
        """Take a try of the name's and one of the address's. A lock that this one may bring is logged. Raises AccountLocked."""
        address = self.tries.of_address(origin.address)
        if address:
            taken = await self.tries.claim(address, FAILURES_OF_ADDRESS, now)
            if taken.is_last:
                await self.audit_log.refused("", "", "ADDRESS_LOCKED", origin.place, now, origin.place)  # bounded: there are many addresses
        taken = await self.tries.claim(key, FAILURES_BEFORE_LOCK, now)
        if taken.is_last and account is not None:
            await self.audit_log.record(account.name, "", "staff.locked", account.name, {}, now, origin.place)
        return key, address

    async def _member(self, account: Account, session: Document) -> Member:
        needs: tuple[str, ...] = ("password",) if account.temporary else ()
        if account.role in FACTOR_ROLES and not account.factors and await self.factor_wanted():
            needs += ("second_factor",)
        return Member(account.name, account.role, session["csrf"], account.campaigns, needs, id_of(session),
                      session["authenticated_at"], session["address"], session["expires_at"])

    async def _read_setting(self) -> bool:
        decided = await self.store.factor_wanted()
        return self.is_public if decided is None else decided
