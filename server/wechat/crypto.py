"""Signatures and AES of callbacks: wechatpy's crypto with its known holes closed.

Owns: telling a genuine callback from any other bytes, opening what is encrypted, encrypting a reply.
Does not own: which mode an account is in, how old a callback may be (server/official/door.py), what a message means.
Invariants: signatures are compared in constant time; a ciphertext is opened only after its signature held, and its padding,
length and appid are checked; whatever garbage comes, the only exception that leaves is CallbackRefused.
"""

from __future__ import annotations

import binascii
import hmac
import re
import secrets
from base64 import b64decode

from wechatpy.crypto import PrpCrypto
from wechatpy.crypto.base import WeChatCipher
from wechatpy.utils import WeChatSigner

from server.errors import Refusal

# PKCS#7 of this protocol pads to 32 bytes, not to AES's block of 16.
PADDING_BYTES = 32
# In front of a message: 16 random bytes and its length as four bytes, big-endian.
RANDOM_BYTES = 16
HEAD_BYTES = RANDOM_BYTES + 4


class CallbackRefused(Refusal):
    """A callback that is not taken; `code` says why. Its text never repeats what came."""

    status = 400
    code = "CALLBACK_MALFORMED"
    message = "消息格式不对"

    def __init__(self, code: str | None = None, message: str | None = None, *, status: int | None = None) -> None:
        super().__init__(code, message)
        self.status = status or self.status


def wrong_signature() -> CallbackRefused:
    return CallbackRefused("CALLBACK_SIGNATURE_WRONG", "签名不对", status=403)


def signature_of(*parts: str) -> str:
    """SHA-1 in lower-case hex over the parts, sorted by their bytes and joined."""
    signer = WeChatSigner()
    signer.add_data(*parts)
    return str(signer.signature)


def check_signature(given: str, *parts: str) -> None:
    """Compare in constant time. Raises CallbackRefused (403)."""
    if not hmac.compare_digest(given.encode(), signature_of(*parts).encode()):
        raise wrong_signature()


class _Cipher(PrpCrypto):  # type: ignore[misc]  # wechatpy has no types
    """wechatpy's AES, with randomness from the system and every check on the way back."""

    def get_random_string(self) -> bytes:
        return secrets.token_bytes(RANDOM_BYTES)


class Crypto:
    """One account's token and EncodingAESKey."""

    def __init__(self, token: str, aes_key: str, appid: str) -> None:
        if not re.fullmatch(r"[A-Za-z0-9+/]{43}", aes_key):
            raise ValueError("an EncodingAESKey has 43 base64 characters")
        # Not strict: the 43rd character of a valid key may carry low bits that a strict decoder refuses.
        key = b64decode(aes_key + "=")
        self._token = token
        self._appid = appid
        self._encryptor = _Cipher(key)
        self._decryptor = WeChatCipher(key)

    def open(self, encrypted: str, msg_signature: str, timestamp: str, nonce: str) -> str:
        """The message inside a ciphertext. Raises CallbackRefused: 403 for a wrong signature, else 400."""
        check_signature(msg_signature, self._token, timestamp, nonce, encrypted)
        try:
            return self._unwrap(self._decryptor.decrypt(b64decode(encrypted, validate=True))).decode("utf-8")
        except (binascii.Error, ValueError) as error:  # UnicodeDecodeError is a ValueError
            raise CallbackRefused("CALLBACK_UNREADABLE", "消息无法解密") from error

    def seal(self, text: str, timestamp: str, nonce: str) -> tuple[str, str]:
        """A reply's ciphertext and its msg_signature."""
        encrypted: str = self._encryptor.encrypt(text, self._appid).decode("ascii")
        return encrypted, signature_of(self._token, timestamp, nonce, encrypted)

    def _unwrap(self, plain: bytes) -> bytes:
        """The message between random bytes, length, appid and padding. Raises ValueError or CallbackRefused."""
        if len(plain) < PADDING_BYTES or len(plain) % PADDING_BYTES:
            raise ValueError("length")
        padding = plain[-1]
        if not 1 <= padding <= PADDING_BYTES or plain[-padding:] != bytes([padding]) * padding:
            raise ValueError("padding")
        content = plain[:-padding]
        end = HEAD_BYTES + int.from_bytes(content[RANDOM_BYTES:HEAD_BYTES], "big")
        if len(content) < HEAD_BYTES or end > len(content):
            raise ValueError("message length")
        if not hmac.compare_digest(content[end:], self._appid.encode()):
            raise CallbackRefused("CALLBACK_FOREIGN", "消息不属于本账号", status=403)
        return content[HEAD_BYTES:end]
