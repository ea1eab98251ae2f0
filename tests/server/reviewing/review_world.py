"""A city's review over real stores: two processes, two reviewers, and citizens who write."""

from __future__ import annotations

from typing import Any

from server.messages import Author, MessageStore, Posted
from server.reviewing import Reviewing, reviewing_of
from server.seals import Seal
from server.staff import Member
from server.stores import Stores
from server.words import Words
from tests.server.civic_world import DURING, campaign

SECRET = b"k" * 32
OPEN = campaign(state="open", free_words=True)
ALICE, BOB, CAROL, DAVE = 1, 2, 3, 4
SALUTED = ("salute",)
LIN, CHEN = "lin", "chen"  # two reviewers
ADMIN, AUDITOR = Member("admin", "admin", ""), Member("shenji", "auditor", "")
REVIEWER = Member(LIN, "reviewer", "")
PHONE = Author("203.0.113.7", "Mozilla/5.0 MicroMessenger", "0123456789abcdef")


class ReviewWorld:
    """`here` and `there` are two processes over the same stores."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.logged: list[tuple[str, str, str, dict[str, Any]]] = []
        self.hashes: dict[int, list[str]] = {}  # by which a number's person is known, where it is not one of her own
        self.here, self.there = self.process(), self.process()

    def process(self) -> Reviewing:
        async def record(who: str, action: str, subject: str, detail: dict[str, Any], now: float) -> None:
            self.logged.append((who, action, subject, detail))

        async def identities_of(citizen: int) -> list[tuple[str, str]]:
            return [("wxofficial", f"hash-of-{citizen}")]

        async def hashes_of(citizen: int) -> list[str]:
            return self.hashes.get(citizen, [f"hash-of-{citizen}"])

        return reviewing_of(self.stores, MessageStore(self.stores.mongo, Seal(SECRET, "message")), Words(self.stores.mongo), record,
                            secret_key=SECRET, identities_of=identities_of, hashes_of=hashes_of)

    async def writes(self, citizen: int, words: str = "祖国万岁", now: float = DURING, name: str | None = None, *,
                     period: str = "all", on: Reviewing | None = None) -> str:
        """Her own words; their token."""
        posted: Posted = await (on or self.here).messages.post(OPEN, period, citizen, SALUTED, now, message=words, name=name, author=PHONE)
        return posted.id

    async def published(self, citizen: int, words: str = "祖国万岁", now: float = DURING, **more: Any) -> str:
        token = await self.writes(citizen, words, now, **more)
        assert await self.decide(token, True, now=now + 1) == ""
        return token

    async def decide(self, token: str, approve: bool, by: str = LIN, now: float = DURING + 1, on: Reviewing | None = None,
                     words: str = "与本次活动无关") -> str:
        """The code of the refusal, "" for none."""
        (ruled,) = await (on or self.here).desk.decide("flag", [("message", token)], approve, "", words, by, now)
        return ruled.error.code if ruled.error else ""

    async def wall(self, on: Reviewing, now: float) -> list[str]:
        return [item["message"] for item in (await on.wall.page(OPEN, "", now))["items"]]

    async def queue(self, which: str = "waiting", by: str = LIN, now: float = DURING, machine: str = "") -> list[dict[str, Any]]:
        return list((await self.here.desk.page(which, "flag", "", "", by, now))["items"])
