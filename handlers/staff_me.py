"""A member's own account: password, second factors, sessions. Open to every role and scope."""

from __future__ import annotations

import msgspec

from handlers.codes_drawn import with_picture
from handlers.staff import StaffHandler
from handlers.staff_session import SessionHandler
from server.staff import Member


class ChangeBody(msgspec.Struct):
    old: str
    new: str


class CodeBody(msgspec.Struct):
    code: str


class OwnHandler(StaffHandler):
    async def me(self, *, fresh: bool = False) -> Member:
        """Whoever is signed in, also who must set a password or second factor first. Raises NotAuthorised, Forbidden."""
        return await self.member(anywhere=True, unfinished=True, fresh=fresh)


class Me(OwnHandler):
    async def get(self) -> None:
        """Role, scope, second factors, and what must be done first."""
        self.reply(await self.services.staff_own.view(await self.me()))


class Password(SessionHandler):
    async def put(self) -> None:
        """A new password. Every session of before ends, this one goes on as a new one."""
        member, body = await self.member(anywhere=True, unfinished=True), self.body(ChangeBody)
        self.enter(await self.services.staff_own.change_password(member, body.old, body.new, self.origin(), self.now()))


class Totp(OwnHandler):
    async def post(self) -> None:
        """A new secret for an authenticator app; it counts once a code of it was shown."""
        secret, url = await self.services.staff_own.begin_totp(await self.me(fresh=True))
        self.reply(await with_picture({"secret": secret, "url": url}), 201)

    async def put(self) -> None:
        """The app shows the right codes: from now on they are asked for."""
        await self.services.staff_own.confirm_totp(await self.me(fresh=True), self.body(CodeBody).code, self.now())
        self.done()

    async def delete(self) -> None:
        """No codes of an app any more."""
        await self.services.staff_own.drop_totp(await self.me(fresh=True), self.now())
        self.done()


class RecoveryCodes(OwnHandler):
    async def post(self) -> None:
        """Ten new codes to print; those of before are void."""
        self.reply({"codes": await self.services.staff_own.new_codes(await self.me(fresh=True), self.now())}, 201)


class WeChat(OwnHandler):
    async def post(self) -> None:
        """A code for the phone that will approve: scanning it in WeChat binds the person who scans."""
        member = await self.me(fresh=True)
        self.reply(await with_picture(await self.services.staff_phones.begin_binding(member, self.now())), 201)

    async def delete(self) -> None:
        """No phone approves any more."""
        await self.services.staff_own.drop_wechat(await self.me(fresh=True), self.now())
        self.done()


class Sessions(OwnHandler):
    async def get(self) -> None:
        """Where she is signed in, and since when."""
        self.reply({"items": await self.services.staff_own.sessions(await self.me(), self.now()), "next": None})

    async def delete(self) -> None:
        """End all but this one."""
        await self.services.staff_own.end_others(await self.me(), self.now())
        self.done()


class OneSession(OwnHandler):
    async def delete(self, session: str) -> None:
        """End one."""
        await self.services.staff_own.end_session(await self.me(), session, self.now())
        self.done()
