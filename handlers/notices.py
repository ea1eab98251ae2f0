"""Notices to many, through the staff's interface: keep a batch, see what became of it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import structs

from handlers.base import decode_body
from handlers.staff import StaffHandler
from server.clock import iso
from server.notices import Batch, Progress
from server.notices.notice import STATE_WORDS, Kind, fitted
from server.wechat.errcodes import staff_text

# Ten thousand citizen numbers and the fields.
MAX_BATCH_BYTES = 256 * 1024
# Where nothing was asked of the platform.
NOT_ASKED = "没有发出：市民不在这个账号里（没有关注或没有用过小程序），或这个账号已不在设置中 (not known to this account)"


class BatchBody(msgspec.Struct, forbid_unknown_fields=True):
    """What is said, and to whom: `citizens` by number, or everybody who allowed this template. `allow_cut`: words too long may be cut."""

    id: str
    kind: Kind
    appid: str
    template_id: str
    data: dict[str, str]
    page: str = ""
    allow_cut: bool = False
    citizens: Annotated[list[int], msgspec.Meta(max_length=10_000)] | None = None


def batch_view(batch: Batch) -> dict[str, Any]:
    """`shown`: the words as citizens read them."""
    return {**structs.asdict(batch), "created_at": iso(batch.created_at), "shown": shown(batch)}


def shown(batch: Batch) -> dict[str, str]:
    return {name: value["value"] for name, value in fitted(batch).items()}


def progress_view(progress: Progress) -> dict[str, Any]:
    """Each state with its words; each reason with what it means and what to do."""
    return {"states": progress.states, "words": {state: STATE_WORDS[state] for state in progress.states if state in STATE_WORDS},
            "errors": [{"errcode": one.errcode, "count": one.count, "citizens": one.citizens,
                        "words": staff_text(one.errcode) if one.errcode else NOT_ASKED} for one in progress.errors.values()]}


class Batches(StaffHandler):
    async def get(self) -> None:
        """The batches, newest first."""
        await self.member("editor", "operator", "auditor")
        found, following = await self.services.notices.page(self.get_query_argument("cursor", ""))
        self.reply({"items": list(map(batch_view, found)), "next": following})

    async def post(self) -> None:
        """Keep a batch; it goes out by itself. The same again adds whoever is new."""
        member, now = await self.member("editor"), self.now()
        body = decode_body(self.request.body, BatchBody, MAX_BATCH_BYTES)
        batch = Batch(body.id, body.kind, body.appid, body.template_id, body.data, body.page, member.name)
        self.services.notices.check(batch)
        warnings = self.services.references.of_batch(batch, allow_cut=body.allow_cut)
        new = await self.services.notices.keep(batch, body.citizens, now)
        await self.log(member, "notices.keep", batch.id, new=new)
        self.reply({"id": batch.id, "new": new, "shown": shown(batch), "warnings": warnings}, 201)


class OneBatch(StaffHandler):
    async def get(self, batch_id: str) -> None:
        """A batch, how many are in each state, and why some did not arrive."""
        await self.member("editor", "operator", "auditor")
        batch, progress = await self.services.notices.view(batch_id)
        self.reply(batch_view(batch) | progress_view(progress))
