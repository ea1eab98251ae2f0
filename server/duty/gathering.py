"""What of the audit log belongs into the duty logs: switches that were turned and states that were changed.

Owns the words of these entries. Invariants: an entry of the audit log is written into a campaign's duty log once, whichever processes read
it; the audit log is read in its order from where it was read to before, and from its end where it never was.

Failure policy: a store that does not answer is asked again at the next turn; nothing is left out.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence

from server.campaigns import LATE_SECONDS, Campaign
from server.campaigns.campaign import STATE_NAMES
from server.duty.entry import DutyStore, Entry, id_of
from server.stores import Document
from server.switches.switch import NAMES, OF_PRODUCT

logger = logging.getLogger(__name__)

# Pages of 500 in one turn: what was written during an outage of the jobs comes in within some turns.
PAGES_AT_ONCE = 10
# What of a switch is said beside its name and its reason.
SAID = {"text": "文字", "until": "预计到"}
# What a campaign became by "campaign.take_down".
TAKEN_DOWN = {"paused": "暂停活动", "frozen": "结束活动"}
ACTS: dict[str, str] = {
    "campaign.release": "发布活动", "campaign.release_at": "定时发布", "campaign.unschedule": "取消定时发布",
    "campaign.take_down": "撤下活动", "ceremony.open": "启动仪式，活动开始",
    "own_words.pause": "暂停自己写寄语", "own_words.resume": "恢复自己写寄语"}


def text_of(entry: Document) -> str | None:
    """What an entry of the audit log says in a duty log; None for what does not concern it."""
    action = entry["action"]
    detail = entry["detail"] if isinstance(entry["detail"], dict) else {}
    reason = detail.get("reason", "")
    if action in ("switch.on", "switch.off"):
        name = entry["subject"].rpartition(":")[2]
        after = entry["after"] if isinstance(entry["after"], dict) else {}
        said = "".join(f"，{word}：{after[key]}" for key, word in SAID.items() if after.get(key))
        return f"{'打开' if action == 'switch.on' else '关闭'}开关“{NAMES.get(name, name)}”{said}{why(reason or after.get('reason', ''))}"
    if action == "campaign.state":
        states = [STATE_NAMES.get(entry[name], str(entry[name])) for name in ("before", "after")]
        return f"活动状态：{' → '.join(states)}{why(reason)}"
    if action == "campaign.take_down":
        return TAKEN_DOWN.get(detail.get("state", ""), ACTS[action]) + why(reason)
    return ACTS[action] + why(reason) if action in ACTS else None


def why(reason: str) -> str:
    return f"，原因：{reason}" if reason else ""


class Gathering:
    """`after`: the entries of the audit log after a number; `last`: the newest one's."""

    def __init__(self, store: DutyStore, after: Callable[[int], Awaitable[list[Document]]], last: Callable[[], Awaitable[Document | None]],
                 campaigns: Callable[[], Awaitable[list[Campaign]]]) -> None:
        self._store = store
        self._after = after
        self._last = last
        self._campaigns = campaigns

    async def tick(self, now: float) -> int:
        """How many entries of the audit log were looked at."""
        mark = await self._store.mark()
        if mark is None:
            newest = await self._last()
            await self._store.keep_mark(newest["seq"] if newest else 0)
            return 0
        looked_at = 0
        for _ in range(PAGES_AT_ONCE):
            entries = await self._after(mark)
            if not entries:
                break
            campaigns = await self._campaigns()
            for entry in entries:
                for made in entries_of(entry, campaigns):
                    await self._store.add(made)
            mark, looked_at = entries[-1]["seq"], looked_at + len(entries)
            await self._store.keep_mark(mark)
        return looked_at


def entries_of(entry: Document, campaigns: Sequence[Campaign]) -> Iterator[Entry]:
    """Nothing, an entry of one campaign, or one for each campaign that ran at that moment."""
    text = text_of(entry)
    if text is None:
        return
    at, (whose, _, name) = entry["at_ms"] / 1000, entry["subject"].partition(":")
    # Told apart by the switch: a campaign's code may be any word.
    for slug in [one.slug for one in campaigns if (ran(one, at) if name in OF_PRODUCT else one.slug == whose)]:
        yield Entry(id_of(f"{slug}:audit:{entry['seq']}"), slug, at, entry["who"], "switch", text)


def ran(campaign: Campaign, at: float) -> bool:
    """Whether it was open or paused at a moment, which may be some turns ago: it may have ended since."""
    return campaign.state in ("open", "paused", "frozen") and campaign.opens_at <= at < campaign.closes_at + LATE_SECONDS
