"""Salutes: the web port's door, and what it shares with the intake port."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from handlers.base import COOKIE, ApiHandler, decode_body, token_from
from server.clock import iso
from server.counting import Ask, Taken
from server.errors import InvalidBody

if TYPE_CHECKING:
    from server.services import Services


class SaluteBody(msgspec.Struct):
    """`region` is needed on the first salute only. `first_tried_at`: ISO 8601, when the phone first tried this salute."""

    activity: str = msgspec.field()
    region: str = ""
    unit: str | None = None
    receipt: str | None = None
    first_tried_at: str | None = None


def record_view(taken: Taken) -> dict[str, Any]:
    """A participation as the API shows it."""
    return {"ordinal": taken.ordinal, "first": taken.first, "activities": taken.activities,
            "participated_at": iso(taken.participated_at), "durable": taken.durable, "receipt": taken.receipt, "period": taken.period}


def read_ask(services: Services, slug: str, authorization: str | None, cookie: str | None, body: bytes, now: float) -> Ask:
    """A salute's request, from either door. Raises NotAuthorised, InvalidBody, BodyTooLarge."""
    token = services.tokens.read(token_from(authorization, cookie), now)
    citizen = services.citizens.of_token(token)
    salute = decode_body(body, SaluteBody)
    return Ask(slug, citizen, salute.activity, salute.region, salute.unit or "", salute.receipt or "", _seconds(salute.first_tried_at))


def _seconds(text: str | None) -> float:
    if not text:
        return 0.0
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError) as error:
        raise InvalidBody(field="first_tried_at") from error


class Participations(ApiHandler):
    def set_default_headers(self) -> None:  # so that a refusal has them too
        super().set_default_headers()
        for name, value in self.settings["origins"].fields(self.request.headers.get("Origin")).items():
            self.set_header(name, value)

    async def options(self, slug: str) -> None:
        """What a browser asks before a page of another origin may post."""
        self.set_status(204)
        self.set_header("Allow", "POST, OPTIONS")

    async def post(self, slug: str) -> None:
        """Count a salute once; a repeat gets its first answer again."""
        self.services.counting.admission.check()
        now = self.now()
        ask = read_ask(self.services, slug, self.request.headers.get("Authorization"), self.get_cookie(COOKIE), self.request.body, now)
        taken = await self.services.counting.participate(ask, now)
        self.reply(record_view(taken), taken.status)


class Mine(ApiHandler):
    async def get(self, slug: str) -> None:
        """The caller's own participation in the current period."""
        self.reply(record_view(await self.services.counting.record_of(slug, self.citizen(), self.now())))
