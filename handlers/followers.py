"""Followers of an official account, through the staff's interface: lists, tags, blacklist, remarks, the refresh and a move.

Nobody is shown by more than her citizen number and what the account holds of her; a remark, which may be a name, on one page alone.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from handlers.base import decode_body
from handlers.staff import Number, StaffHandler
from server.clock import iso
from server.digits import whole
from server.errors import InvalidBody
from server.followers import BLACKLIST, Followers
from server.followers.service import Changed, Shown

# A thousand citizen numbers.
MAX_CHANGE_BYTES = 16 * 1024
# Who may see lists of people at all.
READERS = ("editor", "operator", "auditor")


class TagBody(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class ChangeBody(msgspec.Struct, forbid_unknown_fields=True):
    """Citizens by number."""

    add: Annotated[list[Number], msgspec.Meta(max_length=1000)] = []
    remove: Annotated[list[Number], msgspec.Meta(max_length=1000)] = []


class RemarkBody(msgspec.Struct, forbid_unknown_fields=True):
    remark: str


class MoveBody(msgspec.Struct, forbid_unknown_fields=True):
    """The old account's AppID, and its original id (gh_…) where the platform wants that."""

    from_appid: str
    from_original_id: str = ""


def follower_view(shown: Shown) -> dict[str, Any]:
    one = shown.follower
    return {"citizen": shown.citizen, "subscribed": bool(one and one.subscribed), "since": iso(one.since) if one and one.since else None,
            "scene": one.scene if one else "", "channel": one.channel if one else "",
            "tags": [tag for tag in shown.tags if tag != BLACKLIST], "blacklisted": BLACKLIST in shown.tags}


def changed_view(changed: Changed) -> dict[str, Any]:
    return {"changed": changed.changed, "unknown": list(changed.unknown)}


def job_view(job: dict[str, Any] | None) -> dict[str, Any]:
    return {"state": "never", "started_at": None} if job is None else {**job, "started_at": iso(job["started_at"])}


class FollowersHandler(StaffHandler):
    def followers(self, appid: str) -> Followers:
        """Raises AccountNotFound, NotAnOfficialAccount."""
        found: Followers = self.services.accounts.official(appid).followers
        return found

    async def page(self, appid: str, tag: int | None = None) -> None:
        """A page by number; `cursor` is where the one before ended."""
        cursor = whole(self.get_query_argument("cursor", "0"), 10)
        if cursor is None:
            raise InvalidBody(message="cursor 要用上一页给出的 next", field="cursor")
        shown, behind = await self.followers(appid).page(cursor, tag)
        self.reply({"items": [follower_view(one) for one in shown], "next": None if behind is None else str(behind)})


class List(FollowersHandler):
    async def get(self, appid: str) -> None:
        """Followers by number, also former ones."""
        await self.member(*READERS)
        await self.page(appid)


class One(FollowersHandler):
    async def get(self, appid: str, citizen: str) -> None:
        """One follower, with the remark on her."""
        await self.member(*READERS)
        await self._show(appid, int(citizen))

    async def put(self, appid: str, citizen: str) -> None:
        """Change the remark on her; an empty one takes it away."""
        member, body = await self.member("editor", "operator"), self.body(RemarkBody)
        await self.followers(appid).set_remark(int(citizen), body.remark)
        await self.log(member, "follower.remark", f"{appid}:{citizen}")  # not its words: they may be a name
        await self._show(appid, int(citizen))

    async def _show(self, appid: str, citizen: int) -> None:
        shown, remark = await self.followers(appid).one(citizen)
        self.reply({**follower_view(shown), "remark": remark})


class Tags(FollowersHandler):
    async def get(self, appid: str) -> None:
        """Every tag, with how many have it."""
        await self.member()
        self.reply({"items": [msgspec.to_builtins(tag) for tag in await self.followers(appid).tags()], "next": None})

    async def post(self, appid: str) -> None:
        """A new tag."""
        member, body = await self.member("editor"), self.body(TagBody)
        made = await self.followers(appid).create_tag(body.name)
        await self.log(member, "tag.create", f"{appid}:{made.id}", name=made.name)
        self.reply(msgspec.to_builtins(made), 201)


class OneTag(FollowersHandler):
    async def put(self, appid: str, tag: str) -> None:
        """Rename a tag."""
        member, body = await self.member("editor"), self.body(TagBody)
        await self.followers(appid).rename_tag(int(tag), body.name)
        await self.log(member, "tag.rename", f"{appid}:{tag}", name=body.name.strip())
        self.reply({"id": int(tag), "name": body.name.strip()})

    async def delete(self, appid: str, tag: str) -> None:
        """Delete a tag; nobody has it any more."""
        member = await self.member("editor")
        await self.followers(appid).delete_tag(int(tag))
        await self.log(member, "tag.delete", f"{appid}:{tag}")
        self.set_status(204)
        self.finish()


class Tagged(FollowersHandler):
    async def get(self, appid: str, tag: str) -> None:
        """Who has a tag, by number."""
        await self.member(*READERS)
        await self.page(appid, int(tag))

    async def put(self, appid: str, tag: str) -> None:
        """Give a tag to citizens and take it from others."""
        member, body = await self.member("editor"), decode_body(self.request.body, ChangeBody, MAX_CHANGE_BYTES)
        changed = await self.followers(appid).change_tag(int(tag), body.add, body.remove)
        await self.log(member, "tag.members", f"{appid}:{tag}", add=body.add, remove=body.remove)
        self.reply(changed_view(changed))


class Blacklist(FollowersHandler):
    async def get(self, appid: str) -> None:
        """Who is on the blacklist, by number."""
        await self.member(*READERS)
        await self.page(appid, BLACKLIST)

    async def put(self, appid: str) -> None:
        """Put citizens on the blacklist and take others off it."""
        member, body = await self.member("editor", "operator"), decode_body(self.request.body, ChangeBody, MAX_CHANGE_BYTES)
        changed = await self.followers(appid).change_blacklist(body.add, body.remove, self.now())
        await self.log(member, "blacklist.change", appid, add=body.add, remove=body.remove)
        self.reply(changed_view(changed))


class Refresh(FollowersHandler):
    async def get(self, appid: str) -> None:
        """How far the last refresh is."""
        await self.member(*READERS)
        self.reply(job_view(await self.followers(appid).refresh.view()))

    async def post(self, appid: str) -> None:
        """Ask the platform for every follower, to repair lost events; it goes on by itself."""
        member = await self.member("admin")
        await self.followers(appid).refresh.start(member.name, self.now())
        await self.log(member, "followers.refresh", appid)
        self.reply(job_view(await self.followers(appid).refresh.view()), 202)


class Move(FollowersHandler):
    async def get(self, appid: str) -> None:
        """How far the last move is."""
        await self.member(*READERS)
        self.reply(job_view(await self.followers(appid).moves.view()))

    async def post(self, appid: str) -> None:
        """Take over the followers of an account that was moved into this one; each keeps her number."""
        member, body = await self.member("admin"), self.body(MoveBody)
        await self.followers(appid).moves.start(body.from_appid, body.from_original_id, member.name, self.now())
        await self.log(member, "followers.move", appid, from_appid=body.from_appid)
        self.reply(job_view(await self.followers(appid).moves.view()), 202)
