"""Staff 工作人员: accounts, roles, sessions, and the audit log of what they did.

Owns: `staff`, `staff_sessions` and `audit_log`. Invariants: passwords are argon2 hashes and sessions are kept as
hashes; five wrong passwords lock an account for 15 minutes; a new password ends every session of before; the audit
log is only ever added to.

Failure policy: closed. Without MongoDB nobody signs in and nothing is changed.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pymongo import ReturnDocument

from server.errors import Conflict, Forbidden, InvalidBody, NotAuthorised, Refusal, Unavailable
from server.stores import Database, Document, DuplicateKeyError

Result = TypeVar("Result")

ROLES = {"admin": "管理员", "editor": "编辑", "reviewer": "审核员", "operator": "值守", "auditor": "审计"}
NAME = re.compile(r"[a-z][a-z0-9_.-]{1,31}")
# Long enough for a shift, short enough for a screen left open.
SESSION_SECONDS = 8 * 3600
FAILURES_BEFORE_LOCK = 5
LOCK_SECONDS = 15 * 60
# 256 bits: a session cannot be guessed.
SESSION_BYTES = 32
MIN_PASSWORD_CHARACTERS, MAX_PASSWORD_CHARACTERS = 10, 128
# Verified where there is no such account, so that the time of an answer does not tell which names exist.
_hasher = PasswordHasher()
_NOBODY = _hasher.hash(secrets.token_hex(16))
# Two hashes at once: each takes 64 MB and a core for some 50 ms. So 20 who wait are served in half a second; the rest come again.
HASHES_AT_ONCE, HASHES_WAITING = 2, 20


@dataclass(frozen=True)
class Member:
    """A staff member who is signed in. `csrf` goes with every change, in X-CSRF-Token."""

    name: str
    role: str
    csrf: str


class SignInFailed(NotAuthorised):
    code = "SIGN_IN_FAILED"
    message = "账号或密码不对"


class AccountLocked(Refusal):
    status = 429
    code = "ACCOUNT_LOCKED"
    message = "密码连续输错，账号锁定 15 分钟"


class StaffStore:
    """The only code that touches the staff collections."""

    def __init__(self, mongo: Database) -> None:
        self._staff = mongo["staff"]
        self._sessions = mongo["staff_sessions"]
        self._log = mongo["audit_log"]

    async def create(self, name: str, role: str, password_hash: str, now: float) -> bool:
        try:
            await self._staff.insert_one({"_id": name, "role": role, "password": password_hash, "failures": 0, "locked_until": 0.0,
                                          "created_at": now})
        except DuplicateKeyError:
            return False
        return True

    async def find(self, name: str) -> Document | None:
        return await self._staff.find_one({"_id": name})

    async def set_password(self, name: str, password_hash: str, now: float) -> bool:
        fields = {"password": password_hash, "failures": 0, "locked_until": 0.0, "sessions_from": now}
        return (await self._staff.update_one({"_id": name}, {"$set": fields})).matched_count == 1

    async def claim_try(self, name: str, now: float) -> int:
        """Take one of the tries before a password is looked at, so that many at once cannot have more than five.

        Which try it is, counted from 1; 0 while the account is locked.
        """
        taken: Document | None = await self._staff.find_one_and_update(
            {"_id": name, "locked_until": {"$lte": now}}, {"$inc": {"failures": 1}}, return_document=ReturnDocument.AFTER)
        if taken is None:
            return 0
        if taken["failures"] >= FAILURES_BEFORE_LOCK:
            await self._staff.update_one({"_id": name}, {"$set": {"locked_until": now + LOCK_SECONDS, "failures": 0}})
        return int(taken["failures"]) if taken["failures"] <= FAILURES_BEFORE_LOCK else 0

    async def forgive(self, name: str) -> None:
        await self._staff.update_one({"_id": name}, {"$set": {"failures": 0, "locked_until": 0.0}})

    async def open_session(self, key: str, name: str, csrf: str, now: float) -> None:
        await self._sessions.insert_one({"_id": key, "name": name, "csrf": csrf, "opened_at": now, "expires_at": now + SESSION_SECONDS})

    async def session(self, key: str) -> Document | None:
        return await self._sessions.find_one({"_id": key})

    async def close_session(self, key: str) -> None:
        await self._sessions.delete_one({"_id": key})

    async def close_expired(self, now: float) -> None:
        await self._sessions.delete_many({"expires_at": {"$lte": now}})

    async def log(self, entry: Document) -> None:
        await self._log.insert_one(entry)


class Staff:
    def __init__(self, store: StaffStore) -> None:
        self._store = store
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE)
        self._waiting = 0

    async def create(self, name: str, role: str, password: str, now: float) -> None:
        """A new account. Raises InvalidBody, Conflict NAME_TAKEN."""
        if not NAME.fullmatch(name) or role not in ROLES:
            raise InvalidBody(field="name" if role in ROLES else "role")
        if not await self._store.create(name, role, await self._hash(password), now):
            raise Conflict("NAME_TAKEN", "这个账号名已被使用", field="name")

    async def set_password(self, name: str, password: str, now: float) -> None:
        """A new password, which also unlocks. Raises InvalidBody for an unknown name."""
        if not await self._store.set_password(name, await self._hash(password), now):
            raise InvalidBody("UNKNOWN_STAFF", "没有这个账号", field="name")
        await self.record(Member("system", "admin", ""), "staff.password", name, {}, now)

    async def sign_in(self, name: str, password: str, now: float) -> tuple[str, Member]:
        """A session's secret and its member. Raises SignInFailed, AccountLocked."""
        account = await self._store.find(name) if NAME.fullmatch(name) else None
        tried = await self._store.claim_try(name, now) if account else 1
        if not tried:
            raise AccountLocked()
        if not await self._verify(account["password"] if account else _NOBODY, password) or account is None:
            if tried == FAILURES_BEFORE_LOCK:
                await self.record(Member(name, "", ""), "staff.locked", name, {}, now)
            raise SignInFailed()
        await self._store.forgive(name)
        secret, member = secrets.token_urlsafe(SESSION_BYTES), Member(name, account["role"], secrets.token_hex(16))
        await self._store.open_session(_session_key(secret), name, member.csrf, now)
        await self.record(member, "staff.sign_in", name, {}, now)
        return secret, member

    async def of_session(self, secret: str | None, now: float) -> Member:
        """Who a session belongs to. Raises NotAuthorised."""
        session = await self._store.session(_session_key(secret)) if secret else None
        account = await self._store.find(session["name"]) if session and session["expires_at"] > now else None
        if session is None or account is None or session["opened_at"] < account.get("sessions_from", 0.0):
            raise NotAuthorised("STAFF_SESSION_MISSING", "请先登录")
        return Member(account["_id"], account["role"], session["csrf"])

    async def sign_out(self, secret: str) -> None:
        await self._store.close_session(_session_key(secret))

    def check(self, member: Member, roles: tuple[str, ...], csrf: str | None) -> None:
        """Whether the member may do this. `csrf` None: reading. Raises Forbidden."""
        if csrf is not None and not hmac.compare_digest(csrf.encode(), member.csrf.encode()):
            raise Forbidden("CSRF_REFUSED", "页面已过期，请刷新后再试")
        if member.role != "admin" and member.role not in roles:
            raise Forbidden("ROLE_REFUSED", f"需要的角色：{'、'.join(ROLES[role] for role in roles) or '管理员'}")

    async def record(self, member: Member, action: str, subject: str, detail: dict[str, Any], now: float) -> None:
        """Add to the audit log: who did what to what."""
        await self._store.log({"at": now, "who": member.name, "role": member.role, "action": action, "subject": subject, "detail": detail})

    async def tidy(self, now: float) -> None:
        """Drop sessions that have ended."""
        await self._store.close_expired(now)

    async def _hash(self, password: str) -> str:
        if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
            raise InvalidBody("WEAK_PASSWORD", f"密码要 {MIN_PASSWORD_CHARACTERS} 至 {MAX_PASSWORD_CHARACTERS} 位", field="password")
        return await self._work(_hasher.hash, password)

    async def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return await self._work(_hasher.verify, password_hash, password[:MAX_PASSWORD_CHARACTERS])
        except (VerificationError, InvalidHashError):
            return False

    async def _work(self, hashing: Callable[..., Result], *arguments: str) -> Result:
        """Hash in a worker thread, a few at once. Raises Unavailable past the queue."""
        if self._waiting >= HASHES_WAITING:
            raise Unavailable()
        self._waiting += 1
        try:
            async with self._hashing:
                return await asyncio.to_thread(hashing, *arguments)
        finally:
            self._waiting -= 1


def new_password() -> str:
    """A password that nobody chose: 16 characters without those that look alike, about 92 bits."""
    return "".join(secrets.choice("abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789") for _ in range(16))


def _session_key(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
