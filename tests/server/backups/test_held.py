"""What a restored store must not do again: give a number twice, send a notice twice, let a session live on that had ended."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.articles import MassSend, Publication, RecordStore
from server.backups.commands import still_running
from server.backups.restoring import Known
from server.campaigns import CampaignStore
from server.campaigns.store import document_of
from server.citizens.outliving import Outliving
from server.health.rows import Row, RowStore
from server.notices import NoticeStore
from server.number_lines import NumberLines, Serials
from server.staff.sessions import Origin, SessionStore
from tests.command_listener import LOOKING
from tests.server.citizens.people import OFFICIAL, SECRET, first_process
from tests.server.counting.world import campaign

pytestmark = pytest.mark.gen_test(timeout=60)
NOW = 1_790_827_200.0


async def test_no_number_comes_again_not_even_one_that_was_free_when_the_backup_was_taken(stores, tmp_path):
    one = await first_process(stores, tmp_path)
    given = await one.reserve(10)
    await one.close()  # the rest of the block is free again, in the backup too
    outliving = Outliving(stores.mongo, SECRET, tmp_path / "deletions.jsonl")
    for number in (5000, 5000, 4000):
        await outliving.go_on_after(number)
    other = await first_process(stores, tmp_path)
    assert min(await other.reserve(300)) == 5001 > max(given)
    await other.close()


async def test_in_an_empty_store_numbers_go_on_too(stores, tmp_path):
    await Outliving(stores.mongo, SECRET, tmp_path / "deletions.jsonl").go_on_after(700)
    people = await first_process(stores, tmp_path)
    assert await people.reserve(1) == [701]
    await people.close()


async def test_who_signed_in_after_the_backup_has_her_number_again_once_she_signs_in(stores, tmp_path):
    people, outliving = await first_process(stores, tmp_path), Outliving(stores.mongo, SECRET, tmp_path / "deletions.jsonl")
    number = await people.identify(OFFICIAL, "openid-of-wang", None, NOW)
    (identity,) = [one async for page in outliving.identities_since(0.0) for one in page]
    await stores.mongo["identities"].delete_many({}, comment=LOOKING)
    assert await outliving.missing([identity["_id"]]) == [identity["_id"]]
    assert await outliving.put_back_identity(identity["_id"], number)
    assert not await outliving.put_back_identity(identity["_id"], number + 1)
    assert await people.known(OFFICIAL, "openid-of-wang") is None, "nothing of her is known until she comes"
    assert await people.identify(OFFICIAL, "openid-of-wang", None, NOW + 9) == number
    assert await people.openid_of(number, OFFICIAL) == "openid-of-wang"
    await people.close()


async def test_what_waited_to_be_sent_is_held_for_a_person(stores):
    notices = NoticeStore(stores.mongo)
    await notices.enqueue("patrol-1", range(1, 252), NOW)
    (first,) = await notices.due(NOW, 1)
    await notices.claim(first, NOW, NOW + 60)
    sent = (await notices.due(NOW, 1))[0]
    await notices.settle(sent.id, "sent", msg_id="7")
    assert await notices.hold() == 250 and await notices.hold() == 0
    assert await notices.due(NOW + 9e9, 10) == []
    assert (await notices.counts("patrol-1")).states == {"uncertain": 250, "sent": 1}


async def test_a_mass_send_in_the_middle_is_held_and_one_that_only_waits_for_its_report_is_not(stores):
    sends: RecordStore[MassSend] = RecordStore(stores.mongo, "mass_sends", MassSend)
    made = {state: await stores.mongo["mass_sends"].insert_one(
        {"_id": f"wx:{state}", "appid": "wx", "media_id": state, "title": "国庆", "state": state, "at": NOW, "by": "bianji",
         "due": f"wx:{int(NOW * 1000):015d}", "listed": f"wx:{state}"}) for state in ("sending", "accepted")}
    assert len(made) == 2
    assert await sends.hold() == 1 and await sends.hold() == 0
    found = {state: await sends.find("wx", state) for state in ("sending", "accepted")}
    assert [one and one.state for one in found.values()] == ["uncertain", "accepted"]
    publications: RecordStore[Publication] = RecordStore(stores.mongo, "publications", Publication)
    assert await publications.hold() == 0


async def test_no_session_of_the_backup_opens_anything(stores):
    sessions = SessionStore(stores.mongo)
    secret, _ = await sessions.open("admin", Origin(), NOW)
    await sessions.close_all()
    assert await sessions.find(secret) is None


async def test_printed_numbers_go_on_where_they_were(stores):
    lines, reports = stores.mongo["report_numbers"], stores.mongo["reports"]
    serials = Serials({"report_numbers": lines})
    numbers = NumberLines(lines, reports, lambda line, last: {"number": f"{line}-{last:04d}"})

    async def give(report: str) -> str:
        await reports.insert_one({"_id": report, "number": ""})
        return await numbers.give(report, "2026", gone=LookupError, contended=LookupError)

    assert await give("a") == "2026-0001"
    assert await serials.all() == {"report_numbers": {"2026": 1}}
    for last in (7, 7, 3):
        await serials.go_on_after("report_numbers", "2026", last)
    await serials.go_on_after("report_numbers", "2027", 2)
    await serials.go_on_after("no such collection", "2027", 2)
    assert await give("b") == "2026-0008"
    assert await serials.all() == {"report_numbers": {"2026": 8, "2027": 2}}


async def test_a_campaign_comes_back_in_its_newest_form_and_never_in_an_older_one(stores):
    store = CampaignStore(stores.mongo)
    newest, known = campaign(rev=5, state="paused"), Known()
    for one in (campaign(rev=4), newest, campaign(rev=3)):
        known.learn({"what": "campaign", "document": document_of(one)})
    assert known.campaigns["flag"]["rev"] == 5
    assert await store.put_back(known.campaigns["flag"]) and not await store.put_back(known.campaigns["flag"])
    assert not await store.put_back(document_of(campaign(rev=4)))
    assert await store.find("flag") == newest
    assert await store.put_back(document_of(campaign(rev=6)))


def test_of_several_hosts_the_furthest_marks_count():
    known, shard = Known(), {"what": "shard", "campaign": "flag", "period": "all", "shard": 0, "shards": 1, "birth": "b"}
    known.learn({**shard, "epoch": 3, "fence": 9, "high_seq": 50, "high_ordinal": 40})
    known.learn({**shard, "epoch": 4, "fence": 2, "high_seq": 40, "high_ordinal": 45})
    assert {name: known.shards["flag:all:0"][name] for name in ("epoch", "fence", "high_seq", "high_ordinal")} == {
        "epoch": 4, "fence": 9, "high_seq": 50, "high_ordinal": 45}
    for below in (900, 1000, 800):
        known.learn({"what": "numbers", "below": below})
    for moment in (5.0, 7.0, 6.0):
        known.learn({"what": "deletion", "citizen": 4, "deleted_at": moment})
    assert (known.numbers_below, known.deletions) == (1000, {4: 7.0})


async def test_processes_that_still_tell_of_themselves_are_named_and_those_that_died_are_not(stores):
    rows = RowStore(stores.redis)
    assert await still_running(rows, time.time, 0.2) == []
    await rows.put(Row("web-1", ("web",), time.time(), 0.0))
    await rows.put(Row("ledger-1", ("ledger",), time.time(), 0.0))

    async def lives() -> None:
        await asyncio.sleep(0.1)
        await rows.put(Row("ledger-1", ("ledger",), time.time(), 0.0))

    told = asyncio.create_task(lives())
    assert await still_running(rows, time.time, 1.0) == ["ledger-1"]
    await told
