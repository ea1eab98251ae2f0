"""The duty log 值班日志, through the staff's interface: entries, handovers, the day's curve, and the log as a file."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from handlers.staff import StaffHandler
from handlers.streams import CSV, StreamHandler
from server.audit_log import BOM, csv_of
from server.clock import day_bounds, day_of, iso
from server.duty import HEADER, KIND_NAMES, Entry, Seen, checked_day

READERS = ("operator", "auditor", "reviewer")


class EntryBody(msgspec.Struct, forbid_unknown_fields=True):
    """`kind` note, incident, handover or correction; `to`: who takes over; `corrects`: which entry; `sure`: what looks like a person's
    number is none."""

    text: str
    kind: str = "note"
    to: str = ""
    corrects: str = ""
    sure: bool = False


def entry_view(entry: Entry) -> dict[str, Any]:
    return {"id": entry.id, "at": iso(entry.at), "author": entry.author, "kind": entry.kind, "kind_name": KIND_NAMES[entry.kind],
            "text": entry.text, "to": entry.to, "refers": entry.refers}


def seen_view(seen: Seen) -> dict[str, Any]:
    return {**entry_view(seen.entry), "corrections": list(map(entry_view, seen.corrections)),
            "acknowledged": entry_view(seen.acknowledged) if seen.acknowledged else None}


class Log(StaffHandler):
    async def get(self, slug: str) -> None:
        """Entries of a day or of all, newest first; with the handovers that nobody has taken over, and who could."""
        member = await self.member(*READERS, campaign=slug)
        campaign, duty = await self.services.campaigns.get_any(slug), self.services.duty
        found, following = await duty.page(campaign, self.get_query_argument("day", ""), self.get_query_argument("cursor", ""))
        self.reply({"items": list(map(seen_view, found)), "next": following, "today": day_of(self.now()),
                    "open_handovers": list(map(entry_view, await duty.open_handovers(campaign))),
                    "people": await duty.people(campaign, member.name)})

    async def post(self, slug: str) -> None:
        """Add an entry. None is ever changed; a correction is an entry of its own."""
        member, body = await self.member("operator", campaign=slug), self.body(EntryBody)
        campaign = await self.services.campaigns.get_any(slug)
        entry = await self.services.duty.write(campaign, member, body.kind, body.text, self.now(), to=body.to, corrects=body.corrects,
                                               sure=body.sure)
        await self.log(member, "duty.write", f"{slug}:{entry.id}", kind=entry.kind)
        self.reply(entry_view(entry), 201)


class Acknowledgement(StaffHandler):
    async def post(self, slug: str, entry: str) -> None:
        """Take a handover over, as the one whom it names."""
        member = await self.member("operator", campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        made = await self.services.duty.acknowledge(campaign, member, entry, self.now())
        await self.log(member, "duty.acknowledge", f"{slug}:{entry}")
        self.reply(entry_view(made), 201)


class Curve(StaffHandler):
    async def get(self, slug: str) -> None:
        """New participants of a day, minute by minute, as [minute of the day, number]; minutes without anybody are left out."""
        await self.member(*READERS, campaign=slug)
        campaign, now = await self.services.campaigns.get_any(slug), self.now()
        day = checked_day(self.get_query_argument("day", "")) or day_of(now)
        minutes = await self.services.curve(campaign, day, now)
        begins, ends = day_bounds(day)
        self.reply({"day": day, "begins": iso(begins), "ends": iso(ends), "minutes": sorted(map(list, minutes.items()))})


class Table(StreamHandler):
    async def get(self, slug: str, form: str) -> None:
        """The log of a day, or the whole, as a table for Excel or as a text."""
        member = await self.member(*READERS, campaign=slug)
        campaign, day = await self.services.campaigns.get_any(slug), checked_day(self.get_query_argument("day", ""))
        await self.log(member, "duty.export", slug, day=day, form=form)
        pieces = self._csv(campaign, day) if form == "csv" else self._text(campaign, day)
        await self.send(pieces, CSV if form == "csv" else "text/plain; charset=UTF-8", f"{slug}-duty-log{day and '-' + day}.{form}")

    async def _csv(self, campaign: Any, day: str) -> AsyncGenerator[bytes, None]:
        yield BOM.encode() + csv_of([HEADER])
        async for rows in self.services.duty.rows(campaign, day):
            yield csv_of(rows)

    async def _text(self, campaign: Any, day: str) -> AsyncGenerator[bytes, None]:
        yield f"{BOM}{campaign.title} 值班日志{' ' + day if day else ''}（最新的在前）\r\n\r\n".encode()
        async for rows in self.services.duty.rows(campaign, day):
            for at, kind, author, text, to, refers, number in rows:
                head = f"{at[:10]} {at[11:19]}　{kind}　{author}" + (f" → {to}" if to else "") + f"　#{number}"
                yield (f"{head}{f'（针对 #{refers}）' if refers else ''}\r\n{text}\r\n\r\n").encode()
