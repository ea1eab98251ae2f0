"""The state of the simulated platform and its clock: what every part of the sandbox stands on.

Owns: the clock that tests may move, the quotas, the list of injected faults.
Does not own: endpoints and their rules.
Invariant: time limits (tokens, codes, windows) are reckoned by `now()`; callbacks carry the true time.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
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
    # How often a citizen still allows a template, by (appid, template, citizen); and the msgids of named template messages with
    # when each was taken.
    allowed: dict[tuple[str, str, str], int] = field(default_factory=dict)
    named: dict[tuple[str, str, str], tuple[int, float]] = field(default_factory=dict)
    # Menus for some, oldest first, by appid.
    conditional_menus: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    # Until when a chat shows that somebody is typing, by (appid, citizen).
    typing: dict[tuple[str, str], float] = field(default_factory=dict)
    # Daily limits that differ, by (appid, path); refused requests by rid, oldest first.
    daily_limits: dict[tuple[str, str], int] = field(default_factory=dict)
    refused: dict[str, dict[str, Any]] = field(default_factory=dict)
    # What a check of the callback address finds: None for the address itself.
    callback_addresses: list[str] | None = None
    pings_lost: bool = False
    # Pictures and sound that were sent to be checked, the newest last, and whether their events wait to be asked for.
    media_checks: dict[str, Any] = field(default_factory=dict)
    media_verdicts_held: bool = False
    # What the simulated moderation provider was asked, the newest last.
    moderated: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=1000))
    # Whether the events of publications and mass sends get lost.
    article_events_lost: bool = False
    # Events that are still to come by themselves.
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    # Accounts that were moved, as (the old one's appid or original id, the new one's appid), to the old one's appid.
    moved: dict[tuple[str, str], str] = field(default_factory=dict)
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
        if sender != "citizen":  # what was being written has come
            self.typing.pop((account.appid, citizen.key), None)
        self.wake(citizen)
        return line

    def wake(self, citizen: Citizen) -> None:
        """Let the phones that wait for something of hers look again."""
        event = self._news.pop(citizen.key, None)
        if event:
            event.set()

    def typing_to(self, citizen: Citizen) -> dict[str, float]:
        """The accounts that are shown to be typing to her, each with the seconds left."""
        now = self.clock()
        return {appid: round(until - now, 1) for (appid, key), until in self.typing.items() if key == citizen.key and until > now}

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
