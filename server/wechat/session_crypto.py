"""What a phone encrypts or signs with the session_key of a mini-program's login: opened and checked.

Owns: AES-128-CBC with PKCS#7 of encryptedData, the signature of rawData, the signature that stands for a session_key towards the
platform. Does not own: whose key it is (server/web_login.py), what the data may say (server/encrypted_data.py).
Invariants: whatever garbage comes, one refusal leaves, and it says nothing of which step failed; signatures are compared in constant
time; no key is in an error.
[miniprogram/dev/framework/open-ability/signature.html, minigame/dev/tutorial/open-ability/session-signature.html]
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from server.errors import InvalidBody

# AES-128: key, IV and block have the same size.
BLOCK_BYTES = 16


class DataRefused(InvalidBody):
    code = "DATA_REFUSED"
    message = "数据没有通过校验，请重试"


def session_signature(session_key: str) -> str:
    """What proves to the platform that we hold the key: HMAC-SHA256 with it over nothing."""
    return hmac.new(session_key.encode(), b"", hashlib.sha256).hexdigest()


def check_raw_data(raw_data: str, signature: str, session_key: str) -> None:
    """Raises DataRefused. SHA-1 is the platform's choice; the key is the secret in it."""
    right = hashlib.sha1((raw_data + session_key).encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    if not hmac.compare_digest(right.encode(), signature.encode("utf-8", "replace")):
        raise DataRefused()


def decrypt(encrypted_data: str, iv: str, session_key: str) -> bytes:
    """The plain text. Raises DataRefused."""
    try:
        key, vector, sealed = (b64decode(text, validate=True) for text in (session_key, iv, encrypted_data))
        if not len(key) == len(vector) == BLOCK_BYTES or not sealed:
            raise ValueError("sizes")
        decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
        unpadder = PKCS7(8 * BLOCK_BYTES).unpadder()
        return unpadder.update(decryptor.update(sealed) + decryptor.finalize()) + unpadder.finalize()
    except ValueError:  # no base64, a size, a padding: which one is nobody's business
        raise DataRefused() from None
