"""Whom the rehearsal may kill: processes of the product that it was pointed at, and no others."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.rehearsal.kills import Killer, processes

SLEEPS = "import time; time.sleep(60)"


@pytest.fixture
def started():
    running: list[subprocess.Popen] = []

    def start(*words: str) -> int:
        running.append(subprocess.Popen([sys.executable, "-c", SLEEPS, *words]))
        # Popen returns while the kernel still sets up the new program; its words are there a moment later.
        while not Path(f"/proc/{running[-1].pid}/cmdline").read_bytes():
            time.sleep(0.001)
        return running[-1].pid

    yield start
    for process in running:
        process.kill()
        process.wait(10)


def test_a_folder_whose_name_begins_alike_is_another_products(tmp_path, started):
    words = ("{}/redis.conf", "redis-server unixsocket:{}/redis.sock", "--data-dir={}")
    ours = {started(word.format(tmp_path / "data")) for word in words}
    for word in words:
        started(word.format(tmp_path / "data-of-the-city"))
        started(word.format(tmp_path / "other" / tmp_path.name / "data"))
    assert {process.pid for process in processes(tmp_path / "data")} == ours


def test_who_only_reads_there_is_no_part_of_the_product(tmp_path, started):
    started(str(tmp_path / "data" / "logs" / "server.log"))
    assert [(process.kind, process.is_child) for process in processes(tmp_path / "data")] == [("", False)]
    assert all(not Killer(tmp_path / "data", kind, 1.0, 1).victims() for kind in ("redis", "store", "server", "ledger"))


@pytest.mark.gen_test(timeout=20)
async def test_a_kill_that_goes_wrong_does_not_end_the_killing(tmp_path, monkeypatch, caplog):
    killer, tried = Killer(tmp_path, "server", 0.01, 1), []

    async def kill() -> None:
        tried.append(1)
        raise TimeoutError("did not come back")

    monkeypatch.setattr(killer, "kill", kill)
    running = asyncio.create_task(killer.run())
    while len(tried) < 3:
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert "did not come back" in caplog.text
