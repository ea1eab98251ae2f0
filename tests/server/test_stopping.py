"""What works in the background when its process stops: it ends what it has begun, gives back what it holds, and begins nothing more."""

from __future__ import annotations

import asyncio
import time

import pytest

from server import app, jobs, leases
from server import ledger as ledgers
from server.jobs import Job, Jobs
from server.leases import while_held
from server.readiness import Readiness
from server.stores import PyMongoError
from tests.server.counting.world import World, campaign

pytestmark = pytest.mark.gen_test(timeout=60)


class Work:
    """A job or a step that ends when it is let go; `ended` says how."""

    def __init__(self) -> None:
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.times = 0
        self.ended = ""

    async def __call__(self, *given: object) -> None:
        self.times += 1
        self.begun.set()
        try:
            await self.go.wait()
            self.ended = "done"
        except asyncio.CancelledError:
            self.ended = "cut"
            raise


class TestJobs:
    async def test_one_that_runs_ends_one_that_rests_begins_no_more(self):
        running, resting = Work(), Work()
        resting.go.set()
        table = Jobs([Job("running", 0.001, running), Job("resting", 3600, resting)], time.time)
        table.start()
        await running.begun.wait()
        await resting.begun.wait()
        await asyncio.sleep(0)
        closing = asyncio.create_task(table.close())
        await asyncio.sleep(0.02)
        assert not closing.done()
        running.go.set()
        await closing
        assert (running.ended, running.times, resting.times) == ("done", 1, 1)

    async def test_one_that_takes_too_long_is_left_to_another(self, monkeypatch):
        monkeypatch.setattr(jobs, "FINISH_SECONDS", 0.05)
        work = Work()
        table = Jobs([Job("long", 1, work)], time.time)
        table.start()
        await work.begun.wait()
        await table.close()
        assert work.ended == "cut"


class TestLeases:
    async def hold(self) -> bool:
        return True

    async def test_one_that_is_stopped_gives_it_back_after_its_work_has_ended(self):
        work, left = Work(), []

        async def leave() -> None:
            left.append(work.ended)

        doing = asyncio.create_task(while_held(work(), self.hold, 60, leave))
        await work.begun.wait()
        doing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doing
        assert left == ["cut"]

    @pytest.mark.parametrize("hangs", [True, False])
    async def test_a_store_that_does_not_answer_keeps_nobody(self, monkeypatch, hangs):
        monkeypatch.setattr(leases, "LEAVE_SECONDS", 0.02)
        work = Work()

        async def leave() -> None:
            if not hangs:
                raise PyMongoError("away")
            await asyncio.sleep(60)

        doing = asyncio.create_task(while_held(work(), self.hold, 60, leave))
        await work.begun.wait()
        doing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doing

    async def test_one_that_ends_by_itself_has_nothing_to_give_back(self):
        work, left = Work(), []

        async def leave() -> None:
            left.append(1)

        work.go.set()
        await while_held(work(), self.hold, 60, leave)
        assert left == []


class TestLedger:
    async def carrying(self, stores, tmp_path, monkeypatch) -> tuple[World, Work]:
        """A ledger in the middle of a step: the archive's disk is slow."""
        world = await World(stores, tmp_path, campaign()).ready()
        await asyncio.gather(*(world.salute(citizen) for citizen in range(50)))
        slow, real = Work(), world.ledger._archive.append

        async def append(*given: object) -> None:
            await slow()
            await real(*given)

        monkeypatch.setattr(world.ledger._archive, "append", append)
        await world.ledgers.tick(time.time())
        await slow.begun.wait()
        return world, slow

    async def test_the_step_that_was_begun_ends_and_the_next_process_takes_over_at_once(self, stores, tmp_path, monkeypatch):
        world, slow = await self.carrying(stores, tmp_path, monkeypatch)
        shard = world.counting.period(world.campaigns.current, "all").handles[0].shard
        now = time.time()
        closing = asyncio.create_task(world.ledgers.close())
        await asyncio.sleep(0.05)
        assert await world.epochs.take_journal(shard.id, "next", now) is None  # it is still being carried
        slow.go.set()
        await closing
        assert slow.ended == "done" and await shard.journal(10) == []
        assert await world.epochs.take_journal(shard.id, "next", now)
        await world.close()

    async def test_a_step_that_hangs_is_cut_and_repeated_by_the_next(self, stores, tmp_path, monkeypatch):
        monkeypatch.setattr(ledgers, "FINISH_SECONDS", 0.05)
        world, slow = await self.carrying(stores, tmp_path, monkeypatch)
        await world.ledgers.close()
        assert slow.ended == "cut"
        slow.go.set()
        await world.proved(50)
        await world.close()


class TestLeaving:
    async def nothing(self) -> None:
        return None

    async def test_it_is_not_ready_first_and_waits_for_balancers(self):
        said, stop = [], app.Stop()
        readiness = Readiness({"redis": self.nothing})
        leaving = asyncio.create_task(app.leave([readiness.leave, lambda: said.append(1)], 60, stop))
        await asyncio.sleep(0.01)
        report = await readiness.report()
        assert (report.ready, report.status, said) == (False, "leaving", [1])
        assert not leaving.done() and stop.quiet_seconds > 0
        stop.ask()
        assert not leaving.done()
        stop.ask()  # whoever asks twice waits for nothing
        await leaving
        assert stop.quiet_seconds == 0

    async def test_ctrl_c_and_a_single_machine_wait_for_nobody(self):
        readiness, stop = Readiness({"redis": self.nothing}), app.Stop()
        await app.leave([readiness.leave], 0, stop)
        stop.ask(hurry=True)
        await app.leave([readiness.leave], 60, stop)
        assert (await readiness.report()).status == "ready"
