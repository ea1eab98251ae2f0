"""What a restore did and found, as data and as lines for people."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from server.clock import iso

STEPS = {
    "check": "核对备份的校验值 (checksums of the backup)", "store": "放回数据库副本 (the store's copy)",
    "tail": "放回归档里的编号、身份、活动与审计日志 (numbers, identities, campaigns, audit log)",
    "rows": "放回归档里的参与 (participations of the archive)", "shards": "重新打开计数器 (counters)",
    "deletions": "重放注销 (deletions)", "audit": "审计 (audit)"}


@dataclass
class Report:
    """`newest_second`: of the newest participation that is back; `taken_at`: of the backup, for whatever it alone knew."""

    taken_at: float = 0.0
    newest_second: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    audits: dict[str, dict[str, Any]] = field(default_factory=dict)
    # What a person has to know, and what is wrong: with one of the latter the restore did not end well.
    notes: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.findings and all(audit["ok"] for audit in self.audits.values())

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - began, 2)

    def count(self, name: str, more: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + more

    def as_json(self) -> dict[str, Any]:
        points = {"participations": iso(self.newest_second) if self.newest_second else iso(self.taken_at), "others": iso(self.taken_at)}
        return {"ok": self.ok, "recovery_point": points, "recovery_seconds": round(sum(self.seconds.values()), 2), **asdict(self)}

    def lines(self) -> Iterator[str]:
        told = self.as_json()
        points = told["recovery_point"]
        yield f"恢复点 recovery point: 参与 participations {points['participations']}，其他 others {points['others']}"
        yield f"恢复用时 recovery time: {told['recovery_seconds']:.1f} s"
        yield from (f"  {seconds:8.2f} s  {STEPS.get(name, name)}" for name, seconds in self.seconds.items())
        yield from (f"  {count:>10,}  {name}" for name, count in self.counts.items())
        for slug, audit in self.audits.items():
            yield f"{slug}: {'一致 ok' if audit['ok'] else '不一致 NOT ok'}  {audit['participants']}"
            yield from (f"  {one['shard']}: {one['finding']}" for one in audit["findings"])
        yield from (f"请注意 note: {note}" for note in self.notes)
        yield from (f"问题 finding: {finding}" for finding in self.findings)
