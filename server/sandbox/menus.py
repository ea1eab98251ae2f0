"""Menus as people see them: those that accounts had before anybody asked us, and which of several is somebody's.

Owns: placing the menus of the accounts file, the choice for one citizen. Does not own: the endpoints (endpoints.py, users.py).
Invariant: what `menu/get` tells is what a phone shows: a menu that was deleted stays away, also after a restart.
"""

from __future__ import annotations

from typing import Any

from server.sandbox.accounts import Account
from server.sandbox.platform import Platform
from server.sandbox.store import Citizen

PLACED = "menu-placed"


def place(platform: Platform) -> None:
    """The menus of the accounts file, each once in the life of the folder, as if its account had made it by the API."""
    for account in platform.accounts.by_role.values():
        if not account.menu or platform.store.thing(PLACED, account.appid, "") is not None:
            continue
        platform.store.keep_thing(PLACED, account.appid, "", {}, platform.now())
        if platform.store.menu(account.appid) is None:
            platform.store.set_menu(account.appid, account.menu)


def menu_of(platform: Platform, account: Account, citizen: Citizen) -> dict[str, Any] | None:
    """Which menu somebody sees: the newest for some that her tags match, else the one for all."""
    menu = platform.store.menu(account.appid)
    if menu is None:
        return None
    tags = {str(tag) for tag in platform.store.tags_of(account.appid, citizen.key)}
    for some in reversed(platform.conditional_menus.get(account.appid, [])):
        rule = some["matchrule"]
        if str(rule.get("group_id", "")) in tags and not rule.get("client_platform_type"):
            return {"button": some["button"]}
    return {"button": menu["button"]}
