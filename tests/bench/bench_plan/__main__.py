"""What one of each costs, for `python -m server plan`: `make bench-plan` (two minutes). `--figures FILE`: write it there.

Processor time is that of the one process concerned, so that it holds on a machine that others use too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import date
from pathlib import Path

import uvloop

from server.plan import figures
from tests.bench.bench_plan import doors, stores
from tests.bench.own_stores import own_stores

NOTES = {"store_per_second": "the embedded document store; a MongoDB of yours is told with --store-rate"}


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.bench.bench_plan", description=__doc__)
    options.add_argument("--figures", type=Path, help="write what was measured into this file, such as server/plan/figures.json")
    asked = options.parse_args()
    with own_stores() as where:
        found, beside = uvloop.run(stores.measured(*where))
    with tempfile.TemporaryDirectory(prefix="wenming-bench-") as name:
        found |= doors.measured(Path(name))
    for kind, value in found.items():
        unit, _, english = figures.NAMES[kind]
        print(f"{value:>12,g} {unit:<4} {kind:<18} {english}")
    for kind, value in beside.items():
        print(f"{value:>12,g}      {kind}")
    if asked.figures:
        figures.note(asked.figures, found, "make bench-plan", date.today(), NOTES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
