"""What tests of photos stand on: a wall of an October week, photos over real stores as several processes have them; counting as told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from server.campaigns import Activity, Campaign
from server.counting import Ask, Taken, period_of
from server.errors import WenmingError
from server.media import Workshop
from server.messages import Ruling
from server.moderation.media import MediaCheck
from server.photos import PhotoFiles, Photos, PhotoStore, PictureStore
from server.photos.photo import PhotoBody
from server.reviewing import PhotoSource
from server.reviewing.item import Item
from server.seals import Seal
from server.stores import Stores, ensure_indexes
from server.words import Words
from tests.command_listener import LOOKING
from tests.server.civic_world import CLOSES, DURING, OPENS
from tests.server.media.media_world import photograph

SECRET = b"k" * 32
LIN, CHEN = "lin", "chen"  # two reviewers
RULES: dict[str, Any] = {
    "prompt": "拍一张您身边的文明瞬间", "captions": [{"code": "queue", "text": "有序排队"}, {"code": "clean", "text": "清洁家园"}],
    "own_captions": True}
PHOTO = photograph(1600, 1200)


def wall(**changes: Any) -> Campaign:
    return replace(Campaign("our-city", "文明瞬间照片墙", "open", OPENS, CLOSES, (Activity("photo", "晒照片", "晒照片"),), kind="photos",
                            rules=RULES), **changes)


class Checks:
    """Stands for the platform's check: keeps what it was asked, or refuses."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.problem: WenmingError | None = None

    async def ask(self, appid: str, citizen: int, kind: str, url: str, subject: str, now: float) -> None:
        if self.problem:
            raise self.problem
        self.asked.append((url, subject))


class PhotoWorld:
    def __init__(self, stores: Stores, folder: Path) -> None:
        self.stores, self.folder = stores, folder
        self.campaign = wall()
        self.checks = Checks()
        self.refusal: WenmingError | None = None
        self.ordinals: dict[int, int] = {}
        self.merged: dict[int, list[int]] = {}
        self.words = Words(stores.mongo)
        self.store = PhotoStore(stores.mongo, Seal(SECRET, "photo"))
        self.photos = self.process("first")
        self.source = PhotoSource(self.store, self.photos.files, stores.mongo)

    def process(self, name: str, store: PhotoStore | None = None) -> Photos:
        """Photos as another process has them; with a store of its own it knows of no change that this one makes."""
        store = store or self.store
        files = PhotoFiles(PictureStore(self.stores.mongo, Seal(SECRET, "photo")), store, Workshop(self.folder / name))
        checks: Any = self.checks
        return Photos(store, files, self.words, checks, self.stores.redis, SECRET, self, self._participate,
                      lambda citizen: self.merged.get(citizen, [citizen]), appids=("wxmini",), base_url="https://wm.example")

    async def ready(self) -> PhotoWorld:
        await ensure_indexes(self.stores.mongo)
        return self

    async def get(self, slug: str) -> Campaign:
        return self.campaign

    async def _participate(self, slug: str, citizen: int, ask: Ask, now: float) -> Taken:
        if self.refusal:
            raise self.refusal
        first = citizen not in self.ordinals
        ordinal = self.ordinals.setdefault(citizen, len(self.ordinals) + 1)
        return Taken(ordinal, first, ("photo",), int(now), True, "", period_of(self.campaign, now), 201 if first else 200)

    async def send(self, citizen: int, data: bytes = PHOTO, *, photos: Photos | None = None, now: float = DURING, **body: Any) -> Any:
        fields = {"preset": "queue", "over14": True, "region": "350602"} | body
        return (await (photos or self.photos).send("our-city", citizen, PhotoBody(**fields), data, now))[0]

    async def approve(self, photo: Any, approve: bool = True, now: float = DURING + 60) -> bool:
        return await self.store.decide("our-city", photo.token, Ruling(approve, LIN, now))

    async def take_down(self, photo: Any, now: float = DURING + 120) -> bool:
        return await self.store.take_down("our-city", photo.token, Ruling(False, LIN, now))

    async def waiting(self, machine: str = "") -> list[Item]:
        """What reviewers have before them; with `machine`, what machines said that of."""
        return await self.source.page(f"machine:{machine}" if machine else "waiting", "our-city", "", 50)

    async def judged(self, photo: Any, state: Any, label: str = "") -> None:
        """The platform's verdict on a picture."""
        await self.photos.learn(MediaCheck("wxmini:1", f"photo:{photo.token}", photo.citizen, "image", state, label, DURING, DURING + 30))

    async def parts(self) -> list[str]:
        return sorted(d["_id"] for d in await self.stores.mongo["photo_parts"].find(comment=LOOKING).to_list(None))
