"""Attacks on the count: two processes, kills between steps, lost and set-back stores, full memory. Each tries to lose or to double
somebody, and each ends by counting anew from the documents."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from server.counting.cells import MERGED, VOID
from server.counting.epochs import LEASE_SECONDS
from server.counting.shards import Superseded
from server.errors import Conflict, Forbidden, Refusal, Unavailable
from server.participations import Participation
from tests.server.counting.world import ALWAYS, HEROES, SALUTE, SCHOOL, XIANGCHENG, World, campaign

pytestmark = pytest.mark.gen_test(timeout=60)


async def opened(stores, tmp_path, shards: int = 1, owner: str = "test", **changes) -> World:
    return await World(stores, tmp_path, campaign(shards, **changes), owner=owner).ready()


def shard_of(world: World, citizen: int = 0):
    current = world.campaigns.current
    return world.counting.period(current, "all").handles[citizen % current.shards].shard


async def photograph(stores) -> dict[bytes, bytes]:
    """A copy of everything that Redis holds, as a backup has it."""
    return {key: await stores.redis.dump(key) async for key in stores.redis.scan_iter()}


async def set_back(stores, copy: dict[bytes, bytes]) -> None:
    """Redis as it was when the copy was made, on a server that was started anew: its run_id is another one."""
    async with stores.redis.pipeline(transaction=True) as at_once:  # nobody sees it half set back
        at_once.flushall()
        for key, value in copy.items():
            at_once.restore(key, 0, value)
            if key.endswith(b":meta"):
                at_once.hset(key, "run_id", "0" * 40)
        await at_once.execute()


async def recount(world: World) -> dict[str, dict]:
    """Every figure again, from the documents and amendments alone."""
    people: dict[int, list[Participation]] = {}
    gone = set()
    for document in await world.epochs.of_campaign("flag"):
        shard_id = document["_id"]
        async for page in world.documents.pages(shard_id):
            for one in page:
                people.setdefault(one.citizen, []).append(one)
        async for page in world.documents.amendment_pages(shard_id):
            gone |= {a.citizen for a in page if a.flags & (VOID | MERGED)}
    counted = {citizen: documents for citizen, documents in people.items() if citizen not in gone}
    firsts = [next(d for d in documents if d.region) for documents in counted.values()]
    return {
        "by_region": dict(Counter(d.region for d in firsts)), "by_unit": dict(Counter(d.unit for d in firsts if d.unit)),
        "by_minute": dict(Counter(d.second // 60 * 60 for d in firsts)),
        "by_activity": {code: sum(d.activity == code for documents in counted.values() for d in documents)
                        for code in (SALUTE.code, HEROES.code)}}


async def shown(world: World) -> dict[str, dict]:
    figures = await world.counting.figures("flag", None, time.time(), minutes=1440, units=True)
    return {"by_region": {k: n for k, n in figures.by_region.items() if n}, "by_unit": {k: n for k, n in figures.by_unit.items() if n},
            "by_minute": {k: n for k, n in figures.by_minute if n}, "by_activity": figures.by_activity}


async def check(world: World, people: int) -> None:
    """The three records agree, and every figure is that of a recount."""
    await world.carry_all()
    report = await world.audit()
    assert report["ok"], report
    assert report["participants"] == {"cells": people, "totals": people, "documents": people}
    assert await shown(world) == await recount(world)


async def rebuild(world: World) -> None:
    for document in await world.epochs.of_campaign("flag"):
        shard = world.counting.period(world.campaigns.current, document["period"]).handles[document["shard"]].shard
        assert await world.keeper.recover(shard, world.campaigns.current, ALWAYS, from_documents=True)


class TestTwoProcesses:
    async def test_a_city_that_asks_both_at_once_is_counted_once(self, stores, tmp_path):
        one, two = [await opened(stores, tmp_path, 4, owner=name) for name in ("one", "two")]
        answers = await asyncio.gather(*(world.salute_until_taken(citizen) for citizen in range(100) for world in (one, two, one)))
        for citizen in range(100):
            hers = answers[citizen * 3:citizen * 3 + 3]
            assert len({(a.ordinal, a.participated_at) for a in hers}) == 1 and sum(a.first for a in hers) == 1
        await check(one, 100)
        await one.close()
        await two.close()

    async def test_a_recoverer_that_stalled_wipes_nothing_of_the_shard_that_another_opened(self, stores, tmp_path, monkeypatch):
        early, late = [await opened(stores, tmp_path, owner=name) for name in ("early", "late")]
        answers = [await early.salute(citizen) for citizen in range(10)]
        await early.carry_all()
        shard, current = shard_of(early), early.campaigns.current

        async def stalled(*args) -> None:
            late.keeper._clock = lambda: time.time() + 2 * LEASE_SECONDS
            assert await late.keeper.recover(shard, current, ALWAYS, from_documents=True) == 3

        monkeypatch.setattr(early.keeper, "_drain_journal", stalled)
        with pytest.raises(Superseded):
            await early.keeper.recover(shard, current, ALWAYS, from_documents=True)
        assert [(await late.salute_until_taken(c)).ordinal for c in range(10)] == [a.ordinal for a in answers]
        await check(late, 10)
        await early.close()
        await late.close()

    async def test_a_ledger_of_another_product_takes_nothing_out_of_our_journal(self, stores, tmp_path):
        """Somebody's trial installation names our Redis and a MongoDB of its own."""
        ours = await opened(stores, tmp_path, owner="ours")
        await asyncio.gather(*(ours.salute(citizen) for citizen in range(5)))
        kept = await stores.mongo["shards"].find_one({"_id": "flag:all:0"})
        await stores.mongo["shards"].delete_one({"_id": "flag:all:0"})
        theirs = await opened(stores, tmp_path, owner="theirs")
        with pytest.raises(Unavailable):
            await theirs.salute(1)
        with pytest.raises(Superseded):
            await theirs.carry_all()
        assert len(await shard_of(ours).journal(100)) > 0
        await theirs.close()
        await stores.mongo["shards"].replace_one({"_id": "flag:all:0"}, kept)
        await check(ours, 5)
        await ours.close()


class TestRecovery:
    @pytest.mark.parametrize("killed_before", ["_drain_journal", "_put_back", "_ordinal_margin"])
    async def test_a_kill_before_opening_leaves_it_closed_until_the_next_finishes(self, stores, tmp_path, monkeypatch, killed_before):
        one = await opened(stores, tmp_path, owner="one")
        answers = [await one.salute(citizen) for citizen in range(10)]

        async def killed(*args) -> None:
            raise ConnectionError("killed")

        monkeypatch.setattr(one.keeper, killed_before, killed)
        with pytest.raises(ConnectionError):
            await one.keeper.recover(shard_of(one), one.campaigns.current, ALWAYS, from_documents=True)
        with pytest.raises(Unavailable):
            await one.salute(11)
        two = await opened(stores, tmp_path, owner="two")
        two.keeper._clock = lambda: time.time() + 2 * LEASE_SECONDS
        assert [(await two.salute_until_taken(c)).ordinal for c in range(10)] == [a.ordinal for a in answers]
        await check(two, 10)
        await one.close()
        await two.close()

    async def test_a_redis_emptied_in_the_middle_of_it_is_not_opened_half_filled(self, stores, tmp_path, monkeypatch):
        world = await opened(stores, tmp_path)
        answers = [await world.salute(citizen) for citizen in range(10)]
        await world.carry_all()
        real, emptied = world.keeper._ordinal_margin, []

        async def margin(shard) -> int:
            if not emptied:
                emptied.append(True)
                await stores.redis.flushall()
            return await real(shard)

        monkeypatch.setattr(world.keeper, "_ordinal_margin", margin)
        with pytest.raises(Superseded):
            await world.keeper.recover(shard_of(world), world.campaigns.current, ALWAYS, from_documents=True)
        assert [(await world.salute_until_taken(c)).ordinal for c in range(10)] == [a.ordinal for a in answers]
        await check(world, 10)
        await world.close()

    async def test_rows_that_a_ledger_had_in_its_hands_are_waited_for(self, stores, tmp_path, monkeypatch):
        """Redis is emptied while the ledger is about to write what it read: nobody's second activity may start anew."""
        world = await opened(stores, tmp_path)
        answers = [await world.salute(citizen) for citizen in range(10)]
        real, reached, go = type(world.documents).insert, asyncio.Event(), asyncio.Event()

        async def insert(self, batch):
            reached.set()
            await go.wait()
            return await real(self, batch)

        monkeypatch.setattr(type(world.documents), "insert", insert)
        carrying = asyncio.create_task(world.carry_all())
        await reached.wait()
        await stores.redis.flushall()
        recovering = asyncio.create_task(world.salute_until_taken(3))
        await asyncio.sleep(1)
        go.set()
        await asyncio.gather(carrying, return_exceptions=True)
        assert (await recovering).ordinal == answers[3].ordinal
        for citizen in range(10):
            again = await world.salute(citizen, "heroes")
            assert (again.ordinal, again.activities) == (answers[citizen].ordinal, ("salute", "heroes"))
        await check(world, 10)
        await world.close()

    async def test_a_rebuild_gives_every_figure_of_a_recount(self, stores, tmp_path):
        world = await opened(stores, tmp_path, 2)
        for citizen in range(12):
            await world.salute(citizen, region=XIANGCHENG if citizen % 3 else "declined", unit=SCHOOL if citizen % 3 else "")
        for citizen in (1, 4, 6):
            await world.salute(citizen, "heroes")
        await world.carry_all()
        for citizen in (1, 2):
            await world.amendments.void(world.campaigns.current, "all", citizen)
        await world.amendments.merge(5, 6)
        await world.amendments.merge(8, 100)
        # A person whose participation was voided, and one who was merged, ask for their deletion afterwards.
        for citizen in (1, 5, 6, 7):
            await world.amendments.flag_deleted(citizen)
        await check(world, 9)
        before = await shown(world)
        for _ in range(2):
            await rebuild(world)
            await check(world, 9)
            assert await shown(world) == before
        await stores.redis.flushall()
        for citizen in (0, 3, 100):
            await world.salute_until_taken(citizen)
        for citizen in (1, 2):
            with pytest.raises(Forbidden):
                await world.salute_until_taken(citizen)
        await check(world, 9)
        assert await shown(world) == before
        await world.close()

    async def test_cells_beyond_the_issued_numbers_are_rebuilt_too(self, stores, tmp_path):
        """The numbers' collection was restored from an older backup than the participations."""
        world = await opened(stores, tmp_path)
        for citizen in (1, 5000, 400_000):
            await world.salute(citizen)
        await check(world, 3)
        world.issued = 16
        await rebuild(world)
        await check(world, 3)
        await world.close()

    async def test_it_writes_the_campaigns_newest_window(self, stores, tmp_path):
        """The process that recovers is not the one in which an operator prolonged the campaign."""
        now = int(time.time())
        world = await opened(stores, tmp_path, closes_at=now - 3600)
        with pytest.raises(Conflict):
            await world.salute(1)
        world.campaigns.current = campaign(closes_at=now + 3600)
        await stores.redis.hset(shard_of(world).keys[0], "run_id", "0" * 40)
        assert (await world.salute_until_taken(1)).ordinal == 1
        await world.close()

    async def test_a_change_of_state_in_its_middle_is_told_again(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.salute(1)
        shard = shard_of(world)
        await stores.redis.hset(shard.keys[0], "state", "closed")
        world.campaigns.current = campaign(state="paused")
        while not await world.counting.apply(world.campaigns.current):
            await asyncio.sleep(0.1)  # as the clock's job does
        assert await stores.redis.hget(shard.keys[0], "state") == b"paused"
        await world.close()


class TestSetBack:
    async def test_a_queue_that_gathered_meanwhile_is_counted_once_and_later_than_everybody_shown(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await asyncio.gather(*(world.salute(citizen) for citizen in range(20)))
        copy = await photograph(stores)
        lost = await asyncio.gather(*(world.salute(citizen) for citizen in range(20, 40)))
        gathered = [asyncio.create_task(world.salute_until_taken(citizen)) for citizen in range(40, 60)]
        await set_back(stores, copy)
        fresh = await asyncio.gather(*gathered)
        again = await asyncio.gather(*(world.salute_until_taken(c, receipt=a.receipt) for c, a in zip(range(20, 40), lost, strict=True)))
        assert [a.ordinal for a in again] == [a.ordinal for a in lost]
        assert not {a.ordinal for a in lost} & {a.ordinal for a in fresh}
        await check(world, 60)
        await world.close()

    async def test_what_was_carried_after_the_copy_is_put_back_with_its_figures(self, stores, tmp_path):
        world = await opened(stores, tmp_path, 2)
        for citizen in range(1, 9):
            await world.salute(citizen, region="declined" if citizen % 2 else XIANGCHENG, unit="" if citizen % 2 else SCHOOL)
        await world.carry_all()
        copy = await photograph(stores)
        await world.salute(9, unit=SCHOOL)
        await world.salute(3, "heroes")
        await world.carry_all()
        await world.amendments.void(world.campaigns.current, "all", 3)
        await world.amendments.merge(2, 5)  # 5 takes over 2's ordinal and place
        await world.amendments.flag_deleted(7)
        await world.carry_all()
        before = await shown(world)
        await set_back(stores, copy)
        for citizen in (4, 9):
            await world.salute_until_taken(citizen)
        await check(world, 7)
        assert await shown(world) == before
        await world.close()

    async def test_the_watermark_never_covers_what_mongodb_lacks(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await asyncio.gather(*(world.salute(citizen) for citizen in range(10)))
        await world.carry_all()
        copy = await photograph(stores)
        receipts = [(await world.salute(citizen)).receipt for citizen in range(10, 20)]
        await set_back(stores, copy)
        for citizen, receipt in zip(range(10, 20), receipts, strict=True):
            again = await world.salute_until_taken(citizen, receipt=receipt)
            assert not again.durable
        await world.carry_all()
        for citizen in range(20):
            assert (await world.salute(citizen)).durable
            assert await stores.mongo["participations"].find_one({"_id": f"flag:all:{citizen}:salute"})
        await check(world, 20)
        await world.close()


class TestFullMemory:
    async def test_out_of_memory_refuses_newcomers_counts_nothing_and_the_ledger_still_empties_the_journal(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        answers = [await world.salute(citizen) for citizen in range(10)]
        await stores.redis.config_set("maxmemory", 1)
        try:
            refused = await asyncio.gather(*(world.salute(citizen) for citizen in range(5, 15)), return_exceptions=True)
            assert [a.ordinal for a in refused[:5] if not isinstance(a, Exception)] in ([], [6, 7, 8, 9, 10])
            assert all(isinstance(a, Unavailable) for a in refused[5:])
            assert (await world.salute(3)).ordinal == answers[3].ordinal
            await world.carry_all()
            assert (await world.salute(3)).durable
            assert await shard_of(world).journal(10) == []
        finally:
            await stores.redis.config_set("maxmemory", 0)
        assert [(await world.salute_until_taken(citizen)).ordinal for citizen in range(10, 15)] == list(range(11, 16))
        await check(world, 15)
        await world.close()

    async def test_a_full_journal_refuses_newcomers_and_answers_those_who_were_counted(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        world.keeper._journal_max_changes = 5
        for citizen in range(5):
            await world.salute(citizen)
        for ask in (world.salute(5), world.salute(1, "heroes")):
            with pytest.raises(Unavailable) as refused:
                await ask
            assert refused.value.code == "BUSY"
        assert (await world.salute(4)).ordinal == 5
        await world.carry_all()
        assert (await world.salute(5)).ordinal == 6
        await check(world, 6)
        await world.close()


class TestAmendments:
    @pytest.mark.parametrize("try_number", range(3))
    async def test_a_second_activity_beside_a_void_ends_in_one_of_two_orders(self, stores, tmp_path, try_number):
        world = await opened(stores, tmp_path, 2)
        await asyncio.gather(*(world.salute(citizen) for citizen in range(20)))
        await world.carry_all()
        await asyncio.gather(
            *(world.amendments.void(world.campaigns.current, "all", citizen) for citizen in range(10)),
            *(world.salute(citizen, "heroes") for citizen in range(20)), return_exceptions=True)
        await check(world, 10)
        assert (await shown(world))["by_activity"] == {"salute": 10, "heroes": 10}
        await rebuild(world)
        await check(world, 10)
        await world.close()

    async def test_a_void_of_an_earlier_day_reaches_the_documents(self, stores, tmp_path):
        """Nobody has the journal of a day that is over: the void itself must call for a ledger."""
        world = await World(stores, tmp_path, campaign(period_rule="daily"), clock=int(time.time()) - 3 * 86400).ready()
        await world.salute(1, now=time.time() - 3 * 86400)
        await world.carry_all()
        document = (await world.epochs.of_campaign("flag"))[0]
        await world.amendments.void(world.campaigns.current, document["period"], 1)
        document = (await world.epochs.of_campaign("flag"))[0]
        assert document["high_seq"] > document["ledger_seq"]  # by which the ledgers choose their shards
        await world.close()

    async def test_the_journal_of_a_day_that_is_over_is_carried_after_everything_was_started_anew(self, stores, tmp_path):
        then = int(time.time()) - 3 * 86400
        before = await World(stores, tmp_path, campaign(period_rule="daily"), clock=then).ready()
        await before.salute(1, now=then)
        await before.close()
        await set_back(stores, await photograph(stores))
        after = await World(stores, tmp_path, campaign(period_rule="daily")).ready()
        while not (await after.audit())["ok"]:
            await after.counting.look_back(after.campaigns.current)
            await asyncio.sleep(0.1)
        document = (await after.epochs.of_campaign("flag"))[0]
        if document["ledger_seq"] < document["high_seq"]:  # by which the ledgers choose their shards
            await after.carry_all()
        await after.close()
        assert await stores.mongo["participations"].find_one({"_id": f"flag:{document['period']}:1:salute"})

    async def test_a_look_of_reconcile_between_a_merge_and_its_ledger_takes_nothing_back(self, stores, tmp_path):
        world = await opened(stores, tmp_path, 2)
        for citizen in range(1, 7):
            await world.salute(citizen, region="declined" if citizen % 2 else XIANGCHENG)
        await world.carry_all()
        await world.amendments.merge(2, 5)
        for document in await world.epochs.of_campaign("flag"):
            shard = world.counting.period(world.campaigns.current, "all").handles[document["shard"]].shard
            await world.reconcile.shard(shard, world.campaigns.current, whole=True)
        assert (await world.salute(5)).ordinal == 1  # the first of shard 0
        assert (await world.audit())["ok"], "what waits in the journal is on its way, not a fault"
        await check(world, 5)
        await world.close()

    async def test_a_late_ledger_does_not_write_an_older_merge_over_a_younger(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        for citizen in (1, 2, 3):
            await world.salute(citizen)
        await world.carry_all()
        await world.amendments.merge(2, 3)
        shard = shard_of(world)
        old = [row for entry in await shard.journal(100) for row in entry.rows]
        await world.carry_all()
        await world.amendments.merge(1, 3)
        await world.carry_all()
        await world.ledger._write(shard, world.campaigns.current, old, 1, time.time())
        await check(world, 1)
        await world.close()


class TestReconcile:
    async def test_a_cell_lost_behind_its_last_look_is_found_by_a_later_one(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        for citizen in range(10):
            await world.salute(citizen)
        await world.carry_all()
        shard = shard_of(world)
        assert await world.reconcile.shard(shard, world.campaigns.current) == 0
        await stores.redis.setrange(f"count:{shard.tag}:page:0", 14 * 4, b"\0" * 14)
        for name, n in (("p", -1), (f"r:{XIANGCHENG}", -1), ("a:0", -1)):
            await stores.redis.hincrby(shard.keys[1], name, n)
        await stores.redis.hincrby(shard.keys[2], int((await world.salute(1)).participated_at // 60), -1)
        assert sum([await world.reconcile.shard(shard, world.campaigns.current) for _ in range(2)]) == 1
        await check(world, 10)
        await world.close()

    async def test_the_place_of_a_document_that_wins_is_the_place_that_counts(self, stores, tmp_path):
        """Her cell was lost unseen, she saluted again from elsewhere: ordinal, time and place are those of the document."""
        world = await opened(stores, tmp_path)
        first = await world.salute(7, unit=SCHOOL)
        await world.carry_all()
        shard = shard_of(world)
        await stores.redis.setrange(f"count:{shard.tag}:page:0", 14 * 7, b"\0" * 14)
        await stores.redis.unlink(*shard.keys[1:4])
        assert (await world.salute(7, region="declined")).ordinal == 2
        await world.carry_all()
        assert (await world.salute(7)).ordinal == first.ordinal
        await check(world, 1)
        await world.close()


class TestMidnight:
    MIDNIGHT = 1_790_870_400  # 2026-10-02 00:00 in Shanghai

    async def test_a_request_that_waited_over_midnight_counts_for_the_day_in_which_it_came(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign(period_rule="daily"), clock=self.MIDNIGHT).ready()
        taken = await world.salute(1, now=self.MIDNIGHT - 0.2)
        assert (taken.period, taken.status) == ("20261001", 201)
        again = await world.salute(1, now=self.MIDNIGHT + 1)
        assert (again.period, again.status, again.first) == ("20261002", 201, True)
        await world.carry_all()
        assert (await stores.mongo["participations"].find_one({"_id": "flag:20261001:1:salute"}))["late"] == 1
        assert (await world.audit())["ok"]
        await world.close()

    @pytest.mark.parametrize(("behind", "waited"), [(1, 0), (120, 0), (120, 119)])
    async def test_where_the_shards_clock_is_behind_she_is_asked_to_wait(self, stores, tmp_path, behind, waited):
        world = await World(stores, tmp_path, campaign(period_rule="daily"), clock=self.MIDNIGHT + waited - behind).ready()
        with pytest.raises(Unavailable) as refused:
            await world.salute(1, now=self.MIDNIGHT + waited)
        assert refused.value.code == "BUSY"
        await world.close()

    async def test_where_the_shards_clock_is_behind_at_the_end_she_counts_within_the_window_and_once(self, stores, tmp_path):
        closes = self.MIDNIGHT
        world = await World(stores, tmp_path, campaign(opens_at=closes - 3600, closes_at=closes), clock=closes - 60).ready()
        assert (await world.salute(1, now=closes + 60)).participated_at == closes - 60
        assert (await world.salute(1, now=closes + 61)).status == 200
        await world.carry_all()
        assert (await world.audit())["ok"]
        await world.close()

    async def test_who_comes_after_the_end_is_not_taken_for_late(self, stores, tmp_path):
        closes = self.MIDNIGHT
        world = await World(stores, tmp_path, campaign(opens_at=closes - 3600, closes_at=closes), clock=closes).ready()
        with pytest.raises(Refusal) as refused:
            await world.salute(1, now=closes)
        assert refused.value.code == "CAMPAIGN_ENDED"
        await world.close()

    async def test_yesterdays_journal_has_a_ledger_longer_than_late_salutes_come(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign(period_rule="daily"), clock=self.MIDNIGHT).ready()
        periods = {shard.period for shard in await world.counting.prepare(world.campaigns.current, self.MIDNIGHT + 1801)}
        assert {"20261001", "20261002", "20261003"} <= periods
        await world.close()
