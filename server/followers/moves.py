"""An account that was moved 账号迁移: its followers have other openids in the new one; each keeps her citizen number.

Steps of a hundred followers of the old account, by number. The platform answers within 15 days after the move, and only for those who
followed the old account. The old record goes when the new one stands; the old openid stays sealed in `identities` until her deletion.
[doc/service/api/usermanage/userinfo/api_changeopenid] Its `from_appid` is the original id (gh_…) by the newer text, the AppID by the
older one: whoever starts the job says which is sent.
"""

from __future__ import annotations

from typing import Any

from server.citizens import Citizens
from server.errors import InvalidBody
from server.followers.account_jobs import AccountJob
from server.followers.record import MOVED_AT_ONCE, Follower
from server.followers.store import FollowerStore
from server.stores import Document
from server.wechat.client import Client

MAX_NAME_CHARACTERS = 32


class Moves(AccountJob):
    NAME = "move"
    SHOWN = ("from_appid", "moved", "not_moved")

    def __init__(self, client: Client, store: FollowerStore, citizens: Citizens) -> None:
        super().__init__(client.appid, store)
        self._client = client
        self._citizens = citizens

    async def start(self, from_appid: str, from_original_id: str, by: str, now: float) -> None:
        """`from_appid`: under which we know them. Raises InvalidBody, Conflict JOB_RUNNING."""
        if not 0 < len(from_appid) <= MAX_NAME_CHARACTERS or from_appid == self._appid or not from_appid.isprintable():
            raise InvalidBody(message="请写原账号的 AppID，不能是本账号", field="from_appid")
        if len(from_original_id) > MAX_NAME_CHARACTERS or not from_original_id.isprintable():
            raise InvalidBody(message=f"原始 ID（gh_ 开头）最多 {MAX_NAME_CHARACTERS} 个字符", field="from_original_id")
        await self._begin(by, now, {"from_appid": from_appid, "asked_as": from_original_id or from_appid, "after": 0})

    async def _step(self, job: Document, now: float) -> None:
        page = await self._store.page(job["from_appid"], job["after"], MOVED_AT_ONCE)
        asked: dict[str, Follower] = {}
        for follower in page:
            openid = await self._citizens.openid_of(follower.citizen, job["from_appid"]) if follower.subscribed else None
            if openid is not None:
                asked[openid] = follower
        results = await self._client.user.change_openid(job["asked_as"], list(asked)) if asked else []
        moved = sum([await self._move(job["from_appid"], asked, result, now) for result in results if isinstance(result, dict)])
        ended: Document = {"state": "done"} if len(page) < MOVED_AT_ONCE else {"after": page[-1].citizen}
        await self._store.record_step(job, {"failures": 0, "errcode": 0, **ended}, counted={"moved": moved, "not_moved": len(page) - moved})

    async def _move(self, from_appid: str, asked: dict[str, Follower], result: dict[str, Any], now: float) -> bool:
        """One follower: her new openid leads to her number, and what is known of her following goes along."""
        follower, openid = asked.get(str(result.get("ori_openid"))), str(result.get("new_openid") or "")
        if follower is None or not openid or result.get("err_msg") != "ok":
            return False
        if await self._citizens.openid_of(follower.citizen, from_appid) is None:
            return False  # she had herself deleted while the platform was asked
        citizen = await self._citizens.adopt(self._appid, openid, follower.citizen, now)
        if citizen is None:
            return False
        await self._store.advance(self._appid, citizen, True, follower.changed_at, scene=follower.scene)
        await self._store.forget(from_appid, follower.citizen)
        return True
