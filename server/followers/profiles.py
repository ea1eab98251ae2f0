"""What the platform knows of who followed: since when, which way, with which tags and remark, and the unionid that makes two numbers one.

Each is asked about once after she followed, and once by a refresh. One question for up to a hundred people a second and account: two
million take some six hours and 20,000 of a day's 500,000 calls. An account that may not ask (uncertified) asks again an hour later.
[doc/service/api/usermanage/userinfo/api_userinfo, api_batchuserinfo]
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from server.citizens import Citizens
from server.digits import whole
from server.followers.record import PROFILES_AT_ONCE, Follower
from server.followers.store import FollowerStore
from server.metrics import Metrics
from server.seals import Seal
from server.wechat.answers import objects_of
from server.wechat.client import Client
from server.wechat.errors import NeverRetry, WeChatError, pause_seconds

logger = logging.getLogger(__name__)

# A hundred profiles with their merges are some seconds of the embedded store; after a kill they are asked about again so much later.
CLAIM_SECONDS = 60.0
# An account becomes certified by weeks of paper.
REFUSED_PAUSE_SECONDS = 3600.0
# Clocks of the platform and ours may differ: an event of the last minute knows better than a list or a profile.
CLOCK_MARGIN_SECONDS = 60.0
NOT_ALLOWED, WRONG_OPENID = 48001, 40003
MAX_CHANNEL_CHARACTERS = 64
# Of seconds since 1970, and of a tag's number.
MAX_DIGITS = 11


class Profiles:
    """Of one account. `seal` is for remarks."""

    def __init__(self, client: Client, store: FollowerStore, citizens: Citizens, seal: Seal, metrics: Metrics) -> None:
        self._client = client
        self._appid = client.appid
        self._store = store
        self._citizens = citizens
        self._seal = seal
        self._metrics = metrics
        self._closed_until = 0.0
        self._failures = 0

    async def tick(self, now: float) -> int:
        """Ask about those who wait the longest; how many."""
        if now < self._closed_until:
            return 0
        due = await self._store.profiles_due(self._appid, now, PROFILES_AT_ONCE)
        asked: dict[str, Follower] = {}
        for follower in due:
            if not await self._store.postpone_profile(follower, now + CLAIM_SECONDS):
                continue
            openid = await self._citizens.openid_of(follower.citizen, self._appid)
            if openid is None:
                await self._store.profile_done(follower)
            else:
                asked[openid] = follower
        if not asked:
            return 0
        try:
            told = await self._ask(list(asked))
        except WeChatError as error:
            await self._refused(list(asked.values()), error, now)
            return len(asked)
        self._failures = 0
        for info in told:
            openid = str(info.get("openid", ""))
            if openid in asked:
                await self._learn(asked.pop(openid), openid, info, now)
        for follower in asked.values():  # the platform does not know them
            await self._store.profile_done(follower)
            self._metrics.record("profiles_asked_total", "gone")
        return len(due)

    async def _ask(self, openids: Sequence[str]) -> list[dict[str, Any]]:
        try:
            return objects_of(await self._client.user.get_batch(openids))
        except WeChatError as error:
            if error.errcode != WRONG_OPENID:
                raise
        # One that the platform does not know spoils the question for all: each by herself.
        found = []
        for openid in openids:
            try:
                found += objects_of([await self._client.user.get(openid)])
            except WeChatError as error:
                if error.errcode != WRONG_OPENID:
                    raise
        return found

    async def _refused(self, followers: Sequence[Follower], error: WeChatError, now: float) -> None:
        pause = pause_seconds(error, self._failures)
        self._failures += 1
        self._closed_until = now + (REFUSED_PAUSE_SECONDS if pause is None else pause)
        not_allowed = isinstance(error, NeverRetry) and error.errcode == NOT_ALLOWED
        for follower in followers:
            if not_allowed:
                await self._store.profile_done(follower)
            else:
                # Read again: its own claim moved it.
                held = await self._store.find(self._appid, follower.citizen)
                if held is not None and held.profile_due:
                    await self._store.postpone_profile(held, self._closed_until)
            self._metrics.record("profiles_asked_total", "refused" if not_allowed else "postponed")

    async def _learn(self, follower: Follower, openid: str, info: dict[str, Any], now: float) -> None:
        if not info.get("subscribe"):
            await self._store.advance(self._appid, follower.citizen, False, now - CLOCK_MARGIN_SECONDS)
            await self._store.profile_done(follower)
            self._metrics.record("profiles_asked_total", "gone")
            return
        if await self._citizens.openid_of(follower.citizen, self._appid) is None:
            return  # she had herself deleted while the platform was asked; to name her now would bring her back
        if unionid := info.get("unionid"):
            # `now` is before the question: a deletion in this very moment is later than it, and erases again.
            await self._citizens.identify(self._appid, openid, str(unionid), now)
        remark = str(info.get("remark") or "")
        sealed = self._seal.close(remark, f"{self._appid}:{follower.citizen}") if remark else b""
        if await self._store.know(follower, float(_whole(info.get("subscribe_time"))) or follower.since,
                                  str(info.get("subscribe_scene") or "")[:MAX_CHANNEL_CHARACTERS], sealed):
            tags = info.get("tagid_list")
            await self._store.set_tags(self._appid, follower.citizen, [_whole(tag) for tag in tags] if isinstance(tags, list) else [])
            if not await self._store.profile_done(follower):
                await self._store.set_tags(self._appid, follower.citizen, ())  # she left meanwhile
        self._metrics.record("profiles_asked_total", "known")


def _whole(value: Any) -> int:
    """A number that may come as a text; 0 for what is none."""
    return whole(str(value), MAX_DIGITS) or 0
