"""Template messages and subscription notices: who may get one, and what a citizen's answer to the question means.

Invariants: one acceptance allows one notice; a template message of one client_msg_id is sent to a person once in ten minutes.
"""

from __future__ import annotations

import re
from typing import Any

from server.sandbox.accounts import Account
from server.sandbox.callbacks import made_msg_id
from server.sandbox.citizens import BadRequest, account_and_citizen, act
from server.sandbox.delivery import Delivery
from server.sandbox.errcodes import WeChatRefusal
from server.sandbox.platform import Platform
from server.sandbox.store import Citizen

ANSWERS = ("accept", "reject")
# For so long the platform knows a client_msg_id; after that the same name is another message.
NAMED_SECONDS = 600
# A line of a template: its words, and the field that stands behind them.
TEMPLATE_LINE = re.compile(r"([^\s：:{}]+)\s*[：:]\s*\{\{(\w+)\.DATA\}\}")


def send_template(platform: Platform, account: Account, message: dict[str, Any]) -> dict[str, Any]:
    """A template message. Raises WeChatRefusal."""
    citizen = _to(platform, account, message)
    if platform.store.followed_since(account.appid, citizen.key) is None:
        raise WeChatRefusal(43004)
    data = _data(message)
    name = (account.appid, citizen.key, str(message.get("client_msg_id", "")))
    known, named_at = platform.named.get(name, (0, 0.0))
    if known and platform.now() - named_at < NAMED_SECONDS:
        return {"errcode": 0, "errmsg": "ok", "msgid": known}
    msg_id = made_msg_id()
    if name[2]:
        platform.named[name] = (msg_id, platform.now())
    _show(platform, account, citizen, message, data)
    return {"errcode": 0, "errmsg": "ok", "msgid": msg_id}


def send_subscription(platform: Platform, account: Account, message: dict[str, Any]) -> dict[str, Any]:
    """A subscription notice; it uses up one acceptance. Raises WeChatRefusal."""
    citizen, data = _to(platform, account, message), _data(message)
    for field, value in data.items():
        if field.startswith("thing") and len(value) > 20 or field.startswith("phrase") and len(value) > 5:
            raise WeChatRefusal(47003, f"argument invalid! data.{field}.value is too long")
    allowed = (account.appid, str(message.get("template_id")), citizen.key)
    if platform.allowed.get(allowed, 0) < 1:
        raise WeChatRefusal(43101)
    platform.allowed[allowed] -= 1
    _show(platform, account, citizen, message, data)
    return {"errcode": 0, "errmsg": "ok", "msgid": made_msg_id()}


async def answer(platform: Platform, delivery: Delivery, request: dict[str, Any]) -> dict[str, Any]:
    """`POST /sandbox/grants`: she answers a page's question about templates, and the product is told. Raises BadRequest."""
    account, citizen = account_and_citizen(platform, request)
    template, status = str(request.get("template_id", "")), str(request.get("status", ""))
    if not template or status not in ANSWERS:
        raise BadRequest("template_id is missing, or status is not accept or reject")
    allowed = (account.appid, template, citizen.key)
    platform.allowed[allowed] = platform.allowed.get(allowed, 0) + 1 if status == "accept" else 0
    line = {"TemplateId": template, "SubscribeStatusString": status, "PopupScene": "2"}
    fields = {"List": line} if account.role == "miniprogram" else {"SubscribeMsgPopupEvent": {"List": line}}
    return await act(platform, delivery, {"openid": citizen.key, "account": account.role, "event": "subscribe_msg_popup_event",
                                          "fields": fields})


def _to(platform: Platform, account: Account, message: dict[str, Any]) -> Citizen:
    citizen = platform.store.citizen_of(str(message.get("touser", "")), account.appid)
    if citizen is None:
        raise WeChatRefusal(40003)
    if not message.get("template_id"):
        raise WeChatRefusal(40037)
    return citizen


def _data(message: dict[str, Any]) -> dict[str, str]:
    data = message.get("data")
    if not isinstance(data, dict) or not data:
        raise WeChatRefusal(47003, "argument invalid! data is empty")
    found = {}
    for field, value in data.items():
        if not re.fullmatch(r"[a-z_]+[0-9]*", field) or not isinstance(value, dict) or not str(value.get("value", "")).strip():
            raise WeChatRefusal(47003, f"argument invalid! data.{field}.value is empty")
        found[field] = str(value["value"])
    return found


def _show(platform: Platform, account: Account, citizen: Citizen, message: dict[str, Any], data: dict[str, str]) -> None:
    kept = next((one for one in account.templates if one.get("template_id") == message["template_id"]), {})
    labels = {field: label for label, field in TEMPLATE_LINE.findall(kept.get("content", ""))}
    platform.add_line(account, citizen, "notice", "text", {
        "text": "\n".join(f"{labels.get(field, field)}：{value}" for field, value in data.items()), "message": message,
        "template": {"title": kept.get("title", ""), "labels": labels}})
