"""The duty log as people write and read it.

Failure policy: closed. What cannot be kept is refused, and the page keeps the words.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from server.campaigns import Campaign
from server.clock import iso
from server.duty.entry import (
    BY_HAND,
    KIND_NAMES,
    SYSTEM,
    DutyStore,
    Entry,
    EntryNotFound,
    HandoverAcknowledged,
    Kind,
    NobodyToHandTo,
    NotYourHandover,
    PersonalDataSuspected,
    checked_text,
    id_of,
    looks_personal,
    new_id,
)
from server.errors import InvalidBody
from server.reports.report import is_day
from server.staff import Member
from server.staff.member import Account

HEADER = ("时间", "类别", "记录人", "内容", "交给", "针对", "编号")
# Who may watch a campaign.
WATCHERS = ("operator", "admin")


@dataclass(frozen=True)
class Seen:
    """An entry with what was said of it later."""

    entry: Entry
    corrections: tuple[Entry, ...] = ()
    acknowledged: Entry | None = None


class DutyLog:
    """`accounts`: every account of the staff."""

    def __init__(self, store: DutyStore, accounts: Callable[[], Awaitable[Sequence[Account]]]) -> None:
        self._store = store
        self._accounts = accounts

    async def write(self, campaign: Campaign, member: Member, kind: str, text: str, now: float, *, to: str = "", corrects: str = "",
                    sure: bool = False) -> Entry:
        """Add an entry. `sure`: she looked again at what may be a person's number.

        Raises InvalidBody, TextWrong, PersonalDataSuspected, NobodyToHandTo, EntryNotFound.
        """
        if kind not in BY_HAND:
            raise InvalidBody("INVALID_BODY", f"类别只能是 {'、'.join(BY_HAND)}", field="kind")
        plain = checked_text(text)
        if looks_personal(plain) and not sure:
            raise PersonalDataSuspected(field="text")
        if kind == "handover" and to not in await self.people(campaign, member.name):
            raise NobodyToHandTo(field="to")
        if kind == "correction" and await self._store.find(campaign.slug, corrects) is None:
            raise EntryNotFound()
        entry = Entry(new_id(), campaign.slug, now, member.name, kind, plain,  # type: ignore[arg-type]
                      to if kind == "handover" else "", corrects if kind == "correction" else "")
        await self._store.add(entry)
        return entry

    async def acknowledge(self, campaign: Campaign, member: Member, entry_id: str, now: float) -> Entry:
        """Take a handover over. Raises EntryNotFound, NotYourHandover, HandoverAcknowledged."""
        handover = await self._store.find(campaign.slug, entry_id)
        if handover is None or handover.kind != "handover":
            raise EntryNotFound()
        if member.name != handover.to and member.role != "admin":
            raise NotYourHandover()
        entry = Entry(id_of(f"{campaign.slug}:acknowledgement:{entry_id}"), campaign.slug, now, member.name, "acknowledgement",
                      f"已接班（{handover.author} 交班）", refers=entry_id)
        if not await self._store.add(entry):
            raise HandoverAcknowledged()
        return entry

    async def note(self, campaign: str, kind: Kind, key: str, text: str, now: float) -> None:
        """What the product writes itself, once for each key."""
        await self._store.add(Entry(id_of(f"{campaign}:{key}"), campaign, now, SYSTEM, kind, text))

    async def people(self, campaign: Campaign, but: str) -> list[str]:
        """To whom a shift may be handed: accounts that may watch this campaign, by name."""
        return [one.name for one in await self._accounts()
                if one.role in WATCHERS and not one.disabled and one.name != but
                and (one.campaigns is None or campaign.slug in one.campaigns)]

    async def page(self, campaign: Campaign, day: str, cursor: str) -> tuple[list[Seen], str | None]:
        """Entries of a day, or of all days, the newest first. Raises InvalidBody for what is no day."""
        entries, following = await self._store.page(campaign.slug, checked_day(day), cursor)
        return await self._seen(campaign, entries), following

    async def open_handovers(self, campaign: Campaign) -> list[Entry]:
        """Of the newest handovers those that nobody has taken over, the newest first."""
        return [one.entry for one in await self._seen(campaign, await self._store.handovers(campaign.slug)) if one.acknowledged is None]

    async def rows(self, campaign: Campaign, day: str) -> AsyncIterator[list[tuple[str, ...]]]:
        """Entries as rows under HEADER, page by page, the newest first. Raises InvalidBody for what is no day."""
        async for entries in self._store.all_of(campaign.slug, checked_day(day)):
            yield [(iso(one.at), KIND_NAMES[one.kind], one.author, one.text, one.to, one.refers, one.id) for one in entries]

    async def _seen(self, campaign: Campaign, entries: Sequence[Entry]) -> list[Seen]:
        later = await self._store.referring(campaign.slug, [one.id for one in entries])
        return [Seen(one, tuple(sorted((other for other in later if other.refers == one.id and other.kind == "correction"),
                                       key=lambda other: (other.at, other.id))),
                     next((other for other in later if other.refers == one.id and other.kind == "acknowledgement"), None))
                for one in entries]


def checked_day(day: str) -> str:
    """"" or a day such as 20261001. Raises InvalidBody."""
    if day and not is_day(day):
        raise InvalidBody("INVALID_BODY", "日期请写成 20261001 这样的格式", field="day")
    return day
