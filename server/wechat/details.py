"""What a message or an event says beside who sent it and when: one record for each family, read by one table.

Owns: the fields of each kind, in XML and JSON alike. What is not in the table says nothing more than its kind and key.
Invariants: a list comes as one object, an array, `item` elements or repeated siblings, and is a tuple here; a number may come as a
text; garbage raises CallbackRefused and nothing else; nothing is longer than its bound.
[doc/offiaccount/Message_Management/Receiving_standard_messages.html, Receiving_event_pushes.html, Custom_Menus;
miniprogram/dev/framework/server-ability/message-push.html and the pages of each event]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from server.wechat.crypto import CallbackRefused

Fields = Mapping[str, Any]

MAX_NAME_CHARACTERS = 64
# Addresses of media and links, and texts of a person: the longest that the platform passes on is 2,048 bytes.
MAX_TEXT_CHARACTERS = 2048
# Nine pictures, eight articles, three subscription templates: far past the longest list that there is.
MAX_ITEMS = 100


class Media(msgspec.Struct, frozen=True):
    """A picture, a voice, a video. `recognition`: what a voice said, where the account has that switched on."""

    media_id: str
    url: str = ""
    format: str = ""
    thumb_media_id: str = ""
    recognition: str = ""


class Position(msgspec.Struct, frozen=True):
    """Degrees; `label` is the place's name as her phone knows it. An event of LOCATION has none, and a precision in metres."""

    latitude: float
    longitude: float
    label: str = ""
    precision: float = 0.0


class Link(msgspec.Struct, frozen=True):
    title: str
    description: str
    url: str


class Page(msgspec.Struct, frozen=True):
    """A card of a mini-program that she sent on."""

    title: str
    appid: str
    path: str


class Scene(msgspec.Struct, frozen=True):
    """The scene of a QR code: she scanned it, or followed by it. Empty where she followed without one."""

    scene: str
    ticket: str = ""


class Scanned(msgspec.Struct, frozen=True):
    """What a scan of the menu read: `type` qrcode or barcode."""

    type: str
    result: str


class Pictures(msgspec.Struct, frozen=True):
    """Pictures that a menu entry asked for; they come as messages of their own."""

    md5s: tuple[str, ...]


class Delivery(msgspec.Struct, frozen=True):
    """What became of a template message: `status` success, failed:user block, failed: system failed."""

    msg_id: str
    status: str


class MassDelivery(msgspec.Struct, frozen=True):
    msg_id: str
    status: str
    total: int
    sent: int
    failed: int
    article_urls: tuple[str, ...] = ()


class Published(msgspec.Struct, frozen=True):
    """What became of a draft: `status` 0 published, 1 running, 2 and 3 failed, 4 refused by audit, 5 and 6 taken back."""

    publish_id: str
    status: int
    article_id: str = ""
    article_urls: tuple[str, ...] = ()
    failed_indexes: tuple[int, ...] = ()


class Grant(msgspec.Struct, frozen=True):
    """One line of a subscription event: `status` accept or reject; for a sent one `error_code` 0 when it arrived."""

    template_id: str
    status: str = ""
    msg_id: str = ""
    error_code: int = 0


class Grants(msgspec.Struct, frozen=True):
    """`change` popup: she answered a question; change: she changed it in the settings; sent: what became of a notice."""

    change: str
    lines: tuple[Grant, ...]


class MediaChecked(msgspec.Struct, frozen=True):
    """The verdict on a picture or a voice: `suggest` pass, review or risky; empty where the platform could not look."""

    trace_id: str
    suggest: str
    label: int
    errcode: int = 0


class Session(msgspec.Struct, frozen=True):
    """She opened the mini-program's customer service from a place of ours."""

    session_from: str


class Revoked(msgspec.Struct, frozen=True):
    """She took back what she had allowed: `what` is the platform's number of it, none where her profile changed or her account is closed.

    `openid`: whose; the sender of such an event is the platform itself.
    """

    openid: str
    what: str


Details = (Media | Position | Link | Page | Scene | Scanned | Pictures | Delivery | MassDelivery | Published | Grants | MediaChecked
           | Session | Revoked)


def text_field(fields: Fields, name: str, max_characters: int = MAX_TEXT_CHARACTERS) -> str:
    """A field as text; empty where it is missing. Numbers come as numbers in JSON. Raises CallbackRefused."""
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > max_characters:
        raise CallbackRefused()
    return value


def number_field(fields: Fields, name: str) -> float:
    """A field as a finite number, 0 where it is missing or empty. Raises CallbackRefused."""
    text = text_field(fields, name, MAX_NAME_CHARACTERS)
    try:
        number = float(text or 0)
    except ValueError as error:
        raise CallbackRefused() from error
    if not math.isfinite(number):
        raise CallbackRefused()
    return number


def group(fields: Fields, name: str) -> Fields:
    """A field that holds fields; empty where it is missing. Raises CallbackRefused."""
    value = fields.get(name)
    if value in (None, ""):
        return {}
    if not isinstance(value, Mapping):
        raise CallbackRefused()
    return value


def items(value: Any) -> list[Any]:
    """A list in any of its four forms. Raises CallbackRefused past MAX_ITEMS."""
    if isinstance(value, Mapping) and set(value) <= {"item"}:
        value = value.get("item")
    found = [] if value in (None, "") else value if isinstance(value, list) else [value]
    if len(found) > MAX_ITEMS:
        raise CallbackRefused()
    return found


def _groups(value: Any) -> list[Fields]:
    found = items(value)
    if not all(isinstance(one, Mapping) for one in found):
        raise CallbackRefused()
    return found


def _media(fields: Fields) -> Media:
    return Media(text_field(fields, "MediaId", 256), text_field(fields, "PicUrl"), text_field(fields, "Format", MAX_NAME_CHARACTERS),
                 text_field(fields, "ThumbMediaId", 256), text_field(fields, "Recognition"))


def _location(fields: Fields) -> Position:
    return Position(number_field(fields, "Location_X"), number_field(fields, "Location_Y"), text_field(fields, "Label"))


def _reported_location(fields: Fields) -> Position:
    return Position(number_field(fields, "Latitude"), number_field(fields, "Longitude"), precision=number_field(fields, "Precision"))


def _link(fields: Fields) -> Link:
    return Link(text_field(fields, "Title"), text_field(fields, "Description"), text_field(fields, "Url"))


def _page(fields: Fields) -> Page:
    return Page(text_field(fields, "Title"), text_field(fields, "AppId", MAX_NAME_CHARACTERS), text_field(fields, "PagePath"))


def _scene(fields: Fields) -> Scene:
    return Scene(text_field(fields, "EventKey").removeprefix("qrscene_"), text_field(fields, "Ticket", 256))


def _scanned(fields: Fields) -> Scanned:
    info = group(fields, "ScanCodeInfo")
    return Scanned(text_field(info, "ScanType", MAX_NAME_CHARACTERS), text_field(info, "ScanResult"))


def _pictures(fields: Fields) -> Pictures:
    listed = _groups(group(fields, "SendPicsInfo").get("PicList"))
    return Pictures(tuple(text_field(one, "PicMd5Sum", MAX_NAME_CHARACTERS) for one in listed))


def _chosen_location(fields: Fields) -> Position:
    return _location(group(fields, "SendLocationInfo"))


def _delivery(fields: Fields) -> Delivery:
    return Delivery(_msg_id(fields), text_field(fields, "Status", MAX_NAME_CHARACTERS))


def _mass(fields: Fields) -> MassDelivery:
    articles = _groups(group(fields, "ArticleUrlResult").get("ResultList"))
    return MassDelivery(_msg_id(fields), text_field(fields, "Status", MAX_NAME_CHARACTERS), int(number_field(fields, "TotalCount")),
                        int(number_field(fields, "SentCount")), int(number_field(fields, "ErrorCount")),
                        tuple(text_field(one, "ArticleUrl") for one in articles))


def _published(fields: Fields) -> Published:
    info = group(fields, "PublishEventInfo")
    detail = group(info, "article_detail")
    failed = tuple(int(number_field({"n": one}, "n")) for one in items(info.get("fail_idx")))
    return Published(text_field(info, "publish_id", MAX_NAME_CHARACTERS), int(number_field(info, "publish_status")),
                     text_field(info, "article_id", 256), tuple(text_field(one, "article_url") for one in _groups(detail.get("item"))),
                     failed)


def _grants(change: str, envelope: str) -> Callable[[Fields], Grants]:
    def read(fields: Fields) -> Grants:
        # The official account wraps its list, the mini-program does not.
        listed = _groups((group(fields, envelope) or fields).get("List"))
        return Grants(change, tuple(Grant(
            text_field(one, "TemplateId", 128), text_field(one, "SubscribeStatusString", MAX_NAME_CHARACTERS).lower(),
            _msg_id(one), int(number_field(one, "ErrorCode"))) for one in listed))

    return read


def _media_checked(fields: Fields) -> MediaChecked:
    result = group(fields, "result")
    return MediaChecked(text_field(fields, "trace_id", 128), text_field(result, "suggest", MAX_NAME_CHARACTERS),
                        int(number_field(result, "label")), int(number_field(fields, "errcode")))


def _session(fields: Fields) -> Session:
    return Session(text_field(fields, "SessionFrom"))


def _revoked(fields: Fields) -> Revoked:
    return Revoked(text_field(fields, "OpenID", MAX_NAME_CHARACTERS), text_field(fields, "RevokeInfo", MAX_NAME_CHARACTERS))


def _msg_id(fields: Fields) -> str:
    """Never a number: a customer-service one may be any text, and both spellings occur."""
    return text_field(fields, "MsgId", MAX_NAME_CHARACTERS) or text_field(fields, "MsgID", MAX_NAME_CHARACTERS)


# By kind of a message and by lower-case name of an event.
OF_KIND: dict[str, Callable[[Fields], Details]] = {
    "image": _media, "voice": _media, "video": _media, "shortvideo": _media, "location": _location, "link": _link,
    "miniprogrampage": _page,
}
OF_EVENT: dict[str, Callable[[Fields], Details]] = {
    "subscribe": _scene, "scan": _scene, "location": _reported_location,
    "scancode_push": _scanned, "scancode_waitmsg": _scanned, "pic_sysphoto": _pictures, "pic_photo_or_album": _pictures,
    "pic_weixin": _pictures, "location_select": _chosen_location,
    "templatesendjobfinish": _delivery, "masssendjobfinish": _mass, "publishjobfinish": _published,
    "subscribe_msg_popup_event": _grants("popup", "SubscribeMsgPopupEvent"),
    "subscribe_msg_change_event": _grants("change", "SubscribeMsgChangeEvent"),
    "subscribe_msg_sent_event": _grants("sent", "SubscribeMsgSentEvent"),
    "wxa_media_check": _media_checked, "user_enter_tempsession": _session,
    "user_authorization_revoke": _revoked, "user_authorization_cancellation": _revoked, "user_info_modified": _revoked,
}
# Kinds and events that say nothing beside their key.
PLAIN_KINDS = frozenset({"text", "event"})
PLAIN_EVENTS = frozenset({"unsubscribe", "click", "view", "view_miniprogram"})


def details_of(kind: str, event: str, fields: Fields) -> Details | None:
    """What it says; None for what says nothing more, or is not known. Raises CallbackRefused."""
    read = OF_EVENT.get(event) if kind == "event" else OF_KIND.get(kind)
    return read(fields) if read else None


def is_known(kind: str, event: str) -> bool:
    """Whether the product knows what this is."""
    return event in OF_EVENT or event in PLAIN_EVENTS if kind == "event" else kind in OF_KIND or kind in PLAIN_KINDS
