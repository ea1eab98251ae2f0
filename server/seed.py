"""Demo data, made once: an open campaign for a year, an ended one with 3,000 citizens through the real script, staff accounts."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from server.campaigns import Activity, Campaign, Preset
from server.counting import Ask
from server.errors import Conflict, Unavailable
from server.services import Services
from server.staff import ROLES, new_password

ASSETS = Path(__file__).resolve().parent.parent / "assets"
STAFF = (("admin", "admin"), ("bianji", "editor"), ("shenhe", "reviewer"), ("zhiban", "operator"), ("shenji", "auditor"))
YEAR_SECONDS = 366 * 86400
ENDED_SLUG = "salute-the-flag-demo"
ENDED_PARTICIPANTS = 3000
# The same crowd in every demo.
SEED = 20261001


async def seed(services: Services, now: float) -> list[tuple[str, str, str]]:
    """Make what is missing. Returns the staff accounts made now: name, role, password in clear, for printing once."""
    base = await asyncio.to_thread(_seed_file)
    accounts = await _staff(services, now)
    await _campaign(services, _of_seed(base, now), base, now)
    await _ended(services, base, now)
    await services.short_links.link_for(base["slug"])
    return accounts


def _seed_file() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ASSETS / "seeds" / "salute-the-flag.json").read_text("utf-8"))
    found["csv"] = {kind: (ASSETS / path).read_text("utf-8-sig") for kind, path in found.pop("places").items()}
    return found


def _of_seed(base: dict[str, Any], now: float) -> Campaign:
    fields = {name: value for name, value in base.items() if name != "csv"}
    return Campaign(**fields | {"state": "draft", "opens_at": int(now), "closes_at": int(now) + YEAR_SECONDS,
                                "activities": tuple(Activity(**a) for a in base["activities"]),
                                "presets": tuple(Preset(**p) for p in base["presets"])})


async def _campaign(services: Services, campaign: Campaign, base: dict[str, Any], now: float) -> bool:
    """Create, fill and open a campaign; False where it is there already and was opened."""
    with suppress(Conflict):  # made before, perhaps by a start that was killed: go on where it stopped
        await services.campaigns.create(campaign)
    current = await services.campaigns.get_any(campaign.slug)
    if current.state not in ("draft", "scheduled"):
        return False
    for kind in ("regions", "units"):
        await services.places.import_csv(current, kind, base["csv"][kind], dry_run=False)
    if current.state == "draft":
        await services.campaigns.transition(campaign.slug, "scheduled", now)
    await services.campaigns.transition(campaign.slug, "open", now)  # the clock may have done it meanwhile
    return True


async def _ended(services: Services, base: dict[str, Any], now: float) -> None:
    """A campaign that has ended, marked as a demo. Its citizens belong to nobody; they were counted by the real script."""
    if any(c.slug == ENDED_SLUG and c.state not in ("draft", "scheduled", "open") for c in await services.campaigns.all()):
        return
    campaign = replace(_of_seed(base, now), slug=ENDED_SLUG, title=base["title"] + "（往期演示）", opens_at=int(now) - 7 * 86400,
                       closes_at=int(now) + 3600, demo=True)
    await _campaign(services, campaign, base, now)
    current = await services.campaigns.get(ENDED_SLUG)
    index = await services.places.of(current)
    chance = random.Random(SEED)
    regions = [region.code for region in index.regions.values()]
    weights = [1 if region.own else 6 for region in index.regions.values()]
    missing = ENDED_PARTICIPANTS - (await services.counting.figures(ENDED_SLUG, None, now)).participants
    asks = [(citizen, Ask(activity.code, region))
            for citizen in await services.citizens.reserve(max(0, missing))
            for region in chance.choices(regions, weights)
            for activity in chance.sample(current.activities, chance.choice((1, 1, 1, 2, 3)))]
    # One after the other for each citizen, some hundred citizens at once.
    for start in range(0, len(asks), 500):
        await asyncio.gather(*(_salute(services, *ask, now) for ask in asks[start:start + 500]))
    # The window ends now; what is counted is carried into MongoDB by the ledger like any other.
    await services.campaigns.update(replace(current, closes_at=int(now)))
    await services.campaigns.transition(ENDED_SLUG, "frozen", now)


async def _salute(services: Services, citizen: int, ask: Ask, now: float) -> None:
    for _ in range(20):
        try:
            await services.counting.participate(ENDED_SLUG, citizen, ask, now)
            return
        except Unavailable:
            await asyncio.sleep(0.25)
    raise Unavailable()


async def _staff(services: Services, now: float) -> list[tuple[str, str, str]]:
    made = []
    for name, role in STAFF:
        password = new_password()
        try:
            await services.staff.create(name, role, password, now, temporary=services.staff.is_public)
        except Conflict:
            continue  # from an earlier start
        made.append((name, ROLES[role], password))
    return made
