"""What a member does with her own account: password, second factors, sessions."""

from __future__ import annotations

from typing import Any

from server.clock import iso
from server.errors import Conflict, InvalidBody, NotFound
from server.staff.factors import RECOVERY_CODES, new_recovery_codes, new_secret, otpauth, step_of
from server.staff.member import FACTOR_ROLES, Account, Member, SecondFactorWrong, SessionMissing
from server.staff.members import sessions_of
from server.staff.service import SignedIn, Staff
from server.staff.sessions import Origin, id_of

# What an authenticator app shows beside the name.
ISSUER = "文明"


class OwnAccount:
    def __init__(self, staff: Staff) -> None:
        self._staff = staff
        self._store = staff.store

    async def view(self, member: Member) -> dict[str, Any]:
        account = await self._account(member)
        return {"name": account.name, "role": account.role, "campaigns": None if account.campaigns is None else list(account.campaigns),
                "needs": list(member.needs), "signed_in_at": None if account.signed_in_at is None else iso(account.signed_in_at),
                "second_factor_required": account.role in FACTOR_ROLES and await self._staff.factor_wanted(),
                "factors": {"totp": account.totp is not None, "recovery": len(account.recovery), "wechat": account.wechat is not None}}

    async def change_password(self, member: Member, old: str, new: str, origin: Origin, now: float) -> SignedIn:
        """Every session of before ends; she goes on with a new one. Raises SignInFailed, AccountLocked, InvalidBody."""
        account = await self._staff.verify_password(member.name, old, now, origin)
        if old == new:
            raise InvalidBody("WEAK_PASSWORD", "新密码不能与原密码相同", field="new")
        await self._staff.set_password(account.name, new, now, by=member)
        return await self._staff.enter(await self._account(member), origin, now, "password_changed")

    async def begin_totp(self, member: Member) -> tuple[str, str]:
        """A new secret, and what the QR code for an app holds. It counts once a code of it was shown."""
        secret = new_secret()
        await self._store.set(member.name, totp_new=self._staff.seal.close(secret, member.name))
        return secret, otpauth(secret, member.name, ISSUER)

    async def confirm_totp(self, member: Member, code: str, now: float) -> None:
        """The app shows the right codes: from now on it counts. Raises Conflict TOTP_NOT_BEGUN, SecondFactorWrong."""
        sealed = await self._store.totp_begun(member.name)
        if sealed is None:
            raise Conflict("TOTP_NOT_BEGUN", "请先扫描二维码")
        step = step_of(self._staff.seal.open(sealed, member.name), "".join(code.split()), now)
        if step is None:
            raise SecondFactorWrong(field="code")
        await self._store.unset(member.name, "totp_new", totp=sealed, totp_step=step)
        await self._staff.record(member, "staff.totp_on", member.name, {}, now)

    async def drop_totp(self, member: Member, now: float) -> None:
        await self._store.unset(member.name, "totp", "totp_new")
        await self._staff.record(member, "staff.totp_off", member.name, {}, now)

    async def new_codes(self, member: Member, now: float) -> list[str]:
        """Recovery codes to print, shown once; those of before are void."""
        codes = new_recovery_codes()
        await self._store.set(member.name, recovery={self._staff.recovery_digest(member.name, code): 1 for code in codes})
        await self._staff.record(member, "staff.recovery_codes", member.name, {"count": RECOVERY_CODES}, now)
        return codes

    async def drop_wechat(self, member: Member, now: float) -> None:
        await self._store.unset(member.name, "wechat")
        await self._staff.record(member, "staff.wechat_off", member.name, {}, now)

    async def sessions(self, member: Member, now: float) -> list[dict[str, Any]]:
        return await sessions_of(self._staff, member.name, member.session, now)

    async def end_session(self, member: Member, session: str, now: float) -> None:
        """One of her own. Raises NotFound."""
        found = next((one for one in await self._staff.sessions.of(member.name, now) if id_of(one) == session), None)
        if found is None:
            raise NotFound("SESSION_NOT_FOUND", "这次登录已经结束")
        await self._staff.sessions.close(found["_id"])
        await self._staff.record(member, "staff.session_end", member.name, {"session": session}, now)

    async def end_others(self, member: Member, now: float) -> None:
        """Everywhere but here."""
        for one in await self._staff.sessions.of(member.name, now):
            if id_of(one) != member.session:
                await self._staff.sessions.close(one["_id"])
        await self._staff.record(member, "staff.sessions_end", member.name, {"but": member.session}, now)

    async def _account(self, member: Member) -> Account:
        account = await self._store.find(member.name)
        if account is None:
            raise SessionMissing()
        return account
