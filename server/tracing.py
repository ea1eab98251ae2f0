"""From the name of a request to what became of it: the lines of the log that carry it, and where its salute stands in the ledger.

Owns: reading our own log (JSON lines) and archive. Asks no store, so that it also works while they are away. Of a row of the archive it
shows no citizen number: who asks holds a request, not a person.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from server.backups.lines import value_of
from server.clock import iso

TAKEN = re.compile(r"salute of (?P<slug>[a-z0-9-]+):(?P<period>\w+) with ordinal (?P<ordinal>\d+) is change (?P<change>\d+)")
WROTE = re.compile(r"wrote changes (?P<first>\d+) to (?P<last>\d+) of (?P<shard>\S+?)(?::? .*)?")


def lines_of(folder: Path) -> Iterator[dict[str, str]]:
    """Every line of the log, the oldest first; what is no JSON (another form of the log) is passed over."""
    for path in sorted(folder.glob("server.log*"), key=lambda one: one.stat().st_mtime):
        with path.open(encoding="utf-8", errors="replace") as file:
            for text in file:
                try:
                    line = json.loads(text)
                except ValueError:
                    continue
                if isinstance(line, dict) and "text" in line:
                    yield line


def trace(data_dir: Path, name: str) -> list[str]:
    """What is known of a request, in words, a line each; nothing where nobody logged it."""
    logs = data_dir / "logs"
    own = [line for line in lines_of(logs) if line.get("request") == name]
    told = [f"{line['at']} {line['level']} {line['logger']}: {line['text']}" for line in own]
    for line in own:
        if found := TAKEN.fullmatch(line["text"]):
            told += list(_written(data_dir, found["slug"], found["period"], int(found["ordinal"]), int(found["change"]), line["at"]))
    return told


def _written(data_dir: Path, slug: str, period: str, ordinal: int, change: int, since: str) -> Iterator[str]:
    """The stretches of the ledger that have the change, written after the salute, and its row in the archive."""
    shards: set[str] = set()
    for path in sorted((data_dir / "archive" / slug).glob("*.jsonl")):
        with path.open("rb") as file:
            for text in file:
                # A cheap look first: an archive of a day has a line for each salute of the city.
                if f",{change},".encode() in text and f",{ordinal},".encode() in text and (row := value_of(text))[1] == change \
                        and row[5] == ordinal and row[0].startswith(f"{slug}:{period}:") and row[0] not in shards:
                    shards.add(row[0])
                    yield f"archive {path.name}: shard {row[0]}, change {change}, ordinal {ordinal}, counted for {iso(row[6])}"
    if not shards:
        yield f"change {change} is not in the archive yet: MongoDB may be away, see journals"
    for line in lines_of(data_dir / "logs"):
        found = WROTE.fullmatch(line["text"])
        if found and found["shard"] in shards and int(found["first"]) <= change <= int(found["last"]) and line["at"] >= since:
            yield f"{line['at']} ledger: {line['text']}"
