"""Signing in and out: name and password, then a second factor where the account has one; and the password again before dangerous acts."""

from __future__ import annotations

from typing import Any

import msgspec

from handlers.codes_drawn import with_picture
from handlers.staff import COOKIE, StaffHandler
from server.clock import iso
from server.staff import SESSION_SECONDS, Member, SignedIn


class SignIn(msgspec.Struct):
    name: str
    password: str


class SecondStep(msgspec.Struct):
    """`pending`: what the first step gave. `way`: totp, recovery or wechat; the last has no code, the phone says yes."""

    pending: str
    way: str
    code: str = ""


class Pending(msgspec.Struct):
    pending: str


class PasswordBody(msgspec.Struct):
    password: str


class SessionHandler(StaffHandler):
    """What opens sessions."""

    def enter(self, signed_in: SignedIn) -> None:
        self.set_cookie(COOKIE, signed_in.secret, max_age=SESSION_SECONDS, path="/", httponly=True, samesite="Lax",
                        secure=self.settings["secure_cookies"])
        self.reply(session_view(signed_in.member))


def session_view(member: Member) -> dict[str, Any]:
    return {"name": member.name, "role": member.role, "csrf": member.csrf,
            "campaigns": None if member.campaigns is None else list(member.campaigns), "needs": list(member.needs),
            "expires_at": iso(member.expires_at)}


class Session(SessionHandler):
    async def get(self) -> None:
        """Who is signed in."""
        self.reply(session_view(await self.member(anywhere=True, unfinished=True)))

    async def post(self) -> None:
        """Sign in; 202 where a second factor is asked for."""
        body = self.body(SignIn)
        done = await self.services.staff.sign_in(body.name, body.password, self.now(), self.origin())
        if isinstance(done, SignedIn):
            self.enter(done)
        else:
            self.reply({"pending": done.secret, "ways": done.ways}, 202)

    async def delete(self) -> None:
        """Sign out."""
        await self.member(anywhere=True, unfinished=True)
        await self.services.staff.sign_out(self.get_cookie(COOKIE, ""))
        self.clear_cookie(COOKIE, path="/")
        self.done()


class SecondFactor(SessionHandler):
    async def post(self) -> None:
        """The second step of signing in; 202 while the phone has not said yes."""
        body = self.body(SecondStep)
        done = await self.services.staff.finish(body.pending, body.way, body.code, self.now(), self.origin())
        if done is not None:
            self.enter(done)
        else:
            self.reply({"pending": body.pending, "ways": [body.way]}, 202)


class PhoneApproval(SessionHandler):
    async def post(self) -> None:
        """A code for the phone that is bound to the account: scanning it asks there whether it is really her."""
        self.reply(await with_picture(await self.services.staff_phones.begin_approval(self.body(Pending).pending, self.now())), 201)


class Reauthentication(StaffHandler):
    async def post(self) -> None:
        """The password again; dangerous acts are open for ten minutes."""
        member, body = await self.member(anywhere=True, unfinished=True), self.body(PasswordBody)
        await self.services.staff.reauthenticate(member, self.get_cookie(COOKIE, ""), body.password, self.now(), self.origin())
        self.done()
