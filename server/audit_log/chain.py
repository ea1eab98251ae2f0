"""The chain of the audit log: what an entry's digest covers, what is wrong with a run of entries, and the anchor outside MongoDB.

A digest covers its entry and the digest before, under a key that MongoDB does not hold: whoever can write to MongoDB alone can
neither change an entry nor add one between. What she still could is to cut off the newest ones; that is what the anchor is for.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from server.backups.lines import replace
from server.stores import Document

# What an auditor reads of a broken chain; more of the same says nothing new.
MAX_PROBLEMS = 20
# Of an entry, everything but what proves it.
_PROOF = ("_id", "hash")


@dataclass(frozen=True)
class Anchor:
    """The end of the chain as it once was: that many entries, the last of them with this digest. Nothing: an empty chain."""

    seq: int = 0
    hash: str = ""

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def read(cls, text: str) -> Anchor:
        """Raises ValueError."""
        seq, _, digest = text.strip().partition(":")
        if len(digest) != 64:
            raise ValueError("number:digest")
        return cls(int(seq), digest)


@dataclass
class Report:
    """What a check found. `problems`: a line each, at most MAX_PROBLEMS."""

    entries: int = 0
    end: Anchor = Anchor()
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    def problem(self, line: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(line)


def positions(entry: Document) -> dict[str, str]:
    """The fields that lists are read by: a place in time, and that behind who, action and subject."""
    pos = f"{entry['at_ms']:013}:{entry['seq']:010}"
    return {"pos": pos, "by_who": f"{entry['who']}\n{pos}", "by_action": f"{entry['action']}\n{pos}",
            "by_subject": f"{entry['subject']}\n{pos}"}


def digest(key: bytes, entry: Document) -> str:
    """The digest of an entry, whose `prev` is the digest before it."""
    covered = {name: value for name, value in entry.items() if name not in _PROOF}
    text = json.dumps(covered, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def examine(key: bytes, entries: Sequence[Document], anchors: Sequence[Anchor], report: Report) -> None:
    """Go on with a check over the next entries in their order."""
    wanted: dict[int, set[str]] = {}  # of one place in the chain, somebody's note and the data folder's
    for anchor in anchors:
        wanted.setdefault(anchor.seq, set()).add(anchor.hash)
    for entry in entries:
        seq = entry["seq"]
        if seq != report.end.seq + 1:
            report.problem(f"第 {report.end.seq + 1} 至 {seq - 1} 条缺失 (missing)")
        elif entry.get("prev") != report.end.hash:
            report.problem(f"第 {seq} 条与上一条不相接 (does not follow the one before)")
        if entry.get("_id") != seq or not hmac.compare_digest(digest(key, entry), str(entry.get("hash"))):
            report.problem(f"第 {seq} 条被改动 (changed)")
        if wanted.get(seq, set()) - {entry.get("hash")}:
            report.problem(f"第 {seq} 条与留存的校验值不同 (differs from what was noted of it)")
        report.entries += 1
        report.end = Anchor(seq, str(entry.get("hash")))


def finish(anchors: Sequence[Anchor], report: Report) -> Report:
    """After the last entry: nothing may be missing at the end."""
    furthest = max((anchor.seq for anchor in anchors), default=0)
    if furthest > report.end.seq:
        report.problem(f"第 {report.end.seq + 1} 至 {furthest} 条缺失：留存的校验值说曾经有 (missing: they were noted once)")
    return report


class AnchorFile:
    """The end of the chain in the data folder, outside MongoDB. Blocking: call it in a worker thread."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Anchor | None:
        """None where there is no file. Raises ValueError for one that was spoilt."""
        try:
            return Anchor.read(self.path.read_text("ascii"))
        except FileNotFoundError:
            return None

    def write(self, anchor: Anchor) -> None:
        """Replaced as a whole, so that a crash leaves the old or the new one."""
        replace(self.path, f"{anchor}\n".encode("ascii"))
