"""Signed and encrypted requests (API 安全), read from the platform's document a second time.

Owns: checking and opening what comes, sealing and signing what goes back, and refusing what an account demands signed and is not.
Does not own: what is answered.
Invariants: only the calls of TAKES take part, as their own pages say; a request that cannot be read is refused plain and unsigned; while an
account has two platform keys, answers carry both signatures.

An account's `api` in the accounts file: aes_sn, aes_key, rsa_sn, rsa_public_key, platform_sn, platform_key, and if they change
old_platform_sn, old_platform_key; `required`: what comes unsigned is refused.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from server.sandbox.errcodes import WeChatRefusal
from server.sandbox.platform import Platform

TAKES = {"/cgi-bin/openapi/quota/get", "/cgi-bin/openapi/rid/get", "/cgi-bin/clear_quota", "/wxa/msg_sec_check"}
OLDEST_SECONDS = 300
SECURITY_FIELDS = ("_n", "_appid", "_timestamp")
PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


@dataclass(frozen=True)
class Sealed:
    """A request that came signed, and how its answer goes back."""

    appid: str
    api: dict[str, Any]
    address: str
    timestamp: int
    plain: bytes

    def answer(self, value: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of the answer."""
        content = value | {"_n": secrets.token_hex(12), "_appid": self.appid, "_timestamp": self.timestamp}
        nonce = secrets.token_bytes(12)
        cipher = Cipher(algorithms.AES(base64.b64decode(self.api["aes_key"])), modes.GCM(nonce)).encryptor()
        cipher.authenticate_additional_data("|".join((self.address, self.appid, str(self.timestamp), self.api["aes_sn"])).encode())
        data = cipher.update(json.dumps(content).encode()) + cipher.finalize()
        parts = {"iv": nonce, "data": data, "authtag": cipher.tag}
        body = json.dumps({name: base64.b64encode(part).decode() for name, part in parts.items()}).encode()
        headers = {"Wechatmp-Appid": self.appid, "Wechatmp-TimeStamp": str(self.timestamp)}
        for prefix, suffix in (("", ""), ("old_", "-Deprecated")):
            if self.api.get(f"{prefix}platform_key"):
                key: Any = serialization.load_pem_private_key(self.api[f"{prefix}platform_key"].encode(), password=None)
                text = "\n".join((self.address, self.appid, str(self.timestamp), body.decode()))
                headers["Wechatmp-Serial" + suffix] = self.api[f"{prefix}platform_sn"]
                headers["Wechatmp-Signature" + suffix] = base64.b64encode(key.sign(text.encode(), PSS, hashes.SHA256())).decode()
        return body, headers


def admit(platform: Platform, request: Any) -> Sealed | None:
    """The request opened, where it came signed; None where it need not. Raises WeChatRefusal."""
    row = platform.store.token((request.query_arguments.get("access_token") or [b""])[-1].decode("ascii", "replace"))
    account = platform.accounts.by_appid.get(row["appid"]) if row is not None else None
    if account is None or request.path not in TAKES:
        return None
    if "Wechatmp-Signature" not in request.headers:
        if account.api.get("required"):
            raise WeChatRefusal(40232)
        return None
    timestamp = _check_headers(account.appid, account.api, request, platform.now())
    address = f"{request.protocol}://{request.host}{request.path}"
    _check_signature(account.api, address, account.appid, timestamp, request)
    opened = _opened(account.api, "|".join((address, account.appid, str(timestamp), account.api["aes_sn"])), request.body)
    if opened.get("_appid") != account.appid or opened.get("_timestamp") != timestamp or not opened.get("_n"):
        raise WeChatRefusal(40235)
    plain = {name: value for name, value in opened.items() if name not in SECURITY_FIELDS}
    return Sealed(account.appid, account.api, address, int(platform.now()), json.dumps(plain, ensure_ascii=False).encode())


def _check_headers(appid: str, api: dict[str, Any], request: Any, now: float) -> int:
    headers = request.headers
    for name, errcode in (("Wechatmp-Serial", 40230), ("Wechatmp-TimeStamp", 40231), ("Wechatmp-Appid", 40233)):
        if not headers.get(name):
            raise WeChatRefusal(errcode)
    if headers["Wechatmp-Appid"] != appid:
        raise WeChatRefusal(40237)
    for name, errcode in (("aes_key", 40238), ("rsa_public_key", 40239)):
        if not api.get(name):
            raise WeChatRefusal(errcode)
    if not headers["Wechatmp-TimeStamp"].isdigit() or abs(now - int(headers["Wechatmp-TimeStamp"])) > OLDEST_SECONDS:
        raise WeChatRefusal(40240)
    if headers["Wechatmp-Serial"] != api["rsa_sn"]:
        raise WeChatRefusal(40234)
    return int(headers["Wechatmp-TimeStamp"])


def _check_signature(api: dict[str, Any], address: str, appid: str, timestamp: int, request: Any) -> None:
    key: Any = serialization.load_pem_public_key(api["rsa_public_key"].encode())
    text = b"\n".join((address.encode(), appid.encode(), str(timestamp).encode(), request.body))
    try:
        key.verify(base64.b64decode(request.headers["Wechatmp-Signature"]), text, PSS, hashes.SHA256())
    except (InvalidSignature, ValueError) as error:
        raise WeChatRefusal(40234) from error


def _opened(api: dict[str, Any], aad: str, body: bytes) -> dict[str, Any]:
    try:
        parts = json.loads(body)
        nonce, data, tag = (base64.b64decode(parts[name]) for name in ("iv", "data", "authtag"))
        cipher = Cipher(algorithms.AES(base64.b64decode(api["aes_key"])), modes.GCM(nonce, tag)).decryptor()
        cipher.authenticate_additional_data(aad.encode())
        opened = json.loads(cipher.update(data) + cipher.finalize())
    except (InvalidTag, ValueError, KeyError, TypeError) as error:
        raise WeChatRefusal(40235) from error
    if not isinstance(opened, dict):
        raise WeChatRefusal(40235)
    return opened
