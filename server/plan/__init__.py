"""How much of everything a campaign takes: `python -m server plan --participants 5000000 --peak-minute 10%`.

Owns: the arithmetic from what was measured (figures.json) to cores, shards, memory, network and documents. It touches no store and reads no
setting, so it runs anywhere. asked.py: what is asked; figures.py: what was measured; sums.py: the steps; beyond.py: the warnings;
paper.py: how it is told.
"""

from __future__ import annotations

import argparse
import sys

from server.plan import asked, figures, paper
from server.plan.asked import Asked, add_options
from server.plan.figures import Figures, PlanError
from server.plan.sums import Sheet, plan

__all__ = ["Asked", "Figures", "PlanError", "Sheet", "add_options", "plan", "run"]


def run(options: argparse.Namespace) -> int:
    """Print the plan; 2 and one line where it cannot be made."""
    try:
        sheet = plan(asked.read(options), figures.read(options.figures or figures.HERE))
    except PlanError as error:
        print(error, file=sys.stderr)
        return 2
    print(paper.as_json(sheet) if options.json else paper.text(sheet), end="")
    return 0
