"""Accounts of staff, for admins: who has one, with which role for which campaigns; and whether second factors are asked for."""

from __future__ import annotations

import msgspec

from handlers.staff import StaffHandler


class NewMember(msgspec.Struct):
    """`campaigns` null: all of them, and what belongs to no campaign."""

    name: str
    role: str
    campaigns: list[str] | None = None


class MemberBody(msgspec.Struct):
    """`rev`: of the account as it was seen."""

    role: str
    rev: int
    campaigns: list[str] | None = None
    disabled: bool = False


class FactorBody(msgspec.Struct):
    required: bool


class Members(StaffHandler):
    async def get(self) -> None:
        """Every account, by name."""
        await self.member("auditor")
        self.reply({"items": await self.services.staff_members.all(), "next": None})

    async def post(self) -> None:
        """A new account, with a first password that is shown once and changed at the first sign-in."""
        member, body = await self.member("admin", fresh=True), self.body(NewMember)
        view, password = await self.services.staff_members.create(member, body.name, body.role, body.campaigns, self.now())
        self.reply({"member": view, "password": password}, 201)


class OneMember(StaffHandler):
    async def get(self, name: str) -> None:
        """One account."""
        await self.member("auditor")
        self.reply(await self.services.staff_members.view(name, self.now()))

    async def put(self, name: str) -> None:
        """Role, campaigns, and whether it may sign in; both hold from its next request on."""
        member, body = await self.member("admin", fresh=True), self.body(MemberBody)
        self.reply(await self.services.staff_members.change(member, name, body.rev, body.role, body.campaigns, body.disabled, self.now()))

    async def delete(self, name: str) -> None:
        """Delete an account; what it did stays in the audit log."""
        await self.services.staff_members.delete(await self.member("admin", fresh=True), name, self.now())
        self.done()


class MemberPassword(StaffHandler):
    async def post(self, name: str) -> None:
        """A new password, shown once, to be changed at the next sign-in; every session ends."""
        member = await self.member("admin", fresh=True)
        self.reply({"password": await self.services.staff_members.reset_password(member, name, self.now())}, 201)


class MemberFactors(StaffHandler):
    async def delete(self, name: str) -> None:
        """No second factor any more, for who lost phone and paper; every session ends."""
        await self.services.staff_members.reset_factors(await self.member("admin", fresh=True), name, self.now())
        self.done()


class MemberLock(StaffHandler):
    async def delete(self, name: str) -> None:
        """Let somebody try again who mistyped too often."""
        await self.services.staff_members.unlock(await self.member("admin"), name, self.now())
        self.done()


class MemberSessions(StaffHandler):
    async def get(self, name: str) -> None:
        """Where a member is signed in."""
        self.reply({"items": await self.services.staff_members.sessions(await self.member("admin"), name, self.now()), "next": None})

    async def delete(self, name: str) -> None:
        """End every session of a member."""
        await self.services.staff_members.end_sessions(await self.member("admin"), name, self.now())
        self.done()


class FactorSetting(StaffHandler):
    async def get(self) -> None:
        """Whether admins and reviewers must have a second factor."""
        await self.member("auditor")
        self.reply({"required": await self.services.staff.factor_wanted()})

    async def put(self) -> None:
        """Ask for second factors, or no longer."""
        member, body = await self.member("admin", fresh=True), self.body(FactorBody)
        await self.services.staff.want_factor(member, body.required, self.now())
        self.reply({"required": body.required})
