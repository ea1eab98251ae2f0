"""What admins do with accounts: create, change, disable, delete, reset, unlock, end sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.clock import iso
from server.errors import Conflict
from server.staff.member import Account, Member, MemberNotFound, changed_meanwhile, checked, last_admin, logged_view
from server.staff.passwords import new_password
from server.staff.service import Staff
from server.staff.sessions import session_view
from server.staff.store import MAX_MEMBERS
from server.stores import Document


class Members:
    def __init__(self, staff: Staff) -> None:
        self._staff = staff
        self._store = staff.store

    async def all(self) -> list[dict[str, Any]]:
        return [member_view(account) for account in await self._store.all()]

    async def view(self, name: str, now: float) -> dict[str, Any]:
        """One account, with until when it is locked. Raises MemberNotFound."""
        account = await self._find(name)
        locked_until = await self._staff.tries.locked_until(name, now)
        return member_view(account) | {"locked_until": iso(locked_until) if locked_until else None}

    async def create(self, by: Member, name: str, role: str, campaigns: Sequence[str] | None, now: float) -> tuple[dict[str, Any], str]:
        """A new account and its first password, shown once. Raises InvalidBody, Conflict NAME_TAKEN, TOO_MANY_MEMBERS."""
        if len(await self._store.all()) >= MAX_MEMBERS:
            raise Conflict("TOO_MANY_MEMBERS", f"工作人员账号最多 {MAX_MEMBERS} 个")
        password = new_password()
        await self._staff.create(name, role, password, now, campaigns=campaigns, temporary=True)
        account = await self._find(name)
        await self._staff.record(by, "staff.create", name, {"after": logged_view(account)}, now)
        return member_view(account), password

    async def change(self, by: Member, name: str, rev: int, role: str, campaigns: Sequence[str] | None, disabled: bool,
                     now: float) -> dict[str, Any]:
        """Role, scope and whether it may sign in; both hold from the next request on. Raises InvalidBody, MemberNotFound, Conflict."""
        scope, before = checked(name, role, campaigns), await self._find(name)
        fields = {"role": role, "campaigns": None if scope is None else list(scope), "disabled": int(disabled)}
        if not await self._store.change(name, rev, fields):
            raise changed_meanwhile()
        if not await self._has_admin():  # also where two admins took each other away in the same moment: both are put back
            await self._store.change(name, rev + 1, logged_view(before) | {"disabled": int(before.disabled)})
            raise last_admin()
        if disabled:
            await self._staff.sessions.close_of(name)
        after = await self._find(name)
        await self._staff.record(by, "staff.change", name, {"before": logged_view(before), "after": logged_view(after)}, now)
        return member_view(after)

    async def delete(self, by: Member, name: str, now: float) -> None:
        """The account and its sessions; what it did stays in the audit log. Raises MemberNotFound, Conflict DISABLE_FIRST."""
        account = await self._find(name)
        if account.role == "admin" and not account.disabled:  # so nobody deletes the last one by a race
            raise Conflict("DISABLE_FIRST", "管理员账号要先停用再删除")
        await self._store.delete(name)
        await self._staff.sessions.close_of(name)
        await self._staff.unlock(name)
        await self._staff.record(by, "staff.delete", name, {"before": logged_view(account)}, now)

    async def reset_password(self, by: Member, name: str, now: float) -> str:
        """A new password, shown once, to be changed at the next sign-in. Raises MemberNotFound."""
        await self._find(name)
        password = new_password()
        await self._staff.set_password(name, password, now, temporary=True, by=by)
        return password

    async def reset_factors(self, by: Member, name: str, now: float) -> None:
        """For who lost phone and paper: no second factor any more, every session ended. Raises MemberNotFound."""
        factors = (await self._find(name)).factors
        await self._store.unset(name, "totp", "totp_new", "wechat", recovery={}, sessions_from=now)
        await self._staff.sessions.close_of(name)
        await self._staff.record(by, "staff.factors_reset", name, {"factors": factors}, now)

    async def unlock(self, by: Member, name: str, now: float) -> None:
        """Raises MemberNotFound."""
        await self._find(name)
        await self._staff.unlock(name)
        await self._staff.record(by, "staff.unlock", name, {}, now)

    async def sessions(self, by: Member, name: str, now: float) -> list[dict[str, Any]]:
        """Raises MemberNotFound."""
        await self._find(name)
        return await sessions_of(self._staff, name, by.session, now)

    async def end_sessions(self, by: Member, name: str, now: float) -> None:
        """Raises MemberNotFound."""
        await self._find(name)
        await self._staff.sessions.close_of(name)
        await self._staff.record(by, "staff.sessions_end", name, {}, now)

    async def _find(self, name: str) -> Account:
        account = await self._store.find(name)
        if account is None:
            raise MemberNotFound()
        return account

    async def _has_admin(self) -> bool:
        return any(account.role == "admin" and not account.disabled for account in await self._store.all())


async def sessions_of(staff: Staff, name: str, own: str, now: float) -> list[dict[str, Any]]:
    account, found = await staff.store.find(name), await staff.sessions.of(name, now)

    def holds(session: Document) -> bool:
        return account is not None and session["opened_at"] >= account.sessions_from

    return [session_view(session, own) for session in found if holds(session)]


def member_view(account: Account) -> dict[str, Any]:
    """As admins see it: nothing that opens anything."""
    return {"name": account.name, "role": account.role, "campaigns": None if account.campaigns is None else list(account.campaigns),
            "disabled": account.disabled, "must_change_password": account.temporary, "factors": account.factors, "rev": account.rev,
            "created_at": iso(account.created_at), "signed_in_at": None if account.signed_in_at is None else iso(account.signed_in_at)}
