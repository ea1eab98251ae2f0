"""What a rehearsal's report says to the plan: `python -m tests.bench.bench_rehearsed REPORT --figures server/plan/figures.json`.

REPORT is the report.json of `make rehearsal`. The largest rehearsal should stand: small ones say little of processor time.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path
from typing import Any

from server.clock import shanghai
from server.plan import figures

# Few people, and the fixed costs of everything outweigh.
LEAST_PEOPLE = 50_000


def for_plan(report: dict[str, Any]) -> dict[str, float]:
    """Raises SystemExit where the rehearsal failed or was small."""
    if not report["ok"] or report["participants"] < LEAST_PEOPLE:
        raise SystemExit(f"only of a rehearsal that passed, with {LEAST_PEOPLE:,} people at least")
    highest = report["highest"]
    found = {"rehearsed_people": report["participants"], "rehearsed_per_second": report["peak_second"],
             "journal_bytes": round(highest["journal_bytes"] / highest["backlog"], 1) if highest["backlog"] else 0,
             "process_mb": round(highest["server_rss"] / 1e6), "posters_per_second": report["posters_per_core_second"],
             # One that drew nothing is a third of one that did.
             "poster_process_mb": round(highest["posters_rss"] / 1e6) if report["posters_per_core_second"] else 0}
    return {name: value for name, value in found.items() if value}


def made_on(report: dict[str, Any]) -> date:
    """The day, which the campaign's name says."""
    return shanghai(int(report["campaign"].rpartition("-")[2])).date()


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m tests.bench.bench_rehearsed")
    options.add_argument("report", type=Path)
    options.add_argument("--figures", type=Path, required=True)
    asked = options.parse_args()
    told = json.loads(asked.report.read_text("utf-8"))
    measured = for_plan(told)
    figures.note(asked.figures, measured, "make rehearsal", made_on(told),
                 {"journal_bytes": "the most bytes of the most changes", "process_mb": "one process with all roles"})
    print(json.dumps(measured, indent=1))
