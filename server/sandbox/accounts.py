"""The accounts of the sandbox and what each kind may do.

Owns: reading the accounts file; the table of kinds and permissions.
Does not own: tokens or citizens.
Invariant: an account is immutable; a test changes its kind or mode by making another.

The file is JSON: {"official": {...}, "miniprogram": {...}, and further ones by a name of their own}. Each has appid, secret, token, aes_key
and mode, and may have kind, name, format (xml or json), domains (hosts for OAuth and the JS-SDK), menu (buttons as in menu/create),
templates (of notices: template_id, title and content, as the list of templates gives them), api (keys of signed requests, see
signing.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MODES = ("plain", "compatible", "safe")
FORMATS = ("xml", "json")

# Permission words, asked for by the endpoints.
OAUTH, CUSTOM_SEND, USER_INFO, MENU, JSAPI, SHARE, QRCODE, CODE2SESSION, TEMPLATE, SUBSCRIPTION = (
    "oauth", "custom_send", "user_info", "menu", "jsapi", "share", "qrcode", "code2session", "template", "subscription")

# Those of certified official accounts; a mini-program may upload what lasts three days.
MEDIA, MATERIAL, DRAFT, PUBLISH, MASS = "media", "material", "draft", "publish", "mass"
ARTICLES = frozenset({MEDIA, MATERIAL, DRAFT, PUBLISH, MASS})

# Those of the mini-program alone.
CONTENT_CHECK = "content_check"
PHONE, SESSION, MINI_CODE, MINI_LINK = "phone", "session", "mini_code", "mini_link"

KINDS: dict[str, frozenset[str]] = {
    # 未认证订阅号: receives and answers messages; its pages may use the JS-SDK but not set a share card.
    "subscription": frozenset({JSAPI}),
    # 认证订阅号: customer-service messages, user information and menus, but no web authorisation and no scene codes.
    "certified_subscription": frozenset({JSAPI, SHARE, CUSTOM_SEND, USER_INFO, MENU}) | ARTICLES,
    # 认证服务号: all of it.
    "certified_service": frozenset({JSAPI, SHARE, CUSTOM_SEND, USER_INFO, MENU, OAUTH, QRCODE, TEMPLATE, SUBSCRIPTION}) | ARTICLES,
    "miniprogram": frozenset({MEDIA, CONTENT_CHECK, PHONE, SESSION, MINI_CODE, MINI_LINK, CUSTOM_SEND, CODE2SESSION, SUBSCRIPTION}),
}


class AccountsError(Exception):
    """The accounts file cannot be used; the text says why."""


@dataclass(frozen=True)
class Account:
    role: str
    appid: str
    secret: str
    token: str
    aes_key: str
    mode: str
    kind: str
    name: str
    format: str
    domains: tuple[str, ...] = ()
    menu: dict[str, Any] = field(default_factory=dict)
    templates: tuple[dict[str, str], ...] = ()
    api: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def original_id(self) -> str:
        """The gh_ name that stands in ToUserName."""
        return "gh_" + self.appid.removeprefix("wx")[:12].ljust(12, "0")

    @property
    def path(self) -> str:
        """Where the product takes this account's callbacks."""
        if self.role in DEFAULTS:
            return f"/wechat/{self.role}"
        return f"/wechat/{'miniprogram' if self.kind == 'miniprogram' else 'official'}/{self.appid}"

    def may(self, permission: str) -> bool:
        return permission in KINDS[self.kind]


DEFAULTS: dict[str, dict[str, str]] = {
    "official": {"kind": "certified_service", "name": "文明漳州", "format": "xml"},
    "miniprogram": {"kind": "miniprogram", "name": "文明漳州小程序", "format": "json"},
}


class Accounts:
    """The accounts by role and by appid."""

    def __init__(self, accounts: list[Account]) -> None:
        self.by_role = {account.role: account for account in accounts}
        self.by_appid = {account.appid: account for account in accounts}

    @property
    def official(self) -> Account:
        return self.by_role["official"]

    def replace(self, account: Account) -> None:
        """Put another record of the same role in force (tests change kind and mode this way)."""
        self.by_appid.pop(self.by_role[account.role].appid, None)
        self.by_role[account.role] = account
        self.by_appid[account.appid] = account


def load(path: Path) -> Accounts:
    """Read the accounts file. Raises AccountsError."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise AccountsError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict) or "official" not in content:
        raise AccountsError(f"{path} has no official account")
    return Accounts([build(role, given) for role, given in content.items()])


def build(role: str, given: dict[str, Any]) -> Account:
    """One account with its defaults. Raises AccountsError."""
    merged: dict[str, Any] = {"mode": "safe", "aes_key": "", **DEFAULTS.get(role, DEFAULTS["official"]), **given}
    for name in ("appid", "secret", "token"):
        if not merged.get(name):
            raise AccountsError(f"{role}: {name} is missing")
    if merged["mode"] not in MODES or merged["kind"] not in KINDS or merged["format"] not in FORMATS:
        raise AccountsError(f"{role}: unknown mode, kind or format")
    if merged["mode"] != "plain" and len(merged["aes_key"]) != 43:
        raise AccountsError(f"{role}: aes_key must have 43 characters")
    texts = {name: str(merged[name]) for name in ("appid", "secret", "token", "aes_key", "mode", "kind", "name", "format")}
    return Account(role=role, domains=tuple(merged.get("domains", ())), menu=merged.get("menu") or {},
                   templates=tuple(merged.get("templates", ())), api=merged.get("api") or {}, **texts)
