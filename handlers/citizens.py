"""What a citizen may do about herself."""

from __future__ import annotations

from typing import Any

import msgspec

from handlers.base import COOKIE, ApiHandler
from server.clock import iso
from server.phones import PURPOSE, Phone


class PhoneBody(msgspec.Struct):
    """`code`: of the button for her number; `purpose`: what the page says it is for.

    `under14`: she chose 未满14周岁; then nothing is asked and nothing kept.
    """

    code: str
    purpose: str = PURPOSE
    under14: bool = False


def phone_view(phone: Phone) -> dict[str, Any]:
    """Never the whole number."""
    return {"number": phone.masked, "purpose": phone.purpose, "given_at": iso(phone.given_at)}


class Me(ApiHandler):
    async def delete(self) -> None:
        """Deletion 注销: everything of hers but the count."""
        await self.services.citizens.delete(self.citizen(), self.now())
        self.clear_cookie(COOKIE, path="/")
        self.set_status(204)
        self.finish()


class MyPhone(ApiHandler):
    async def get(self) -> None:
        """The number that she gave, masked, and what she was told it is for."""
        self.reply(phone_view(await self.services.phones.of(self.citizen())))

    async def post(self) -> None:
        """Give a phone number by the one-time code of the mini-program's button."""
        citizen, body = self.citizen(), self.body(PhoneBody)
        self.reply(phone_view(await self.services.phones.take(citizen, body.code, body.purpose, self.now(), under14=body.under14)), 201)

    async def delete(self) -> None:
        """Take the number back."""
        await self.services.phones.take_back(self.citizen(), self.now())
        self.set_status(204)
        self.finish()
