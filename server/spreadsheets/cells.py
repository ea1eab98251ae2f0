"""What a cell of a file may begin with; for everybody who writes tables, so it imports no spreadsheet library."""

from __future__ import annotations

# What spreadsheets take for the beginning of a formula, also in full width as Chinese keyboards write it.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula: what begins like one gets an apostrophe before it."""
    return "'" + text if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text
