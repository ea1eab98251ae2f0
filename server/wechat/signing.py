"""Signed and encrypted calls (API 安全): the body sealed with AES-256-GCM, the request signed with RSA-PSS, the answer checked and opened.

Owns: the rules of sealing and signing, and which calls take part. Does not own: when a call is made (transport.py), where keys come from.
Invariants: an answer to a signed call is believed only when the platform's certificate signed it for our AppID within five minutes; the
one exception is a refusal, which the platform sends plain when it could not read the request; nothing here is logged but numbers of keys.
[miniprogram/dev/server/getting_started/api_signature; the Wechatmp-Serial of a request is in no table there but has a refusal of its own
(40230), and is what makes real calls work: WxJava#3915]

Only POST requests with a JSON body and a JSON answer take part: the document excludes uploads, and says nothing of GET and of pictures.
SM2 and SM4, the document's other choice, are not offered: it publishes no vector that they could be checked against.
"""

from __future__ import annotations

import base64
import json
import logging
import secrets
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificate

from server.errors import WenmingError
from server.wechat import ApiKeys
from server.wechat.errors import AnswerUntrusted

logger = logging.getLogger(__name__)

# The calls of ours whose own page says 支持加密请求; the platform adds more over time, and WENMING_API_KEYS may name them.
SIGNED_PATHS = frozenset({"cgi-bin/clear_quota", "cgi-bin/openapi/quota/get", "cgi-bin/openapi/rid/get", "wxa/msg_sec_check"})
AES_KEY_BYTES, IV_BYTES, TAG_BYTES, SALT_BYTES, NONCE_BYTES = 32, 12, 16, 32, 16
# As far as the document's own example lets the two clocks differ.
MAX_APART_SECONDS = 300


class SigningKeysWrong(WenmingError):
    """The settings' keys cannot be read; the text names the part, never a key."""

    code = "SIGNING_KEYS_WRONG"

    def __init__(self, appid: str, part: str) -> None:
        super().__init__(message=f"WENMING_API_KEYS：{appid} 的 {part} 读不出来 (cannot be read)")


class Signer:
    """Seals one account's calls and opens their answers. A signature takes about a millisecond: call it in a thread."""

    def __init__(self, appid: str, keys: ApiKeys) -> None:
        """Raises SigningKeysWrong."""
        self._appid = appid
        self._keys = keys
        self._paths = SIGNED_PATHS | set(keys.paths)
        self._cipher = AESGCM(_aes_key(appid, keys.aes_key))
        self._rsa_key = _rsa_key(appid, keys.rsa_key)
        self.certificates = {serial: _certificate(appid, pem) for serial, pem in keys.platform_certs.items()}

    def takes(self, method: str, path: str) -> bool:
        return method.lower() == "post" and path in self._paths

    def seal(self, url: str, params: Mapping[str, Any], body: bytes, now: float) -> tuple[bytes, dict[str, str]]:
        """The body that goes out and its headers. `url` is without its query; `params` are what stands there but for the token."""
        timestamp = int(now)
        ours = {"_n": secrets.token_urlsafe(NONCE_BYTES), "_appid": self._appid, "_timestamp": timestamp}
        plain = {**params, **json.loads(body or b"{}"), **ours}
        nonce = secrets.token_bytes(IV_BYTES)
        sealed = self._cipher.encrypt(nonce, json.dumps(plain, ensure_ascii=False).encode(),
                                      associated_data(url, self._appid, timestamp, self._keys.aes_sn))
        content = json.dumps({"iv": _base64(nonce), "data": _base64(sealed[:-TAG_BYTES]), "authtag": _base64(sealed[-TAG_BYTES:])}).encode()
        signature = self._rsa_key.sign(signed_text(url, self._appid, timestamp, content),
                                       padding.PSS(padding.MGF1(SHA256()), SALT_BYTES), SHA256())
        return content, {"Wechatmp-Appid": self._appid, "Wechatmp-TimeStamp": str(timestamp), "Wechatmp-Serial": self._keys.rsa_sn,
                         "Wechatmp-Signature": _base64(signature)}

    def open(self, url: str, headers: Mapping[str, str], body: bytes, now: float) -> bytes:
        """The answer as it would have come plain. Raises AnswerUntrusted."""
        if "Wechatmp-Signature" not in headers:
            return _plain_refusal(body)
        timestamp = self._check_signature(url, headers, body, now)
        try:
            content = json.loads(body)
            sealed = base64.b64decode(content["data"]) + base64.b64decode(content["authtag"])
            opened = self._cipher.decrypt(base64.b64decode(content["iv"]), sealed,
                                          associated_data(url, self._appid, timestamp, self._keys.aes_sn))
            answer = json.loads(opened)
            ours = (answer["_appid"], answer["_timestamp"]) == (self._appid, timestamp)
        except (InvalidTag, ValueError, KeyError, TypeError, RecursionError) as error:
            raise _untrusted("it cannot be decrypted") from error
        if not ours:
            raise _untrusted("it is for another account or moment")
        return opened

    def _check_signature(self, url: str, headers: Mapping[str, str], body: bytes, now: float) -> int:
        timestamp = headers.get("Wechatmp-TimeStamp", "")
        if headers.get("Wechatmp-Appid") != self._appid or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
            raise _untrusted("its headers are not for us")
        if abs(now - int(timestamp)) > MAX_APART_SECONDS:
            raise _untrusted("its time is too far from ours")
        certificate, signature = self._signature_of_a_known_one(headers)
        try:
            certificate.verify(base64.b64decode(signature), signed_text(url, self._appid, int(timestamp), body),
                               padding.PSS(padding.MGF1(SHA256()), padding.PSS.AUTO), SHA256())
        except (InvalidSignature, ValueError) as error:
            raise _untrusted("its signature does not hold") from error
        return int(timestamp)

    def _signature_of_a_known_one(self, headers: Mapping[str, str]) -> tuple[RSAPublicKey, str]:
        """While the platform changes its certificate it signs with both: whichever we have is looked for, the new one first."""
        for suffix in ("", "-Deprecated"):
            certificate = self.certificates.get(headers.get("Wechatmp-Serial" + suffix, ""))
            if certificate is not None:
                if suffix:
                    logger.warning("the platform certificate of %s is about to end: download the new one", self._appid)
                return _public_key(certificate), headers.get("Wechatmp-Signature" + suffix, "")
        raise _untrusted("no certificate of ours has its number")


def associated_data(url: str, appid: str, timestamp: int, serial: str) -> bytes:
    return f"{url}|{appid}|{timestamp}|{serial}".encode()


def signed_text(url: str, appid: str, timestamp: int, body: bytes) -> bytes:
    return f"{url}\n{appid}\n{timestamp}\n".encode() + body


def _plain_refusal(body: bytes) -> bytes:
    """An unsigned answer that is a refusal. Raises AnswerUntrusted for any other."""
    try:
        errcode = json.loads(body).get("errcode", 0)
    except (ValueError, AttributeError, RecursionError):
        errcode = 0
    if not errcode:
        raise _untrusted("it is not signed")
    return body


def _untrusted(why: str) -> AnswerUntrusted:
    logger.error("the answer to a signed call is not believed: %s", why)
    return AnswerUntrusted()


def _aes_key(appid: str, text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise SigningKeysWrong(appid, "aes_key") from error
    if len(key) != AES_KEY_BYTES:
        raise SigningKeysWrong(appid, "aes_key")
    return key


def _rsa_key(appid: str, pem: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError) as error:
        raise SigningKeysWrong(appid, "rsa_key") from error
    if not isinstance(key, RSAPrivateKey):
        raise SigningKeysWrong(appid, "rsa_key")
    return key


def _certificate(appid: str, pem: str) -> Certificate:
    try:
        certificate = load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise SigningKeysWrong(appid, "platform_certs") from error
    if not isinstance(certificate.public_key(), RSAPublicKey):
        raise SigningKeysWrong(appid, "platform_certs")
    return certificate


def _public_key(certificate: Certificate) -> RSAPublicKey:
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    return key


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
