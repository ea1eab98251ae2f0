"""Kiosk links 大屏链接: the wall, or a leader's phone view, without signing in.

Owns: `kiosk_links`. Invariants: a link is kept as a hash and shown once, to whoever makes it; it opens one view of one campaign, changes
nothing, ends by itself and at once when it is revoked, in every process within `CHECK_SECONDS`. What it is called and who made it is kept
for a while after its end, so that people see what there was.

Failure policy: closed. Whoever cannot be looked up sees nothing new; a wall that is on keeps its picture and says that it is late.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Literal, get_args

import msgspec

from server.errors import Conflict, Forbidden, InvalidBody, NotFound
from server.shared_reads import Remembered
from server.staff.sessions import key_of
from server.stores import Database

View = Literal["wall", "phone"]
VIEW_NAMES: dict[View, str] = {"wall": "大屏", "phone": "手机"}
# 256 bits: nobody guesses one.
TOKEN_BYTES = 32
# A holiday week with its preparations; a permanent wall gets a new link each quarter, so that somebody looks at the list.
MOST_DAYS = 90
DAY_SECONDS = 86400
# A hall, a newsroom, some leaders. More than this is a link that should be revoked first.
MOST_LINKS = 40
# For how long an ended link stays in the list.
REMEMBER_SECONDS = 30 * DAY_SECONDS
LABEL_CHARACTERS = 40
# An open wall asks every few seconds; it goes dark this long after its next question at the latest.
CHECK_SECONDS = 1.0
# Links that are asked for in one second, of all campaigns.
MOST_KNOWN = 256
# "Last seen" in the list is a matter of minutes.
SEEN_SECONDS = 60.0
# How much of the hash names a link among at most some hundred.
ID_CHARACTERS = 16
# More than a campaign ever has, ended ones included.
MOST_LISTED = 500


class Kiosk(msgspec.Struct, frozen=True):
    """`id` names it in lists; nothing can be opened by it."""

    id: str
    campaign: str
    view: View
    label: str
    by: str
    made_at: float
    expires_at: float
    remove_at: float
    seen_at: float = 0.0
    revoked_at: float = 0.0
    revoked_by: str = ""

    def is_open(self, now: float) -> bool:
        return not self.revoked_at and now < self.expires_at


class KioskClosed(Forbidden):
    """Unknown, expired or revoked: which of them is nobody's business who has only the link."""

    code = "KIOSK_CLOSED"
    message = "这个大屏链接已失效（停用或过期），请向值守人员索要新的"


class KioskStore:
    """The only code that touches `kiosk_links`."""

    def __init__(self, mongo: Database) -> None:
        self._links = mongo["kiosk_links"]

    async def add(self, key: str, kiosk: Kiosk) -> None:
        await self._links.insert_one({"_id": key, **msgspec.to_builtins(kiosk)})

    async def find(self, key: str) -> Kiosk | None:
        found = await self._links.find_one({"_id": key})
        return msgspec.convert(found, Kiosk) if found else None

    async def of(self, campaign: str) -> list[Kiosk]:
        found = await self._links.find({"campaign": campaign}).limit(MOST_LISTED).to_list(None)
        return sorted((msgspec.convert(one, Kiosk) for one in found), key=lambda one: -one.made_at)

    async def seen(self, key: str, now: float) -> None:
        await self._links.update_one({"_id": key}, {"$max": {"seen_at": now}})

    async def key(self, campaign: str, kiosk: str) -> str | None:
        found = await self._links.find_one({"id": kiosk})
        return str(found["_id"]) if found and found["campaign"] == campaign else None

    async def revoke(self, key: str, who: str, now: float) -> bool:
        """False where somebody was first."""
        changed = await self._links.update_one({"_id": key, "revoked_at": 0.0}, {
            "$set": {"revoked_at": now, "revoked_by": who, "remove_at": now + REMEMBER_SECONDS}})
        return changed.matched_count == 1

    async def remove(self, campaign: str) -> None:
        await self._links.delete_many({"campaign": campaign})

    async def drop_late(self, now: float) -> None:
        await self._links.delete_many({"remove_at": {"$lte": now}})


class Kiosks:
    def __init__(self, store: KioskStore, base_url: Callable[[], str]) -> None:
        self._store = store
        self._base_url = base_url
        self._known: Remembered[Kiosk | None] = Remembered(CHECK_SECONDS, MOST_KNOWN)

    async def make(self, campaign: str, view: str, label: str, days: int, who: str, now: float) -> tuple[str, Kiosk]:
        """A new link's address, told this once. Raises InvalidBody, Conflict KIOSKS_FULL."""
        if view not in get_args(View):
            raise InvalidBody("UNKNOWN_VIEW", "链接要么给大屏（wall），要么给手机（phone）", field="view")
        if not 0 < len(label := label.strip()) <= LABEL_CHARACTERS:
            raise InvalidBody("LABEL_WRONG", f"请写明链接放在哪里或给谁用，最多 {LABEL_CHARACTERS} 字", field="label")
        if not 1 <= days <= MOST_DAYS:
            raise InvalidBody("DAYS_WRONG", f"有效期为 1 至 {MOST_DAYS} 天", field="days")
        if sum(one.is_open(now) for one in await self._store.of(campaign)) >= MOST_LINKS:
            raise Conflict("KIOSKS_FULL", f"一个活动最多同时有 {MOST_LINKS} 个大屏链接，请先停用不再使用的")
        token = secrets.token_urlsafe(TOKEN_BYTES)
        key, ends = key_of(token), now + days * DAY_SECONDS
        kiosk = Kiosk(key[:ID_CHARACTERS], campaign, msgspec.convert(view, View), label, who, now, ends, ends + REMEMBER_SECONDS)
        await self._store.add(key, kiosk)
        return f"{self._base_url()}/k/{token}", kiosk

    async def all(self, campaign: str) -> list[Kiosk]:
        """The links of a campaign, the newest first, ended ones too."""
        return await self._store.of(campaign)

    async def revoke(self, campaign: str, kiosk: str, who: str, now: float) -> Kiosk:
        """End a link. Raises NotFound KIOSK_NOT_FOUND."""
        key = await self._store.key(campaign, kiosk)
        if key is None or not await self._store.revoke(key, who, now):
            raise NotFound("KIOSK_NOT_FOUND", "没有这个大屏链接，或者它已经停用")
        self._known.forget(key)
        found = await self._store.find(key)
        assert found is not None  # nobody removes what ended just now
        return found

    async def open(self, token: str, now: float) -> Kiosk:
        """What a link shows. Raises KioskClosed."""
        key = key_of(token)
        kiosk = await self._known.get(key, lambda: self._store.find(key))
        if kiosk is None or not kiosk.is_open(now):
            raise KioskClosed()
        if now - kiosk.seen_at > SEEN_SECONDS:
            self._known.forget(key)  # the next question reads what is written here
            await self._store.seen(key, now)
        return kiosk

    async def look(self, token: str, campaign: str, view: View, now: float) -> Kiosk:
        """As `open`, of this view of this campaign alone. Raises KioskClosed."""
        kiosk = await self.open(token, now)
        if (kiosk.campaign, kiosk.view) != (campaign, view):
            raise KioskClosed()
        return kiosk

    async def remove(self, campaign: str) -> None:
        """With a campaign that is gone for good: the next of its code is another's."""
        await self._store.remove(campaign)

    async def tidy(self, now: float) -> None:
        await self._store.drop_late(now)
