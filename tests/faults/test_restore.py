"""The restore drill (fault row 26): a campaign runs, a backup is taken, the city goes on, and then the document store is gone, and with it
Redis, or one ledger host's disk. Every salute that was acknowledged as durable comes back with its ordinal and time, who was deleted stays
deleted, no number and no ordinal is given twice, and the audit is clean. The recovery point and time are printed: see deploy/backup.md.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pymongo
import pytest
from tornado.httpclient import AsyncHTTPClient

from server.backups.tail import EVERY_SECONDS
from server.embedded import free_port
from tests.faults.test_ballots import VOTE, open_vote, vote
from tests.faults.test_deletion import BASE, ask
from tests.product import ROOT, Citizen, Product

pytestmark = [pytest.mark.gen_test(timeout=580), pytest.mark.timeout(600)]
EACH = 60  # salutes before the backup, and as many after it


def number_of(answer: dict[str, Any]) -> int:
    """The citizen number that a receipt names."""
    raw = base64.urlsafe_b64decode(answer["receipt"] + "=" * (-len(answer["receipt"]) % 4))
    citizen: int = msgspec.msgpack.decode(raw[:-16])[2]
    return citizen


class Person:
    """Somebody with a phone: known to the simulated WeChat, and signed in."""

    def __init__(self, product: Product, name: str) -> None:
        self.product = product
        self.sandbox, self.web = f"http://127.0.0.1:{product.sandbox}", f"http://127.0.0.1:{product.web}"
        self.openid = json.loads(ask("POST", f"{self.sandbox}/sandbox/citizens", {"nickname": name})[1])["openid"]
        self.token = self.sign_in()
        self.answer: dict[str, Any] = {}

    def sign_in(self) -> str:
        code = json.loads(ask("POST", f"{self.sandbox}/sandbox/login", {"openid": self.openid})[1])["code"]
        token: str = json.loads(ask("POST", f"{self.web}/api/v1/session/miniprogram", {"code": code})[1])["token"]
        return token

    def salute(self) -> dict[str, Any]:
        until = time.monotonic() + 60
        while True:
            status, body = ask("POST", f"{self.web}{BASE}/participations", {"activity": "salute", "region": "350624"}, self.token)
            if status in (200, 201) and json.loads(body)["durable"]:
                self.answer = json.loads(body)
                return self.answer
            assert status in (200, 201, 503) and time.monotonic() < until, body
            time.sleep(0.2)

    def delete(self) -> None:
        assert ask("DELETE", f"{self.web}/api/v1/citizens/me", token=self.token)[0] == 204


class LedgerHost:
    """One more ledger process, with a data folder of its own as on another host."""

    def __init__(self, product: Product, folder: Path) -> None:
        self.folder, run = folder, product.run
        ports = {f"WENMING_{name}PORT": str(free_port()) for name in ("", "INTAKE_", "SANDBOX_")}
        with (folder.parent / "ledger.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server", "serve", "--role", "ledger"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**product.environ, **ports, "WENMING_DATA_DIR": str(folder), "WENMING_REDIS_URL": run["redis_url"],
                     "WENMING_MONGODB_URI": run["mongodb_uri"], "WENMING_SECRET_KEY": run["secret_key"]})

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)


@pytest.fixture
def product(tmp_path):
    made = Product(tmp_path / "data")
    made.start()
    yield made
    made.end()


async def salutes(product: Product, count: int) -> list[Citizen]:
    """So many take part, through both doors, and hear that it is durable."""
    client = AsyncHTTPClient(force_instance=True, max_clients=50)
    tokens = await asyncio.to_thread(product.tokens, count)
    citizens = [Citizen(token, product, port) for token, port in zip(tokens, [product.web, product.intake] * (count // 2), strict=True)]
    await asyncio.gather(*(citizen.until_durable(client) for citizen in citizens))
    client.close()
    return citizens


class Drill:
    """What is known of everybody before the loss, and what must hold after it."""

    def __init__(self, product: Product, backup: Path) -> None:
        self.product, self.backup = product, backup
        self.citizens: list[Citizen] = []

    async def play(self) -> None:
        product = self.product
        await open_vote(product)
        self.citizens = await salutes(product, EACH)
        self.stays, self.leaves = [await asyncio.to_thread(Person, product, name) for name in ("王芳", "赵离")]
        for person in (self.stays, self.leaves):
            await asyncio.to_thread(person.salute)
        await self.vote_until_counted(self.stays)
        taken = await asyncio.to_thread(product.command, "backup", "--to", str(self.backup))
        assert taken.returncode == 0, taken.stderr
        print(taken.stdout)
        # What only the archive, the tail and Redis know of
        self.citizens += await salutes(product, EACH)
        self.comes, self.came_and_left = [await asyncio.to_thread(Person, product, name) for name in ("李来", "陈过")]
        for person in (self.comes, self.came_and_left):
            await asyncio.to_thread(person.salute)
        await self.vote_until_counted(self.comes)
        assert ask("POST", f"{self.comes.web}{BASE}/messages", {"preset": "salute"}, self.comes.token)[0] == 201
        for person in (self.leaves, self.came_and_left):
            await asyncio.to_thread(person.delete)
        await asyncio.sleep(2 * EVERY_SECONDS + 1)  # the tail looks so often

    async def vote_until_counted(self, person: Person) -> None:
        client = AsyncHTTPClient(force_instance=True)
        until = time.monotonic() + 60
        while not await vote(client, self.product, person.token, ["wu"]):
            assert time.monotonic() < until, self.product.log()
            await asyncio.sleep(0.5)
        client.close()

    async def lose(self, *stores: str) -> None:
        await asyncio.to_thread(self.product.kill)
        for store in stores:
            shutil.rmtree(self.product.folder / store)

    async def restore(self, *more: str) -> dict[str, Any]:
        done = await asyncio.to_thread(self.product.command, "restore", "--from", str(self.backup), "--json", *more)
        assert done.returncode == 0, done.stdout + done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        print(f"recovery point {report['recovery_point']}, recovery time {report['recovery_seconds']} s, {report['seconds']}, "
              f"{report['counts']}")
        return report

    async def check(self) -> None:
        """Start again, and ask everybody."""
        product = self.product
        await asyncio.to_thread(product.start)
        before = {person: person.answer for person in (self.stays, self.comes)}
        ordinals = [citizen.answers[-1]["ordinal"] for citizen in self.citizens]
        client = AsyncHTTPClient(force_instance=True, max_clients=50)
        for citizen in self.citizens:
            citizen.answers.append({"durable": False, "receipt": None, "ordinal": citizen.answers[-1]["ordinal"],
                                    "participated_at": citizen.answers[-1]["participated_at"]})  # asked without her receipt
        await asyncio.gather(*(citizen.until_durable(client) for citizen in self.citizens))
        client.close()
        for citizen in self.citizens:
            assert len({(a["ordinal"], a["participated_at"]) for a in citizen.answers}) == 1, citizen.answers
        for person, answer in before.items():  # on a new phone, so by the openid alone
            person.token = await asyncio.to_thread(person.sign_in)
            assert {**await asyncio.to_thread(person.salute), "receipt": ""} == {**answer, "first": False, "receipt": ""}
            assert number_of(person.answer) == number_of(answer)
        for person in (self.leaves, self.came_and_left):
            status, body = await asyncio.to_thread(ask, "GET", f"{person.web}{BASE}/participations/me", None, person.token)
            assert (status, json.loads(body)["error"]["code"]) == (401, "TOKEN_INVALID")
        self.nothing_of_the_deleted_is_left()
        new = await salutes(product, 20)
        numbers = {number_of(citizen.answers[-1]) for citizen in new}
        old = {number_of(citizen.answers[0]) for citizen in self.citizens} | {
            number_of(person.answer) for person in (self.stays, self.leaves, self.comes, self.came_and_left)}
        assert len(numbers) == 20 and not numbers & old
        assert min(numbers) > max(old)
        assert min(citizen.answers[-1]["ordinal"] for citizen in new) > max(
            *ordinals, *(p.answer["ordinal"] for p in (self.stays, self.leaves, self.comes, self.came_and_left)))
        # Her ballot was lost with the store, and she was not asked to do without: she votes again. Who voted before keeps hers.
        voted = [await vote(AsyncHTTPClient(), product, person.token, ["lin"]) for person in (self.stays, self.comes)]
        assert [answer and answer["choices"] for answer in voted] == [["wu"], ["lin"]]
        report = await asyncio.to_thread(self.audited)
        assert report["participants"]["documents"] == 2 * EACH + 4 + 20
        assert (await asyncio.to_thread(product.command, "audit-log", "--check")).returncode == 0
        assert (await asyncio.to_thread(product.command, "audit", VOTE)).returncode == 0

    def audited(self) -> dict[str, Any]:
        """The audit's report. On a busy machine a store may not answer in time, which says nothing of what it holds: then once more."""
        until = time.monotonic() + 60
        while (done := self.product.command("audit", "salute-the-flag", "--json")).returncode == 2 and time.monotonic() < until:
            time.sleep(1)
        assert done.returncode == 0, done.stdout + done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def nothing_of_the_deleted_is_left(self) -> None:
        until = time.monotonic() + 30
        with pymongo.MongoClient(self.product.run["mongodb_uri"]) as client:
            identities = client.get_default_database()["identities"]
            gone = [number_of(person.answer) for person in (self.leaves, self.came_and_left)]
            while found := [one for citizen in gone for one in identities.find({"citizen": citizen}) if {"openid", "seen_at"} & one.keys()]:
                assert time.monotonic() < until, found
                time.sleep(0.5)


async def test_the_document_store_is_lost_and_redis_stands(product, tmp_path):
    drill = Drill(product, tmp_path / "backup")
    await drill.play()
    await drill.lose("mongodb")
    report = await drill.restore()
    assert report["counts"]["Redis 中完好的分片 shards that Redis kept"] > 0
    assert "从文档重建的分片 shards rebuilt" not in report["counts"]
    await drill.check()


@pytest.mark.long
async def test_the_document_store_and_redis_are_lost(product, tmp_path):
    drill = Drill(product, tmp_path / "backup")
    await drill.play()
    await drill.lose("mongodb", "redis")
    assert (await drill.restore())["counts"]["从文档重建的分片 shards rebuilt"] > 0
    await drill.check()


async def test_the_document_store_and_one_ledger_host_are_lost(product, tmp_path):
    """With Redis gone too, the other ledger host's archive alone knows what came after the backup."""
    other = LedgerHost(product, tmp_path / "other")
    drill = Drill(product, tmp_path / "backup")
    try:
        await drill.play()
    finally:
        other.end()
    await drill.lose("mongodb", "redis", "archive")
    (product.folder / "deletions.jsonl").unlink()
    (product.folder / "audit-log.anchor").unlink(missing_ok=True)
    await drill.restore("--archive", str(other.folder))
    await drill.check()


def restore_killed_once(reached: Callable[[], bool], drill: Drill) -> None:
    """Kill -9 of a restore as soon as it came so far; what it started ends with it."""
    process = subprocess.Popen([sys.executable, "-m", "server", "restore", "--from", str(drill.backup)], cwd=ROOT,
                               env=drill.product.environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True)
    until = time.monotonic() + 60
    while not reached() and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.005)
    process.kill()
    process.wait()
    drill.product.end()


@pytest.mark.long
async def test_a_restore_that_is_killed_goes_on_and_the_product_does_not_start_in_the_middle(product, tmp_path):
    drill = Drill(product, tmp_path / "backup")
    await drill.play()
    await drill.lose("mongodb", "redis")
    rows = product.folder / "restore" / "rows.db"
    seen: list[bool] = []

    def has_read_rows() -> bool:
        seen.append(rows.exists())
        return any(seen) and not seen[-1]

    stages = {"placing the store": lambda: (product.folder / "mongodb").exists(), "reading rows": rows.exists,
              "opening counters": has_read_rows}
    for stage, reached in stages.items():
        rows.unlink(missing_ok=True)
        await asyncio.to_thread(restore_killed_once, reached, drill)
        print(f"killed while {stage}")
        refused = await asyncio.to_thread(product.command)
        assert refused.returncode == 2 and "restore --from" in refused.stderr, refused.stderr
    await drill.restore()
    await drill.check()


async def test_a_damaged_archive_and_a_changed_backup_are_told(product, tmp_path):
    citizens = await salutes(product, 20)
    backup = tmp_path / "backup"
    assert (await asyncio.to_thread(product.command, "backup", "--to", str(backup))).returncode == 0
    citizens += await salutes(product, 20)
    await asyncio.sleep(EVERY_SECONDS + 1)
    await asyncio.to_thread(product.kill)
    for store in ("mongodb", "redis"):
        shutil.rmtree(product.folder / store)
    (path,) = (product.folder / "archive" / "salute-the-flag").glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    wanted = lines[-3].replace(b'"350602"', b'"350603"')
    assert wanted != lines[-3]
    path.write_bytes(b"".join([*lines[:-3], wanted, *lines[-2:]]) + b'["salute-the-flag:all:0",4')
    done = await asyncio.to_thread(product.command, "restore", "--from", str(backup), "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert "缺第 38 至 38 次变更" in report["findings"][0]
    assert f"{path}:38" in report["notes"][0] and "1 个文件的最后一行写到一半" in report["notes"][1]
    assert report["audits"]["salute-the-flag"]["poison"] == 1
    assert report["audits"]["salute-the-flag"]["participants"]["documents"] == 39
    kept = next(backup.glob("mongodb/*.db"))
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    refused = await asyncio.to_thread(product.command, "restore", "--from", str(backup), "--replace")
    assert refused.returncode == 2 and kept.name in refused.stderr
