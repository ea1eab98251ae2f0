"""Callbacks to the product: what a citizen does, as the signed request that the platform sends, and the reply understood.

Owns: the shapes of messages and events (XML and JSON), signing and encrypting them, reading and verifying a reply.
Does not own: sending (delivery.py) and what an action means for credits and following (citizens.py).
Invariant: a callback is made once; every try sends the same bytes to the same address.
"""

from __future__ import annotations

import json
import secrets
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from server.sandbox.accounts import Account
from server.sandbox.crypto import CryptoError, same, seal, signature, unseal

# A reply to a message of a person may hold one article; a reply to an event may hold eight.
ARTICLES_AFTER_MESSAGE, ARTICLES_AFTER_EVENT = 1, 8


class ReplyError(Exception):
    """The answer is one after which the citizen reads that the account is out of order; the text says why."""


@dataclass(frozen=True)
class Callback:
    account: Account
    openid: str
    fields: dict[str, Any]
    mode: str
    format: str
    nonce: str
    url: str
    body: bytes

    @property
    def content_type(self) -> str:
        return "text/xml" if self.format == "xml" else "application/json"


def made_msg_id() -> int:
    """A 64-bit message number."""
    return 23_000_000_000_000_000 + secrets.randbelow(10**15)


def build(account: Account, openid: str, fields: dict[str, Any], base_url: str, *, timestamp: int, mode: str | None = None,
          format: str | None = None, nonce: str | None = None, tamper: str | None = None) -> Callback:
    """The request that tells the product about `fields`. `tamper` spoils signature, body or appid, for tests."""
    mode, format = mode or account.mode, format or account.format
    nonce, stamp = nonce or str(secrets.randbelow(10**10)), str(timestamp)
    plain = encode(fields, format)
    query = {"signature": signature(account.token, stamp, nonce), "timestamp": stamp, "nonce": nonce, "openid": openid}
    body = plain
    if mode != "plain":
        encrypted = seal(plain, account.aes_key, "wx0000000000000000" if tamper == "appid" else account.appid)
        query |= {"encrypt_type": "aes", "msg_signature": signature(account.token, stamp, nonce, encrypted)}
        outer = {"ToUserName": account.original_id, **(fields if mode == "compatible" else {}), "Encrypt": encrypted}
        body = encode(outer, format)
    if tamper == "signature":
        query |= {name: text[::-1] for name, text in query.items() if name.endswith("signature")}
    if tamper == "body":
        body = body[:-12] + b"x" * 12
    return Callback(account, openid, fields, mode, format, nonce, f"{base_url}{account.path}?{urlencode(query)}", body)


def encode(fields: dict[str, Any], format: str) -> bytes:
    """The fields as the platform writes them."""
    if format == "json":
        return json.dumps(fields, ensure_ascii=False).encode()
    return ("<xml>" + "".join(_element(name, value) for name, value in fields.items()) + "</xml>").encode()


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):  # repeated siblings; who means `item` elements says so
        return "".join(_element(name, one) for one in value)
    if isinstance(value, dict):
        inner = "".join(_element(key, part) for key, part in value.items())
    elif isinstance(value, (int, float)):
        inner = str(value)
    else:
        inner = "<![CDATA[" + str(value).replace("]]>", "]]]]><![CDATA[>") + "]]>"
    return f"<{name}>{inner}</{name}>"


def decode(body: bytes, format: str) -> dict[str, Any]:
    """The fields of a body. Raises ReplyError."""
    try:
        if format == "json":
            value = json.loads(body)
            if not isinstance(value, dict):
                raise ReplyError("the JSON reply is not an object")
            return value
        if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
            raise ReplyError("the XML reply declares entities")
        root = ElementTree.fromstring(body)
    except (ValueError, ElementTree.ParseError) as error:
        raise ReplyError(f"the reply is not {format.upper()}") from error
    if root.tag != "xml":
        raise ReplyError("the XML reply has another root than xml")
    value = _value(root)
    return value if isinstance(value, dict) else {}


def _value(element: ElementTree.Element) -> Any:
    children = list(element)
    if not children:
        return element.text or ""
    if all(child.tag == "item" for child in children):
        return [_value(child) for child in children]
    return {child.tag: _value(child) for child in children}


def read_reply(callback: Callback, body: bytes) -> dict[str, Any] | None:
    """The reply as the citizen's phone gets it, None for an answer without one. Raises ReplyError."""
    if body in (b"", b"success"):
        return None
    fields = decode(body, callback.format)
    account = callback.account
    if "Encrypt" in fields:
        if callback.mode == "plain":
            raise ReplyError("an encrypted reply to a plain callback")
        missing = [name for name in ("MsgSignature", "TimeStamp", "Nonce") if not fields.get(name)]
        if missing:
            raise ReplyError(f"the encrypted reply has no {missing[0]}")
        encrypted = str(fields["Encrypt"])
        expected = signature(account.token, str(fields["TimeStamp"]), str(fields["Nonce"]), encrypted)
        if not same(expected, str(fields["MsgSignature"])):
            raise ReplyError("the signature of the encrypted reply is wrong")
        if str(fields["Nonce"]) != callback.nonce:
            raise ReplyError("the nonce of the encrypted reply is another one than the callback's")
        try:
            fields = decode(unseal(encrypted, account.aes_key, account.appid), callback.format)
        except CryptoError as error:
            raise ReplyError(f"the encrypted reply cannot be opened: {error}") from error
    elif callback.mode == "safe":
        raise ReplyError("a plain reply in safe mode")
    return _understood(callback, fields)


def _understood(callback: Callback, fields: dict[str, Any]) -> dict[str, Any]:
    if fields.get("ToUserName") != callback.openid or fields.get("FromUserName") != callback.account.original_id:
        raise ReplyError("the reply is addressed to somebody else")
    if not str(fields.get("CreateTime", "")).isdigit():
        raise ReplyError("the reply has no CreateTime")
    kind = str(fields.get("MsgType", ""))
    if callback.account.kind == "miniprogram" and kind != "transfer_customer_service":
        raise ReplyError(f"a mini-program answers success or hands over, not {kind}")
    if kind == "text":
        if not fields.get("Content"):
            raise ReplyError("the text reply has no Content")
        return {"type": "text", "text": fields["Content"]}
    if kind == "news":
        return {"type": "news", "articles": _articles(callback, fields)}
    if kind in ("image", "voice", "video", "music"):
        inner = fields.get(kind.capitalize())
        if not isinstance(inner, dict):
            raise ReplyError(f"the {kind} reply has no {kind.capitalize()}")
        return {"type": kind, **{_snake(name): value for name, value in inner.items()}}
    if kind == "transfer_customer_service":
        return {"type": kind}
    raise ReplyError(f"MsgType {kind!r} is unknown")


def _articles(callback: Callback, fields: dict[str, Any]) -> list[dict[str, str]]:
    items = fields.get("Articles")
    if isinstance(items, dict):
        items = [items.get("item")]
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise ReplyError("the news reply has no Articles")
    if str(fields.get("ArticleCount")) != str(len(items)):
        raise ReplyError("ArticleCount is not the number of articles")
    limit = ARTICLES_AFTER_EVENT if callback.fields.get("MsgType") == "event" else ARTICLES_AFTER_MESSAGE
    if len(items) > limit:
        raise ReplyError(f"{len(items)} articles where {limit} may stand")
    return [{"title": item.get("Title") or "", "description": item.get("Description") or "",
             "pic_url": item.get("PicUrl") or "", "url": item.get("Url") or ""} for item in items]


def _snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")
