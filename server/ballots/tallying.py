"""The tally 计票: folded from the rows by one process at a time, and proved by a replay of them.

Owns: `tallies` (`_id` campaign; positions and totals in one document) and `tally_hours` (`_id` campaign:hour, the same for the curve of
an hour). Invariants: a page of rows is added together with the positions that it ends at, so that whoever is killed at any step leaves
figures that the next one continues; of two who fold at once the later one's write is refused; totals name candidates, never people.

Failure policy: the figures stay as they were and say of when they are; nothing that is voted waits for them.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import structs

from server.ballots.ballot import KIND
from server.ballots.store import BallotStore, Row, Stream
from server.campaigns import Campaign
from server.claims import Claim, Claims
from server.clock import iso, shanghai
from server.errors import Conflict, WenmingError
from server.seals import SealBroken
from server.stores import Database, Document, DuplicateKeyError, PyMongoError

logger = logging.getLogger(__name__)

# A stream that was silent for so long has ended: what a batch without a clear end left in it is all that will come. Far longer than a
# write may take and clocks may differ, four times the silence after which a writer announces itself.
QUIET_SECONDS = 120.0
# An audit reads the tally, the rows and the tally again, and only a recount between calls for another look.
TRIES = 5


class Tally(msgspec.Struct, frozen=True):
    """`totals` by candidate; `ballots` cast and not taken back; `positions` by stream, the last row that is in; `as_of` the fold's time."""

    campaign: str
    totals: dict[str, int] = {}
    ballots: int = 0
    positions: dict[str, str] = {}
    as_of: float = 0.0
    rev: int = 0


class Hour(msgspec.Struct, frozen=True):
    """Votes of one hour by minute (00 to 59) and candidate; `ballots` by minute."""

    id: str
    minutes: dict[str, dict[str, int]] = {}
    ballots: dict[str, int] = {}
    positions: dict[str, str] = {}
    rev: int = 0


@dataclass
class TallyAudit:
    """`totals` and `ballots` of the replay; `findings` empty where the tally is the same."""

    ballots: int = 0
    voids: int = 0
    waiting: int = 0
    totals: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    def view(self) -> dict[str, Any]:
        return {"ok": not self.findings, "ballots": self.ballots, "voids": self.voids, "waiting": self.waiting, "totals": self.totals,
                "findings": self.findings}


class TallyBusy(Conflict):
    code = "TALLY_BUSY"
    message = "正在计票，请稍候再试"


class TallyStore:
    """The only code that touches `tallies` and `tally_hours`; each write is refused where another was first."""

    def __init__(self, mongo: Database) -> None:
        self._tallies = mongo["tallies"]
        self._hours = mongo["tally_hours"]

    async def tally(self, campaign: str) -> Tally:
        found = await self._tallies.find_one({"_id": campaign})
        return msgspec.convert({"campaign": campaign, **found}, Tally) if found else Tally(campaign)

    async def keep(self, tally: Tally) -> bool:
        fields: Document = msgspec.to_builtins(tally)
        return await _replace(self._tallies, fields.pop("campaign"), fields)

    async def hours(self, ids: Iterable[str]) -> dict[str, Hour]:
        found = await self._hours.find({"_id": {"$in": list(ids)}}).to_list(None)
        return {d["_id"]: msgspec.convert({"id": d["_id"], **d}, Hour) for d in found}

    async def keep_hour(self, hour: Hour) -> bool:
        fields: Document = msgspec.to_builtins(hour)
        return await _replace(self._hours, fields.pop("id"), fields)


async def _replace(collection: Any, key: str, fields: Document) -> bool:
    """Write over the revision that was seen, as the next one."""
    seen = fields["rev"]
    fields = {**fields, "rev": seen + 1}
    if seen:
        return bool((await collection.update_one({"_id": key, "rev": seen}, {"$set": fields})).matched_count == 1)
    try:
        await collection.insert_one({"_id": key, **fields})
    except DuplicateKeyError:
        return False
    return True


class Tallying:
    """`campaigns()` gives those that are not archived."""

    def __init__(self, store: TallyStore, ballots: BallotStore, claims: Claims, campaigns: Callable[[], Awaitable[list[Campaign]]]) -> None:
        self._store = store
        self._ballots = ballots
        self._claims = claims
        self._campaigns = campaigns
        # What this process has seen of each stream: its last whole batch, and when its writer had last been heard of where it had ended.
        self._looked: dict[str, tuple[int, float]] = {}

    async def tick(self, now: float) -> None:
        """Fold every vote that has something new; the job. One that is refused holds no other up."""
        for campaign in await self._campaigns():
            if campaign.kind != KIND:
                continue
            try:
                await self.fold(campaign.slug, now)
            except TallyBusy:
                continue  # another process folds it
            except (PyMongoError, WenmingError, SealBroken) as error:
                logger.warning("the votes of %s are folded later: %s", campaign.slug, type(error).__name__)

    async def fold(self, slug: str, now: float) -> int:
        """Add what is new to the tally; how many rows. Raises TallyBusy, SealBroken."""
        streams = [one for one in await self._ballots.streams(slug) if self._has_news(one, now)]
        if not streams:
            return 0
        async with self._claims.held(f"tally:{slug}", now, TallyBusy()) as claim:
            return await self._fold(slug, streams, now, claim)

    async def _fold(self, slug: str, streams: list[Stream], now: float, claim: Claim) -> int:
        added, tally = 0, await self._store.tally(slug)
        for stream in streams:
            while rows := await self._new_rows(stream, tally, now):
                tally = await self._add(tally, stream, rows, now)
                added += len(rows)
                await claim.extend()
            ended = now - stream.at > QUIET_SECONDS
            self._looked[f"{slug}:{stream.id}"] = stream.acked, stream.at if ended else 0.0
        return added

    async def tally(self, slug: str) -> Tally:
        return await self._store.tally(slug)

    async def curve(self, slug: str, day: str) -> dict[str, Any]:
        """The votes of a Shanghai day by minute: {"ballots": {"HH:MM": n}, "candidates": {code: {"HH:MM": n}}}."""
        hours = await self._store.hours([f"{slug}:{day}{hour:02d}" for hour in range(24)])
        ballots: dict[str, int] = {}
        candidates: dict[str, dict[str, int]] = {}
        for hour in sorted(hours.values(), key=lambda one: one.id):
            at = hour.id[-2:]
            ballots |= {f"{at}:{minute}": n for minute, n in sorted(hour.ballots.items())}
            for minute, totals in sorted(hour.minutes.items()):
                for code, n in totals.items():
                    candidates.setdefault(code, {})[f"{at}:{minute}"] = n
        return {"day": day, "ballots": ballots, "candidates": candidates}

    async def audit(self, slug: str) -> TallyAudit:
        """Replay the rows up to the tally's positions, and compare. A vote may go on meanwhile: rows before a position never change.

        Raises TallyBusy, SealBroken.
        """
        for _ in range(TRIES):
            tally = await self._store.tally(slug)
            found = await self._replay(slug, tally)
            if _goes_on_from(tally, await self._store.tally(slug)):
                return found
        raise TallyBusy()

    async def recount(self, slug: str, now: float) -> TallyAudit:
        """Put the replay in the tally's place, with every whole batch; what was found before. Raises TallyBusy, SealBroken."""
        async with self._claims.held(f"tally:{slug}", now, TallyBusy()) as claim:
            streams = await self._ballots.streams(slug)
            await self._fold(slug, streams, now, claim)  # first, so that the curve has whatever the tally will have
            seen = await self._store.tally(slug)
            before = await self._replay(slug, seen, claim)
            whole = Tally(slug, as_of=round(now, 3), rev=seen.rev)
            # Of a batch that is being written perhaps only half is there to be read: the next fold takes it.
            ends = {one.id: one.end if now - one.at > QUIET_SECONDS else one.before(one.acked + 1) for one in streams}
            async for rows in self._pages(slug, claim):
                whole = _with(whole, [row for row in rows if row.pos < ends.get(row.pos.split(":")[1], "")])
            if not await self._store.keep(whole):
                raise TallyBusy()
        return before

    def _has_news(self, stream: Stream, now: float) -> bool:
        """Whether this process has not seen all that the stream tells of, or that came after it until it ended."""
        acked, at = self._looked.get(f"{stream.campaign}:{stream.id}", (-1, 0.0))
        return acked < stream.acked or (now - stream.at > QUIET_SECONDS and at < stream.at)

    async def _new_rows(self, stream: Stream, tally: Tally, now: float) -> list[Row]:
        after = tally.positions.get(stream.id, stream.start)
        if now - stream.at <= QUIET_SECONDS:
            return await self._ballots.rows(after, stream.before(stream.acked + 1))
        rows = await self._ballots.rows(after, stream.end)
        again = await self._ballots.stream(stream)
        if again is None or again.at != stream.at:  # its writer is back: perhaps only half of a batch was there to be read
            return [row for row in rows if row.pos < stream.before(stream.acked + 1)]
        return rows

    async def _add(self, tally: Tally, stream: Stream, rows: list[Row], now: float) -> Tally:
        """The curve first: what is in it already is known by its own positions, so a kill between the two adds nothing twice."""
        await self._add_to_hours(tally.campaign, stream, rows)
        wanted = structs.replace(_with(tally, rows), as_of=round(now, 3))
        if not await self._store.keep(wanted):
            raise TallyBusy()
        return structs.replace(wanted, rev=wanted.rev + 1)

    async def _add_to_hours(self, slug: str, stream: Stream, rows: list[Row]) -> None:
        by_hour: dict[str, list[Row]] = {}
        for row in rows:
            by_hour.setdefault(f"{slug}:{shanghai(row.at):%Y%m%d%H}", []).append(row)
        known = await self._store.hours(by_hour)
        for hour_id, new in by_hour.items():
            hour = known.get(hour_id, Hour(hour_id))
            added = [row for row in new if row.pos > hour.positions.get(stream.id, "")]
            if added and not await self._store.keep_hour(_with_minutes(hour, stream, added)):
                raise TallyBusy()

    async def _replay(self, slug: str, tally: Tally, claim: Claim | None = None) -> TallyAudit:
        covered, found = Tally(slug), TallyAudit()
        async for rows in self._pages(slug, claim):
            inside = [row for row in rows if row.pos <= tally.positions.get(row.pos.split(":")[1], "")]
            covered = _with(covered, inside)
            found.waiting += len(rows) - len(inside)
            found.voids += sum(row.sign < 0 for row in inside)
        found.ballots, found.totals = covered.ballots, covered.totals
        if covered.ballots != tally.ballots:
            found.findings.append(f"the tally says {tally.ballots} ballots, the rows {covered.ballots}")
        for code in sorted({*covered.totals, *tally.totals}):
            says, holds = tally.totals.get(code, 0), covered.totals.get(code, 0)
            if says != holds:
                found.findings.append(f"the tally gives {code} {says} votes, the rows {holds}")
        return found

    async def _pages(self, slug: str, claim: Claim | None = None) -> Any:
        after = f"{slug}:"
        while rows := await self._ballots.rows(after, f"{slug};"):
            if claim:
                await claim.extend()
            yield rows
            after = rows[-1].pos


def _goes_on_from(seen: Tally, now: Tally) -> bool:
    """Whether nothing but folding has happened to a tally; a recount may set positions back."""
    return now.rev >= seen.rev and all(now.positions.get(stream, "") >= pos for stream, pos in seen.positions.items())


def _with(tally: Tally, rows: Iterable[Row]) -> Tally:
    """The tally with these rows, in the order of `pos`."""
    totals, positions, ballots = dict(tally.totals), dict(tally.positions), tally.ballots
    for row in rows:
        ballots += row.sign
        positions[row.pos.split(":")[1]] = row.pos
        for code in row.choices:
            totals[code] = totals.get(code, 0) + row.sign
    return structs.replace(tally, totals=totals, positions=positions, ballots=ballots)


def _with_minutes(hour: Hour, stream: Stream, rows: list[Row]) -> Hour:
    minutes = {minute: dict(totals) for minute, totals in hour.minutes.items()}
    ballots = dict(hour.ballots)
    for row in rows:
        minute = f"{shanghai(row.at):%M}"
        ballots[minute] = ballots.get(minute, 0) + row.sign
        totals = minutes.setdefault(minute, {})
        for code in row.choices:
            totals[code] = totals.get(code, 0) + row.sign
    return structs.replace(hour, minutes=minutes, ballots=ballots, positions={**hour.positions, stream.id: rows[-1].pos})


def tally_view(tally: Tally, codes: Iterable[str], papers: dict[str, int], paper_ballots: int) -> dict[str, Any]:
    """In the order of the candidates, whatever they got; paper ballots beside."""
    return {"as_of": iso(tally.as_of) if tally.as_of else None, "ballots": max(0, tally.ballots), "paper_ballots": paper_ballots,
            "candidates": [{"code": code, "votes": max(0, tally.totals.get(code, 0)), "paper": papers.get(code, 0)} for code in codes]}
