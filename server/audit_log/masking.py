"""What of an act may stand in the audit log: bounded, without secrets and without anybody's personal data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# A campaign's text is a few hundred characters; what an auditor needs to recognise a change is its beginning.
MAX_TEXT, MAX_ITEMS, MAX_DEPTH = 300, 40, 5
MASK = "***"
# Whatever is kept under a name with one of these in it. `telephone` is the organiser's public line.
SECRET_NAMES = re.compile(r"password|secret|token|openid|unionid|mobile|phone_number|id_number|id_card|real_name|aes_key|rsa_key|"
                          r"session_key|recovery|totp|^phone$", re.I)
# In the middle of a text too: mobile numbers, identity cards and openids as they are written in China.
MOBILE = re.compile(r"(?<![0-9A-Za-z])(1[3-9]\d)\d{4}(\d{4})(?![0-9A-Za-z])")
IDENTITY_CARD = re.compile(r"(?<![0-9A-Za-z])(\d{4})\d{13}([0-9Xx])(?![0-9A-Za-z])")
OPENID = re.compile(r"(?<![0-9A-Za-z_-])o[A-Za-z0-9_-]{27}(?![0-9A-Za-z_-])")


def masked(text: str) -> str:
    """`text` without personal data, and not longer than an entry may hold."""
    short = text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"
    return OPENID.sub("o" + MASK, IDENTITY_CARD.sub(r"\1****\2", MOBILE.sub(r"\1****\2", short)))


def cleaned(value: Any, depth: int = 0) -> Any:
    """A value as it is kept: plain, bounded, masked, and the same when it is read back from any MongoDB.

    Numbers with a fraction and what is no plain value are kept as text; dots and dollars in names are widened.
    """
    if value is None or isinstance(value, (bool, int)) and abs(int(value)) < 1 << 53:
        return int(value) if isinstance(value, bool) else value
    if isinstance(value, Mapping) and depth < MAX_DEPTH:
        return {_name(str(name)): MASK if SECRET_NAMES.search(str(name)) and part else cleaned(part, depth + 1)
                for name, part in list(value.items())[:MAX_ITEMS]}
    if isinstance(value, (list, tuple, set, frozenset)) and depth < MAX_DEPTH:
        return [cleaned(part, depth + 1) for part in list(value)[:MAX_ITEMS]]
    return masked(value if isinstance(value, str) else str(value))


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of two states differs: as it was, and as it is."""
    differ = [name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)]
    return ({name: before[name] for name in differ if name in before}, {name: after[name] for name in differ if name in after})


def _name(text: str) -> str:
    return text[:MAX_TEXT].replace(".", "．").replace("$", "＄").replace("\0", "")
