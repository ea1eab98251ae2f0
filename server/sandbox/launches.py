"""What leads into a mini-program: its codes, links and schemes, and where each of them goes.

Owns: links by their address; reading a scanned or opened text.
Does not own: making codes and links (miniprogram.py), how the phone shows a mini-program (h5/src/phone).
Invariants: an address leads where it was made for, until its end and never after; no text of these kinds is ever opened as a web page.

`from` is the number by which a real phone says how a mini-program was opened. [miniprogram/dev/reference/scene-list]
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from server.sandbox.accounts import Account
from server.sandbox.platform import Platform

LINK = "mini-link"
HOME = "pages/index/index"
FROM_CODE, FROM_SCHEME, FROM_SHORT_LINK, FROM_URL_LINK = 1047, 1065, 1179, 1194
# How each kind of address begins.
STARTS = {"https://wxaurl.cn/": FROM_URL_LINK, "weixin://dl/business/": FROM_SCHEME, "#小程序://": FROM_SHORT_LINK}
# What the picture of a code says here; a real one says it in dots that only WeChat reads.
CODE = re.compile(r"sandbox://([A-Za-z0-9_-]+)/([^?\s]+)\?scene=(\S+)")


def code_text(account: Account, page: str, scene: str) -> str:
    """What stands in the picture of a code."""
    return f"sandbox://{account.appid}/{page}?scene={scene}"


def keep_link(platform: Platform, account: Account, address: str, page: str, query: str, expires: float) -> None:
    """Remember where an address leads."""
    platform.store.keep_thing(LINK, account.appid, address, {
        "page": page.removeprefix("/") or HOME, "query": query, "expires": expires}, platform.now())


def find(platform: Platform, text: str) -> dict[str, Any] | None:
    """Where a scanned or opened text leads; None for one that is no mini-program's."""
    if code := CODE.fullmatch(text):
        account = platform.accounts.by_appid.get(code[1])
        if account is None or account.kind != "miniprogram":
            return {"kind": "expired", "text": "沙箱里没有这个小程序"}
        # A page gets it encoded once, as on a real phone.
        return _launch(account, code[2], "scene=" + quote(code[3], safe=""), FROM_CODE)
    opened = next((number for start, number in STARTS.items() if text.startswith(start)), None)
    if opened is None:
        return None
    for account in platform.accounts.by_appid.values():
        link = platform.store.thing(LINK, account.appid, text)
        if link and link["expires"] > platform.now():
            return _launch(account, link["page"], link["query"], opened)
        if link:
            return {"kind": "expired", "text": "链接已过期"}
    return {"kind": "expired", "text": "链接无效：沙箱没有生成过它"}


def _launch(account: Account, page: str, query: str, opened: int) -> dict[str, Any]:
    return {"kind": "miniprogram", "appid": account.appid, "page": page, "query": query, "from": opened}
