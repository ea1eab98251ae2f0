"""The collections of followers, their tags and the jobs over whole accounts; each method one atomic step, or steps that may be repeated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from server.followers.record import BLACKLIST, Follower, due_pos, follower_id, follower_pos, member_id, member_pos, rank_of
from server.stores import Collection, Database, Document, DuplicateKeyError

# A page of the embedded store: some 10 ms.
PAGE = 500
# One person follows a few accounts, each with twenty tags at most.
OF_ONE = 1000
# What somebody who leaves keeps nothing of.
WHILE_FOLLOWING = ("since", "scene", "channel", "remark", "profile_due")


class FollowerStore:
    """The only code that touches `followers`, `follower_tags` and `follower_jobs`."""

    def __init__(self, mongo: Database) -> None:
        self._followers = mongo["followers"]
        self._members = mongo["follower_tags"]
        self._jobs = mongo["follower_jobs"]

    # Following and leaving

    async def advance(self, appid: str, citizen: int, subscribed: bool, at: float, *, scene: str = "") -> bool:
        """Take what is told of her following; False where something newer is known. Whatever is raced, the newest stays.

        Who is new is inserted. Whoever was first decides nothing: the loser of that race asks once more, with the same filter.
        """
        key, rank = follower_id(appid, citizen), rank_of(at, subscribed)
        held: Document = {"subscribed": int(subscribed), "rank": rank}
        if subscribed:
            held |= {"since": float(at), "scene": scene, "profile_due": due_pos(appid, at)}
        change: Document = {"$set": held} | ({} if subscribed else {"$unset": dict.fromkeys(WHILE_FOLLOWING, "")})
        for _ in range(2):
            # The one step that decides: no document goes back in time.
            if (await self._followers.update_one({"_id": key, "rank": {"$lt": rank}}, change)).matched_count:
                break
            new: Document = {"_id": key, "appid": appid, "citizen": citizen, "pos": follower_pos(appid, citizen), **held}
            try:
                await self._followers.insert_one(new)
                break
            except DuplicateKeyError:
                continue
        else:
            return False
        if not subscribed:
            await self._leave_tags(appid, citizen)
        return True

    async def _leave_tags(self, appid: str, citizen: int) -> None:
        """The blacklist stays: it is about her, not about her following."""
        await self.set_tags(appid, citizen, ())

    # Looking

    async def find(self, appid: str, citizen: int) -> Follower | None:
        found = await self._followers.find_one({"_id": follower_id(appid, citizen)})
        return None if found is None else _follower(found)

    async def find_many(self, appid: str, citizens: Sequence[int]) -> dict[int, Follower]:
        ids = [follower_id(appid, citizen) for citizen in citizens]
        found = await self._followers.find({"_id": {"$in": ids}}).limit(len(ids)).to_list(len(ids)) if ids else []
        return {document["citizen"]: _follower(document) for document in found}

    async def page(self, appid: str, after: int, limit: int) -> list[Follower]:
        """Followers of an account, also former ones, by number from `after` on."""
        return [_follower(document) for document in await _between(self._followers, follower_pos(appid, after), f"{appid};", limit)]

    async def page_of_tag(self, appid: str, tag: int, after: int, limit: int) -> list[int]:
        """Numbers of those with a tag, from `after` on."""
        end = f"{appid}:{tag:010d};"
        return [document["citizen"] for document in await _between(self._members, member_pos(appid, tag, after), end, limit)]

    async def tags_of(self, appid: str, citizens: Sequence[int]) -> dict[int, list[int]]:
        """The tags of each, in order; the blacklist is one."""
        found: dict[int, list[int]] = {citizen: [] for citizen in citizens}
        if citizens:
            asked = self._members.find({"citizen": {"$in": list(citizens)}}).limit(OF_ONE * len(citizens))
            for document in await asked.to_list(None):
                if document["appid"] == appid:
                    found[document["citizen"]].append(document["tag"])
        return {citizen: sorted(tags) for citizen, tags in found.items()}

    # Tags

    async def add_members(self, appid: str, tag: int, citizens: Iterable[int], *, seen: float = 0.0) -> None:
        """`seen`: when a list of the platform named them last."""
        for citizen in citizens:
            await self._members.update_one(
                {"_id": member_id(appid, tag, citizen)}, {"$max": {"seen": seen}, "$set": {
                    "appid": appid, "tag": tag, "citizen": citizen, "pos": member_pos(appid, tag, citizen)}}, upsert=True)

    async def remove_members(self, appid: str, tag: int, citizens: Sequence[int]) -> None:
        for start in range(0, len(citizens), PAGE):
            await self._members.delete_many({"_id": {"$in": [member_id(appid, tag, one) for one in citizens[start:start + PAGE]]}})

    async def set_tags(self, appid: str, citizen: int, tags: Sequence[int]) -> None:
        """Her tags are these and no others, but for the blacklist, which has a list of its own."""
        held = set((await self.tags_of(appid, [citizen]))[citizen]) - {BLACKLIST}
        for tag in set(tags) - held - {BLACKLIST}:
            await self.add_members(appid, tag, [citizen])
        gone = [member_id(appid, tag, citizen) for tag in held - set(tags)]
        if gone:
            await self._members.delete_many({"_id": {"$in": gone}})

    async def drop_tag(self, appid: str, tag: int) -> None:
        """Nobody has this tag any more."""
        while citizens := await self.page_of_tag(appid, tag, 0, PAGE):
            await self.remove_members(appid, tag, citizens)

    async def drop_unseen(self, appid: str, tag: int, seen: float, after: int) -> int | None:
        """Of one page of a tag's people, drop those whom no list named since `seen`; where the next page begins, None after the last."""
        start, end = member_pos(appid, tag, after), f"{appid}:{tag:010d};"
        found = await _between(self._members, start, end, PAGE)
        gone = [document["_id"] for document in found if document["seen"] < seen]
        if gone:
            await self._members.delete_many({"_id": {"$in": gone}})
        return int(found[-1]["citizen"]) if len(found) == PAGE else None

    # Profiles and remarks

    async def profiles_due(self, appid: str, now: float, limit: int) -> list[Follower]:
        """Whom the platform is to be asked about, the longest waiting first."""
        found = self._followers.find({"profile_due": {"$gt": f"{appid}:", "$lte": due_pos(appid, now)}}).sort("profile_due", 1).limit(limit)
        return [_follower(document) for document in await found.to_list(None)]

    async def postpone_profile(self, follower: Follower, due: float) -> bool:
        """Whether this caller moved it; nobody else asks until then."""
        changed = await self._followers.update_one(
            {"_id": follower_id(follower.appid, follower.citizen), "profile_due": follower.profile_due},
            {"$set": {"profile_due": due_pos(follower.appid, due)}})
        return changed.matched_count == 1

    async def know(self, follower: Follower, since: float, channel: str, remark: bytes) -> bool:
        """What the platform told; False where she left or followed anew meanwhile, and nothing is changed."""
        return await self._change_as_read(follower, {"$set": {"since": since, "channel": channel, "remark": remark}})

    async def profile_done(self, follower: Follower) -> bool:
        """There is nothing more to be asked; False as above."""
        return await self._change_as_read(follower, {"$unset": {"profile_due": ""}})

    async def _change_as_read(self, follower: Follower, change: Document) -> bool:
        changed = await self._followers.update_one({"_id": follower_id(follower.appid, follower.citizen), "rank": follower.rank}, change)
        return changed.matched_count == 1

    async def set_remark(self, follower: Follower, remark: bytes) -> bool:
        """False where she left or followed anew since she was read, and nothing is changed."""
        return await self._change_as_read(follower, {"$set": {"remark": remark}})

    # A whole list

    async def seen(self, appid: str, citizens: Sequence[int], run: float, due: float) -> None:
        """A list names them; the platform is to be asked about each."""
        await self._followers.update_many({"_id": {"$in": [follower_id(appid, citizen) for citizen in citizens]}},
                                          {"$max": {"seen": run}, "$set": {"profile_due": due_pos(appid, due)}})

    async def unseen(self, appid: str, run: float, after: int) -> tuple[list[int], int | None]:
        """Of one page, the followers whom the list of `run` did not name; where the next page begins, None after the last."""
        found = await _between(self._followers, follower_pos(appid, after), f"{appid};", PAGE)
        missing = [document["citizen"] for document in found if document["subscribed"] and document.get("seen", 0.0) < run]
        return missing, int(found[-1]["citizen"]) if len(found) == PAGE else None

    # Jobs over whole accounts

    async def start_job(self, job_id: str, fields: Document) -> bool:
        """False where one of this name is not finished. Its `step` counts what was done, and refuses whoever comes late."""
        for _ in range(2):
            fresh: Document = {"state": "running", "step": 0, "due": 0.0, **fields}
            if (await self._jobs.update_one({"_id": job_id, "state": {"$in": ["done", "failed"]}}, {"$set": fresh})).matched_count:
                return True
            try:
                await self._jobs.insert_one({"_id": job_id, **fresh})
                return True
            except DuplicateKeyError:
                continue
        return False

    async def job(self, job_id: str) -> Document | None:
        return await self._jobs.find_one({"_id": job_id})

    async def claim_job(self, job_id: str, now: float, until: float) -> Document | None:
        """The job, if it is to be worked on; nobody else does until then, or until its next step is recorded."""
        found = await self.job(job_id)
        if found is None or found["state"] != "running" or found["due"] > now:
            return None
        taken = await self._jobs.update_one({"_id": job_id, "step": found["step"], "due": found["due"]}, {"$set": {"due": until}})
        return found if taken.matched_count else None

    async def record_step(self, job: Document, fields: Document, *, counted: dict[str, int] | None = None) -> bool:
        """The next step begins where `fields` say; False where somebody else recorded this one."""
        change: Document = {"$set": {"due": 0.0, **fields}, "$inc": {"step": 1, **(counted or {})}}
        return (await self._jobs.update_one({"_id": job["_id"], "step": job["step"]}, change)).matched_count == 1

    # Merges and deletions

    async def merge(self, loser: int, survivor: int) -> None:
        """Two numbers are one person: what is known of either is the survivor's. Repeating it changes nothing.

        A remark is sealed for its number; the survivor's next profile, which is due by this, brings it again.
        """
        for document in await self._followers.find({"citizen": loser}).limit(OF_ONE).to_list(None):
            old = _follower(document)
            if await self.advance(old.appid, survivor, old.subscribed, old.changed_at, scene=old.scene) and old.subscribed:
                kept: Document = {"since": old.since, "channel": old.channel, "seen": document.get("seen", 0.0)}
                await self._followers.update_one({"_id": follower_id(old.appid, survivor)}, {"$set": kept})
            await self._followers.delete_one({"_id": document["_id"]})
        for document in await self._members.find({"citizen": loser}).limit(OF_ONE).to_list(None):
            await self.add_members(document["appid"], document["tag"], [survivor], seen=document["seen"])
            await self._members.delete_one({"_id": document["_id"]})

    async def forget(self, appid: str, citizen: int) -> None:
        """She is no follower of this account, and never was."""
        await self.set_tags(appid, citizen, ())
        await self.remove_members(appid, BLACKLIST, [citizen])
        await self._followers.delete_one({"_id": follower_id(appid, citizen)})

    async def remove_of(self, citizen: int, now: float) -> None:
        """Her deletion takes everything away."""
        await self._followers.delete_many({"citizen": citizen})
        await self._members.delete_many({"citizen": citizen})


async def _between(collection: Collection, after: str, end: str, limit: int) -> list[Document]:
    return await collection.find({"pos": {"$gt": after, "$lt": end}}).sort("pos", 1).limit(limit).to_list(None)


def _follower(document: Document) -> Follower:
    return Follower(document["appid"], document["citizen"], bool(document["subscribed"]), document["rank"],
                    float(document.get("since", 0.0)), document.get("scene", ""), document.get("channel", ""),
                    bytes(document.get("remark", b"")), document.get("profile_due", ""))
