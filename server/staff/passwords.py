"""Passwords: what one must be, hashing them in worker threads, and making ones that nobody chose.

Rules without nonsense: long enough, not one that everybody tries, nothing to do with the name. No kinds of characters are asked for
and none ever expires by itself: that makes people write them down.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.errors import InvalidBody, Unavailable
from server.staff.common_passwords import COMMON

Result = TypeVar("Result")

MIN_PASSWORD_CHARACTERS, MAX_PASSWORD_CHARACTERS = 10, 128
# Verified where there is no such account, so that the time of an answer does not tell which names exist.
_hasher = PasswordHasher()
NOBODY = _hasher.hash(secrets.token_hex(16))
# Two hashes at once: each takes 64 MB and a core for some 50 ms. So 20 who wait are served in half a second; the rest come again.
HASHES_AT_ONCE, HASHES_WAITING = 2, 20
# Added at the end to make a bad password look like a better one.
_ENDINGS = "!！.。?？*#@~"
# As they lie on keyboards and in alphabets; a password that is a stretch of one, either way, is no password.
_RUNS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz")


class Hashing:
    def __init__(self) -> None:
        self._free = asyncio.Semaphore(HASHES_AT_ONCE)
        self._waiting = 0

    async def hash(self, name: str, password: str) -> str:
        """The hash of a password that somebody chose. Raises InvalidBody WEAK_PASSWORD, Unavailable."""
        check_password(name, password)
        return await self._work(_hasher.hash, password)

    async def verify(self, password_hash: str, password: str) -> bool:
        try:
            return await self._work(_hasher.verify, password_hash, password[:MAX_PASSWORD_CHARACTERS])
        except (VerificationError, InvalidHashError):
            return False

    async def _work(self, hashing: Callable[..., Result], *arguments: str) -> Result:
        """Hash in a worker thread, a few at once. Raises Unavailable past the queue."""
        if self._waiting >= HASHES_WAITING:
            raise Unavailable()
        self._waiting += 1
        try:
            async with self._free:
                return await asyncio.to_thread(hashing, *arguments)
        finally:
            self._waiting -= 1


def check_password(name: str, password: str) -> None:
    """Raises InvalidBody WEAK_PASSWORD, in words that say what to do."""
    plain = password.casefold().strip().rstrip(_ENDINGS)
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise _weak(f"密码要 {MIN_PASSWORD_CHARACTERS} 至 {MAX_PASSWORD_CHARACTERS} 位")
    if COMMON & {plain, password.casefold()} or len(set(plain)) < 4 or any(plain in run or plain[::-1] in run for run in _RUNS):
        raise _weak("这个密码太常见，很容易被猜到，请换一个")
    rest = plain.replace(name.casefold(), "")
    if rest != plain and len(rest) < MIN_PASSWORD_CHARACTERS:
        raise _weak("密码不能只是账号名加几个字符")


def new_password() -> str:
    """A password that nobody chose: 16 characters without those that look alike, about 92 bits."""
    return "".join(secrets.choice("abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789") for _ in range(16))


def _weak(message: str) -> InvalidBody:
    return InvalidBody("WEAK_PASSWORD", message, field="password")
