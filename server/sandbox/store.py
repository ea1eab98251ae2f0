"""What the sandbox remembers, in one SQLite file of its data folder, so that citizens survive a restart.

Owns: every table and every SQL statement of the sandbox.
Does not own: rules. The rules of each endpoint stand beside it.
Invariants: one openid per citizen and account; one unionid per citizen; ids of chat lines only grow.

SQLite is called on the loop: this program serves one machine, statements take microseconds, and with `synchronous=OFF` none
waits for the disk (the sandbox may forget its last second when the machine loses power, which no promise depends on).
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS citizens (key TEXT PRIMARY KEY, nickname TEXT, unionid TEXT UNIQUE, created REAL);
CREATE TABLE IF NOT EXISTS identities (openid TEXT PRIMARY KEY, appid TEXT, citizen TEXT, UNIQUE (citizen, appid));
CREATE TABLE IF NOT EXISTS follows (appid TEXT, citizen TEXT, since REAL, scene TEXT, PRIMARY KEY (appid, citizen));
CREATE TABLE IF NOT EXISTS chat (
    id INTEGER PRIMARY KEY AUTOINCREMENT, appid TEXT, citizen TEXT, at REAL, sender TEXT, kind TEXT, content TEXT);
CREATE INDEX IF NOT EXISTS chat_of ON chat (citizen, id);
CREATE TABLE IF NOT EXISTS credits (
    appid TEXT, citizen TEXT, cause TEXT, unspent INTEGER, expires REAL, PRIMARY KEY (appid, citizen, cause));
CREATE TABLE IF NOT EXISTS tokens (
    value TEXT PRIMARY KEY, appid TEXT, kind TEXT, issued REAL, expires REAL, revoked INTEGER DEFAULT 0);
CREATE INDEX IF NOT EXISTS tokens_of ON tokens (appid, kind, issued);
CREATE TABLE IF NOT EXISTS codes (code TEXT PRIMARY KEY, appid TEXT, openid TEXT, kind TEXT, scope TEXT, snapshot INTEGER,
    issued REAL, used INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS session_keys (openid TEXT PRIMARY KEY, session_key TEXT);
CREATE TABLE IF NOT EXISTS phones (citizen TEXT PRIMARY KEY, number TEXT);
CREATE INDEX IF NOT EXISTS codes_of ON codes (openid, issued);
CREATE TABLE IF NOT EXISTS counts (name TEXT, window INTEGER, n INTEGER, PRIMARY KEY (name, window));
CREATE TABLE IF NOT EXISTS menus (appid TEXT PRIMARY KEY, content TEXT);
CREATE TABLE IF NOT EXISTS scenes (ticket TEXT PRIMARY KEY, name TEXT UNIQUE, appid TEXT, scene TEXT, expires REAL);
CREATE TABLE IF NOT EXISTS tags (appid TEXT, id INTEGER, name TEXT, PRIMARY KEY (appid, id), UNIQUE (appid, name));
CREATE TABLE IF NOT EXISTS tagged (appid TEXT, tag INTEGER, citizen TEXT, PRIMARY KEY (appid, tag, citizen));
CREATE TABLE IF NOT EXISTS remarks (appid TEXT, citizen TEXT, remark TEXT, PRIMARY KEY (appid, citizen));
CREATE TABLE IF NOT EXISTS things (kind TEXT, appid TEXT, id TEXT, at REAL, content TEXT, bytes BLOB, PRIMARY KEY (kind, appid, id));
CREATE TABLE IF NOT EXISTS jars (citizen TEXT, name TEXT, value TEXT, PRIMARY KEY (citizen, name));
"""

# The tag of those whom an account shut out; the platform keeps it for itself.
BLACKLIST = 1
# Letters of openids as they occur in the wild.
OPENID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"


@dataclass(frozen=True)
class Citizen:
    key: str
    nickname: str
    unionid: str


def made_openid(prefix: str = "o") -> str:
    """28 characters: real openids begin with o."""
    return prefix + "".join(secrets.choice(OPENID_LETTERS) for _ in range(28 - len(prefix)))


class Store:
    """The file and its statements, in intent-named methods."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "sandbox.sqlite3", isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(SCHEMA)
        (folder / "sandbox.sqlite3").chmod(0o600)

    def close(self) -> None:
        self._db.close()

    def _one(self, sql: str, *values: Any) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return row

    def _all(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return self._db.execute(sql, values).fetchall()

    # citizens ---------------------------------------------------------------------------------------------------

    def add_citizen(self, nickname: str, appids: Sequence[str], now: float) -> Citizen:
        """A new citizen with an openid in each account."""
        citizen = Citizen(secrets.token_urlsafe(12), nickname, made_openid("oU"))
        self._db.execute("INSERT INTO citizens VALUES (?, ?, ?, ?)", (citizen.key, citizen.nickname, citizen.unionid, now))
        for appid in appids:
            self.openid(citizen.key, appid)
        return citizen

    def citizens(self) -> list[Citizen]:
        return [Citizen(r["key"], r["nickname"], r["unionid"]) for r in self._all("SELECT * FROM citizens ORDER BY created, key")]

    def citizen_count(self) -> int:
        row = self._one("SELECT COUNT(*) AS n FROM citizens")
        return int(row["n"]) if row else 0

    def find_citizen(self, name: str) -> Citizen | None:
        """The citizen of an openid of any account, or of a key."""
        row = self._one("SELECT citizen FROM identities WHERE openid = ?", name)
        row = self._one("SELECT * FROM citizens WHERE key = ?", row["citizen"] if row else name)
        return Citizen(row["key"], row["nickname"], row["unionid"]) if row else None

    def openid(self, citizen: str, appid: str) -> str:
        """The citizen's openid in the account, made at first need."""
        row = self._one("SELECT openid FROM identities WHERE citizen = ? AND appid = ?", citizen, appid)
        if row:
            return str(row["openid"])
        made = made_openid()
        self._db.execute("INSERT INTO identities VALUES (?, ?, ?)", (made, appid, citizen))
        return made

    def citizen_of(self, openid: str, appid: str) -> Citizen | None:
        """The citizen whose openid in this very account it is."""
        row = self._one("SELECT citizen FROM identities WHERE openid = ? AND appid = ?", openid, appid)
        return self.find_citizen(row["citizen"]) if row else None

    # following --------------------------------------------------------------------------------------------------

    def follow(self, appid: str, citizen: str, scene: str, now: float) -> None:
        self._db.execute("INSERT OR REPLACE INTO follows VALUES (?, ?, ?, ?)", (appid, citizen, now, scene))

    def unfollow(self, appid: str, citizen: str) -> None:
        self._db.execute("DELETE FROM follows WHERE appid = ? AND citizen = ?", (appid, citizen))
        self._db.execute("DELETE FROM credits WHERE appid = ? AND citizen = ?", (appid, citizen))
        self._db.execute("DELETE FROM tagged WHERE appid = ? AND citizen = ? AND tag != 1", (appid, citizen))  # not the blacklist

    def followed_since(self, appid: str, citizen: str) -> float | None:
        row = self._one("SELECT since FROM follows WHERE appid = ? AND citizen = ?", appid, citizen)
        return float(row["since"]) if row else None

    def followers(self, appid: str, after: str, limit: int) -> list[str]:
        """Openids of those who follow, behind `after` in their order."""
        return self._openids(appid, "SELECT citizen FROM follows WHERE appid = ?", (appid,), after, limit)

    def follower_count(self, appid: str) -> int:
        row = self._one("SELECT COUNT(*) AS n FROM follows WHERE appid = ?", appid)
        return int(row["n"]) if row else 0

    def scene_of(self, appid: str, citizen: str) -> str:
        row = self._one("SELECT scene FROM follows WHERE appid = ? AND citizen = ?", appid, citizen)
        return str(row["scene"]) if row else ""

    # tags and remarks -----------------------------------------------------------------------------------------------

    def add_tag(self, appid: str, tag: int, name: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", (appid, tag, name))

    def drop_tag(self, appid: str, tag: int) -> None:
        self._db.execute("DELETE FROM tags WHERE appid = ? AND id = ?", (appid, tag))
        self._db.execute("DELETE FROM tagged WHERE appid = ? AND tag = ?", (appid, tag))

    def tags(self, appid: str) -> list[tuple[int, str]]:
        return [(row["id"], row["name"]) for row in self._all("SELECT * FROM tags WHERE appid = ? ORDER BY id", appid)]

    def tag(self, appid: str, tag: int, citizen: str, has: bool) -> None:
        self._db.execute("INSERT OR IGNORE INTO tagged VALUES (?, ?, ?)" if has
                         else "DELETE FROM tagged WHERE appid = ? AND tag = ? AND citizen = ?", (appid, tag, citizen))

    def tags_of(self, appid: str, citizen: str) -> list[int]:
        return [row["tag"] for row in self._all("SELECT tag FROM tagged WHERE appid = ? AND citizen = ? ORDER BY tag", appid, citizen)]

    def tag_count(self, appid: str, tag: int) -> int:
        row = self._one("SELECT COUNT(*) AS n FROM tagged WHERE appid = ? AND tag = ?", appid, tag)
        return int(row["n"]) if row else 0

    def with_tag(self, appid: str, tag: int, after: str, limit: int) -> list[str]:
        """Openids of those with a tag, behind `after` in their order."""
        return self._openids(appid, "SELECT citizen FROM tagged WHERE appid = ? AND tag = ?", (appid, tag), after, limit)

    def set_remark(self, appid: str, citizen: str, remark: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO remarks VALUES (?, ?, ?)", (appid, citizen, remark))

    def remark(self, appid: str, citizen: str) -> str:
        row = self._one("SELECT remark FROM remarks WHERE appid = ? AND citizen = ?", appid, citizen)
        return str(row["remark"]) if row else ""

    def _openids(self, appid: str, citizens: str, values: tuple[Any, ...], after: str, limit: int) -> list[str]:
        rows = self._all(f"SELECT openid FROM identities WHERE appid = ? AND citizen IN ({citizens}) AND openid > ? "
                         "ORDER BY openid LIMIT ?", appid, *values, after, limit)
        return [str(row["openid"]) for row in rows]

    # chat -------------------------------------------------------------------------------------------------------

    def add_line(self, appid: str, citizen: str, sender: str, kind: str, content: dict[str, Any], now: float) -> int:
        """One line of a chat; `sender` is citizen, reply, notice (sent by an API) or system."""
        cursor = self._db.execute(
            "INSERT INTO chat (appid, citizen, at, sender, kind, content) VALUES (?, ?, ?, ?, ?, ?)",
            (appid, citizen, now, sender, kind, json.dumps(content, ensure_ascii=False)))
        return int(cursor.lastrowid or 0)

    def lines(self, citizen: str, after: int = 0, sender: str | None = None, limit: int = 500) -> list[dict[str, Any]]:
        """The newest lines after an id, oldest first."""
        rows = self._all("SELECT * FROM chat WHERE citizen = ? AND id > ? AND (? IS NULL OR sender = ?) ORDER BY id DESC LIMIT ?",
                         citizen, after, sender, sender, limit)
        return [{"id": row["id"], "appid": row["appid"], "at": row["at"], "sender": row["sender"], "type": row["kind"],
                 **json.loads(row["content"])} for row in reversed(rows)]

    # customer-service credits -------------------------------------------------------------------------------------

    def grant_credit(self, appid: str, citizen: str, cause: str, count: int, expires: float) -> None:
        self._db.execute("INSERT OR REPLACE INTO credits VALUES (?, ?, ?, ?, ?)", (appid, citizen, cause, count, expires))

    def credits(self, appid: str, citizen: str, now: float) -> list[tuple[str, int]]:
        """The causes whose window is open with what is left, the one that ends first in front."""
        rows = self._all("SELECT cause, unspent FROM credits WHERE appid = ? AND citizen = ? AND expires > ? ORDER BY expires",
                         appid, citizen, now)
        return [(row["cause"], row["unspent"]) for row in rows]

    def spend_credit(self, appid: str, citizen: str, cause: str) -> None:
        self._db.execute("UPDATE credits SET unspent = unspent - 1 WHERE appid = ? AND citizen = ? AND cause = ?",
                         (appid, citizen, cause))

    # tokens and tickets -------------------------------------------------------------------------------------------

    def add_token(self, value: str, appid: str, kind: str, now: float, expires: float) -> None:
        self._db.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, 0)", (value, appid, kind, now, expires))

    def token(self, value: str) -> sqlite3.Row | None:
        return self._one("SELECT * FROM tokens WHERE value = ?", value)

    def newest_token(self, appid: str, kind: str) -> sqlite3.Row | None:
        return self._one(
            "SELECT * FROM tokens WHERE appid = ? AND kind = ? AND revoked = 0 ORDER BY issued DESC, rowid DESC LIMIT 1",
            appid, kind)

    def live_tokens(self, appid: str, kind: str, now: float) -> list[str]:
        rows = self._all("SELECT value FROM tokens WHERE appid = ? AND kind = ? AND revoked = 0 AND expires > ?",
                         appid, kind, now)
        return [str(r["value"]) for r in rows]

    def shorten_tokens(self, appid: str, kind: str, expires: float) -> None:
        """Let every token of the kind end at `expires` at the latest."""
        self._db.execute("UPDATE tokens SET expires = MIN(expires, ?) WHERE appid = ? AND kind = ?", (expires, appid, kind))

    def expire_all_tokens(self, kind: str, now: float) -> int:
        return self._db.execute("UPDATE tokens SET expires = MIN(expires, ?) WHERE kind = ? AND revoked = 0", (now, kind)).rowcount

    def revoke_tokens(self, appid: str | None, kind: str) -> int:
        """Make tokens of a kind unknown: every one, or those of an account."""
        return self._db.execute("UPDATE tokens SET revoked = 1 WHERE (? IS NULL OR appid = ?) AND kind = ? AND revoked = 0",
                                (appid, appid, kind)).rowcount

    # codes ------------------------------------------------------------------------------------------------------

    def add_code(self, code: str, appid: str, openid: str, kind: str, scope: str, snapshot: bool, now: float) -> None:
        self._db.execute("INSERT INTO codes VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
                         (code, appid, openid, kind, scope, int(snapshot), now))

    def code(self, code: str) -> sqlite3.Row | None:
        return self._one("SELECT * FROM codes WHERE code = ?", code)

    def last_login(self, appid: str, openid: str) -> float | None:
        """When she last opened the mini-program and logged in."""
        row = self._one("SELECT MAX(issued) AS at FROM codes WHERE openid = ? AND appid = ? AND kind = 'mini'", openid, appid)
        return None if row is None or row["at"] is None else float(row["at"])

    def use_code(self, code: str) -> bool:
        """Whether this call was the one that used it."""
        return self._db.execute("UPDATE codes SET used = 1 WHERE code = ? AND used = 0", (code,)).rowcount == 1

    # sessions of the mini-program, phone numbers ---------------------------------------------------------------

    def set_session_key(self, openid: str, session_key: str) -> None:
        """The one in force; the one before opens nothing any more."""
        self._db.execute("INSERT OR REPLACE INTO session_keys VALUES (?, ?)", (openid, session_key))

    def session_key(self, openid: str) -> str | None:
        row = self._one("SELECT session_key FROM session_keys WHERE openid = ?", openid)
        return str(row["session_key"]) if row else None

    def phone(self, openid: str, made: str) -> str:
        """The number of whose openid it is; `made` at first need."""
        row = self._one("SELECT citizen FROM identities WHERE openid = ?", openid)
        citizen = row["citizen"] if row else openid
        self._db.execute("INSERT OR IGNORE INTO phones VALUES (?, ?)", (citizen, made))
        row = self._one("SELECT number FROM phones WHERE citizen = ?", citizen)
        return str(row["number"]) if row else made

    # quotas -----------------------------------------------------------------------------------------------------

    def count(self, name: str, window: int) -> int:
        """Add one to a quota's window and give the new figure."""
        self._db.execute("INSERT INTO counts VALUES (?, ?, 1) ON CONFLICT (name, window) DO UPDATE SET n = n + 1", (name, window))
        row = self._one("SELECT n FROM counts WHERE name = ? AND window = ?", name, window)
        return int(row["n"]) if row else 0

    def counted(self, name: str, window: int) -> int:
        """The figure of a quota's window, which this leaves as it is."""
        row = self._one("SELECT n FROM counts WHERE name = ? AND window = ?", name, window)
        return int(row["n"]) if row else 0

    def forget_counts(self, *patterns: str) -> None:
        """Every window of the quotas whose name is like one of these."""
        for pattern in patterns:
            self._db.execute("DELETE FROM counts WHERE name LIKE ?", (pattern,))

    def set_count(self, name: str, window: int, n: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO counts VALUES (?, ?, ?)", (name, window, n))

    # menus, scene codes, browser jars -----------------------------------------------------------------------------

    def set_menu(self, appid: str, menu: dict[str, Any] | None) -> None:
        self._db.execute("DELETE FROM menus WHERE appid = ?", (appid,))
        if menu is not None:
            self._db.execute("INSERT INTO menus VALUES (?, ?)", (appid, json.dumps(menu, ensure_ascii=False)))

    def menu(self, appid: str) -> dict[str, Any] | None:
        row = self._one("SELECT content FROM menus WHERE appid = ?", appid)
        return dict(json.loads(row["content"])) if row else None

    def add_scene(self, ticket: str, name: str, appid: str, scene: str, expires: float) -> None:
        self._db.execute("INSERT INTO scenes VALUES (?, ?, ?, ?, ?)", (ticket, name, appid, scene, expires))

    def scene_by_name(self, name: str) -> sqlite3.Row | None:
        return self._one("SELECT * FROM scenes WHERE name = ?", name)

    def scene_by_ticket(self, ticket: str) -> sqlite3.Row | None:
        return self._one("SELECT * FROM scenes WHERE ticket = ?", ticket)

    # materials, drafts, published articles and mass sends: things of an account by kind and id ----------------------

    def keep_thing(self, kind: str, appid: str, id: str, content: dict[str, Any], now: float, picture: bytes | None = None) -> None:
        """Keep one, or another content of it; its picture stays unless there is another."""
        self._db.execute("INSERT INTO things VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kind, appid, id) DO UPDATE SET "
                         "content = excluded.content, bytes = COALESCE(excluded.bytes, bytes)",
                         (kind, appid, id, now, json.dumps(content, ensure_ascii=False), picture))

    def thing(self, kind: str, appid: str, id: str) -> dict[str, Any] | None:
        row = self._one("SELECT content FROM things WHERE kind = ? AND appid = ? AND id = ?", kind, appid, id)
        return dict(json.loads(row["content"])) if row else None

    def things(self, kind: str, appid: str) -> list[tuple[str, float, dict[str, Any]]]:
        """Id, time and content, the newest first."""
        return [(row["id"], row["at"], json.loads(row["content"])) for row in self._all(
            "SELECT id, at, content FROM things WHERE kind = ? AND appid = ? ORDER BY at DESC, rowid DESC", kind, appid)]

    def picture(self, kind: str, id: str) -> bytes | None:
        """What belongs to a thing of any account."""
        row = self._one("SELECT bytes FROM things WHERE kind = ? AND id = ?", kind, id)
        return bytes(row["bytes"]) if row and row["bytes"] is not None else None

    def drop_thing(self, kind: str, appid: str, id: str) -> bool:
        """Whether it was there."""
        return self._db.execute("DELETE FROM things WHERE kind = ? AND appid = ? AND id = ?", (kind, appid, id)).rowcount == 1

    def keep_in_jar(self, citizen: str, name: str, value: str | None) -> None:
        """What the citizen's in-app browser holds under a cookie name; None: nothing."""
        self._db.execute("DELETE FROM jars WHERE citizen = ? AND name = ?", (citizen, name))
        if value is not None:
            self._db.execute("INSERT INTO jars VALUES (?, ?, ?)", (citizen, name, value))

    def from_jar(self, citizen: str, name: str) -> str | None:
        row = self._one("SELECT value FROM jars WHERE citizen = ? AND name = ?", citizen, name)
        return str(row["value"]) if row else None
