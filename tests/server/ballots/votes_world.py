"""What tests of votes stand on: a vote of an October week, ballots over real stores as several processes have them; counting as told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from server.ballots import Ballots, BallotStore, BallotWriter, PaperBallots, PaperStore, Tallying, TallyStore
from server.ballots.service import BallotBody
from server.campaigns import Activity, Campaign
from server.claims import Claims
from server.counting import Ask, Taken, period_of
from server.metrics import Metrics
from server.seals import Seal
from server.stores import Stores, ensure_indexes
from tests.command_listener import LOOKING
from tests.server.civic_world import CLOSES, DURING, OPENS

SECRET = b"k" * 32
RULES: dict[str, Any] = {
    "candidates": [{"code": "zhang", "name": "张桂英", "text": "三十年照顾邻居老人"}, {"code": "lin", "name": "林海生"},
                   {"code": "chen", "name": "陈秀兰"}, {"code": "wu", "name": "吴建军"}], "least": 1, "most": 3, "tally": "after_vote"}


def vote(**changes: Any) -> Campaign:
    return replace(Campaign("good-people", "身边好人投票", "open", OPENS, CLOSES, (Activity("vote", "投票", "投票"),), kind="vote",
                            rules=RULES), **changes)


class VoteWorld:
    """`ordinals`: of whom counting knows. `refusal`: what counting says instead."""

    def __init__(self, stores: Stores, campaign: Campaign | None = None) -> None:
        self.stores = stores
        self.campaign = campaign or vote()
        self.now_in_mongodb: Campaign | None = None  # where this process has not read it yet
        self.now = DURING
        self.ordinals: dict[int, int] = {}
        self.refusal: Exception | None = None
        self.merged: dict[int, list[int]] = {}
        self.ballots = self.process()

    def process(self) -> Ballots:
        """Ballots as another process has them."""
        store = BallotStore(self.stores.mongo, self.stores.mongo_batches, Seal(SECRET, "ballot"))
        tallying = Tallying(TallyStore(self.stores.mongo), store, Claims(self.stores.mongo), self._running)
        return Ballots(store, BallotWriter(store, Metrics(), lambda: self.now), tallying, PaperBallots(PaperStore(self.stores.mongo)),
                       self, self._participate, lambda citizen: self.merged.get(citizen, [citizen]))

    async def get(self, slug: str) -> Campaign:
        return self.campaign

    async def get_any(self, slug: str) -> Campaign:
        return self.now_in_mongodb or self.campaign

    async def _running(self) -> list[Campaign]:
        return [self.campaign]

    async def _participate(self, slug: str, citizen: int, ask: Ask, now: float) -> Taken:
        if self.refusal:
            raise self.refusal
        await asyncio.sleep(0)
        first = citizen not in self.ordinals
        ordinal = self.ordinals.setdefault(citizen, len(self.ordinals) + 1)
        return Taken(ordinal, first, ("vote",), int(now), True, "", period_of(self.campaign, now), 201 if first else 200)

    async def ready(self) -> VoteWorld:
        await ensure_indexes(self.stores.mongo)
        return self

    async def cast(self, citizen: int, *choices: str, ballots: Ballots | None = None, now: float = 0.0) -> Any:
        self.now = now or self.now
        return await (ballots or self.ballots).cast(self.campaign.slug, citizen, BallotBody(list(choices), "350602"), self.now)

    async def rows(self) -> list[dict[str, Any]]:
        return await self.stores.mongo["ballots"].find(comment=LOOKING).to_list(None)

    async def totals(self) -> dict[str, int]:
        return (await self.ballots.tallying.tally(self.campaign.slug)).totals


def counted(ballots: Iterable[Iterable[str]]) -> dict[str, int]:
    """The tally as one counts it by hand."""
    totals: dict[str, int] = {}
    for choices in ballots:
        for code in choices:
            totals[code] = totals.get(code, 0) + 1
    return totals
