"""Keys derived from the one secret, and sealing of small texts at rest.

Owns: how a purpose gets its own key, and AES-GCM around an openid or a session_key. Does not own what is sealed.
Invariants: two purposes never share a key; a sealed value is bound to its place (`where`), so that it cannot be
read after being copied to another document or key.
"""

from __future__ import annotations

import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# AES-GCM's own nonce size; random nonces are safe up to 2**32 values under one key, far more than openids.
NONCE_BYTES = 12


def derive_key(secret_key: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose."""
    return hashlib.blake2b(purpose.encode(), digest_size=32, key=hashlib.blake2b(secret_key).digest()).digest()


class SealBroken(Exception):
    """The value was sealed with another secret, for another place, or was changed."""


class Seal:
    """Encrypts and authenticates short texts (a few microseconds each) and small files."""

    def __init__(self, secret_key: bytes, purpose: str) -> None:
        self._cipher = AESGCM(derive_key(secret_key, purpose))

    def close(self, text: str, where: str) -> bytes:
        return self.close_bytes(text.encode(), where)

    def open(self, sealed: bytes, where: str) -> str:
        """The text. Raises SealBroken."""
        try:
            return self.open_bytes(sealed, where).decode()
        except ValueError as error:
            raise SealBroken(where) from error

    def close_bytes(self, data: bytes, where: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, where.encode())

    def open_bytes(self, sealed: bytes, where: str) -> bytes:
        """What was sealed; a picture of 1 MB takes a millisecond. Raises SealBroken."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], where.encode())
        except (InvalidTag, ValueError) as error:
            raise SealBroken(where) from error
