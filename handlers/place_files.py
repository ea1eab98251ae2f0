"""Places from CSV or XLSX files under column names of their own."""

from __future__ import annotations

import msgspec

from handlers.staff import MAX_IMPORT_BYTES, StaffHandler
from server.campaigns import CampaignNotFound
from server.errors import BodyTooLarge
from server.place_files import NAMES

# A column's name; longer ones are no names.
MAX_HEADER_CHARACTERS = 200


class CopyBody(msgspec.Struct):
    """`campaign`: whose districts and units are taken over."""

    campaign: str


class Copy(StaffHandler):
    async def post(self, slug: str) -> None:
        """Take over the districts and units of another campaign, where there are none yet."""
        member, body = await self.member("editor", campaign=slug), self.body(CopyBody)
        if not member.sees(body.campaign):
            raise CampaignNotFound()
        campaigns = self.services.campaigns
        copied = await self.services.place_files.copy(await campaigns.get_any(body.campaign), await campaigns.get_any(slug))
        await self.log(member, "places.copy", slug, model=body.campaign, regions=copied)
        self.reply({"regions": copied})


class File(StaffHandler):
    async def post(self, slug: str) -> None:
        """Import regions or units from a file as it was saved, or only say what an import would do."""
        member = await self.member("editor", campaign=slug)
        if len(self.request.body) > MAX_IMPORT_BYTES:
            raise BodyTooLarge()
        kind, dry_run = self.get_query_argument("kind", ""), self.get_query_argument("dry_run", "") in ("1", "true")
        campaign = await self.services.campaigns.get_any(slug)
        result = await self.services.place_files.take(campaign, kind, self.request.body, self.columns(kind), dry_run=dry_run)
        if not dry_run:
            await self.log(member, "places.import", slug, kind=kind, imported=result["imported"])
        self.reply(result)

    def columns(self, kind: str) -> dict[str, str]:
        """Our names with the file's, such as `?code=学校标识码`; a region's `kind` is `kind_column`: `kind` says what is imported."""
        given = {name: self.get_query_argument("kind_column" if name == "kind" else name, "").strip()[:MAX_HEADER_CHARACTERS]
                 for name in NAMES.get(kind, ())}
        return {name: header for name, header in given.items() if header}
