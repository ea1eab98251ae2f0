"""A long piece of work over all followers of an account: started by an admin, done in steps, taken up where it was killed.

Invariants: a step may be repeated, and is recorded only once; of two processes at the same step one does it, and where its lease ran out
both may, to the same end. Whatever the platform refuses for good ends the job; what it refuses for now is tried again within bounds.
"""

from __future__ import annotations

import abc
import logging
from typing import Any

from server.errors import Conflict
from server.followers.store import FollowerStore
from server.seals import SealBroken
from server.stores import Document
from server.wechat.errors import QuotaSpent, WeChatError, pause_seconds

logger = logging.getLogger(__name__)

# A page of ten thousand people whom nobody knows yet is some 20 s of the embedded store; a killed process holds up the next one so long.
LEASE_SECONDS = 120.0
# Failures in a row, a minute apart at most: past half an hour somebody should look.
MOST_FAILURES = 30


class AccountJob(abc.ABC):
    """`SHOWN`: what staff see of it beside its state."""

    NAME = ""
    SHOWN: tuple[str, ...] = ()

    def __init__(self, appid: str, store: FollowerStore) -> None:
        self._appid = appid
        self._store = store
        self._id = f"{appid}:{self.NAME}"

    async def view(self) -> dict[str, Any] | None:
        """How far it is; None where it was never started."""
        job = await self._store.job(self._id)
        if job is None:
            return None
        return {"state": job["state"], "by": job["by"], "started_at": job["started_at"], "errcode": job.get("errcode", 0),
                **{name: job.get(name, 0) for name in self.SHOWN}}

    async def tick(self, now: float) -> int:
        """Do one step, if there is one; whether there was."""
        job = await self._store.claim_job(self._id, now, now + LEASE_SECONDS)
        if job is None:
            return 0
        try:
            await self._step(job, now)
        except WeChatError as error:
            await self._failed(job, error, now)
        except SealBroken:  # for good: the place in the list cannot be read, and a new start needs none
            logger.error("%s of an account ends: its place was sealed with another WENMING_SECRET_KEY; start it again", self.NAME)
            await self._store.record_step(job, {"state": "failed", "errcode": 0})
        return 1

    async def _begin(self, by: str, now: float, fields: Document) -> None:
        """Raises Conflict JOB_RUNNING."""
        begun = {"by": by, "started_at": now, "errcode": 0, "failures": 0, **dict.fromkeys(self.SHOWN, 0), **fields}
        if not await self._store.start_job(self._id, begun):
            raise Conflict("JOB_RUNNING", "上一次还没有做完")

    @abc.abstractmethod
    async def _step(self, job: Document, now: float) -> None:
        """Do one step and record it. Raises WeChatError."""

    async def _failed(self, job: Document, error: WeChatError, now: float) -> None:
        pause, failures = pause_seconds(error, int(job["failures"])), int(job["failures"]) + 1
        logger.warning("%s of an account failed: errcode %d", self.NAME, error.errcode)
        ends = pause is None or failures >= MOST_FAILURES and not isinstance(error, QuotaSpent)
        await self._store.record_step(job, {"state": "failed" if ends else "running", "errcode": error.errcode, "failures": failures,
                                            "due": now + (pause or 0.0)})
