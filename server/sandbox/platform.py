"""The state of the simulated platform and its clock: what every part of the sandbox stands on.

Owns: the clock that tests may move, the quotas, the list of injected faults.
Does not own: endpoints and their rules.
Invariant: time limits (tokens, codes, windows) are reckoned by `now()`; callbacks carry the true time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from server.sandbox.accounts import Account, Accounts
from server.sandbox.errcodes import WeChatRefusal
from server.sandbox.store import Citizen, Store


@dataclass
class Fault:
    """What shall go wrong with the next `times` requests of `path`."""

    path: str
    times: int
    errcode: int | None = None
    status: int | None = None
    hang_seconds: float = 0.0


@dataclass
class Platform:
    accounts: Accounts
    store: Store
    callback: str
    clock: Callable[[], float] = time.time
    offset_seconds: float = 0.0
    faults: list[Fault] = field(default_factory=list)
    # Share cards that pages set through the simulated JS-SDK, by citizen key; a phone forgets them with its page.
    shares: dict[str, dict[str, Any]] = field(default_factory=dict)
    _news: dict[str, asyncio.Event] = field(default_factory=dict)

    def now(self) -> float:
        """Seconds since 1970 as the platform reckons its time limits."""
        return self.clock() + self.offset_seconds

    def account(self, role_or_appid: str) -> Account | None:
        return self.accounts.by_role.get(role_or_appid) or self.accounts.by_appid.get(role_or_appid)

    def spend_quota(self, name: str, window_seconds: int, limit: int, errcode: int) -> None:
        """Count one use in the running window. Raises WeChatRefusal past the limit."""
        if self.store.count(name, int(self.now() // window_seconds)) > limit:
            raise WeChatRefusal(errcode)

    def new_citizen(self, nickname: str | None) -> Citizen:
        """A citizen with an identity in every account."""
        name = nickname or f"市民{self.store.citizen_count() + 1}"
        return self.store.add_citizen(name, list(self.accounts.by_appid), self.now())

    def add_line(self, account: Account, citizen: Citizen, sender: str, kind: str, content: dict[str, Any]) -> int:
        """A line in the citizen's chat; wakes the phones that wait for it."""
        line = self.store.add_line(account.appid, citizen.key, sender, kind, content, self.clock())
        event = self._news.pop(citizen.key, None)
        if event:
            event.set()
        return line

    async def wait_for_line(self, citizen: Citizen, seconds: float) -> None:
        """Until the citizen gets a line, or the time is over."""
        event = self._news.setdefault(citizen.key, asyncio.Event())
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return

    def take_fault(self, path: str) -> Fault | None:
        """The fault that hits this request, counted down."""
        for fault in self.faults:
            if fault.path == path:
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None
