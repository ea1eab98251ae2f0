"""Signatures and the message cipher, as the platform documents them.

Owns: SHA-1 signatures, AES-256-CBC with PKCS#7 padding to blocks of 32.
Does not own: where the values come from.
Invariant: what `seal` makes, `unseal` of the same key and appid opens; anything else raises CryptoError.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

# The platform pads to 32 bytes although an AES block has 16.
PAD_BYTES = 32
# Random bytes before the length field.
SALT_BYTES = 16


class CryptoError(Exception):
    """The text was not made with this key, token and appid."""


def signature(*parts: str) -> str:
    """SHA-1 in lower-case hexadecimal over the parts, sorted and joined."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def same(left: str, right: str) -> bool:
    """Whether two signatures are equal, in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def key_bytes(encoding_aes_key: str) -> bytes:
    """The 32 bytes of an EncodingAESKey of 43 characters; the low bits of the last one may be set and are ignored."""
    if len(encoding_aes_key) != 43:
        raise CryptoError("an EncodingAESKey has 43 characters")
    try:
        return base64.b64decode(encoding_aes_key + "=")
    except binascii.Error as error:
        raise CryptoError("not an EncodingAESKey") from error


def seal(text: bytes, encoding_aes_key: str, appid: str) -> str:
    """Encrypt one message: 16 random bytes, its length, the message, the appid; padded."""
    key = key_bytes(encoding_aes_key)
    plain = secrets.token_bytes(SALT_BYTES) + struct.pack(">I", len(text)) + text + appid.encode()
    count = PAD_BYTES - len(plain) % PAD_BYTES
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain + bytes([count]) * count) + encryptor.finalize()).decode()


def unseal(encrypted: str, encoding_aes_key: str, appid: str) -> bytes:
    """The message inside. Raises CryptoError for a wrong key, padding, length or appid."""
    key = key_bytes(encoding_aes_key)
    try:
        raw = base64.b64decode(encrypted, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CryptoError("Encrypt is not base64") from error
    if not raw or len(raw) % PAD_BYTES:
        raise CryptoError("the ciphertext is not a multiple of 32 bytes")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = decryptor.update(raw) + decryptor.finalize()
    count = plain[-1]
    if not 1 <= count <= PAD_BYTES or plain[-count:] != bytes([count]) * count:
        raise CryptoError("wrong padding")
    plain = plain[:-count]
    if len(plain) < SALT_BYTES + 4:
        raise CryptoError("too short")
    (length,) = struct.unpack(">I", plain[SALT_BYTES : SALT_BYTES + 4])
    end = SALT_BYTES + 4 + length
    if end > len(plain):
        raise CryptoError("the length field is longer than the message")
    if plain[end:] != appid.encode():
        raise CryptoError("the appid inside is another one")
    return plain[SALT_BYTES + 4 : end]
