"""What is done with photos: sent by a citizen, looked at by machines and people, shown to everybody, taken away."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from server import keys
from server.campaign_types import CAMPAIGN_TYPES
from server.campaign_types.photos import PhotoRules
from server.campaigns import Campaign
from server.clock import day_of, iso
from server.counting import Ask, Taken, check_open, period_of, tried_at
from server.errors import Conflict, Forbidden, InvalidBody, NotAuthorised, Refusal, Unavailable, WenmingError
from server.messages import Author, Guard, NoGuard
from server.moderation import MediaChecks
from server.moderation.media import MediaCheck
from server.photos.photo import (
    KIND,
    MAX_TRIES,
    NotAPhotoWall,
    Photo,
    PhotoBody,
    PhotoNotFound,
    addresses,
    caption_of,
    check_age,
    check_photo,
    stands,
)
from server.photos.pictures import PhotoFiles
from server.photos.store import ITEMS_A_PAGE, PhotoStore
from server.seals import derive_key
from server.shared_reads import Remembered
from server.stores import PyMongoError, RedisClient
from server.wechat.errors import WeChatError
from server.words import Words

logger = logging.getLogger(__name__)

# What photos are called among the things that reviewers decide on (server/reviewing).
ITEM_KIND = "photo"
# Files of one citizen that are looked at in a day: some tries with a photo that does not fit, and no more work than that.
MOST_FILES_A_DAY = 20
# Longer than the platform's answer with its tries; who asked and died is followed by the job.
ASKING_SECONDS = 120.0
CHECKS_AT_ONCE = 20
# What is taken down must be gone within two seconds everywhere: one for this, one for the request itself.
WALL_SECONDS = 1.0
# More walls than are looked at in one second.
MOST_WALLS = 64
CLOSED_WORDS = {"scheduled": "活动尚未开始", "paused": "活动暂停，恢复后请再传", "frozen": "活动已经截止，不再收集照片",
                "archived": "活动已经结束，感谢您的关注"}

CheckCaller = Callable[[], object]


ForgetBeside = Callable[[Sequence[str]], Awaitable[None]]


def _anybody() -> None:
    """Nobody was deleted."""


async def _nothing(tokens: Sequence[str]) -> None:
    """Nothing was kept beside."""


class Campaigns(Protocol):
    async def get(self, slug: str) -> Campaign: ...


class Photos:
    """`files` are the pictures, for who needs them alone. `appids`: of the mini-programs, which may ask the platform about a picture."""

    def __init__(self, store: PhotoStore, files: PhotoFiles, words: Words, checks: MediaChecks, redis: RedisClient, secret_key: bytes,
                 campaigns: Campaigns, participate: Callable[[str, int, Ask, float], Awaitable[Taken]],
                 numbers_of: Callable[[int], list[int]], *, appids: tuple[str, ...], base_url: str) -> None:
        self.files = files
        self._store = store
        self._words = words
        self._checks = checks
        self._redis = redis
        self._check_key = derive_key(secret_key, "photo check address")
        self._campaigns = campaigns
        self._participate = participate
        self._numbers_of = numbers_of
        self._appids = appids
        self._base_url = base_url
        self._walls: Remembered[dict[str, Any]] = Remembered(WALL_SECONDS, MOST_WALLS)
        # Set by the composition root: who may send, and what is kept of it beside; who else keeps something of a photo, by its token.
        self.guard: Guard = NoGuard()
        self.forget_beside: ForgetBeside = _nothing

    # Citizens

    async def send(self, slug: str, citizen: int, body: PhotoBody, data: bytes, now: float,
                   author: Author | None = None, check_caller: CheckCaller = _anybody) -> tuple[Photo, Taken | None]:
        """Take a photo once in a period, or give what stands. Her participation where this request made one.

        The workshop takes seconds, in which she may have herself deleted: `check_caller` raises then, as it did when she came. After
        `create` either this process knows of it, or the second look of the deletion is still to come.

        Raises as counting does, and NotAPhotoWall, Forbidden PHOTO_NOT_TAKEN, InvalidBody, Conflict, BodyTooLarge, NotTaken, Unavailable.
        """
        campaign = await self._campaigns.get(slug)
        rules = self.rules_of(campaign)
        check_age(body)
        tried = tried_at(campaign, body.first_tried_at, now) if body.first_tried_at else now
        period = period_of(campaign, tried)
        standing = await self._standing(slug, period, citizen)
        if standing is not None and standing.state != "withdrawn":
            return standing, None
        if standing is not None and standing.tries >= MAX_TRIES:
            raise Conflict("PHOTO_TRIES_USED", f"每期最多传 {MAX_TRIES} 次照片，请下期再来")
        check_open(campaign, period, tried, now, CLOSED_WORDS)
        await self.guard.check_ban(slug, citizen, now)
        check_photo(data)
        caption, own = caption_of(rules, body)
        if own and (await self._words.look(caption)).block:
            # Which word is not said: that would teach how to write around it.
            raise InvalidBody("WORDS_REFUSED", "说明含有不宜公开的词语，请修改后再试", field="caption")
        await self._count_file(citizen, now)
        token = secrets.token_hex(16)
        try:
            width, height = await self.files.make(data, token, now)
            check_caller()
            taken = await self._participate(slug, citizen, Ask(campaign.activities[0].code, body.region, body.unit,
                                                                first_tried_at=body.first_tried_at), now)
        except (WenmingError, PyMongoError) as error:
            if not isinstance(error, Refusal):
                await self._give_back(citizen, now)
            await self.files.remove(token)
            raise
        photo = Photo(f"{slug}:{taken.period}:{citizen}", slug, citizen, token, "pending", round(now, 3), caption, own, width, height,
                      (standing.tries if standing else 0) + 1)
        if standing is not None and standing.remove_at:  # withdrawn, and cut short
            await self._empty(standing)
        await self.guard.keep(ITEM_KIND, slug, token, caption if own else "", citizen, author or Author(), now)
        if await self._store.create(photo, round(now, 3)):
            await self.files.claim(token)
            await self._check_again(photo, check_caller, now)
            return photo, taken
        await self.files.remove(token)
        await self.guard.forget(ITEM_KIND, (token,), written=False)
        first = await self._store.find(photo.id)
        if first is None or first.state == "withdrawn":
            raise Unavailable()  # she was deleted, merged, or took one back, in this moment
        return first, taken

    async def _check_again(self, photo: Photo, check_caller: CheckCaller, now: float) -> None:
        """Who was deleted or banned while her photo was on its way leaves none. Raises NotAuthorised, Forbidden."""
        try:
            check_caller()
            await self.guard.check_ban(photo.campaign, photo.citizen, now)
        except (NotAuthorised, Forbidden):
            await self.files.remove(photo.token)
            await self._store.remove(photo)
            await self.guard.forget(ITEM_KIND, (photo.token,), written=False)
            raise

    async def own(self, slug: str, citizen: int, now: float) -> Photo:
        """Hers of the current period. Raises PhotoNotFound."""
        campaign = await self._campaigns.get(slug)
        self.rules_of(campaign)
        found = await self._standing(slug, period_of(campaign, now), citizen)
        if found is None or found.state == "withdrawn":
            raise PhotoNotFound("PHOTO_NOT_FOUND", "您这一期还没有照片")
        return found

    async def withdraw(self, slug: str, citizen: int, now: float) -> None:
        """Take her own photo back: its pictures are gone at once, and what was kept of it beside. Raises PhotoNotFound.

        First it says of itself that it is withdrawn and due to go, so that whatever is cut short after that is found and finished.
        """
        photo = await self.own(slug, citizen, now)
        if await self._store.withdraw(photo, now):
            await self._empty(photo)

    async def wall(self, campaign: Campaign, cursor: str) -> dict[str, Any]:
        """The approved photos, newest first; nobody's name beside them. Every visitor asks for the first page: it is read once a second by
        each process, and anew after every change here; while MongoDB is away it is refused rather than shown as it was."""
        self.rules_of(campaign)
        if cursor:
            return await self._wall_view(campaign, cursor)
        return await self._walls.get(f"{campaign.slug}:{self._store.changes}", lambda: self._wall_view(campaign, ""))

    async def _wall_view(self, campaign: Campaign, cursor: str) -> dict[str, Any]:
        prefix = f"{campaign.slug}:"
        found = await self._store.page("wall", prefix + (cursor or ";"), prefix, newest_first=True)
        return {"items": [{"caption": one.caption, "at": iso(one.at), "width": one.width, "height": one.height, **addresses(one.token)}
                          for one in found],
                "next": found[-1].wall.removeprefix(prefix) if len(found) == ITEMS_A_PAGE else None}

    # Staff

    async def picture(self, campaign: Campaign, photo_id: str, variant: str) -> bytes:
        """A picture of this campaign whatever its state, for who decides. `photo_id` as in the lists. Raises PhotoNotFound."""
        token = photo_id.rpartition(":")[2]
        found = await self._store.by_token(token)
        if found is None or found.campaign != campaign.slug:
            raise PhotoNotFound()
        return await self.files.read(token, variant)

    # The platform's check of pictures

    async def check_picture(self, token: str, mac: str) -> bytes:
        """What the platform fetches while it has been asked; nobody else knows the address. Raises PhotoNotFound."""
        if not hmac.compare_digest(mac, self._mac(token)):
            raise PhotoNotFound()
        found = await self._store.by_token(token)
        if found is None or found.picture != "waiting":
            raise PhotoNotFound()
        return await self.files.read(token, "photo")

    async def learn(self, check: MediaCheck) -> None:
        """The platform's verdict; it may come twice, and after a person decided."""
        kind, _, token = check.subject.partition(":")
        if kind == "photo":
            await self._store.checked(token, check.state, check.label, round(check.settled_at, 3))

    async def tick(self, now: float) -> int:
        """Ask the platform about new pictures; how many. People decide in any case, so what cannot be asked is only noted."""
        asked = 0
        for photo in await self._store.unchecked(now, CHECKS_AT_ONCE):
            if not await self._store.take_check(photo, now, round(now + ASKING_SECONDS, 3)):
                continue
            asked += 1
            if await self._ask(photo, now):
                await self._store.asked(photo)
            else:
                await self._store.checked(photo.token, "unasked", "", now)
        return asked

    async def tidy(self, now: float) -> None:
        """Pictures that nobody's photo became, photos that were turned down so long ago that nobody asks for them any more, and what was
        cut short of a withdrawal."""
        while await self.files.tidy(now):
            """Until none is left."""
        while due := await self._store.due_to_go(now, CHECKS_AT_ONCE):
            for photo in due:
                if await self._store.close(photo, now):
                    await self._empty(photo)

    # Citizens' numbers

    async def merge(self, loser: int, survivor: int) -> None:
        """Two numbers are one person: of a period's two photos the one that `stands` stays, as the survivor's. May be repeated."""
        for lost in await self._store.of_citizen(loser):
            kept = await self._store.find(f"{lost.id.rpartition(':')[0]}:{survivor}")
            is_copy = kept is not None and kept.token == lost.token  # of a move that was cut short; somebody may have decided on either
            if kept is not None and (kept.turn >= lost.turn if is_copy else stands(kept) < stands(lost)):
                if not is_copy:
                    await self._take_away(lost)
                await self._store.remove(lost)
                continue
            if kept is not None:
                if not is_copy:
                    await self._take_away(kept)
                await self._store.remove(kept)
            if not await self._store.move(lost, survivor):
                logger.info("a photo of a merged citizen is moved the next time")

    async def remove_of(self, citizen: int, now: float) -> None:
        """Forget what a citizen sent; repeating it changes nothing."""
        for photo in await self._store.of_citizen(citizen):
            await self._take_away(photo)
            await self._store.remove(photo)

    # Within

    async def _empty(self, photo: Photo) -> None:
        """What is kept of a photo beside what became of it. May be repeated; until it is done the photo is due to go."""
        await self._take_away(photo)
        await self._store.emptied(photo)

    async def _take_away(self, photo: Photo) -> None:
        """Before the photo itself goes, by whose token it is found: its pictures, what it looks like, who decided on it."""
        await self.files.remove(photo.token)
        await self.guard.forget(ITEM_KIND, (photo.token,))
        await self.forget_beside((photo.token,))

    def rules_of(self, campaign: Campaign) -> PhotoRules:
        """Raises NotAPhotoWall."""
        if campaign.kind != KIND:
            raise NotAPhotoWall()
        rules: PhotoRules = CAMPAIGN_TYPES[KIND].read(campaign.rules)
        return rules

    async def _standing(self, slug: str, period: str, citizen: int) -> Photo | None:
        """Hers of a period, whichever of her numbers sent it."""
        withdrawn = None
        for number in self._numbers_of(citizen):
            found = await self._store.find(f"{slug}:{period}:{number}")
            if found is not None and found.state != "withdrawn":
                return found
            withdrawn = found or withdrawn
        return withdrawn

    async def _count_file(self, citizen: int, now: float) -> None:
        """Raises Conflict where she has sent too many files today. Fails closed: without Redis nothing is looked at."""
        key = keys.photo_files(citizen, day_of(now))
        count = await self._redis.incr(key)
        if count == 1:
            await self._redis.expire(key, keys.PHOTO_FILES_SECONDS)
        if count > MOST_FILES_A_DAY:
            raise Conflict("PHOTO_TRIES_USED", "您今天传的文件太多了，请明天再试")

    async def _give_back(self, citizen: int, now: float) -> None:
        """What failed on our side is no try of hers: her phone sends it again by itself."""
        await self._redis.decr(keys.photo_files(citizen, day_of(now)))

    async def _ask(self, photo: Photo, now: float) -> bool:
        url = f"{self._base_url}/photo-checks/{photo.token}{self._mac(photo.token)}.jpg"
        for appid in self._appids:
            try:
                await self._checks.ask(appid, photo.citizen, "image", url, f"photo:{photo.token}", now)
            except WeChatError as error:
                logger.info("a photo was not checked by the platform: %s", error.code)
            else:
                return True
        return False

    def _mac(self, token: str) -> str:
        return hashlib.blake2b(token.encode(), key=self._check_key, digest_size=16).hexdigest()
