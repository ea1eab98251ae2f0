"""Secrets that nobody set: made once, kept in the data folder, readable by the owner alone."""

from __future__ import annotations

import json
import os
import secrets
import string
from pathlib import Path
from typing import Any

# 32 random bytes as text: as strong as the keys derived from it.
SECRET_BYTES = 32
AES_KEY_CHARACTERS = 43
TOKEN_CHARACTERS = 24
# The simulated account's menu; its keys are those that server/replies answers.
MENU = {"button": [{"type": "click", "name": "向国旗敬礼", "key": "campaign"}, {"type": "click", "name": "我的证书", "key": "mine"},
                   {"type": "click", "name": "参与人数", "key": "total"}]}
# A template of the simulated account's notices, so that a phone shows a title and its own words for the fields.
TEMPLATES = [{"template_id": "sandbox-activity", "title": "活动提醒",
              "content": "活动名称：{{thing1.DATA}}\n活动时间：{{time2.DATA}}\n状态：{{phrase3.DATA}}"}]
ALPHANUMERIC = string.ascii_letters + string.digits


def made_secret(path: Path) -> str:
    """The secret in the file; made when there is none."""
    if not path.exists():
        write_private(path, secrets.token_hex(SECRET_BYTES))
    return path.read_text("ascii").strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that the owner alone reads, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def sandbox_accounts(path: Path, official_mode: str, miniprogram_mode: str) -> dict[str, dict[str, Any]]:
    """The sandbox's accounts by name, one of each kind; made when there are none. The two main ones' callback modes follow the settings."""
    if path.exists():
        accounts: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))
    else:
        accounts = {"official": _account("wxsandboxofficial0") | {"menu": MENU, "templates": TEMPLATES},
                    "miniprogram": _account("wxsandboxminiprog"),
                    "certified_subscription": _account("wxsandboxcertified") | {
                        "kind": "certified_subscription", "name": "文明漳州订阅号"},
                    "subscription": _account("wxsandboxsubscribe") | {"kind": "subscription", "name": "社区小报"}}
    accounts["official"]["mode"], accounts["miniprogram"]["mode"] = official_mode, miniprogram_mode
    write_private(path, json.dumps(accounts, indent=1))
    return accounts


def further_accounts(accounts: dict[str, dict[str, Any]]) -> str:
    """WENMING_FURTHER_ACCOUNTS of the sandbox's: those that have no settings of their own."""
    parts = ("appid", "secret", "token", "aes_key", "name")
    return json.dumps([{"role": "official", **{part: account[part] for part in parts}}
                       for name, account in accounts.items() if name not in ("official", "miniprogram")])


def _account(appid: str) -> dict[str, Any]:
    def text(characters: int) -> str:
        return "".join(secrets.choice(ALPHANUMERIC) for _ in range(characters))

    return {"appid": appid, "secret": "sandbox" + secrets.token_hex(SECRET_BYTES // 2), "token": text(TOKEN_CHARACTERS),
            # The last character of a key carries two bits that do not count; A keeps strict decoders content.
            "aes_key": text(AES_KEY_CHARACTERS - 1) + "A"}
