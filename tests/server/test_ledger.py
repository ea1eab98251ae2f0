"""Every accepted participation reaches MongoDB once, whatever is killed on the way."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.backups.lines import value_of
from server.counting import shards
from server.counting.shards import Superseded
from server.stores import PyMongoError
from tests.server.counting.world import World, campaign

pytestmark = pytest.mark.gen_test(timeout=60)


async def saluted(stores, tmp_path, count: int = 50, **changes) -> World:
    world = await World(stores, tmp_path, campaign(**changes)).ready()
    await asyncio.gather(*(world.salute(citizen) for citizen in range(count)))
    return world


def shard_of(world: World):
    return world.counting.period(world.campaigns.current, "all").handles[0].shard


class TestStep:
    async def test_it_writes_documents_archive_and_totals_then_trims(self, stores, tmp_path):
        world = await saluted(stores, tmp_path)
        assert not (await world.salute(7)).durable
        await world.carry_all()
        assert (await world.salute(7)).durable
        assert await shard_of(world).journal(10) == []
        lines = [value_of(line) for path in (tmp_path / "archive" / "flag").iterdir() for line in path.read_bytes().splitlines()]
        assert sorted(line[3] for line in lines) == list(range(50))
        kept = await stores.mongo["shards"].find_one({"_id": "flag:all:0"})
        assert kept["totals"]["participants"] == kept["ledger_seq"] == 50
        await world.close()

    @pytest.mark.parametrize("killed_before", ["append", "written", "trim"])
    async def test_a_kill_between_any_two_of_its_writes_repeats_and_loses_nothing(self, stores, tmp_path, monkeypatch, killed_before):
        world = await saluted(stores, tmp_path)
        owner = {"append": world.ledger._archive, "written": world.epochs, "trim": shard_of(world)}[killed_before]

        async def killed(*args, **kwargs):
            raise ConnectionError("killed")

        with monkeypatch.context() as patch:
            patch.setattr(type(owner), killed_before, killed)
            with pytest.raises(ConnectionError):
                await world.carry_all()
        assert not (await world.salute(7)).durable
        await world.carry_all()
        report = await world.audit()
        assert report["ok"] and report["participants"]["documents"] == 50 and report["conflicts"] == 0
        await world.close()

    async def test_what_the_next_release_writes_behind_a_row_is_passed_over(self, stores, tmp_path, monkeypatch):
        world = await saluted(stores, tmp_path)
        await world.carry_all()
        await world.amendments.void(world.campaigns.current, "all", 7)
        await asyncio.gather(*(world.salute(citizen) for citizen in range(50, 60)))
        real = shards._unpack
        monkeypatch.setattr(shards, "_unpack", lambda packed: [[*row, "more"] for row in real(packed)])
        await world.carry_all()
        monkeypatch.undo()
        await world.proved(59)
        await world.close()

    async def test_a_late_owner_is_fenced_off(self, stores, tmp_path):
        world = await saluted(stores, tmp_path)
        shard = shard_of(world)
        early = await world.epochs.take_journal(shard.id, "early", time.time() - 60)
        late = await world.epochs.take_journal(shard.id, "late", time.time())
        assert early < late
        await shard.trim(late, 1, 10)
        with pytest.raises(Superseded):
            await world.ledger.step(shard, world.campaigns.current, early)
        await world.close()

    async def test_only_one_of_two_ledgers_has_a_journal_and_a_clean_stop_hands_it_over(self, stores, tmp_path):
        world = await saluted(stores, tmp_path)
        shard = shard_of(world)
        assert await world.epochs.take_journal(shard.id, "first", time.time())
        assert await world.epochs.take_journal(shard.id, "second", time.time()) is None
        await world.epochs.leave_journal(shard.id, "first")
        assert await world.epochs.take_journal(shard.id, "second", time.time())
        await world.close()


class TestRun:
    async def test_it_goes_on_after_mongodb_was_away(self, stores, tmp_path, monkeypatch):
        world = await saluted(stores, tmp_path)
        real, away = type(world.documents).insert, [True, True]

        async def insert(self, batch):
            if away and away.pop():
                raise PyMongoError("away")
            return await real(self, batch)

        monkeypatch.setattr(type(world.documents), "insert", insert)
        monkeypatch.setattr("server.ledger.OUTAGE_PAUSE_SECONDS", 0.05)
        await world.ledgers.tick(time.time())
        while not (await world.salute(7)).durable:
            await asyncio.sleep(0.05)
        assert (await world.audit())["ok"]
        await world.close()


class TestConflict:
    async def test_the_document_wins_and_the_cell_learns_its_ordinal(self, stores, tmp_path):
        world = await saluted(stores, tmp_path, 3)
        await stores.mongo["participations"].insert_one({
            "_id": "flag:all:1:salute", "pos": "flag:all:0:0000000002", "campaign": "flag", "period": "all", "shard": 0, "seq": 2,
            "citizen": 1, "activity": "salute", "ordinal": 77, "second": 1_790_000_000, "region": "350602", "unit": "", "late": 0})
        await world.carry_all()
        assert (await world.salute(1)).ordinal == 77
        report = await world.audit()
        assert report["ok"] and report["conflicts"] == 1
        await world.close()


class TestPoison:
    async def test_what_mongodb_refuses_is_kept_first_and_fails_the_audit_until_settled(self, stores, tmp_path, monkeypatch):
        world = await saluted(stores, tmp_path, 3)
        real = type(world.documents).insert

        async def insert(self, batch):
            written = await real(self, [claim for claim in batch if claim.citizen != 1])
            return type(written)(written.new, written.conflicts, [(claim, "too odd") for claim in batch if claim.citizen == 1])

        with monkeypatch.context() as patch:
            patch.setattr(type(world.documents), "insert", insert)
            await world.carry_all()
        report = await world.audit()
        assert not report["ok"] and report["poison"] == 1
        await world.close()


class TestTotalsOfRecord:
    async def test_mongodb_keeps_the_last_totals_when_nothing_follows(self, stores, tmp_path, monkeypatch):
        """A salute comes between the look at the figures and at the journal: it is the last of the campaign."""
        world = await saluted(stores, tmp_path, 3)
        shard = shard_of(world)
        real = shard.journal

        async def journal(entries: int):
            monkeypatch.setattr(shard, "journal", real)
            await world.salute(9)
            return await real(entries)

        monkeypatch.setattr(shard, "journal", journal)
        await world.carry_all()
        kept = await stores.mongo["shards"].find_one({"_id": "flag:all:0"})
        assert (kept["totals"]["participants"], kept["totals_seq"], kept["ledger_seq"]) == (4, 4, 4)
        await world.close()


class TestLostJournal:
    @pytest.mark.parametrize("more", [False, True])
    async def test_changes_that_left_it_unwritten_fail_the_audit_even_when_the_cells_go_too(self, stores, tmp_path, more):
        world = await saluted(stores, tmp_path, 5)
        await stores.redis.delete(shard_of(world).keys[4])
        if more:
            await world.salute(9)
        await world.carry_all()
        note = (await world.documents.poison("flag:all:0"))[0]
        assert note["row"] == "[1, 5]"
        await world.keeper.recover(shard_of(world), world.campaigns.current, (0, 4_000_000_000), from_documents=True)
        report = await world.audit()
        assert not report["ok"] and report["poison"] == 1
        await world.close()

    async def test_another_owner_who_was_just_at_it_is_no_loss(self, stores, tmp_path, monkeypatch):
        world = await saluted(stores, tmp_path, 5)
        shard = shard_of(world)
        real = shard.journal

        async def journal(entries: int):
            monkeypatch.setattr(shard, "journal", real)
            await world.ledger._step(shard, world.campaigns.current, 1)
            return await real(entries)

        monkeypatch.setattr(shard, "journal", journal)
        await world.carry_all()
        assert await world.documents.poison("flag:all:0") == []
        await world.proved(5)
        await world.close()


class TestTwoLedgers:
    async def test_the_same_entries_written_by_both_at_once_are_written_once(self, stores, tmp_path):
        """A lease ran out under a ledger that goes on, and a merge and a void are among what both write."""
        one = await saluted(stores, tmp_path, 30)
        await one.carry_all()
        await one.amendments.merge(3, 4)
        await one.amendments.void(one.campaigns.current, "all", 5)
        await asyncio.gather(*(one.salute(citizen, "heroes") for citizen in (1, 4, 7, 40)))
        two = await World(stores, tmp_path, campaign(), owner="two").ready()
        shard = shard_of(one)
        early = await one.epochs.take_journal(shard.id, "test", time.time())
        late = await two.epochs.take_journal(shard.id, "two", time.time() + 60)
        assert early < late
        await asyncio.gather(one.ledger.step(shard, one.campaigns.current, early), two.ledger.step(shard, one.campaigns.current, late),
                             return_exceptions=True)
        await two.carry_all()
        report = await two.audit()
        assert report["ok"] and report["participants"]["documents"] == 29, report
        for world in (one, two):
            await world.close()
