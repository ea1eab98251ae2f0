"""The restore: after the document store was put back, everything that was kept outside it since goes in again, in an order that may be cut
short anywhere and begun anew.

Owns: that order, and the mark `restore.json` that keeps the product from starting in the middle. Nothing else may run meanwhile.
Invariants: no citizen number that anybody may have is given again; who was deleted is deleted; nothing that may have been sent is sent
again; what is lost is said.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from server.audit import report as audit_report
from server.audit_log import AuditLogStore
from server.backups.counters import Counters
from server.backups.lines import replace
from server.backups.report import Report
from server.backups.sources import Damages, Spool, archives, row_files, tail_values
from server.backups.tail import NUMBERS_AHEAD
from server.backups.taking import Manifest
from server.campaigns import Campaign, CampaignStore
from server.citizens.outliving import Outliving
from server.clock import iso
from server.services import Services
from server.staff import SYSTEM
from server.staff.sessions import SessionStore
from server.stores import Document

logger = logging.getLogger(__name__)

MARK = "restore.json"
PAGE = 1000
NUMBER_FIELDS = ("epoch", "fence", "high_seq", "high_ordinal")


@dataclass
class Known:
    """What the tails say that is kept until all of them were read; the rest goes in at once."""

    campaigns: dict[str, Document] = field(default_factory=dict)
    shards: dict[str, Document] = field(default_factory=dict)
    serials: dict[tuple[str, str], int] = field(default_factory=dict)
    deletions: dict[int, float] = field(default_factory=dict)
    audit: dict[tuple[int, str], Document] = field(default_factory=dict)
    copied: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    # Of each shard, sequences up to which everything was in the archive of the host whose ledger wrote it; older releases told none.
    reached: dict[str, set[int]] = field(default_factory=dict)
    # Of each shard, which countings the tails speak of: one, unless an archive is of another installation.
    births: dict[str, set[str]] = field(default_factory=dict)
    numbers_below: int = 0

    def learn(self, value: Document) -> None:
        what = value["what"]
        if what == "numbers":
            self.numbers_below = max(self.numbers_below, int(value["below"]))
        elif what == "campaign":
            document: Document = value["document"]
            before = self.campaigns.get(document["_id"])
            if before is None or document["rev"] >= before["rev"]:
                self.campaigns[document["_id"]] = document
        elif what == "shard":
            shard_id = f"{value['campaign']}:{value['period']}:{value['shard']}"
            known = self.shards.get(shard_id, value)
            self.shards[shard_id] = {**value, **{name: max(value[name], known[name]) for name in NUMBER_FIELDS}}
            self.reached.setdefault(shard_id, set()).add(value.get("ledger_seq", 0))
            self.births.setdefault(shard_id, set()).add(value["birth"])
        elif what == "serials":
            for name, lines in value["lines"].items():
                for line, last in lines.items():
                    self.serials[name, line] = max(last, self.serials.get((name, line), 0))
        elif what == "deletion":
            self.delete(int(value["citizen"]), float(value["deleted_at"]))
        elif what == "audit":
            self.audit[value["entry"]["seq"], value["entry"]["prev"]] = value["entry"]
        elif what == "copied":
            self.copied.setdefault(value["shard"], []).append((int(value["after"]), int(value["to"])))

    def delete(self, citizen: int, deleted_at: float) -> None:
        self.deletions[citizen] = max(deleted_at, self.deletions.get(citizen, 0.0))


class Restoring:
    """`sources`: folders as a data folder or a backup is; the more, the less is missing."""

    def __init__(self, services: Services, data_dir: Path, secret_key: bytes, manifest: Manifest, sources: Sequence[Path],
                 report: Report) -> None:
        mongo = services.stores.mongo
        self._services = services
        self._data_dir = data_dir
        self._manifest = manifest
        self._sources = sources
        self._report = report
        self._campaigns = CampaignStore(mongo)
        self._citizens = Outliving(mongo, secret_key, data_dir / "deletions.jsonl")
        self._audit_log = AuditLogStore(mongo)
        self._sessions = SessionStore(mongo)
        self._counters = Counters(services.stores.counting, services.epochs, services.documents, services.keeper, services.audit, report)
        self._damages = Damages()

    async def run(self, now: float) -> None:
        """All of it. Raises PyMongoError, RedisError, OSError; then it is to be begun anew, and goes on."""
        folders = archives(self._sources)
        known = Known()
        with self._report.step("tail"):
            await self._hold()
            await self._read_tails(folders, known, now)
            await self._know(known)
        campaigns = {campaign.slug: campaign for campaign in await self._campaigns.all()}
        with self._report.step("rows"):
            await self._rows(folders, campaigns, known, now)
        counted = [campaign for campaign in campaigns.values() if campaign.state in ("open", "paused", "frozen")]
        with self._report.step("shards"):
            for campaign in counted:
                await self._counters.reopen(campaign)
            if self._counters.last_citizen:  # known from rows, and from cells that no row told of
                await self._citizens.go_on_after(self._counters.last_citizen)
        with self._report.step("deletions"):
            await self._deletions(known, counted, now)
        with self._report.step("audit"):
            for campaign in counted:
                self._report.audits[campaign.slug] = await self._audit(campaign)
        await self._tell(now)

    async def _hold(self) -> None:
        """What the backup holds and the world has gone past: sessions that ended, and whatever waited to be sent."""
        await self._sessions.close_all()
        notices = await self._services.notice_store.hold()
        self._report.count("不再自动发送、待人判断的通知 notices held back as uncertain", notices)
        self._report.count("待人查看的群发与发布 mass sends and publications held back as uncertain",
                           sum([await store.hold() for store in self._services.article_records]))

    async def _read_tails(self, folders: Sequence[Path], known: Known, now: float) -> None:
        async for page in _paged(tail_values(folders, self._damages)):
            await self._identities(page)
            for value in page:
                if value["what"] == "merge":
                    await self._citizens.put_back_merge(int(value["loser"]), int(value["survivor"]), now)
                known.learn(value)
        last = await self._audit_log.last()
        known.audit = {key: entry for key, entry in known.audit.items() if last is None or key[0] > last["seq"]}

    async def _identities(self, page: list[Document]) -> None:
        found = {value["hash"]: int(value["citizen"]) for value in page if value["what"] == "identity"}
        missing = await self._citizens.missing(list(found))
        self._report.count("放回的身份（只有哈希与编号） identities put back, as hash and number",
                           sum([await self._citizens.put_back_identity(key, found[key]) for key in missing]))

    async def _know(self, known: Known) -> None:
        for document in known.campaigns.values():
            if await self._campaigns.put_back(document):
                self._report.notes.append(f"活动 {document['_id']} 按归档放回第 {document['rev']} 版 (campaign put back from the archive)")
        for (name, line), last in known.serials.items():
            await self._services.serials.go_on_after(name, line, last)
        await self._citizens.go_on_after(max(known.numbers_below, self._manifest.marks.numbers_below + NUMBERS_AHEAD) - 1)
        if not known.numbers_below:
            self._report.findings.append("归档里没有编号上限：请确认备份之后发出的编号少于 65,536 个 (no bound of numbers is known)")
        await self._log_entries(known)
        self._counters.copied, self._counters.reached, self._counters.births = known.copied, known.reached, known.births

    async def _log_entries(self, known: Known) -> None:
        """Entries of the audit log that follow on what is there, as far as they do."""
        last = await self._audit_log.last()
        seq, digest = (last["seq"], last["hash"]) if last else (0, "")
        while entry := known.audit.get((seq + 1, digest)):
            await self._audit_log.add(entry)
            seq, digest = entry["seq"], entry["hash"]
            self._report.count("放回的审计日志 audit log entries put back", 1)

    async def _rows(self, folders: Sequence[Path], campaigns: dict[str, Campaign], known: Known, now: float) -> None:
        spool = Spool(self._data_dir / "restore" / "rows.db")
        try:
            read = await asyncio.to_thread(spool.fill, row_files(folders), self._manifest.marks.shards, self._damages)
            self._report.count("读过的归档行 archive lines read", read)
            await self._counters.put_back(spool, campaigns, known.shards, self._manifest.marks.shards, now)
        finally:
            spool.close()
        if self._damages.damaged:
            self._report.notes.append(f"归档有 {self._damages.damaged} 行损坏，缺少的变更另列 (damaged): {', '.join(self._damages.lines)}")
        if self._damages.torn:
            self._report.notes.append(f"{self._damages.torn} 个文件的最后一行写到一半，未曾确认入账 (torn last lines, never durable)")

    async def _deletions(self, known: Known, counted: Sequence[Campaign], now: float) -> None:
        for source in self._sources:
            for citizen, moment in (await self._citizens.listed(source / "deletions.jsonl")).items():
                known.delete(citizen, moment)
        for citizen in self._counters.deleted - known.deletions.keys():
            known.delete(citizen, now)  # the moment is in no file: rather erased once too often
        await self._citizens.list_deletions(known.deletions)
        for campaign in counted:
            await self._services.counting.prepare(campaign, now)
        citizens = self._services.citizens
        await citizens.refresh()
        self._report.count("重放的注销 deletions replayed", await citizens.replay_deletions(now))
        while await citizens.finish_deletions(now):
            logger.info("deletions are replayed")

    async def _audit(self, campaign: Campaign) -> dict[str, Any]:
        """As `python -m server audit` says it."""
        audit = audit_report(await self._counters.settle(campaign))
        if campaign.kind == "vote":
            votes = await self._services.ballots.audit(campaign.slug)
            audit["ok"] = audit["ok"] and votes["ok"]
            audit["findings"] += [{"shard": "选票 votes", "finding": finding} for finding in votes["findings"]]
        people, findings = await self._services.group_reports.audit(campaign)
        audit["findings"] += [{"shard": "group reports", "finding": text} for text in findings]
        return audit | {"group_reported": people, "ok": audit["ok"] and not findings}

    async def _tell(self, now: float) -> None:
        """An entry in the audit log, and its end outside MongoDB where entries were lost."""
        log, anchor = self._services.staff.audit_log, self._data_dir / "audit-log.anchor"
        checked = await log.check()
        if not checked.ok and anchor.exists():
            aside = anchor.with_name(f"audit-log.anchor.{int(now)}")
            self._report.notes.append("审计日志有缺失，原校验值移到 " + f"{aside.name} (entries are lost): " + "; ".join(checked.problems))
            await asyncio.to_thread(os.replace, anchor, aside)
        await self._services.staff.record(SYSTEM, "store.restore", "", {
            "backup": iso(self._manifest.taken_at), "ok": self._report.ok, "problems": checked.problems}, now)
        await log.keep_anchor(now)


# The mark; blocking


def unfinished(data_dir: Path) -> dict[str, Any] | None:
    """The restore that was begun here and did not end."""
    path = data_dir / MARK
    found: dict[str, Any] | None = json.loads(path.read_text("utf-8")) if path.exists() else None
    return found


def note(data_dir: Path, state: dict[str, Any]) -> None:
    replace(data_dir / MARK, json.dumps(state).encode())


async def _paged(values: Iterator[Document]) -> AsyncIterator[list[Document]]:
    while page := await asyncio.to_thread(lambda: list(islice(values, PAGE))):
        yield page
