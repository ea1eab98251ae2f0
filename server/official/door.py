"""The door of the callbacks: what is let in, under the mode of our settings.

Owns: which signature holds, how old a callback may be, and which body is read. The mode is ours: a plaintext body in safe
mode is refused, whatever the query says. Everything refused here is a CallbackRefused, within milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from server.wechat import Account
from server.wechat.crypto import CallbackRefused, Crypto, check_signature, wrong_signature
from server.wechat.details import text_field
from server.wechat.messages import InboundMessage, Reply, decode_body, envelope, message_of, parse_fields, render_json, render_xml

# The platform's clock and ours may differ by this much; a timestamp further ahead is nobody's.
AHEAD_SECONDS = 60
# Base64 of the largest message.
MAX_ENCRYPTED_CHARACTERS = 16 * 1024
PLAIN_TEXT = re.compile(r"[A-Za-z0-9_-]{1,64}")
TIMESTAMP = re.compile(r"[0-9]{1,11}")


@dataclass(frozen=True)
class Admitted:
    """A genuine callback. `used`: what no other body may come with again; None where the signature is over the body itself."""

    message: InboundMessage
    timestamp: str
    nonce: str
    encrypted: bool
    as_json: bool
    used: tuple[str, str, str] | None


class Door:
    def __init__(self, account: Account, max_age_seconds: int) -> None:
        self._account = account
        self._max_age_seconds = max_age_seconds
        self._crypto = Crypto(account.token, account.aes_key, account.appid) if account.mode != "plain" else None

    def verify_url(self, query: Mapping[str, str], now: float) -> str:
        """The echostr of the platform's URL check, as it came. Raises CallbackRefused."""
        self._check_time(query, now)
        check_signature(query.get("signature", ""), self._account.token, query["timestamp"], query["nonce"])
        return query.get("echostr", "")

    def admit(self, query: Mapping[str, str], body: bytes, now: float) -> Admitted:
        """The message of a callback. Raises CallbackRefused."""
        text = decode_body(body)
        self._check_time(query, now)
        timestamp, nonce = query["timestamp"], query["nonce"]
        if self._crypto is None:
            signature = query.get("signature", "")
            check_signature(signature, self._account.token, timestamp, nonce)
            fields, as_json = parse_fields(text)
            return Admitted(message_of(fields, self._account.appid), timestamp, nonce, False, as_json, (signature, timestamp, nonce))
        # In compatible mode too the platform sends the encrypted form, beside the plain one. The plain one is never read: its signature is
        # over time and nonce alone, so whoever saw one address could write any body under it.
        encrypted = text_field(parse_fields(text)[0], "Encrypt", MAX_ENCRYPTED_CHARACTERS)
        if not encrypted:
            raise CallbackRefused("CALLBACK_NOT_ENCRYPTED", "本账号只接受加密消息", status=403)
        fields, as_json = parse_fields(self._crypto.open(encrypted, query.get("msg_signature", ""), timestamp, nonce))
        return Admitted(message_of(fields, self._account.appid), timestamp, nonce, True, as_json, None)

    def render(self, reply: Reply | None, admitted: Admitted, now: float) -> bytes:
        """The answer's bytes: `success` for none, else the reply, encrypted where the callback was."""
        if reply is None:
            return b"success"
        text = (render_json if admitted.as_json else render_xml)(reply, admitted.message, int(now))
        if not admitted.encrypted or self._crypto is None:
            return text.encode()
        timestamp = str(int(now))
        return envelope(*self._crypto.seal(text, timestamp, admitted.nonce), timestamp, admitted.nonce, as_json=admitted.as_json)

    def _check_time(self, query: Mapping[str, str], now: float) -> None:
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        if not TIMESTAMP.fullmatch(timestamp) or not PLAIN_TEXT.fullmatch(nonce):
            raise wrong_signature()
        age = now - int(timestamp)
        if age < -AHEAD_SECONDS or self._max_age_seconds and age > self._max_age_seconds:
            raise CallbackRefused("CALLBACK_STALE", "消息已过期", status=403)
