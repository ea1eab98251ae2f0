"""Callbacks of all kinds of bytes, signed and not: an answer or one refusal of 4xx, never anything else, and nothing is kept of them.

Drawn by a seeded generator, which makes five thousand in a second; the failing input is printed whole.
"""

from __future__ import annotations

import os
import random
import string
import time
from collections import Counter
from typing import Any

import pytest

from server.official import CallbackRefused
from server.rehearsal.kills import resident_bytes
from server.sandbox.callbacks import encode
from server.sandbox.crypto import seal, signature
from tests.people import WANG
from tests.server.official.test_kinds import KINDS
from tests.server.official.world import AES_KEY, APPID, NOON, TOKEN, callback, query_of

# Python's own arenas come and go by some megabytes; a leak of one small object an input would show in the long run.
MOST_GROWTH_BYTES = 24 * 1024 * 1024

NAMES = ["MsgType", "Event", "EventKey", "FromUserName", "ToUserName", "CreateTime", "Content", "MsgId", "MsgID", "Encrypt", "List", "a:b",
         "SubscribeMsgPopupEvent", "PublishEventInfo", "SendPicsInfo", "ScanCodeInfo", "Location_X", "result", "item", "TemplateId"]
LETTERS = string.printable + "敬礼😀\u0000\u202e\ufffe]]><&"
SCALARS: list[Any] = [None, True, False, 0, -1, 10**20, -1.5e300, 0.1, "", " ", "0", "x" * 3000, "]]>", "qrscene_1", "1e999", "subscribe"]
MODES, FORMS = ("plain", "compatible", "safe"), ("xml", "json")


class Chance(random.Random):
    def text(self, most: int = 30) -> str:
        return "".join(self.choices(LETTERS, k=self.randint(0, most)))

    def value(self, depth: int = 0) -> Any:
        kind = self.random()
        if depth < 3 and kind < 0.15:
            return [self.value(depth + 1) for _ in range(self.randint(0, 4))]
        if depth < 3 and kind < 0.35:
            return {self.choice(NAMES): self.value(depth + 1) for _ in range(self.randint(0, 3))}
        return self.choice(SCALARS) if kind < 0.7 else self.text()

    def fields(self) -> dict[str, Any]:
        """A genuine message with fields changed, added and left out."""
        made = dict(self.choice([known for known, _ in KINDS.values()]))
        for _ in range(self.choice([0, 0, 1, 2, 4])):
            made[self.choice(NAMES)] = self.value()
        for _ in range(self.choice([0, 0, 1, 2])):
            made.pop(self.choice(list(made)), None)
        return made

    def mutated(self, data: bytes) -> bytes:
        """The same with bytes changed, cut out or put in."""
        changed = bytearray(data)
        for _ in range(self.choice([0, 0, 1, 3, 20])):
            at = self.randint(0, max(0, len(changed) - 1))
            changed[at:at + self.randint(0, 4)] = self.randbytes(self.randint(0, 4))
        return bytes(changed)

    def callback(self) -> tuple[dict[str, str], bytes, str]:
        """Its query, its body, and the mode of the account that it comes to."""
        mode, form, kind = self.choice(MODES), self.choice(FORMS), self.choice(["genuine", "genuine", "sealed", "spoilt", "noise"])
        nonce, stamp = str(self.randrange(10**12)), str(int(NOON))
        if kind == "genuine":
            made = callback({"FromUserName": WANG.openid} | self.fields(), mode, form=form, nonce=nonce)
            query, body = query_of(made), made.body
        elif kind == "noise":
            query = {"timestamp": stamp, "nonce": nonce, "signature": signature(TOKEN, stamp, nonce)}
            body = self.randbytes(self.randint(0, 200))
        else:  # a genuine signature over what is none
            inner = self.mutated(encode(self.fields(), form))
            sealed = seal(inner, AES_KEY, APPID) if self.random() < 0.8 else self.text(60)
            query = {"timestamp": stamp, "nonce": nonce, "signature": signature(TOKEN, stamp, nonce), "encrypt_type": "aes",
                     "msg_signature": signature(TOKEN, stamp, nonce, sealed)}
            body = encode({"ToUserName": "gh", "Encrypt": sealed}, form)
            body = self.mutated(body) if kind == "spoilt" else body
        if self.random() < 0.2:
            query[self.choice(["timestamp", "nonce", "signature", "msg_signature", "encrypt_type"])] = self.text()
        return query, body, mode


def fuzz(io_loop, world, examples: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    chance, processes = Chance(20261001), {mode: world.process(mode) for mode in MODES}
    marks: list[int] = []

    async def ask_all() -> None:
        for n in range(examples):
            query, body, mode = made = chance.callback()
            try:
                seen["quiet" if await processes[mode].receive(query, body, NOON) == b"success" else "answered"] += 1
            except CallbackRefused as refused:
                assert 400 <= refused.status < 500, made
                seen[str(refused.status)] += 1
            except Exception as error:
                raise AssertionError(made) from error
            world.effects.clear()
            if n == 1000:
                marks.append(resident_bytes(os.getpid()))

    io_loop.run_sync(ask_all)
    time.sleep(0.5)
    assert resident_bytes(os.getpid()) - marks[0] < MOST_GROWTH_BYTES
    return seen


@pytest.mark.timeout(200)
def test_5000_callbacks(io_loop, world):
    seen = fuzz(io_loop, world, 5000)
    # It was no wall: much was good, and every kind of refusal was reached.
    assert seen["answered"] > 300 and seen["quiet"] > 10 and seen["400"] > 300 and seen["403"] > 100, seen


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_100000_callbacks(io_loop, world):
    fuzz(io_loop, world, 100_000)
