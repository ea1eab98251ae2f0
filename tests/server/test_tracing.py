"""From a request's name to its row in the ledger, out of log and archive alone."""

from __future__ import annotations

import asyncio
import json

import pytest

from server.tracing import trace
from tests.server.counting.world import World, campaign

NAME = "0123456789abcdef0123456789abcd00"


def log(folder, *lines):
    (folder / "logs").mkdir(exist_ok=True)
    with (folder / "logs" / "server.log").open("a", encoding="utf-8") as file:
        for at, request, text in lines:
            named = {"request": request} if request else {}
            file.write(json.dumps({"at": at, "level": "INFO", "logger": "server", **named, "text": text}) + "\n")


@pytest.mark.gen_test(timeout=60)
async def test_a_salute_leads_to_its_stretch_and_its_row_without_a_citizen(stores, tmp_path):
    world = await World(stores, tmp_path, campaign()).ready()
    taken = await asyncio.gather(*(world.salute(700_000 + n) for n in range(5)))
    await world.carry_all()
    mine = taken[3]
    log(tmp_path, ("2026-10-01T07:59:00.000+08:00", "", "wrote changes 1 to 9 of flag:all:0: 9 in 2 steps"),
        ("2026-10-01T08:00:00.000+08:00", NAME, f"salute of flag:all with ordinal {mine.ordinal} is change {mine.seq}"),
        ("2026-10-01T08:00:00.100+08:00", NAME[:-1] + "1", "another request"),
        ("2026-10-01T08:00:01.000+08:00", "", "wrote changes 1 to 5 of flag:all:0"),
        ("2026-10-01T08:00:02.000+08:00", "", "wrote changes 6 to 9 of flag:all:0"),
        ("2026-10-01T08:00:05.000+08:00", "", "wrote changes 1 to 9 of flag:all:0: 9 in 2 steps"))
    (tmp_path / "logs" / "server.log.1").write_text("a line of another form\n[]\n", "utf-8")
    told = trace(tmp_path, NAME)
    assert [line.split(" ")[0] for line in told] == ["2026-10-01T08:00:00.000+08:00", "archive", "2026-10-01T08:00:01.000+08:00",
                                                     "2026-10-01T08:00:05.000+08:00"]
    assert f"shard flag:all:0, change {mine.seq}, ordinal {mine.ordinal}, counted for 20" in told[1]
    assert not any(str(700_000 + n) in line for n in range(5) for line in told)
    await world.close()


def test_what_the_ledger_does_not_have_yet_is_said(tmp_path):
    log(tmp_path, ("2026-10-01T08:00:00.000+08:00", NAME, "salute of flag:all with ordinal 7 is change 9"))
    assert "not in the archive yet" in trace(tmp_path, NAME)[1]


def test_an_unknown_request_has_nothing(tmp_path):
    log(tmp_path, ("2026-10-01T08:00:00.000+08:00", NAME, "x"))
    assert trace(tmp_path, "ffffffffffffffff") == [] and trace(tmp_path / "nowhere", NAME) == []
