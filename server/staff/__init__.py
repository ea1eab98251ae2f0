"""Staff 工作人员: accounts, roles and their scope, sign-in in one or two steps, sessions.

Owns: `staff`, `staff_settings`, `staff_sessions`, `staff_tickets`, `staff_tries`; what they did is written to server/audit_log.
Invariants: passwords are argon2 hashes; sessions, tickets and recovery codes are kept as hashes, TOTP secrets sealed; a code is
taken once; repeated failures pause a name and an address, whether the name exists or not; a new password ends every session of
before; there is always an admin who can sign in; whoever has named campaigns sees and changes nothing else.

Failure policy: closed. Without MongoDB nobody signs in and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable

from server.audit_log import AnchorFile, AuditLog, AuditLogStore
from server.staff.member import (
    FRESH_SECONDS,
    ROLES,
    SYSTEM,
    AccountLocked,
    Member,
    MemberNotFound,
    SecondFactorWrong,
    SessionMissing,
    SignInExpired,
    SignInFailed,
    Wish,
)
from server.staff.members import Members
from server.staff.own import OwnAccount
from server.staff.passwords import HASHES_WAITING, check_password, new_password
from server.staff.phones import StaffPhones
from server.staff.service import SignedIn, Staff, Waiting
from server.staff.sessions import IDLE_SECONDS, MAX_SESSIONS, SESSION_SECONDS, Origin
from server.staff.tickets import TICKET_SECONDS
from server.staff.tries import FAILURES_BEFORE_LOCK, LOCK_SECONDS, MOST_LOCK_SECONDS
from server.stores import Database

__all__ = ["FAILURES_BEFORE_LOCK", "FRESH_SECONDS", "HASHES_WAITING", "IDLE_SECONDS", "LOCK_SECONDS", "MAX_SESSIONS", "MOST_LOCK_SECONDS",
           "ROLES", "SESSION_SECONDS", "SYSTEM", "TICKET_SECONDS", "AccountLocked", "Member", "MemberNotFound", "Members", "Origin",
           "OwnAccount", "SecondFactorWrong", "SessionMissing", "SignInExpired", "SignInFailed", "SignedIn", "Staff", "StaffPhones",
           "Waiting", "Wish", "build_staff", "check_password", "new_password"]


def build_staff(mongo: Database, secret_key: bytes, *, base_url: Callable[[], str], is_public: bool, resolve: Callable[[int], int],
                anchor: AnchorFile | None = None) -> tuple[Staff, Members, OwnAccount, StaffPhones]:
    """Sign-in, what admins do, what a member does for herself, and phones. `resolve`: the number that counts for a citizen's."""
    staff = Staff(mongo, secret_key, AuditLog(AuditLogStore(mongo), secret_key, anchor), is_public=is_public)
    return staff, Members(staff), OwnAccount(staff), StaffPhones(staff, base_url, resolve)
