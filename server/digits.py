"""Numbers that come as text, in addresses and answers."""

from __future__ import annotations


def whole(text: str, most_digits: int) -> int | None:
    """The number that the digits 0 to 9 write, None for anything else: `isdigit` alone takes ² too, which `int` refuses."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= most_digits else None
