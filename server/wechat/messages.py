"""What citizens send and what we answer: wire texts to records, records to wire texts.

Owns: reading XML and JSON pushes into InboundMessage, and writing a Reply as XML (through wechatpy's reply classes) or JSON.
Does not own: signatures and AES (crypto.py), which reply is chosen (server/replies).
Invariants: a body has nothing in front of `<xml>` but an XML declaration, so a DTD cannot be written at all; a field is a short
text or it is refused; garbage raises CallbackRefused and nothing else; a MsgId is a text, never a number; nothing in a reply
can end its CDATA section.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from xml.parsers.expat import ExpatError

import msgspec
import wechatpy.replies
import xmltodict
from wechatpy.messages import MESSAGE_TYPES

from server.wechat.crypto import CallbackRefused

# A text message is at most 2,048 bytes; encrypted (x 4/3) beside its plain form in compatible mode it stays under 8 KB, and
# a subscription event with its list under 12 KB. Twice the usual leaves room, and parsing 16 KB takes under a millisecond.
MAX_BODY_BYTES = 16 * 1024
# The longest text of a citizen is 2,048 bytes; an EventKey, a URL of a menu button, is under 1,024 too.
MAX_TEXT_CHARACTERS = 2048
MAX_NAME_CHARACTERS = 64

# "event" is not in wechatpy's table of message classes; the others are sent by files, stickers and devices.
KINDS = frozenset(MESSAGE_TYPES) | {"event", "file", "emotion", "hardware", "device_text", "device_event", "device_status"}

PROLOG = re.compile(r"\ufeff?\s*(?:<\?xml[^<>]{0,200}\?>\s*)?<xml>")
NAME = re.compile(r"[A-Za-z0-9_@.-]{1,64}")
# Characters that XML 1.0 cannot hold at all.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message or an event. `openid` is the citizen's, `recipient` our account's gh_ name, `created_at` seconds since 1970.

    `event` is in lower case: the platform writes SCAN and subscribe alike. `msg_id` is empty for most events.
    """

    kind: str
    appid: str
    openid: str = field(repr=False)
    recipient: str
    created_at: int
    msg_id: str = ""
    text: str = field(default="", repr=False)
    event: str = ""
    event_key: str = ""
    trace_id: str = ""

    @property
    def is_event(self) -> bool:
        return self.kind == "event"

    def identity(self) -> tuple[str, ...]:
        """What the platform's repeats of one message share, and no two messages do.

        A MsgId alone collides across people; two events of a person may come in one second; media checks share sender and time.
        """
        if self.msg_id and not self.is_event:
            return (self.appid, self.openid, "message", self.msg_id)
        return (self.appid, self.openid, str(self.created_at), self.kind, self.event, self.event_key, self.trace_id, self.msg_id,
                self.text)


class Article(msgspec.Struct, frozen=True):
    """One card of a news reply. The platform shows one in answer to a message."""

    title: str
    description: str
    url: str
    picture_url: str = ""


class Reply(msgspec.Struct, frozen=True):
    """An answer, free of addresses: it may be kept and sent again to the same person."""

    kind: Literal["text", "image", "voice", "video", "news"]
    text: str = ""
    media_id: str = ""
    title: str = ""
    description: str = ""
    articles: tuple[Article, ...] = ()


def parse_fields(text: str) -> tuple[Fields, bool]:
    """The outer fields of a body, and whether it is JSON. Raises CallbackRefused."""
    return (_parse_json(text), True) if text.lstrip("\ufeff \t\r\n").startswith("{") else (_parse_xml(text), False)


def decode_body(body: bytes) -> str:
    """A body as text. Raises CallbackRefused: 413 when it is too large, 400 when it is not UTF-8."""
    if len(body) > MAX_BODY_BYTES:
        raise CallbackRefused("BODY_TOO_LARGE", "消息过大", status=413)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CallbackRefused() from error


def _parse_xml(text: str) -> Fields:
    if not PROLOG.match(text):
        raise CallbackRefused()
    try:
        fields = xmltodict.parse(text.lstrip("\ufeff \t\r\n"), disable_entities=True)["xml"]
    except (ExpatError, ValueError, KeyError) as error:  # xmltodict: an entity declaration is a ValueError
        raise CallbackRefused() from error
    if not isinstance(fields, dict):
        raise CallbackRefused()
    return fields


def _parse_json(text: str) -> Fields:
    try:
        fields: Fields = msgspec.json.decode(text.lstrip("\ufeff \t\r\n"), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:  # ValidationError is a DecodeError
        raise CallbackRefused() from error
    return fields


def message_of(fields: Fields, appid: str) -> InboundMessage:
    """The typed record. Raises CallbackRefused for missing, repeated, over-long or wrongly typed fields and unknown MsgTypes."""
    kind = text_field(fields, "MsgType", MAX_NAME_CHARACTERS).lower()
    openid, recipient = text_field(fields, "FromUserName", MAX_NAME_CHARACTERS), text_field(fields, "ToUserName", MAX_NAME_CHARACTERS)
    created_at = text_field(fields, "CreateTime", MAX_NAME_CHARACTERS)
    event = text_field(fields, "Event", MAX_NAME_CHARACTERS).lower()
    if kind not in KINDS or not NAME.fullmatch(openid) or not NAME.fullmatch(recipient) or not re.fullmatch("[0-9]{1,11}", created_at):
        raise CallbackRefused()
    if kind == "event" and not event:
        raise CallbackRefused()
    return InboundMessage(
        kind=kind, appid=appid, openid=openid, recipient=recipient, created_at=int(created_at), event=event,
        msg_id=text_field(fields, "MsgId", MAX_NAME_CHARACTERS) or text_field(fields, "MsgID", MAX_NAME_CHARACTERS),
        text=text_field(fields, "Content", MAX_TEXT_CHARACTERS) if kind == "text" else "",
        event_key=text_field(fields, "EventKey", MAX_TEXT_CHARACTERS) if kind == "event" else "",
        trace_id=text_field(fields, "trace_id", MAX_NAME_CHARACTERS))


def text_field(fields: Fields, name: str, max_characters: int) -> str:
    """A field as text; empty where it is missing. Numbers come as numbers in JSON. Raises CallbackRefused."""
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > max_characters:
        raise CallbackRefused()
    return value


def render_xml(reply: Reply, message: InboundMessage, created_at: int) -> str:
    """The reply to a message as the platform reads it."""
    to_her: dict[str, Any] = {"source": message.recipient, "target": message.openid, "time": created_at}
    if reply.kind == "news":
        articles = [{"title": _safe(a.title), "description": _safe(a.description), "image": _safe(a.picture_url), "url": _safe(a.url)}
                    for a in reply.articles]
        built = wechatpy.replies.ArticlesReply(articles=articles, **to_her)
    elif reply.kind == "video":
        video = {"media_id": _safe(reply.media_id), "title": _safe(reply.title), "description": _safe(reply.description)}
        built = wechatpy.replies.VideoReply(video=video, **to_her)
    elif reply.kind == "image":
        built = wechatpy.replies.ImageReply(image=_safe(reply.media_id), **to_her)
    elif reply.kind == "voice":
        built = wechatpy.replies.VoiceReply(voice=_safe(reply.media_id), **to_her)
    else:
        built = wechatpy.replies.TextReply(content=_safe(reply.text), **to_her)
    return str(built.render())


def render_json(reply: Reply, message: InboundMessage, created_at: int) -> str:
    """The same for an account whose pushes are JSON."""
    value: dict[str, Any] = {"ToUserName": message.openid, "FromUserName": message.recipient, "CreateTime": created_at,
                             "MsgType": reply.kind}
    if reply.kind == "news":
        value["ArticleCount"] = len(reply.articles)
        value["Articles"] = [{"Title": a.title, "Description": a.description, "PicUrl": a.picture_url, "Url": a.url}
                             for a in reply.articles]
    elif reply.kind == "text":
        value["Content"] = reply.text
    else:
        value[reply.kind.capitalize()] = {"MediaId": reply.media_id, "Title": reply.title, "Description": reply.description}
    return msgspec.json.encode(value).decode()


def envelope(encrypted: str, signature: str, timestamp: str, nonce: str, *, as_json: bool) -> bytes:
    """An encrypted reply in its outer form. The door lets only plain characters into a nonce."""
    if as_json:
        return msgspec.json.encode({"Encrypt": encrypted, "MsgSignature": signature, "TimeStamp": int(timestamp), "Nonce": nonce})
    return (f"<xml>\n<Encrypt><![CDATA[{encrypted}]]></Encrypt>\n<MsgSignature><![CDATA[{signature}]]></MsgSignature>\n"
            f"<TimeStamp>{timestamp}</TimeStamp>\n<Nonce><![CDATA[{nonce}]]></Nonce>\n</xml>").encode()


def _safe(text: str) -> str:
    """Text that stays inside its CDATA section: its end mark is split over two, characters that XML cannot hold are dropped."""
    return NOT_XML.sub("", text).replace("]]>", "]]]]><![CDATA[>")
