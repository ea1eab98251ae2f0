"""The steps of the runbook, by the anchor of a part: deploy/runbook.md is read once, at the start."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

ANCHOR = re.compile(r'^<a id="([a-z0-9_-]+)"></a>$', re.M)
STEP = re.compile(r"^\d\. (.+)$", re.M)
CHINESE = re.compile(r"[一-鿿]")


class Section(msgspec.Struct, frozen=True):
    """One part's first steps, in both languages."""

    title: str
    steps: tuple[str, ...]
    steps_en: tuple[str, ...]


def read(path: Path) -> dict[str, Section]:
    """Every section by its anchor. Raises OSError."""
    pieces = ANCHOR.split(path.read_text("utf-8"))
    found = {}
    for anchor, text in zip(pieces[1::2], pieces[2::2], strict=True):
        steps = STEP.findall(text.partition("\n## ")[0] if not text.lstrip().startswith("#") else text)
        title = re.search(r"^#+ (.+)$", text, re.M)
        found[anchor] = Section(title[1] if title else anchor, tuple(step for step in steps if CHINESE.search(step)),
                                tuple(step for step in steps if not CHINESE.search(step)))
    return found
