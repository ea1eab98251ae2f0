"""A citizen's token 凭证: compact, signed, checked in a few microseconds, without a store.

Owns: the text form (32 url-safe characters: number, second of issue, keyed BLAKE2b of both) and its lifetime.
Does not own: who is deleted or merged (server/citizens), cookies and headers (handlers).
Invariants: a token has exactly one spelling; nothing of a person is in it but the number; whoever changes a
character gets TOKEN_INVALID.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import struct

import msgspec

from server.errors import NotAuthorised
from server.seals import derive_key

# Number and second as unsigned 32 bits: three times the people of China, and times until 2106.
_BODY = struct.Struct(">II")
# 128 bits cannot be guessed; with the body that makes 24 bytes, which is base64 without padding.
MAC_BYTES = 16
TOKEN_CHARACTERS = 32
# Two people on one phone share a mark once in 2^48 times. What is signed for it has another length than a token's body.
MARK_BYTES = 6
_MARK = b"mark"

_TO_URL = bytes.maketrans(b"+/", b"-_")
# The standard alphabet's own two characters become invalid, so that a token has one spelling only.
_FROM_URL = bytes.maketrans(b"-_+/", b"+/!!")


class Token(msgspec.Struct, frozen=True, gc=False):
    """Who it was given to and when (seconds since 1970)."""

    citizen: int
    issued_at: int


class Tokens:
    def __init__(self, secret_key: bytes, ttl_seconds: int) -> None:
        self.ttl_seconds = ttl_seconds
        self._mac = hashlib.blake2b(key=derive_key(secret_key, "citizen token"), digest_size=MAC_BYTES)

    def issue(self, citizen: int, now: float) -> str:
        body = _BODY.pack(citizen, int(now))
        return binascii.b2a_base64(body + self._sign(body), newline=False).translate(_TO_URL).decode("ascii")

    def read(self, text: str, now: float) -> Token:
        """The token in `text`. Raises NotAuthorised with TOKEN_INVALID or TOKEN_EXPIRED."""
        if len(text) != TOKEN_CHARACTERS:
            raise token_invalid()
        try:
            raw = binascii.a2b_base64(text.encode("ascii").translate(_FROM_URL), strict_mode=True)
        except ValueError as error:  # binascii.Error and UnicodeEncodeError are ValueErrors
            raise token_invalid() from error
        mac = self._mac.copy()  # as in _sign: a call less for each salute
        mac.update(raw[:_BODY.size])
        if not hmac.compare_digest(raw[_BODY.size:], mac.digest()):
            raise token_invalid()
        citizen, issued_at = _BODY.unpack_from(raw)
        if now >= issued_at + self.ttl_seconds:
            raise NotAuthorised("TOKEN_EXPIRED", "登录已过期，请重新进入")
        return Token(citizen, issued_at)

    def mark(self, citizen: int) -> str:
        """By what a phone knows her again when another person signs in on it: opaque, the same each time, good for nothing else."""
        return self._sign(_MARK + citizen.to_bytes(4, "big"))[:MARK_BYTES].hex()

    def _sign(self, body: bytes) -> bytes:
        mac = self._mac.copy()
        mac.update(body)
        return mac.digest()


def token_invalid() -> NotAuthorised:
    return NotAuthorised("TOKEN_INVALID", "登录凭证无效，请重新进入")
