"""The whole list of an account's followers, asked of the platform to repair lost events.

Steps, each repeatable: every page of user/get (10,000 people), every page of the blacklist, then those whom neither named. Somebody in
the list follows, somebody who is not in it left, each as of the moment when it was asked, so that a newer event stands.
The place between two pages is an openid: it is kept sealed. Whom a deletion made unknown stays unknown, though the list names her.
[doc/service/api/usermanage/userinfo/api_getfans, api_getblacklist]
"""

from __future__ import annotations

from typing import Any

from server.citizens import Citizens
from server.followers.account_jobs import AccountJob
from server.followers.profiles import CLOCK_MARGIN_SECONDS
from server.followers.record import BLACKLIST
from server.followers.store import FollowerStore
from server.seals import Seal
from server.stores import Document
from server.wechat.client import Client

# People looked up together: a few milliseconds each time, so that nothing else on the loop waits.
CHUNK = 200
# A list that is shorter than the platform's own count by more than these is not whole, and nobody is taken for gone by it.
SLACK_PEOPLE, SLACK_SHARE = 100, 100


class Refresh(AccountJob):
    NAME = "refresh"
    SHOWN = ("listed", "total", "found", "left")

    def __init__(self, client: Client, store: FollowerStore, citizens: Citizens, seal: Seal) -> None:
        super().__init__(client.appid, store)
        self._client = client
        self._citizens = citizens
        self._seal = seal

    async def start(self, by: str, now: float) -> None:
        """Raises Conflict JOB_RUNNING."""
        await self._begin(by, now, {"phase": "list", "cursor": b"", "after": 0, "finished_at": 0.0})

    async def _step(self, job: Document, now: float) -> None:
        await {"list": self._list, "blacklist": self._blacklist, "pardoned": self._pardoned, "gone": self._gone}[job["phase"]](job, now)

    async def _list(self, job: Document, now: float) -> None:
        answer = await self._client.user.get_followers(self._cursor(job) or None)
        openids, found = _openids(answer), 0
        for start in range(0, len(openids), CHUNK):
            numbers = await self._citizens.of_listed(self._appid, openids[start:start + CHUNK], now)
            found += await self._named(sorted(numbers.values()), job["started_at"], now)
        total = answer.get("total")
        await self._turn(job, answer, openids, "blacklist", {"total": total if isinstance(total, int) else 0},
                         {"listed": len(openids), "found": found})

    async def _named(self, citizens: list[int], run: float, now: float) -> int:
        """These follow; how many of them were not known to."""
        held, found = await self._store.find_many(self._appid, citizens), 0
        for citizen in citizens:
            if citizen not in held or not held[citizen].subscribed:
                found += await self._store.advance(self._appid, citizen, True, now - CLOCK_MARGIN_SECONDS)
        await self._store.seen(self._appid, citizens, run, now)
        return found

    async def _blacklist(self, job: Document, now: float) -> None:
        answer = await self._client.tag.get_black_list(self._cursor(job) or None)
        openids = _openids(answer)
        for start in range(0, len(openids), CHUNK):
            numbers = await self._citizens.of_listed(self._appid, openids[start:start + CHUNK], now)
            await self._store.add_members(self._appid, BLACKLIST, sorted(numbers.values()), seen=job["started_at"])
        await self._turn(job, answer, openids, "pardoned", {}, {})

    async def _pardoned(self, job: Document, now: float) -> None:
        """Who is no longer on the blacklist."""
        after = await self._store.drop_unseen(self._appid, BLACKLIST, job["started_at"], job["after"])
        whole = job["listed"] + SLACK_PEOPLE + job["total"] // SLACK_SHARE >= job["total"]
        next_phase = {"phase": "gone"} if whole else {"state": "failed"}
        await self._store.record_step(job, {"after": 0, "failures": 0, **next_phase} if after is None else {"after": after})

    async def _gone(self, job: Document, now: float) -> None:
        """Who is in no list. The document does not say whether the list names the blacklisted, so none of them is taken for gone."""
        missing, after = await self._store.unseen(self._appid, job["started_at"], job["after"])
        tags = await self._store.tags_of(self._appid, missing)
        left = sum([await self._store.advance(self._appid, citizen, False, job["started_at"] - CLOCK_MARGIN_SECONDS)
                    for citizen in missing if BLACKLIST not in tags[citizen]])
        ended: Document = {"state": "done", "finished_at": now}
        await self._store.record_step(job, ended if after is None else {"after": after}, counted={"left": left})

    async def _turn(self, job: Document, answer: dict[str, Any], openids: list[str], next_phase: str, fields: Document,
                    counted: dict[str, int]) -> None:
        """Record a page; the next one begins behind its last person, or the next phase where it was the last."""
        behind = str(answer.get("next_openid") or "") if openids else ""
        place: Document = {"cursor": self._seal.close(behind, self._id)} if behind else {"cursor": b"", "phase": next_phase, "after": 0}
        await self._store.record_step(job, {**place, "failures": 0, "errcode": 0, **fields}, counted=counted)

    def _cursor(self, job: Document) -> str:
        return self._seal.open(bytes(job["cursor"]), self._id) if job["cursor"] else ""


def _openids(answer: dict[str, Any]) -> list[str]:
    data = answer.get("data")
    listed = data.get("openid") if isinstance(data, dict) else None
    return [openid for openid in listed if isinstance(openid, str) and openid] if isinstance(listed, list) else []
