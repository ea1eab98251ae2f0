"""Reading the platform's answers, in which a field may be missing or of another kind than the document says."""

from __future__ import annotations

from typing import Any

from server.wechat.errors import PlatformUnreachable


def text_of(answer: dict[str, Any], *names: str) -> str:
    """The first of these fields that is a text and not empty. Raises PlatformUnreachable where none is: it was no answer then."""
    for name in names:
        if isinstance(found := answer.get(name), str) and found:
            return found
    raise PlatformUnreachable()


def objects_of(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; empty for what is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
