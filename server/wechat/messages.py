"""What citizens send and what we answer: wire texts to records, records to wire texts.

Owns: reading XML and JSON pushes into InboundMessage, and writing a Reply as XML (through wechatpy's reply classes) or JSON.
Does not own: signatures and AES (crypto.py), which reply is chosen (server/replies).
Invariants: a body has nothing in front of `<xml>` but an XML declaration, so a DTD cannot be written at all; a field is a short
text or it is refused; garbage raises CallbackRefused and nothing else; a MsgId is a text, never a number; nothing in a reply
can end its CDATA section.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import msgspec
import wechatpy.replies

from server.wechat.crypto import CallbackRefused
from server.wechat.details import MAX_NAME_CHARACTERS, Details, Fields, details_of, is_known, text_field

# A text message is at most 2,048 bytes; encrypted (x 4/3) beside its plain form in compatible mode it stays under 8 KB, and
# a subscription event with its list under 12 KB. Twice the usual leaves room, and parsing 16 KB takes under a millisecond.
MAX_BODY_BYTES = 16 * 1024
PROLOG = re.compile(r"\ufeff?\s*(?:<\?xml[^<>]{0,200}\?>\s*)?<xml>")
NAME = re.compile(r"[A-Za-z0-9_@.-]{1,64}")
# Characters that XML 1.0 cannot hold at all.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message or an event. `openid` is the citizen's, `recipient` our account's gh_ name, `created_at` seconds since 1970.

    `event` is in lower case: the platform writes SCAN and subscribe alike. `msg_id` is empty for most events. `details`: what its kind
    says beside these. `is_known` False: the platform has learnt something that we have not.
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
    details: Details | None = field(default=None, repr=False)
    is_known: bool = True

    @property
    def is_event(self) -> bool:
        return self.kind == "event"

    def identity(self) -> tuple[str, ...]:
        """What the platform's repeats of one message share, and no two messages do.

        A MsgId alone collides across people; two events of a person may come in one second; media checks share sender and time, and
        differ in what they say.
        """
        if self.msg_id and not self.is_event:
            return (self.appid, self.openid, "message", self.msg_id)
        return (self.appid, self.openid, str(self.created_at), self.kind, self.event, self.event_key, self.msg_id,
                self.text, repr(self.details))


class Article(msgspec.Struct, frozen=True):
    """One card of a news reply. The platform shows one in answer to a message."""

    title: str
    description: str
    url: str
    picture_url: str = ""


class Reply(msgspec.Struct, frozen=True):
    """An answer, free of addresses: it may be kept and sent again to the same person.

    `media_id`: of a material; a music's is its cover. `url`, `hq_url`: where a music is. `transfer` hands her to the staff who answer by
    hand, `text` to one of them by name.
    """

    kind: Literal["text", "image", "voice", "video", "music", "news", "transfer"]
    text: str = ""
    media_id: str = ""
    title: str = ""
    description: str = ""
    url: str = ""
    hq_url: str = ""
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
        # Entities cannot be declared: a DTD would have to stand before <xml>, where PROLOG lets none be.
        fields = _content(ElementTree.fromstring(text.lstrip("\ufeff \t\r\n")))
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise CallbackRefused() from error
    if not isinstance(fields, dict):
        raise CallbackRefused()
    return fields


def _content(element: Element) -> dict[str, Any] | str | None:
    """What an element holds: its elements by name, those of one name as a list, or else its text."""
    if not len(element):
        return (element.text or "").strip() or None
    found: dict[str, Any] = {}
    for below in element:
        content = _content(below)
        if below.tag not in found:
            found[below.tag] = content
        elif isinstance(found[below.tag], list):
            found[below.tag].append(content)
        else:
            found[below.tag] = [found[below.tag], content]
    return found


def _parse_json(text: str) -> Fields:
    try:
        fields: Fields = msgspec.json.decode(text.lstrip("\ufeff \t\r\n"), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:  # ValidationError is a DecodeError
        raise CallbackRefused() from error
    return fields


def message_of(fields: Fields, appid: str) -> InboundMessage:
    """The typed record. Raises CallbackRefused for missing, repeated, over-long or wrongly typed fields."""
    kind = text_field(fields, "MsgType", MAX_NAME_CHARACTERS).lower()
    openid, recipient = text_field(fields, "FromUserName", MAX_NAME_CHARACTERS), text_field(fields, "ToUserName", MAX_NAME_CHARACTERS)
    created_at = text_field(fields, "CreateTime", MAX_NAME_CHARACTERS)
    event = text_field(fields, "Event", MAX_NAME_CHARACTERS).lower()
    # The platform's own words are names too; they stand in logs.
    if not all(map(NAME.fullmatch, (kind, event or "-", openid, recipient))) or not re.fullmatch("[0-9]{1,11}", created_at):
        raise CallbackRefused()
    if kind == "event" and not event:
        raise CallbackRefused()
    return InboundMessage(
        kind=kind, appid=appid, openid=openid, recipient=recipient, created_at=int(created_at), event=event,
        msg_id=text_field(fields, "MsgId", MAX_NAME_CHARACTERS) or text_field(fields, "MsgID", MAX_NAME_CHARACTERS),
        text=text_field(fields, "Content") if kind == "text" else "", event_key=text_field(fields, "EventKey") if kind == "event" else "",
        details=details_of(kind, event, fields), is_known=is_known(kind, event))


def render_xml(reply: Reply, message: InboundMessage, created_at: int) -> str:
    """The reply to a message as the platform reads it."""
    to_her: dict[str, Any] = {"source": message.recipient, "target": message.openid, "time": created_at}
    if reply.kind == "news":
        articles = [{"title": _safe(a.title), "description": _safe(a.description), "image": _safe(a.picture_url), "url": _safe(a.url)}
                    for a in _articles(reply, message)]
        built = wechatpy.replies.ArticlesReply(articles=articles, **to_her)
    elif reply.kind == "video":
        video = {"media_id": _safe(reply.media_id), "title": _safe(reply.title), "description": _safe(reply.description)}
        built = wechatpy.replies.VideoReply(video=video, **to_her)
    elif reply.kind == "image":
        built = wechatpy.replies.ImageReply(image=_safe(reply.media_id), **to_her)
    elif reply.kind == "voice":
        built = wechatpy.replies.VoiceReply(voice=_safe(reply.media_id), **to_her)
    elif reply.kind == "music":
        built = wechatpy.replies.MusicReply(thumb_media_id=_safe(reply.media_id), title=_safe(reply.title),
                                            description=_safe(reply.description), music_url=_safe(reply.url),
                                            hq_music_url=_safe(reply.hq_url or reply.url), **to_her)
    elif reply.kind == "transfer":
        # By hand: wechatpy's leaves the account out.
        account = f"<TransInfo><KfAccount><![CDATA[{_safe(reply.text)}]]></KfAccount></TransInfo>" if reply.text else ""
        return (f"<xml><ToUserName><![CDATA[{message.openid}]]></ToUserName><FromUserName><![CDATA[{message.recipient}]]></FromUserName>"
                f"<CreateTime>{created_at}</CreateTime><MsgType><![CDATA[transfer_customer_service]]></MsgType>{account}</xml>")
    else:
        built = wechatpy.replies.TextReply(content=_safe(reply.text), **to_her)
    return str(built.render())


def render_json(reply: Reply, message: InboundMessage, created_at: int) -> str:
    """The same for an account whose pushes are JSON."""
    value: dict[str, Any] = {"ToUserName": message.openid, "FromUserName": message.recipient, "CreateTime": created_at,
                             "MsgType": "transfer_customer_service" if reply.kind == "transfer" else reply.kind}
    if reply.kind == "news":
        articles = _articles(reply, message)
        value["ArticleCount"] = len(articles)
        value["Articles"] = [{"Title": a.title, "Description": a.description, "PicUrl": a.picture_url, "Url": a.url} for a in articles]
    elif reply.kind == "text":
        value["Content"] = reply.text
    elif reply.kind == "transfer":
        if reply.text:
            value["TransInfo"] = {"KfAccount": reply.text}
    elif reply.kind == "music":
        value["Music"] = {"Title": reply.title, "Description": reply.description, "MusicUrl": reply.url,
                          "HQMusicUrl": reply.hq_url or reply.url, "ThumbMediaId": reply.media_id}
    else:
        value[reply.kind.capitalize()] = {"MediaId": reply.media_id, "Title": reply.title, "Description": reply.description}
    return msgspec.json.encode(value).decode()


def _articles(reply: Reply, message: InboundMessage) -> tuple[Article, ...]:
    """Those that the platform shows: one in answer to a person, all after an event."""
    return reply.articles if message.is_event else reply.articles[:1]


def envelope(encrypted: str, signature: str, timestamp: str, nonce: str, *, as_json: bool) -> bytes:
    """An encrypted reply in its outer form. The door lets only plain characters into a nonce."""
    if as_json:
        return msgspec.json.encode({"Encrypt": encrypted, "MsgSignature": signature, "TimeStamp": int(timestamp), "Nonce": nonce})
    return (f"<xml>\n<Encrypt><![CDATA[{encrypted}]]></Encrypt>\n<MsgSignature><![CDATA[{signature}]]></MsgSignature>\n"
            f"<TimeStamp>{timestamp}</TimeStamp>\n<Nonce><![CDATA[{nonce}]]></Nonce>\n</xml>").encode()


def _safe(text: str) -> str:
    """Text that stays inside its CDATA section: its end mark is split over two, characters that XML cannot hold are dropped."""
    return NOT_XML.sub("", text).replace("]]>", "]]]]><![CDATA[>")
