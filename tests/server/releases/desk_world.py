"""A city's desk: 林小雨 and 陈晨 write; 赵科, 钱处 and 孙局 review; a campaign of the October week; services over real stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import structs

from server.blocks.service import PageBlocks
from server.blocks.wall import WallGlimpse
from server.campaigns import Campaign
from server.media import FileStore, Library, MediaFiles, MediaStore
from server.media.references import CampaignMedia
from server.messages import Messages, MessageStore
from server.releases import releases_of
from server.releases.content import Content, content_of
from server.releases.record import Draft
from server.reviewing.wall import Wall
from server.seals import Seal
from server.stores import Stores
from server.words import Words
from tests.server.civic_world import BEFORE, FOOTER, REGIONS, UNITS, CivicWorld, campaign

LIN, CHEN = "lin.xiaoyu", "chen.chen"
ZHAO, QIAN, SUN = "zhao.ke", "qian.chu", "sun.ju"
REVIEWERS = (ZHAO, QIAN, SUN)
SHARE = {"title": "我正在向国旗敬礼", "desc": "同升一面旗", "image": "/static/share/salute.jpg"}
WHOLE: dict[str, Any] = {"share": SHARE, "organiser": FOOTER | {"report_url": "https://www.12377.cn/"}}
NOW = BEFORE
ASSETS = Path(__file__).resolve().parents[3] / "assets"


class DeskWorld:
    def __init__(self, stores: Stores, *, required: bool = True) -> None:
        self.stores = stores
        self.civic = CivicWorld(stores)
        self.campaigns = self.civic.campaigns
        self.required = required
        self.recorded: list[tuple[str, str, str]] = []
        self.library = Library(MediaStore(stores.mongo), MediaFiles(FileStore(stores.mongo)))
        self.campaigns.media = CampaignMedia(self.library, lambda: NOW)
        self.releases = self.process()
        self.drafts, self.reviews, self.publishing = self.releases.drafts, self.releases.reviews, self.releases.publishing

    def process(self):
        """The services as another process, or this one after a restart, has them."""
        messages = Messages(MessageStore(self.stores.mongo, Seal(b"k" * 32, "message")), Words(self.stores.mongo))
        blocks = PageBlocks(self.library, WallGlimpse(Wall(messages)), skins=ASSETS / "skins", built=ASSETS / "h5")
        campaigns = self.civic.process()
        campaigns.media = CampaignMedia(self.library, lambda: NOW)
        return releases_of(self.stores, campaigns, self.civic.places, self.record, base_url=lambda: "http://wm.example", is_public=True,
                           required=self.required, poster_templates=frozenset({"salute"}), page_blocks=blocks, library=self.library)

    async def record(self, who: str, action: str, subject: str, detail: dict[str, Any], now: float) -> None:
        self.recorded.append((who, action, subject))

    async def ready(self) -> DeskWorld:
        await self.civic.ready()
        return self

    async def begun(self, **changes: Any) -> Campaign:
        """A campaign that nobody has published, with its places."""
        made = await self.campaigns.create(campaign(**WHOLE | changes))
        for kind, data in (("regions", REGIONS), ("units", UNITS)):
            await self.civic.places.import_csv(made, kind, data, dry_run=False)
        return await self.campaigns.get_any(made.slug)

    async def content(self, slug: str = "flag", **changes: Any) -> Content:
        """What is public, or will be, with changes."""
        return structs.replace(content_of(await self.campaigns.get_any(slug)), **changes)

    async def written(self, who: str = LIN, now: float = NOW, **changes: Any) -> Draft:
        """The draft after somebody saved these changes."""
        seen = await self.drafts.of("flag")
        return (await self.drafts.save("flag", seen.rev, structs.replace(seen.content, **changes), who, now)).draft

    async def submitted(self, who: str = LIN, now: float = NOW, **changes: Any) -> Draft:
        draft = await self.written(who, now, **changes)
        return await self.reviews.submit("flag", draft.rev, who, now)

    async def decide(self, person: str, verdict: Any = "approve", comment: str = "", id: str = "flag", now: float = NOW) -> Draft:
        draft = await self.reviews.about(id)
        return await self.reviews.decide(id, draft.review.revision, draft.review.round, person, verdict, comment, now)

    async def approved(self, now: float = NOW, **changes: Any) -> Draft:
        draft = await self.submitted(now=now, **changes)
        for person in REVIEWERS:
            draft = await self.decide(person, now=now)
        return draft

    async def published(self, now: float = NOW, **changes: Any) -> Campaign:
        await self.approved(now, **changes)
        return await self.publishing.publish("flag", 0, (), LIN, now)
