"""School codes 学校授权码: what a letter to a school carries, so that her teachers may report for her and see her figures.

A code is kept nowhere. It follows from the secret key and a random salt that MongoDB has, so that neither alone gives it, a letter can be
printed again, and a new salt ends the old code.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from server.seals import derive_key
from server.short_links import ALPHABET

# Forty bits: with the tries that an hour allows a guess takes a million years, and a teacher types two groups of four.
CODE_CHARACTERS = 8
# Two more than printed links have, so that no address is ever both.
LINK_CHARACTERS = 10
SALT_BYTES = 16
# What people type for what is printed: the alphabet has no 0, o, 1 and l.
_MEANT = str.maketrans({"-": "", " ": "", "　": "", "－": "", "—": "", "–": ""})


def new_salt() -> str:
    return secrets.token_hex(SALT_BYTES)


class SchoolCodes:
    def __init__(self, secret_key: bytes) -> None:
        self._code_key = derive_key(secret_key, "school code")
        self._link_key = derive_key(secret_key, "school link")

    def code(self, campaign: str, unit: str, salt: str) -> str:
        """As it is printed, such as KM3P-9RTW."""
        letters = _letters(self._code_key, f"{campaign}:{unit}:{salt}", CODE_CHARACTERS).upper()
        return f"{letters[:4]}-{letters[4:]}"

    def is_right(self, typed: str, campaign: str, unit: str, salt: str) -> bool:
        right = self.code(campaign, unit, salt).replace("-", "")
        return hmac.compare_digest(typed.translate(_MEANT).upper().encode(), right.encode())

    def link(self, campaign: str, unit: str) -> str:
        """The school's own address behind /s/: the same on every machine."""
        return _letters(self._link_key, f"{campaign}:{unit}", LINK_CHARACTERS)


def _letters(key: bytes, text: str, count: int) -> str:
    # 256 is a multiple of 32: every letter is as likely.
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in hashlib.blake2b(text.encode(), digest_size=count, key=key).digest())
