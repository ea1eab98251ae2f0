"""Salutes: the web port's door, and what it shares with the intake port."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from handlers.base import COOKIE, ApiHandler, decode_body, token_from
from server.clock import iso
from server.counting import Ask, Taken
from server.logs import request_id

if TYPE_CHECKING:
    from server.services import Services


logger = logging.getLogger(__name__)
# What a salute's name ends with that is logged with its change; names are hex digits, so it is one in 256.
TRACED = "00"


class ParticipationRecord(msgspec.Struct, gc=False):
    """A participation as the API shows it."""

    ordinal: int
    first: bool
    activities: tuple[str, ...]
    participated_at: str
    durable: bool
    receipt: str
    period: str


def record_view(taken: Taken) -> ParticipationRecord:
    return ParticipationRecord(taken.ordinal, taken.first, taken.activities, iso(taken.participated_at), taken.durable, taken.receipt,
                               taken.period)


def read_ask(services: Services, authorization: str | None, cookie: str | None, body: bytes, now: float) -> tuple[int, Ask]:
    """Who asks, and what, from either door. Raises NotAuthorised, InvalidBody, BodyTooLarge, Maintenance."""
    services.switches.admit(now)
    citizen = services.citizens.of_token(services.tokens.read(token_from(authorization, cookie), now))
    return citizen, decode_body(body, Ask)


def trace(name: str, slug: str, taken: Taken) -> None:
    """Log which change of the ledger a request became. Ordinals of a shard are its number plus one, plus a multiple of the shards."""
    token = request_id.set(name)
    logger.info("salute of %s:%s with ordinal %d is change %d", slug, taken.period, taken.ordinal, taken.seq)
    request_id.reset(token)


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
        citizen, ask = read_ask(self.services, self.request.headers.get("Authorization"), self.get_cookie(COOKIE), self.request.body, now)
        taken = await self.services.counting.participate(slug, citizen, ask, now)
        if self.request_id.endswith(TRACED) or logger.isEnabledFor(logging.DEBUG):
            trace(self.request_id, slug, taken)
        self.reply(record_view(taken), taken.status)


class Mine(ApiHandler):
    async def get(self, slug: str) -> None:
        """The caller's own participation in the current period."""
        self.reply(record_view(await self.services.counting.record_of(slug, self.citizen(), self.now())))
