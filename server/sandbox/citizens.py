"""What a simulated citizen does: writes, follows, taps a menu, scans; and what the platform lets the account send back.

Owns: the meaning of actions (following, customer-service credits), the request of `POST /sandbox/messages`, the limits of
customer-service messages.
Does not own: signing and sending (callbacks.py, delivery.py).
Invariants: a customer-service message is taken only within an open credit; what a citizen sees is in her chat once.
"""

from __future__ import annotations

import asyncio
from typing import Any

from server.sandbox.accounts import FORMATS, MODES, Account
from server.sandbox.callbacks import build, made_msg_id
from server.sandbox.delivery import Delivery, Outcome
from server.sandbox.errcodes import WeChatRefusal
from server.sandbox.platform import Platform
from server.sandbox.store import BLACKLIST, Citizen

# How many customer-service messages an action allows, and for how many seconds.
CREDITS = {"message": (5, 48 * 3600), "CLICK": (3, 60), "subscribe": (3, 60), "SCAN": (3, 60), "user_enter_tempsession": (2, 60)}
MAX_TEXT_BYTES = 2048
SEND_TYPES = ("text", "image", "voice", "video", "music", "news", "mpnews", "msgmenu", "wxcard", "miniprogrampage", "link")
MINI_SEND_TYPES = ("text", "image", "link", "miniprogrampage")
# Events whose answer nobody sees.
SILENT = ("unsubscribe", "VIEW", "view_miniprogram")
# What the platform tells of somebody whom the account shut out.
TOLD_OF_SHUT_OUT = ("subscribe", "unsubscribe")
SHUT_OUT = "你在“{}”的黑名单里，消息没有送达（模拟手机的说明）"
# The most of one callback at once or again that a test may ask for.
MAX_COPIES = 50


class BadRequest(Exception):
    """A control request that makes no sense; the text says why."""


async def act(platform: Platform, delivery: Delivery, request: dict[str, Any]) -> dict[str, Any]:
    """`POST /sandbox/messages`: do it, tell the product, give what came back. Raises BadRequest."""
    account, citizen = account_and_citizen(platform, request)
    openid = platform.store.openid(citizen.key, account.appid)
    timestamp = _whole(request, "timestamp", int(platform.clock()))
    fields = _fields(request, account, openid, _whole(request, "create_time", timestamp))
    callback = build(account, openid, fields, platform.callback, timestamp=timestamp, mode=_choice(request, "mode", MODES),
                     format=_choice(request, "format", FORMATS), nonce=request.get("nonce"),
                     tamper=_choice(request, "tamper", ("signature", "body", "appid")))
    if BLACKLIST in platform.store.tags_of(account.appid, citizen.key) and fields.get("Event") not in TOLD_OF_SHUT_OUT:
        return _shut_out(platform, account, citizen, fields)
    happened(platform, account, citizen, fields)
    copies, again = _whole(request, "concurrent", 1), _whole(request, "duplicate", 1)
    if not 1 <= copies <= MAX_COPIES or not 1 <= again <= MAX_COPIES:
        raise BadRequest(f"concurrent and duplicate are between 1 and {MAX_COPIES}")
    outcomes: list[Outcome] = []
    for _ in range(again):
        outcomes += await asyncio.gather(*(delivery.send(callback) for _ in range(copies)))
    view = outcomes[0].view() | {"msg_id": fields.get("MsgId")}
    if len(outcomes) > 1:
        view["replies"] = [outcome.view() for outcome in outcomes]
    if fields.get("Event") not in SILENT:
        _show(platform, account, citizen, next((o for o in outcomes if o.reply), outcomes[0]))
    return view


def account_and_citizen(platform: Platform, request: dict[str, Any]) -> tuple[Account, Citizen]:
    """Whom a control request means. Raises BadRequest."""
    account = platform.account(str(request.get("account", "official")))
    citizen = platform.store.find_citizen(str(request.get("openid", "")))
    if account is None:
        raise BadRequest("no such account")
    if citizen is None:
        raise BadRequest("no citizen has this openid")
    return account, citizen


def _fields(request: dict[str, Any], account: Account, openid: str, created: int) -> dict[str, Any]:
    fields: dict[str, Any] = {"ToUserName": account.original_id, "FromUserName": openid, "CreateTime": created}
    if "event" in request:
        fields |= {"MsgType": "event", "Event": str(request["event"])}
        if "event_key" in request or request["event"] in ("subscribe", "CLICK", "VIEW", "SCAN"):
            fields["EventKey"] = str(request.get("event_key", ""))
        if "ticket" in request:
            fields["Ticket"] = str(request["ticket"])
    elif "text" in request:
        fields |= {"MsgType": "text", "Content": str(request["text"]), "MsgId": _whole(request, "msg_id", made_msg_id())}
    elif "type" in request:
        fields |= {"MsgType": str(request["type"]), "MsgId": _whole(request, "msg_id", made_msg_id())}
    else:
        raise BadRequest("text, event or type is missing")
    extra = request.get("fields", {})
    if not isinstance(extra, dict):
        raise BadRequest("fields is not an object")
    return fields | extra


def happened(platform: Platform, account: Account, citizen: Citizen, fields: dict[str, Any]) -> None:
    """What the platform itself remembers of an action: the chat line, the following, the credit."""
    event, kind = str(fields.get("Event", "")), str(fields.get("MsgType"))
    if kind != "event":
        _said(platform, account, citizen, fields)
        _grant(platform, account, citizen, "message")
    elif event == "subscribe":
        platform.store.follow(account.appid, citizen.key, str(fields.get("EventKey", "")), platform.now())
        platform.add_line(account, citizen, "system", "text", {"text": f"你已关注“{account.name}”"})
        _grant(platform, account, citizen, event)
    elif event == "unsubscribe":
        platform.store.unfollow(account.appid, citizen.key)
        platform.add_line(account, citizen, "system", "text", {"text": f"你已取消关注“{account.name}”"})
    elif event in CREDITS:
        _grant(platform, account, citizen, event)


def _shut_out(platform: Platform, account: Account, citizen: Citizen, fields: dict[str, Any]) -> dict[str, Any]:
    """The account hears nothing of it and may not answer; her chat says why."""
    if fields["MsgType"] != "event":
        _said(platform, account, citizen, fields)
    text = SHUT_OUT.format(account.name)
    if fields.get("Event") not in SILENT:
        platform.add_line(account, citizen, "system", "text", {"text": text})
    return Outcome(None, 0, None, None, 0.0).view() | {"msg_id": fields.get("MsgId"), "shown": text}


def _said(platform: Platform, account: Account, citizen: Citizen, fields: dict[str, Any]) -> None:
    kind = str(fields["MsgType"])
    platform.add_line(account, citizen, "citizen", kind, {"text": fields.get("Content", f"[{kind}]")})


def _grant(platform: Platform, account: Account, citizen: Citizen, cause: str) -> None:
    count, seconds = CREDITS[cause]
    platform.store.grant_credit(account.appid, citizen.key, cause, count, platform.now() + seconds)


def _show(platform: Platform, account: Account, citizen: Citizen, outcome: Outcome) -> None:
    view = outcome.view()
    if outcome.reply:
        content = dict(outcome.reply)
        platform.add_line(account, citizen, "reply", content.pop("type"), content)
    elif view["shown"]:
        platform.add_line(account, citizen, "system", "text", {"text": view["shown"]})


def custom_send(platform: Platform, account: Account, message: dict[str, Any]) -> None:
    """A customer-service message of the account. Raises WeChatRefusal."""
    kind = str(message.get("msgtype", ""))
    citizen = platform.store.citizen_of(str(message.get("touser", "")), account.appid)
    if citizen is None:
        raise WeChatRefusal(40003)
    if kind not in (MINI_SEND_TYPES if account.kind == "miniprogram" else SEND_TYPES):
        raise WeChatRefusal(40008)
    content = message.get(kind)
    if not isinstance(content, dict) or not content or kind == "text" and not content.get("content"):
        raise WeChatRefusal(44004)
    if kind == "text" and len(str(content["content"]).encode()) > MAX_TEXT_BYTES:
        raise WeChatRefusal(45002)
    if kind == "news" and len(content.get("articles") or []) != 1:
        raise WeChatRefusal(45008, "article size out of limit")
    open_credits = platform.store.credits(account.appid, citizen.key, platform.now())
    if not open_credits:
        raise WeChatRefusal(45015)
    cause = next((name for name, left in open_credits if left > 0), None)
    if cause is None:
        raise WeChatRefusal(45047)
    platform.store.spend_credit(account.appid, citizen.key, cause)
    platform.add_line(account, citizen, "notice", str(kind), _shown_content(str(kind), content) | {"message": message})


def _shown_content(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """A notice in the same words as a reply, so that the phone draws both alike."""
    if kind == "text":
        return {"text": content["content"]}
    if kind == "news":
        return {"articles": [{"title": article.get("title", ""), "description": article.get("description", ""),
                              "pic_url": article.get("picurl", ""), "url": article.get("url", "")}
                             for article in content["articles"]]}
    if kind == "link":
        return {"articles": [{"title": content.get("title", ""), "description": content.get("description", ""),
                              "pic_url": content.get("thumb_url", ""), "url": content.get("url", "")}]}
    if kind == "miniprogrampage":  # its appid is not the chat's
        return {"title": content.get("title", ""), "mini": {"appid": content.get("appid", ""), "pagepath": content.get("pagepath", "")}}
    return dict(content)


def _whole(request: dict[str, Any], name: str, default: int) -> int:
    value = request.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequest(f"{name} is not a whole number")
    return value


def _choice(request: dict[str, Any], name: str, allowed: tuple[str, ...]) -> str | None:
    value = request.get(name)
    if value is not None and value not in allowed:
        raise BadRequest(f"{name} is one of {', '.join(allowed)}")
    return value
