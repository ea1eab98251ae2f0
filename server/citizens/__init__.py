"""Who is who: a citizen number for every WeChat user, merges of numbers, and deletion.

Owns: the order of steps over numbers.py, identities.py, merges.py and deletions.py.
Does not own: tokens (server/tokens.py), sign-in with WeChat (server/web_login.py), what other aggregates hold of a citizen:
they are reached through `merge_counts`, `erasers` and `in_unarchived_campaign` only.
Invariants: one openid has one number, whatever is raced; a token from before a deletion is refused; no log names an openid.

Failure policy: `of_token` and `resolve` need no store; a first sight without MongoDB is 503 IDENTITY_UNAVAILABLE.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from server.citizens.deletions import FORGET_EVERY_SECONDS, RETRY_SECONDS, DeletionList, DeletionStore, Eraser
from server.citizens.errors import IdentityUnavailable
from server.citizens.identities import IdentityStore
from server.citizens.merges import MergeCounts, Merges
from server.citizens.numbers import Numbers
from server.errors import WenmingError
from server.seals import SealBroken
from server.stores import Database, Document, PyMongoError, RedisError
from server.tokens import Token, token_invalid

__all__ = ["Citizens", "Eraser", "IdentityUnavailable", "MergeCounts", "OpenidOf"]

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
# `Citizens.openid_of`, for whoever needs nothing else of citizens.
OpenidOf = Callable[[int, str], Awaitable[str | None]]
Forgetter = Callable[[int], Awaitable[None]]

# Two commands of a few milliseconds; past 4 s the page does better to keep the salute and ask again.
IDENTIFY_DEADLINE_SECONDS = 4.0
# The embedded store takes some 900 first sights a second: whoever comes behind 2,000 others is told at once to come again.
IDENTIFY_MAX_WAITING = 2000
# One repeat passes a connection that died with a restarted server; every step may be repeated.
IDENTIFY_TRIES = 2
# Turns of the race between a sign-in and forgetting the same hash; a third in a row has never a reason.
RESTORE_TRIES = 3
# Other processes learn of a deletion within a second and may take a message until then: look again after 5 s.
ERASE_AGAIN_SECONDS = 5.0


class Citizens:
    """`in_unarchived_campaign(citizen)` tells whether she took part in a campaign that is not archived yet."""

    def __init__(self, mongo: Database, secret_key: bytes, *, deletion_list: Path, merge_counts: MergeCounts,
                 erasers: Sequence[Eraser] = (), in_unarchived_campaign: Callable[[int], Awaitable[bool]]) -> None:
        self._numbers = Numbers(mongo)
        self._identities = IdentityStore(mongo, secret_key)
        self._merges = Merges(mongo, merge_counts, self._identities.repoint)
        self._deletions = DeletionStore(mongo)
        self._deletion_list = DeletionList(deletion_list)
        self._erasers = list(erasers)
        self._forgetters: list[Forgetter] = []
        self._in_unarchived_campaign = in_unarchived_campaign
        self._deleted_at: dict[int, float] = {}
        self._deletions_seen = 0.0
        self._identifying = 0

    # Who is calling

    def of_token(self, token: Token) -> int:
        """The number that counts for the bearer. Raises NotAuthorised where she was deleted at or after the issue."""
        citizen = self._merges.resolve(token.citizen)
        deleted = self._deleted_at
        if deleted and token.issued_at <= max(deleted.get(citizen, -1.0), deleted.get(token.citizen, -1.0)):
            raise token_invalid()
        return citizen

    def resolve(self, citizen: int) -> int:
        return self._merges.resolve(citizen)

    def numbers_of(self, citizen: int) -> list[int]:
        """The number that counts for her, and after it those that were merged into it."""
        return self._merges.numbers_of(citizen)

    async def known(self, appid: str, openid: str) -> int | None:
        """Her number; none is given. None also where she had herself deleted. Raises IdentityUnavailable."""
        found = await self._in_time(self._identities.find(self._identities.openid_key(appid, openid)))
        return None if found is None or "erased" in found else self._merges.resolve(int(found["citizen"]))

    def token_time(self, citizen: int, now: float) -> float:
        """The time to issue a token with: one that returns within the second of her deletion gets the next second."""
        return max(now, int(self._deleted_at.get(citizen, -1.0)) + 1.0)

    async def identify(self, appid: str, openid: str, unionid: str | None, now: float) -> int:
        """The citizen's number, given at first sight. Raises IdentityUnavailable."""
        if self._identifying >= IDENTIFY_MAX_WAITING:
            raise IdentityUnavailable()
        self._identifying += 1
        try:
            async with asyncio.timeout(IDENTIFY_DEADLINE_SECONDS):
                return await self._identify_twice(appid, openid, unionid, now)
        except (PyMongoError, TimeoutError) as error:
            logger.warning("a citizen could not be identified: %s", type(error).__name__)
            raise IdentityUnavailable() from error
        finally:
            self._identifying -= 1

    async def of_listed(self, appid: str, openids: Sequence[str], now: float) -> dict[str, int]:
        """The numbers of those whom the platform names by itself, as in a list of followers. Raises IdentityUnavailable.

        They are given at first sight. Who had herself deleted is left out: that she is named is no return of hers. `openids`: some
        hundreds at most.
        """
        keys = {self._identities.openid_key(appid, openid): openid for openid in openids}
        known = {keys[one["_id"]]: one for one in await self._in_time(self._identities.find_many(list(keys)))} if keys else {}
        found = {openid: self._merges.resolve(int(one["citizen"])) for openid, one in known.items() if "erased" not in one}
        for openid in dict.fromkeys(openids):
            if openid not in known:
                found[openid] = await self.identify(appid, openid, None, now)
        return found

    async def adopt(self, appid: str, openid: str, citizen: int, now: float) -> int | None:
        """She has this openid too, as a moved account gave it to her. Her number, or None where she had herself deleted.

        `now`: before anything was asked of the platform for it, so that a deletion meanwhile is the later one. Raises IdentityUnavailable.
        """

        async def work() -> int | None:
            known = await self._identities.find(self._identities.openid_key(appid, openid))
            if known is not None and "erased" in known:
                return None
            number = await self._number_of_openid(appid, openid, self._merges.resolve(citizen), now)
            return await self._merges.join(citizen, number, now)

        return await self._in_time(work())

    async def issued_bound(self) -> int:
        """A number larger than every number given so far."""
        return await self._numbers.bound()

    async def reserve(self, count: int) -> list[int]:
        """New numbers that belong to nobody, for load tests and demo data."""
        return await self._numbers.take_many(count)

    async def openid_of(self, citizen: int, appid: str) -> str | None:
        """Where to send her a notice, or None: not of this account, or deleted."""
        for number in self._merges.numbers_of(citizen):
            for identity in await self._identities.of(number):
                if identity.get("appid") == appid:
                    return self._unsealed(identity)
        return None

    async def identities_of(self, citizen: int) -> list[tuple[str, str]]:
        """The AppIDs that she is known under, each with the keyed hash of her openid there."""
        return [(identity["appid"], identity["_id"]) for number in self._merges.numbers_of(citizen)
                for identity in await self._identities.of(number) if "appid" in identity]

    async def hashes_of(self, citizen: int) -> list[str]:
        """The keyed hashes of whatever she is known by, also of what a deletion emptied."""
        return [identity["_id"] for number in self._merges.numbers_of(citizen) for identity in await self._identities.of(number)]

    # What the jobs call

    async def refresh(self) -> None:
        """Learn merges and deletions of other processes; each second. What is known stays in force while MongoDB is away."""
        await self._merges.refresh()
        for deletion in await self._deletions.since(self._deletions_seen):
            self._learn_deletion(int(deletion["_id"]), float(deletion["deleted_at"]))
            self._deletions_seen = max(self._deletions_seen, float(deletion["changed_at"]))

    async def finish_merges(self, now: float) -> int:
        """Move participations of merges that are due; how many."""
        return await self._merges.finish(now)

    async def finish_deletions(self, now: float) -> int:
        """Erase what recorded deletions still left; how many were worked on with success."""
        await self.refresh()
        return sum([await self._erase(deletion, now) for deletion in await self._deletions.to_erase(now)])

    async def forget_hashes(self, now: float) -> int:
        """Remove the hashes of the deleted whose last campaign is archived; how many citizens were forgotten."""
        forgotten = 0
        for deletion in await self._deletions.to_forget(now):
            citizen = int(deletion["_id"])
            numbers = self._merges.numbers_of(citizen)
            # Who came back is a citizen like any other; the record of the deletion stays, for her old tokens.
            back = await self._returned(citizen, float(deletion["deleted_at"]))
            if not back and any([await self._in_unarchived_campaign(number) for number in numbers]):
                await self._deletions.postpone_forgetting(citizen, now + FORGET_EVERY_SECONDS)
                continue
            if not back and all([await self._identities.forget(number) for number in numbers]):
                for number in numbers:
                    for forget in self._forgetters:
                        await forget(number)
                forgotten += 1
            await self._deletions.forgotten(citizen)
        return forgotten

    async def close(self) -> None:
        """Give unused numbers back. A clean stop calls it last."""
        await self._numbers.close()

    # Deletion

    async def delete(self, citizen: int, now: float) -> None:
        """Remove what is known of her. Once it returns it is recorded, and will be done whatever fails meanwhile."""
        citizen = self._merges.resolve(citizen)
        await self._deletions.record(citizen, now, now)
        self._learn_deletion(citizen, now)
        await self._erase({"_id": citizen, "deleted_at": now}, now)

    async def replay_deletions(self, now: float) -> int:
        """After a restore: erase again everybody on the list or in the collection who has not come back; how many."""
        await self._merges.refresh()
        listed = await self._deletion_list.read()
        for deletion in await self._deletions.all():
            citizen = int(deletion["_id"])
            listed[citizen] = max(float(deletion["deleted_at"]), listed.get(citizen, 0.0))
        gone = [citizen for citizen, deleted_at in listed.items() if not await self._returned(citizen, deleted_at)]
        for citizen in gone:
            await self._deletions.record(citizen, listed[citizen], now)
            self._learn_deletion(citizen, listed[citizen])
        return len(gone)

    async def _erase(self, deletion: Document, now: float) -> bool:
        """One deletion, all of it; False where something failed and the job has to come again."""
        citizen, deleted_at = int(deletion["_id"]), float(deletion["deleted_at"])
        try:
            again = "erased_once" in deletion
            if not (again and await self._returned(citizen, deleted_at)):
                await self._deletions.postpone_erasing(citizen, now + RETRY_SECONDS)
                await self._erase_everywhere(citizen, deleted_at, now)
            if again or now >= deleted_at + ERASE_AGAIN_SECONDS:
                await self._deletions.erased(citizen, deleted_at, now)
            else:
                await self._deletions.erased_once(citizen, deleted_at + ERASE_AGAIN_SECONDS)
        except (WenmingError, PyMongoError, RedisError, OSError) as error:
            logger.warning("deletion of citizen %d will be resumed: %s", citizen, type(error).__name__)
            return False
        return True

    def erase_also(self, *erasers: Eraser) -> None:
        """What else keeps something of a person; asked in this order, after those that were named before."""
        self._erasers += erasers

    def forget_also(self, *forgetters: Forgetter) -> None:
        """What a deletion leaves under a number for as long as she could come back to it; asked once nobody can. May be repeated."""
        self._forgetters += forgetters

    async def _erase_everywhere(self, citizen: int, deleted_at: float, now: float) -> None:
        await self._deletion_list.append(citizen, deleted_at)
        numbers = self._merges.numbers_of(citizen)
        await self._merges.finish_now(numbers, now)
        for number in numbers:
            await self._identities.erase(number, deleted_at)
            for eraser in self._erasers:
                await eraser(number, now)

    async def _returned(self, citizen: int, deleted_at: float) -> bool:
        identities = [await self._identities.of(number) for number in self._merges.numbers_of(citizen)]
        return any(identity.get("seen_at", 0) > deleted_at for own in identities for identity in own)

    def _learn_deletion(self, citizen: int, deleted_at: float) -> None:
        self._deleted_at[citizen] = max(deleted_at, self._deleted_at.get(citizen, -1.0))

    # Identification

    async def _in_time(self, work: Awaitable[Result]) -> Result:
        """Raises IdentityUnavailable where MongoDB does not answer."""
        try:
            async with asyncio.timeout(IDENTIFY_DEADLINE_SECONDS):
                return await work
        except (PyMongoError, TimeoutError) as error:
            logger.warning("citizens could not be looked up: %s", type(error).__name__)
            raise IdentityUnavailable() from error

    async def _identify_twice(self, appid: str, openid: str, unionid: str | None, now: float) -> int:
        for _ in range(IDENTIFY_TRIES - 1):
            try:
                return await self._identify(appid, openid, unionid, now)
            except PyMongoError as error:
                logger.info("identification is repeated after %s", type(error).__name__)
        return await self._identify(appid, openid, unionid, now)

    async def _identify(self, appid: str, openid: str, unionid: str | None, now: float) -> int:
        union_key = self._identities.unionid_key(unionid) if unionid else None
        union = await self._identities.find(union_key) if union_key else None
        number = await self._number_of_openid(appid, openid, int(union["citizen"]) if union else None, now)
        if union_key:
            number = await self._join_unionid(union_key, union, number, now)
        return self._merges.resolve(number)

    async def _number_of_openid(self, appid: str, openid: str, known: int | None, now: float) -> int:
        """The openid's number; at first sight `known` (her unionid's) or a new one."""
        key = self._identities.openid_key(appid, openid)
        for _ in range(RESTORE_TRIES):
            identity = await self._identities.find(key)
            if identity is None:
                return await self._first_sight(key, appid, openid, known, now)
            if "erased" not in identity or await self._identities.restore_openid(key, appid, openid, now):
                return int(identity["citizen"])
        raise IdentityUnavailable()

    async def _first_sight(self, key: str, appid: str, openid: str, known: int | None, now: float) -> int:
        number = known if known is not None else await self._numbers.take()
        # A failure in here leaves a gap: the number may have been written, so it is not put back.
        if await self._identities.claim_openid(key, number, appid, openid, now):
            return number
        if known is None:
            self._numbers.put_back(number)
        winner = await self._identities.find(key)
        if winner is None:  # forgotten in this very moment
            raise IdentityUnavailable()
        return int(winner["citizen"])

    async def _join_unionid(self, key: str, union: Document | None, number: int, now: float) -> int:
        """The number of the unionid and of the openid, made one where they differ."""
        if union is None and await self._identities.claim_unionid(key, number, now):
            return number
        union = union or await self._identities.find(key)
        if union is None:
            raise IdentityUnavailable()
        if "erased" in union:
            await self._identities.restore_unionid(key, now)
        return await self._merges.join(int(union["citizen"]), number, now)

    def _unsealed(self, identity: Document) -> str | None:
        try:
            return self._identities.openid_in(identity)
        except SealBroken:
            logger.error("the openid of citizen %d was sealed with another WENMING_SECRET_KEY", identity["citizen"])
            return None
