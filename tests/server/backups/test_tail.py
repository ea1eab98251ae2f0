"""The tail: what the archive's rows do not say is followed once, and other hosts' rows are copied so that each host alone is enough."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest

from server.audit import Audit
from server.audit_log import AuditLog, AuditLogStore
from server.backups.counters import Counters
from server.backups.lines import read
from server.backups.report import Report
from server.backups.sources import Damages, Spool, archives, row_files, tail_values
from server.backups.tail import NUMBERS_AHEAD, TAIL_DAYS, Tail
from server.citizens.outliving import Outliving
from server.clock import day_of
from server.ledger import Archive
from server.number_lines import Serials
from tests.command_listener import LOOKING
from tests.server.citizens.people import OFFICIAL, SECRET, first_process
from tests.server.counting.world import World, campaign

pytestmark = pytest.mark.gen_test(timeout=60)


class Campaigns:
    def __init__(self, *all_of_them):
        self.found = list(all_of_them)

    async def all(self):
        return self.found


class Host:
    """A ledger host: its folder, and its tail, which a restart makes anew."""

    def __init__(self, world: World, folder, archive: Archive | None = None) -> None:
        self.world, self.folder, self.log = world, folder, []
        self.archive = archive or Archive(folder / "archive")
        self.restart()

    def restart(self) -> None:
        mongo = self.world.stores.mongo
        serials = Serials({name: mongo[name] for name in ("report_numbers", "bulletin_numbers")})
        self.tail = Tail(self.archive, Campaigns(self.world.campaigns.current), Outliving(mongo, SECRET, self.folder / "deletions.jsonl"),
                         self.world.epochs, self.world.documents, serials, self._audit_after)

    async def _audit_after(self, seq):
        return [entry for entry in self.log if entry["seq"] > seq]

    def said(self, what: str) -> list[dict]:
        damages = Damages()
        values = [value for value in tail_values(archives([self.folder]), damages) if value["what"] == what]
        assert damages.damaged == damages.torn == 0
        return values

    def rows(self) -> list[list]:
        return [row for path in row_files(archives([self.folder])) for row in read(path)]


async def saluted(stores, tmp_path, count: int = 30) -> World:
    world = await World(stores, tmp_path / "own", campaign()).ready()
    await asyncio.gather(*(world.salute(citizen) for citizen in range(1, count + 1)))
    await world.carry_all()
    return world


class TestFollowing:
    async def test_every_event_is_written_once_over_looks_and_restarts(self, stores, tmp_path):
        world = await saluted(stores, tmp_path, 1)
        people, now = await first_process(stores, tmp_path), time.time()
        host = Host(world, tmp_path / "own")
        first = await people.identify(OFFICIAL, "openid-of-wang", None, now)
        await host.tail.tick(now)
        second = await people.identify(OFFICIAL, "openid-of-li", None, now + 1)
        host.log = [{"seq": 1, "prev": "", "hash": "a"}, {"seq": 2, "prev": "a", "hash": "b"}]
        await people.delete(first, now + 2)
        await host.tail.tick(now + 3)
        await host.tail.tick(now + 4)
        host.restart()
        await host.tail.tick(now + 5)
        # After a restart the last seconds are read again; before it nothing is.
        assert [one["citizen"] for one in host.said("identity")] in ([first, second], [first, second, second])
        assert {one["citizen"] for one in host.said("deletion")} == {first}
        assert [one["entry"]["seq"] for one in host.said("audit")] == [1, 2]
        assert all(b"openid-of" not in path.read_bytes() for path in (tmp_path / "own").rglob("*") if path.is_file())
        await people.close()
        await world.close()

    async def test_the_bound_lies_ahead_of_every_number_and_moves_before_it_is_reached(self, stores, tmp_path):
        world = await saluted(stores, tmp_path, 1)
        people, host = await first_process(stores, tmp_path), Host(world, tmp_path / "own")
        for _ in range(6):
            numbers = await people.reserve(NUMBERS_AHEAD // 4)
            await host.tail.tick(time.time())
            below = max(one["below"] for one in host.said("numbers"))
            assert below - NUMBERS_AHEAD // 2 >= numbers[-1]
        assert len(host.said("numbers")) < 6
        await people.close()
        await world.close()

    async def test_a_new_day_says_again_all_that_is_no_event_and_old_days_go(self, stores, tmp_path):
        world = await saluted(stores, tmp_path, 1)
        host, now = Host(world, tmp_path / "own"), time.time()
        await host.tail.tick(now)
        folder, kept = tmp_path / "own" / "archive" / "_store", (tmp_path / "own" / "archive" / "flag")
        assert [path.stem for path in sorted(folder.glob("*.jsonl"))] == [day_of(now)]
        late = now + (TAIL_DAYS + 1) * 86400
        await host.tail.tick(late)
        assert [path.stem for path in sorted(folder.glob("*.jsonl"))] == [day_of(late)]
        assert list(kept.glob("*.jsonl")), "the rows themselves stay"
        for what in ("numbers", "campaign", "shard", "serials"):
            assert host.said(what), what
        await world.close()

    async def test_after_a_restore_left_fewer_entries_of_the_log_the_new_ones_are_followed(self, stores, tmp_path):
        world = await saluted(stores, tmp_path, 1)
        host = Host(world, tmp_path / "own")
        host.log = [{"seq": n, "prev": str(n - 1), "hash": str(n)} for n in (1, 2, 3)]
        await host.tail.tick(time.time())
        host.log = [host.log[0], {"seq": 2, "prev": "1", "hash": "other"}]
        host.restart()
        await host.tail.tick(time.time())
        assert {"seq": 2, "prev": "1", "hash": "other"} in [one["entry"] for one in host.said("audit")]
        await world.close()

    async def test_a_spoilt_position_costs_repeats_and_nothing_else(self, stores, tmp_path):
        world = await saluted(stores, tmp_path)
        host = Host(world, tmp_path / "other")
        await host.tail.tick(time.time())
        (tmp_path / "other" / "archive" / "_store" / "position.json").write_text('{"rows": ')
        host.restart()
        await host.tail.tick(time.time())
        assert sorted({row[3] for row in host.rows()}) == list(range(1, 31)) and len(host.rows()) == 60
        await world.close()


    async def test_the_real_audit_log_is_followed_and_its_entries_stand_in_the_chain_again(self, stores, tmp_path):
        world, store = await saluted(stores, tmp_path, 1), AuditLogStore(stores.mongo)
        log, host = AuditLog(store, SECRET), Host(world, tmp_path / "own")
        host._audit_after = log.after
        host.restart()
        for n in range(3):
            await log.record("admin", "admin", "staff.create", f"bianji-{n}", {"after": {"role": "editor"}}, time.time())
        await host.tail.tick(time.time())
        await stores.mongo["audit_log"].delete_many({}, comment=LOOKING)
        for one in host.said("audit"):
            assert await store.add(one["entry"])
        report = await log.check()
        assert report.ok and report.entries == 3
        await world.close()


class TestRowsOfOthers:
    async def test_the_own_ledgers_rows_are_not_copied(self, stores, tmp_path):
        world = await saluted(stores, tmp_path)
        host = Host(world, tmp_path / "own", world.ledger._archive)
        before = host.rows()
        await host.tail.tick(time.time())
        await world.salute(40)
        await world.carry_all()
        await host.tail.tick(time.time())
        assert len(host.rows()) == len(before) + 1 and host.said("copied") == []
        await world.close()

    async def test_another_hosts_archive_alone_brings_everything_back(self, stores, tmp_path):
        world = await saluted(stores, tmp_path)
        other = Host(world, tmp_path / "other")
        await other.tail.tick(time.time())
        await asyncio.gather(*(world.salute(citizen) for citizen in range(31, 51)))
        await world.carry_all()
        current = world.campaigns.current
        for citizen in (3, 35):
            await world.amendments.void(current, "all", citizen)
        await world.amendments.merge(40, 7)  # 7 was first: 40 is closed
        await world.amendments.merge(2, 60)  # 60 has none: hers becomes that of 2
        await world.amendments.flag_deleted(9)
        await world.carry_all()
        expected = await kept(stores)
        known = msgspec.to_builtins(await world.epochs.of_campaign("flag"))
        await other.tail.tick(time.time())
        # Both stores are lost.
        for name in ("participations", "amendments", "shards"):
            await stores.mongo[name].delete_many({}, comment=LOOKING)
        await stores.redis.flushall()
        spool, damages, report = Spool(tmp_path / "rows.db"), Damages(), Report()
        spool.fill(row_files(archives([tmp_path / "other"])), {}, damages)
        counters = Counters(stores.counting, world.epochs, world.documents, world.keeper,
                            Audit(stores.counting, world.epochs, world.documents), report)
        for one in other.said("shard"):
            counters.reached.setdefault(f"{one['campaign']}:{one['period']}:{one['shard']}", set()).add(one["ledger_seq"])
        for one in other.said("copied"):
            counters.copied.setdefault(one["shard"], []).append((one["after"], one["to"]))
        marks = ("campaign", "period", "shard", "shards", "birth", "epoch", "fence", "high_seq", "high_ordinal")
        shards = {shard["_id"]: {name: shard[name] for name in marks} for shard in known}
        for _ in range(2):  # as after a kill
            await counters.put_back(spool, {"flag": current}, shards, {}, time.time())
        spool.close()
        await counters.reopen(current)
        audits = await counters.settle(current)
        assert [audit.findings for audit in audits] == [[]] and report.findings == []
        assert await kept(stores) == expected
        assert counters.deleted == {9} and counters.last_citizen == 60
        assert damages.damaged == 0 and report.newest_second > 0
        await world.close()


async def kept(stores) -> tuple[list[dict], list[dict]]:
    found = [await stores.mongo[name].find({}, comment=LOOKING).to_list(None) for name in ("participations", "amendments")]
    return sorted(found[0], key=lambda one: one["_id"]), sorted(found[1], key=lambda one: one["_id"])
