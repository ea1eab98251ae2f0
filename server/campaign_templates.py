"""Templates 活动模板: what a new campaign of a kind begins with, so that no editor stands before an empty page.

Owns: reading `assets/seeds/templates/<code>.json`. Invariants: a template is a whole campaign but for slug, window, places and organiser,
and would pass the checks of its kind as it is; a campaign that was made from one is the editor's own and knows nothing of it afterwards.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from server.campaigns import Activity, Campaign, Preset
from server.errors import InvalidBody


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`name` and `about` are for editors, the rest is the campaign's. `code` is the file's name."""

    name: str
    about: str
    kind: str
    title: str
    activities: tuple[Activity, ...]
    code: str = ""
    period_rule: Literal["all", "daily"] = "all"
    free_words: bool = False
    presets: tuple[Preset, ...] = ()
    theme: dict[str, Any] = {}
    share: dict[str, str] = {}
    rules: dict[str, Any] = {}


class CampaignTemplates:
    """Files of the product: read once, in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: tuple[Template, ...] = ()

    async def all(self) -> tuple[Template, ...]:
        """Every template, by its code."""
        self._kept = self._kept or await asyncio.to_thread(read_all, self._folder)
        return self._kept

    async def fill(self, code: str, campaign: Campaign) -> Campaign:
        """The campaign with everything that the template has; "" leaves it as it is. Raises InvalidBody UNKNOWN_TEMPLATE."""
        if not code:
            return campaign
        found = next((one for one in await self.all() if one.code == code), None)
        if found is None:
            raise InvalidBody("UNKNOWN_TEMPLATE", "没有这个活动模板", field="template")
        return replace(campaign, title=campaign.title.strip() or found.title, kind=found.kind, period_rule=found.period_rule,
                       free_words=found.free_words, activities=found.activities, presets=found.presets, theme=dict(found.theme),
                       share=dict(found.share), rules=dict(found.rules))


def read_all(folder: Path) -> tuple[Template, ...]:
    """Raises msgspec.ValidationError for a file that is none: it ships with the product, and a test reads them all."""
    return tuple(msgspec.structs.replace(msgspec.json.decode(path.read_bytes(), type=Template), code=path.stem)
                 for path in sorted(folder.glob("*.json")))
