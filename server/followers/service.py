"""What staff ask of one account's followers: tags, blacklist, remarks, lists; the platform first, then what is kept here.

Where the platform refuses in the middle of many, what was done before stays done and recorded; the same may be asked again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from server.citizens import Citizens
from server.errors import InvalidBody
from server.followers.moves import Moves
from server.followers.profiles import Profiles
from server.followers.record import (
    BLACKLIST,
    BLACKLISTED_AT_ONCE,
    RESERVED,
    STARRED,
    TAGGED_AT_ONCE,
    Follower,
    FollowerNotFound,
    TagReserved,
    check_citizens,
    check_remark,
    check_tag_name,
)
from server.followers.refresh import Refresh
from server.followers.store import FollowerStore
from server.metrics import Metrics
from server.seals import Seal, SealBroken
from server.wechat.client import Client

# A screen of people.
PAGE_PEOPLE = 100


class Tag(msgspec.Struct, frozen=True):
    """`count`: people with it, as the platform counts."""

    id: int
    name: str
    count: int = 0


class Shown(msgspec.Struct, frozen=True):
    """A follower with her tags; None: she has a tag and is known for nothing else."""

    citizen: int
    tags: tuple[int, ...]
    follower: Follower | None = None


class Changed(msgspec.Struct, frozen=True):
    """How many were changed, and who has no openid in this account."""

    changed: int
    unknown: tuple[int, ...] = ()


class Followers:
    """Of one account."""

    def __init__(self, store: FollowerStore, client: Client, citizens: Citizens, seal: Seal, metrics: Metrics) -> None:
        self._store = store
        self._client = client
        self._appid = client.appid
        self._citizens = citizens
        self._seal = seal
        self.profiles = Profiles(client, store, citizens, seal, metrics)
        self.refresh = Refresh(client, store, citizens, seal)
        self.moves = Moves(client, store, citizens)

    # Tags

    async def tags(self) -> list[Tag]:
        """Every tag of the account. Raises WeChatError."""
        found = await self._client.tag.get()
        return sorted((_tag(one) for one in found), key=lambda tag: tag.id) if isinstance(found, list) else []

    async def create_tag(self, name: str) -> Tag:
        """Raises InvalidBody, WeChatError: the name is taken, or there are a hundred."""
        return _tag(await self._client.tag.create(check_tag_name(name)))

    async def rename_tag(self, tag: int, name: str) -> None:
        """Raises InvalidBody, TagReserved, WeChatError."""
        name = check_tag_name(name)
        _check_own(tag)
        await self._client.tag.update(tag, name)

    async def delete_tag(self, tag: int) -> None:
        """Raises TagReserved, WeChatError: it is unknown, or too many have it."""
        _check_own(tag)
        await self._client.tag.delete(tag)
        await self._store.drop_tag(self._appid, tag)

    async def change_tag(self, tag: int, add: list[int], remove: list[int]) -> Changed:
        """Give a tag to citizens and take it from others. Raises InvalidBody, TagReserved, WeChatError."""
        if tag in RESERVED and tag != STARRED:
            raise TagReserved()

        async def added(openids: list[str], citizens: list[int]) -> None:
            await self._client.tag.tag_user(tag, openids)
            await self._store.add_members(self._appid, tag, await self._still_known(citizens))
            # Who left meanwhile keeps no tag; what is read after the write cannot be older than her leaving.
            found = await self._store.find_many(self._appid, citizens)
            await self._store.remove_members(self._appid, tag, [one.citizen for one in found.values() if not one.subscribed])

        async def removed(openids: list[str], citizens: list[int]) -> None:
            await self._client.tag.untag_user(tag, openids)
            await self._store.remove_members(self._appid, tag, citizens)

        return await self._change(add, remove, added, removed, TAGGED_AT_ONCE)

    # Blacklist

    async def change_blacklist(self, add: list[int], remove: list[int], now: float) -> Changed:
        """Raises InvalidBody, WeChatError."""

        async def added(openids: list[str], citizens: list[int]) -> None:
            await self._client.tag.batch_black_list(openids)
            await self._store.add_members(self._appid, BLACKLIST, await self._still_known(citizens), seen=now)

        async def removed(openids: list[str], citizens: list[int]) -> None:
            await self._client.tag.batch_unblack_list(openids)
            await self._store.remove_members(self._appid, BLACKLIST, citizens)

        return await self._change(add, remove, added, removed, BLACKLISTED_AT_ONCE)

    # People

    async def page(self, after: int = 0, tag: int | None = None) -> tuple[list[Shown], int | None]:
        """Followers by number, of a tag or all; and where the next page begins."""
        if tag is None:
            held = await self._store.page(self._appid, after, PAGE_PEOPLE)
            numbers, followers = [one.citizen for one in held], {one.citizen: one for one in held}
        else:
            numbers = await self._store.page_of_tag(self._appid, tag, after, PAGE_PEOPLE)
            followers = await self._store.find_many(self._appid, numbers)
        tags = await self._store.tags_of(self._appid, numbers)
        shown = [Shown(number, tuple(tags[number]), followers.get(number)) for number in numbers]
        return shown, numbers[-1] if len(numbers) == PAGE_PEOPLE else None

    async def one(self, citizen: int) -> tuple[Shown, str]:
        """A follower and the remark on her. Raises FollowerNotFound."""
        citizen = self._citizens.resolve(citizen)
        follower = await self._store.find(self._appid, citizen)
        if follower is None:
            raise FollowerNotFound()
        tags = (await self._store.tags_of(self._appid, [citizen]))[citizen]
        return Shown(citizen, tuple(tags), follower), self._remark_of(follower)

    async def set_remark(self, citizen: int, remark: str) -> None:
        """Raises InvalidBody, FollowerNotFound, WeChatError."""
        remark, citizen = check_remark(remark), self._citizens.resolve(citizen)
        openid, follower = await self._citizens.openid_of(citizen, self._appid), await self._store.find(self._appid, citizen)
        if openid is None or follower is None or not follower.subscribed:
            raise FollowerNotFound()
        await self._client.user.update_remark(openid, remark)
        sealed = self._seal.close(remark, f"{self._appid}:{citizen}") if remark else b""
        if not await self._store.set_remark(follower, sealed):
            raise FollowerNotFound()  # she left or was deleted meanwhile; who follows anew has it from her next profile

    # How

    async def _change(self, add: list[int], remove: list[int], added: Change, removed: Change, at_once: int) -> Changed:
        add, remove = check_citizens(add, "add"), check_citizens(remove, "remove")
        if set(add) & set(remove):
            raise InvalidBody(message="同一个人不能既在 add 又在 remove", field="remove")
        one, other = await self._in_batches(add, added, at_once), await self._in_batches(remove, removed, at_once)
        return Changed(one.changed + other.changed, one.unknown + other.unknown)

    async def _in_batches(self, citizens: Sequence[int], change: Change, at_once: int) -> Changed:
        changed, unknown = 0, []
        for start in range(0, len(citizens), at_once):
            known: dict[int, str] = {}
            for citizen in citizens[start:start + at_once]:  # not before: a batch takes a while, and she may have herself deleted
                openid = await self._citizens.openid_of(citizen, self._appid)
                if openid is None:
                    unknown.append(citizen)
                else:
                    known[self._citizens.resolve(citizen)] = openid
            if known:
                await change(list(known.values()), list(known))
            changed += len(known)
        return Changed(changed, tuple(unknown))

    async def _still_known(self, citizens: Sequence[int]) -> list[int]:
        """Without those who had themselves deleted while the platform was asked."""
        return [one for one in citizens if await self._citizens.openid_of(one, self._appid) is not None]

    def _remark_of(self, follower: Follower) -> str:
        try:
            return self._seal.open(follower.remark, f"{self._appid}:{follower.citizen}") if follower.remark else ""
        except SealBroken:
            return ""  # sealed under another WENMING_SECRET_KEY; the next profile brings it again


# What one batch of openids, and of the citizens that they are, does on the platform and here.
Change = Callable[[list[str], list[int]], Awaitable[None]]


def _check_own(tag: int) -> None:
    if tag in RESERVED:
        raise TagReserved()


def _tag(found: Any) -> Tag:
    fields = found if isinstance(found, dict) else {}
    return Tag(int(fields.get("id", 0)), str(fields.get("name", "")), int(fields.get("count", 0)))
