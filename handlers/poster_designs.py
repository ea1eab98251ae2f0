"""A campaign's own poster, through the staff's interface: what to begin with, and how a design would look.

The design itself is part of the campaign's draft (`theme.poster_design`) and is saved, reviewed and published with it.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from handlers.base import decode_body
from handlers.staff import MAX_CAMPAIGN_BYTES, StaffHandler
from server.campaign_types import CAMPAIGN_TYPES
from server.posters.design import HEIGHT, PALETTE, SCENES, WIDTH, begun_from, look_of, read_design
from server.posters.layers import CAMPAIGN_WORDS, CITIZEN_WORDS
from server.releases.content import as_published


class DesignBody(msgspec.Struct):
    """A design as it would lie in the theme."""

    design: dict[str, Any]


class Beginning(StaffHandler):
    async def get(self, slug: str) -> None:
        """The built-in poster of the draft's kind as a design to begin with, and what designs may use."""
        await self.member(campaign=slug)
        content, landscapes = (await self.services.releases.drafts.of(slug)).content, self.services.posters.landscapes
        named = str(content.theme.get("poster", ""))
        scene = named if named in landscapes else CAMPAIGN_TYPES[content.kind].poster
        self.reply({"design": msgspec.to_builtins(begun_from(landscapes[scene], scene)), "width": WIDTH, "height": HEIGHT,
                    "palette": [{"color": color, "name": name} for color, name in PALETTE.items()],
                    "scenes": [{"code": code, "name": name, "look": look_of(landscapes[code]) if code in landscapes else []}
                               for code, name in SCENES.items()],
                    "words": [*CAMPAIGN_WORDS, *CITIZEN_WORDS]})


class Preview(StaffHandler):
    async def post(self, slug: str) -> None:
        """The real poster of a design, with the draft's words and a made-up citizen, and every rule that it breaks."""
        member = await self.member("editor", "reviewer", "operator", campaign=slug)
        design = read_design(decode_body(self.request.body, DesignBody, MAX_CAMPAIGN_BYTES).design)
        draft = await self.services.releases.drafts.of(slug)
        shown = as_published(draft.content, await self.services.campaigns.get_any(slug))
        sample = await self.services.posters.sample(shown, design, member.name, self.now())
        picture = "data:image/jpeg;base64," + base64.b64encode(sample.jpeg).decode() if sample.jpeg else ""
        self.reply({"picture": picture, "bytes": len(sample.jpeg), "problems": sample.problems, "warnings": sample.warnings})
