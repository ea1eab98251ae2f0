"""The sandbox's own cipher against wechatpy's, both ways."""

from __future__ import annotations

import base64

import pytest
import xmltodict
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import WeChatSigner

from server.sandbox.crypto import CryptoError, key_bytes, seal, signature, unseal

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
APPID = "wxsandboxofficial0"


@pytest.mark.parametrize("size", [0, 1, 11, 12, 13, 31, 32, 33, 500, 40_000])
def test_wechatpy_opens_what_we_seal(size):
    text = "<xml><Content>" + "旗" * size + "</Content></xml>"
    encrypted = seal(text.encode(), KEY, APPID)
    assert len(base64.b64decode(encrypted)) % 32 == 0
    crypto = WeChatCrypto("token", KEY, APPID)
    opened = crypto.decrypt_message({"Encrypt": encrypted}, signature("token", "1", "n", encrypted), "1", "n")
    assert (opened.decode() if isinstance(opened, bytes) else opened) == text


@pytest.mark.parametrize("text", ["a", "<xml>敬礼</xml>", "x" * 44, "中" * 3000])
def test_we_open_what_wechatpy_seals(text):
    sealed = xmltodict.parse(WeChatCrypto("token", KEY, APPID).encrypt_message(text, "nonce", "123"))["xml"]
    assert unseal(sealed["Encrypt"], KEY, APPID).decode() == text
    assert sealed["MsgSignature"] == signature("token", sealed["TimeStamp"], sealed["Nonce"], sealed["Encrypt"])


def test_the_signature_sorts_by_bytes():
    signer = WeChatSigner()
    signer.add_data("token", "1790000000", "Z-nonce")
    assert signature("token", "1790000000", "Z-nonce") == signature("Z-nonce", "token", "1790000000") == signer.signature


def test_a_key_with_low_bits_set_is_a_key():
    assert len(key_bytes("A" * 42 + "B")) == 32
    with pytest.raises(CryptoError):
        key_bytes("A" * 42)


def test_what_was_tampered_with_is_refused():
    good = seal(b"message", KEY, APPID)
    raw = bytearray(base64.b64decode(good))
    raw[-1] ^= 1
    for bad in ("", "!!!", "QUJD", good[:-8], base64.b64encode(raw).decode()):
        with pytest.raises(CryptoError):
            unseal(bad, KEY, APPID)
    with pytest.raises(CryptoError, match="appid"):
        unseal(good, KEY, "wxsomebodyelse")
    with pytest.raises(CryptoError):
        unseal(good, KEY[::-1], APPID)


def test_a_length_beyond_the_message_is_refused():
    plain = b"s" * 16 + b"\x7f\xff\xff\xff" + b"m" + APPID.encode()
    count = 32 - len(plain) % 32
    encryptor = Cipher(algorithms.AES(key_bytes(KEY)), modes.CBC(key_bytes(KEY)[:16])).encryptor()
    sealed = base64.b64encode(encryptor.update(plain + bytes([count]) * count) + encryptor.finalize()).decode()
    with pytest.raises(CryptoError, match="length"):
        unseal(sealed, KEY, APPID)
