"""The reviewers' desk: one queue, verdicts one by one and together, a second look, taking down from every cache of every process."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from server.errors import InvalidBody
from server.messages import Ruling
from server.reviewing.desk import ItemDecided, ItemHeld, OwnDecision
from server.reviewing.item import Item, ItemNotFound, UnknownKind
from server.reviewing.rules import Rules
from server.words import WordList
from tests.server.civic_world import DURING
from tests.server.reviewing.review_world import ALICE, BOB, CAROL, CHEN, LIN, OPEN, REVIEWER, SALUTED

pytestmark = pytest.mark.gen_test(timeout=30)
HOSTILE = "<img src=x onerror=alert(1)>"


class Photos:
    """A second source, as a photo wall brings one: three that wait."""

    kind = "photo"
    name = "照片"

    def __init__(self, *waiting: float) -> None:
        self.items = {f"{n:032x}": Item("photo", "flag", f"{n:032x}", f"{int(at * 1000):015d}:{n:032x}", "pending", 9, at,
                                        {"caption": "升旗"}, ("/photo.jpg",)) for n, at in enumerate(waiting)}

    async def page(self, which, campaign, cursor, limit):
        own = sorted((item for item in self.items.values() if item.place > cursor), key=lambda item: item.place)
        return own[:limit] if which == "waiting" else []

    async def places(self, which, campaign, limit):
        return sorted(item.place for item in self.items.values()) if which == "waiting" else []

    async def find(self, campaign, token):
        return self.items.get(token)

    async def decide(self, campaign, token, ruling: Ruling):
        return self.items.pop(token, None) is not None


class TestTheQueue:
    async def test_hit_words_are_shown_where_they_stand_with_the_list_that_has_them(self, world):
        await world.here.desk._words.keep(WordList(("賭博",), ("發票", "微信号")))
        await world.writes(ALICE, "代开 发.票，加微信号")
        await world.here.desk._words.keep(WordList(("赌博", "代开"), ("發票", "微信号"), rev=1))
        (item,) = await world.queue()
        text = item["parts"][0]["text"]
        assert [(hit["list"], hit["word"], text[hit["start"]:hit["end"]]) for hit in item["parts"][0]["hits"]] == [
            ("block", "代开", "代开"), ("review", "發票", "发.票"), ("review", "微信号", "微信号")]

    async def test_counts_say_how_much_waits_and_since_when(self, world):
        for citizen, at in ((ALICE, DURING), (BOB, DURING + 600)):
            await world.writes(citizen, now=at)
        counts = (await world.here.desk.page("waiting", "flag", "", "", LIN, DURING + 3600))["counts"]
        assert (counts["waiting"], counts["more"], counts["oldest_seconds"], counts["second"]) == (2, False, 3600, 0)
        assert counts["oldest"] == "2026-10-01T01:00:00+08:00"

    async def test_a_further_kind_is_one_entry_and_stands_in_its_place_by_age(self, world):
        photos = Photos(DURING + 30, DURING + 90)
        world.here.sources.add(photos)
        for citizen, at in ((ALICE, DURING), (BOB, DURING + 60)):
            await world.writes(citizen, f"第{citizen}位", now=at)
        assert [(item["kind"], item["parts"][0]["text"]) for item in await world.queue()] == [
            ("message", "第1位"), ("photo", "升旗"), ("message", "第2位"), ("photo", "升旗")]
        done = await world.here.desk.decide("flag", [("photo", f"{0:032x}"), ("photo", f"{7:032x}")], True, "", "", LIN, DURING)
        assert [one.error.code if one.error else "" for one in done] == ["", "ITEM_DECIDED"]
        assert (await world.here.desk.page("waiting", "flag", "photo", "", LIN, DURING))["counts"]["waiting"] == 1

    async def test_what_does_not_exist_is_refused_by_name(self, world):
        with pytest.raises(InvalidBody) as refusal:
            await world.here.desk.page("everything", "flag", "", "", LIN, DURING)
        assert refusal.value.code == "UNKNOWN_LIST"
        with pytest.raises(UnknownKind):
            await world.here.desk.page("waiting", "flag", "song", "", LIN, DURING)
        (ruled,) = await world.here.desk.decide("flag", [("song", "0" * 32)], True, "", "", LIN, DURING)
        assert ruled.view["code"] == "UNKNOWN_KIND"

    async def test_words_that_are_code_stay_words(self, world):
        token = await world.published(ALICE, HOSTILE)
        assert await world.wall(world.here, DURING + 10) == [HOSTILE]
        case = await world.here.case_files.of("flag", "message", token, REVIEWER, DURING + 10)
        assert case["item"]["parts"][0]["text"] == HOSTILE


class TestDeciding:
    @pytest.mark.parametrize("first", [True, False])
    async def test_of_two_reviewers_on_two_processes_one_decides_and_the_other_is_told(self, world, first):
        token = await world.writes(ALICE)
        codes = await asyncio.gather(world.decide(token, first, LIN), world.decide(token, not first, CHEN, on=world.there))
        assert sorted(codes) == ["", "ITEM_DECIDED"]
        events = [event.what for event in await world.here.events.of(token)]
        assert len(events) == 2 and events[0] == "written"

    async def test_a_verdict_on_what_she_deletes_in_this_moment_leaves_nothing(self, world):
        token = await world.writes(ALICE)
        await asyncio.gather(world.decide(token, True), world.there.remove_of(ALICE, DURING))
        await world.there.remove_of(ALICE, DURING)
        assert await world.wall(world.here, DURING + 5) == [] and await world.queue() == []
        assert await world.decide(token, False) == "ITEM_DECIDED"

    async def test_many_are_decided_together_and_each_says_what_became_of_it(self, world):
        tokens = [await world.writes(citizen, f"第{citizen}位") for citizen in (ALICE, BOB, CAROL)]
        await world.here.desk.take("flag", "message", tokens[1], CHEN, DURING)
        assert await world.decide(tokens[2], False, CHEN) == ""
        done = await world.here.desk.decide("flag", [("message", token) for token in tokens], True, "", "", LIN, DURING + 2)
        assert [one.view["code"] for one in done] == ["", "ITEM_HELD", "ITEM_DECIDED"]
        assert await world.wall(world.here, DURING + 5) == ["第1位"]

    async def test_a_refusal_has_a_reason_of_the_table_or_own_words_and_she_reads_it(self, world):
        token = await world.writes(ALICE)
        (ruled,) = await world.here.desk.decide("flag", [("message", token)], False, "advert", "第二行的电话", LIN, DURING)
        assert ruled.item is not None and ruled.item.reason == "含有广告或联系方式：第二行的电话"
        (own,) = await world.here.sources.of("message").of_citizen("flag", ALICE, 5)
        assert (own.state, own.reason, own.decided_by) == ("rejected", "含有广告或联系方式：第二行的电话", LIN)

    @pytest.mark.parametrize(("reason", "words", "code"), [
        ("", "", "REASON_MISSING"), ("made_up", "", "UNKNOWN_REASON"), ("other", "  ", "REASON_MISSING"),
        ("advert", "长" * 201, "REASON_TOO_LONG")])
    async def test_a_refusal_without_one_names_the_rule(self, world, reason, words, code):
        token = await world.writes(ALICE)
        with pytest.raises(InvalidBody) as refusal:
            await world.here.desk.decide("flag", [("message", token)], False, reason, words, LIN, DURING)
        assert refusal.value.code == code and len(await world.queue()) == 1

    async def test_a_screenful_at_once_and_no_more(self, world):
        for many in ([], [("message", f"{n:032x}") for n in range(51)]):
            with pytest.raises(InvalidBody) as refusal:
                await world.here.desk.decide("flag", many, True, "", "", LIN, DURING)
            assert refusal.value.code == "TOO_MANY_ITEMS"

    async def test_what_another_campaign_has_is_not_decided_here(self, world):
        token = await world.writes(ALICE)
        (ruled,) = await world.here.desk.decide("other", [("message", token)], True, "", "", LIN, DURING)
        assert ruled.error is not None and len(await world.queue()) == 1


class TestLocks:
    async def test_the_second_is_told_who_has_it_and_until_when_and_it_ends_by_itself(self, world):
        token = await world.writes(ALICE)
        await world.here.desk.take("flag", "message", token, LIN, DURING)
        with pytest.raises(ItemHeld) as held:
            await world.there.desk.take("flag", "message", token, CHEN, DURING + 59)
        assert LIN in held.value.message and "01:01:00" in held.value.message
        assert (await world.queue(by=CHEN))[0]["held_by"] == {"name": LIN, "until": "2026-10-01T01:01:00+08:00"}
        assert (await world.queue(by=LIN))[0]["held_by"] is None
        assert await world.decide(token, True, CHEN, DURING + 59) == "ITEM_HELD"
        await world.there.desk.take("flag", "message", token, CHEN, DURING + 61)
        assert await world.decide(token, True, CHEN, DURING + 62) == ""

    async def test_of_two_at_once_one_has_it(self, world):
        token = await world.writes(ALICE)
        tried = await asyncio.gather(*(process.desk.take("flag", "message", token, who, DURING) for process, who in (
            (world.here, LIN), (world.there, CHEN))), return_exceptions=True)
        assert sum(isinstance(answer, ItemHeld) for answer in tried) == 1

    async def test_who_goes_on_lets_it_go_and_nobody_lets_go_of_another_s(self, world):
        token = await world.writes(ALICE)
        await world.here.desk.take("flag", "message", token, LIN, DURING)
        await world.there.desk.free("flag", token, CHEN)
        with pytest.raises(ItemHeld):
            await world.there.desk.take("flag", "message", token, CHEN, DURING)
        await world.here.desk.free("flag", token, LIN)
        await world.there.desk.take("flag", "message", token, CHEN, DURING)

    async def test_of_two_machines_whose_clocks_are_two_minutes_apart_one_verdict_counts(self, world):
        token, behind = await world.writes(ALICE), DURING - 120
        await world.here.desk.take("flag", "message", token, LIN, behind)
        await world.there.desk.take("flag", "message", token, CHEN, DURING)  # to whom hers has ended long ago
        codes = [await world.decide(token, True, CHEN, DURING + 1, world.there), await world.decide(token, False, LIN, behind + 2)]
        assert codes == ["", "ITEM_DECIDED"] and await world.wall(world.here, DURING + 5) == ["祖国万岁"]

    async def test_left_locks_do_not_pile_up(self, world, stores):
        for n in range(520):
            await world.here.desk._locks.take("flag", f"{n:032x}", LIN, DURING)
        await world.here.desk._locks.take("flag", "f" * 32, LIN, DURING + 61)
        assert await stores.redis.hlen("review:locks:flag") == 1

    async def test_what_is_gone_cannot_be_taken(self, world):
        with pytest.raises(ItemNotFound):
            await world.here.desk.take("flag", "message", "0" * 32, LIN, DURING)


class TestSecondLook:
    @pytest.fixture
    def all_twice(self, io_loop, world):
        io_loop.run_sync(lambda: world.here.rules.keep("flag", Rules(second_percent=100)))
        return world

    async def test_another_reviewer_lets_it_stand(self, all_twice):
        token = await all_twice.published(ALICE)
        with pytest.raises(OwnDecision):
            await all_twice.here.desk.second_look("flag", "message", token, True, "", "", LIN, DURING + 5)
        assert [item["own"] for item in await all_twice.queue("second", LIN)] == [True]
        item = await all_twice.here.desk.second_look("flag", "message", token, True, "", "", CHEN, DURING + 5)
        assert (item.second_by, item.is_public, item.waits_for_second) == (CHEN, True, False)
        assert await all_twice.queue("second", CHEN) == []

    async def test_she_may_reverse_it_and_says_why(self, all_twice):
        token = await all_twice.published(ALICE)
        with pytest.raises(InvalidBody):
            await all_twice.here.desk.second_look("flag", "message", token, False, "", "", CHEN, DURING + 5)
        await all_twice.here.desk.second_look("flag", "message", token, False, "false", "", CHEN, DURING + 5)
        assert await all_twice.wall(all_twice.here, DURING + 5) == []
        with pytest.raises(ItemDecided):
            await all_twice.here.desk.second_look("flag", "message", token, True, "", "", CHEN, DURING + 6)
        assert [event.what for event in await all_twice.here.events.of(token)] == ["written", "approved", "reversed"]

    async def test_of_two_second_reviewers_one_counts(self, all_twice):
        token = await all_twice.published(ALICE)
        looks = await asyncio.gather(*(process.desk.second_look("flag", "message", token, stands, "false", "", who, DURING + 5)
                                       for process, stands, who in ((all_twice.here, True, CHEN), (all_twice.there, False, "wu"))),
                                     return_exceptions=True)
        assert sum(isinstance(answer, ItemDecided) for answer in looks) == 1

    async def test_what_is_taken_down_waits_for_no_second_look(self, all_twice):
        token = await all_twice.published(ALICE)
        await all_twice.here.desk.take_down("flag", [("message", token)], "false", "", LIN, DURING + 5)
        assert await all_twice.queue("second", CHEN) == []

    async def test_the_share_is_kept_and_cannot_be_read_from_the_token(self, world):
        tokens = [f"{n:032x}" for n in range(2000)]
        sampled = [token for token in tokens if world.here.desk._is_sampled(token, 10)]
        assert 140 < len(sampled) < 260
        assert sampled == [token for token in tokens if world.there.desk._is_sampled(token, 10)]
        assert not any(world.here.desk._is_sampled(token, 0) for token in tokens)


class TestTheWall:
    async def test_what_is_approved_is_on_every_process_within_a_second(self, world):
        assert await world.wall(world.there, DURING) == []
        await world.published(ALICE, now=DURING)
        assert await world.wall(world.here, DURING + 0.1) == ["祖国万岁"]
        assert await world.wall(world.there, DURING + 0.1) == []  # as it was read a moment ago
        assert await world.wall(world.there, DURING + 1) == ["祖国万岁"]

    async def test_what_is_taken_down_leaves_every_cache_of_both_processes_and_her_poster(self, world):
        token = await world.published(ALICE, name="王小明")
        for process in (world.here, world.there):
            assert await world.wall(process, DURING + 5) == ["祖国万岁"]
        assert await world.there.messages.name_of("flag", "all", ALICE) == "王小明"
        (ruled,) = await world.here.desk.take_down("flag", [("message", token)], "false", "", LIN, DURING + 5)
        assert ruled.error is None
        assert await world.wall(world.here, DURING + 5) == []  # where it was done: at once
        assert await world.wall(world.there, DURING + 6) == []  # elsewhere: with the next second
        assert await world.there.messages.name_of("flag", "all", ALICE) is None
        assert (await world.there.messages.wall(OPEN, ""))["items"] == []

    async def test_a_page_that_is_being_read_meanwhile_is_not_kept(self, world, monkeypatch):
        token = await world.published(ALICE)
        read = world.here.messages.wall

        async def slow(campaign, cursor):
            page = await read(campaign, cursor)
            await world.here.desk.take_down("flag", [("message", token)], "false", "", LIN, DURING + 5)
            return page

        with monkeypatch.context() as patched:
            patched.setattr(world.here.messages, "wall", slow)
            await world.wall(world.here, DURING + 5)
        assert await world.wall(world.here, DURING + 5) == []

    async def test_a_thousand_readers_in_one_second_are_one_read(self, world, monkeypatch):
        reads = []
        read = world.here.messages.wall
        monkeypatch.setattr(world.here.messages, "wall", lambda campaign, cursor: reads.append(cursor) or read(campaign, cursor))
        await asyncio.gather(*(world.wall(world.here, DURING) for _ in range(1000)))
        await world.wall(world.here, DURING + 0.9)
        assert reads == [""]

    async def test_it_is_searched_as_people_read_it(self, world):
        for citizen, words in ((ALICE, "祝 祖 国 繁 榮"), (BOB, "向英雄致敬"), (CAROL, "国庆快乐")):
            await world.published(citizen, words, now=DURING + citizen)
        found = await world.here.desk.search("flag", "", "祖国繁荣", "", LIN, DURING + 10)
        assert [item["parts"][0]["text"] for item in found["items"]] == ["祝 祖 国 繁 榮"] and found["next"] is None
        assert len((await world.here.desk.search("flag", "", "", "", LIN, DURING + 10))["items"]) == 3

    async def test_taking_down_twice_says_so(self, world):
        token = await world.published(ALICE)
        for code in ("", "ITEM_DECIDED"):
            (ruled,) = await world.here.desk.take_down("flag", [("message", token)], "false", "", LIN, DURING + 5)
            assert (ruled.error.code if ruled.error else "") == code


class TestAlike:
    async def test_the_same_and_nearly_the_same_are_found_wherever_they_are_and_others_are_not(self, world):
        spam = "加我微信领取国庆大礼包，名额有限先到先得"
        first = await world.published(ALICE, spam, now=DURING)
        await world.published(BOB, "加我 微 信 领取國慶大礼包!名额有限先到先得", now=DURING + 1)
        await world.writes(CAROL, "快加我微信领取国庆大礼包，名额有限，先到先得哦", now=DURING + 2)
        await world.published(9, "国庆节快乐，祝祖国繁荣昌盛", now=DURING + 3)
        found = await world.there.desk.alike("flag", "message", first, LIN, DURING + 10)
        assert [item["parts"][0]["text"][:2] for item in found] == ["加我", "快加"]
        names = [("message", first), *(("message", item["id"]) for item in found if item["public"])]
        assert [one.error for one in await world.here.desk.take_down("flag", names, "advert", "", LIN, DURING + 11)] == [None, None]
        assert await world.wall(world.there, DURING + 20) == ["国庆节快乐，祝祖国繁荣昌盛"]

    async def test_presets_and_other_campaigns_are_no_duplicates(self, world):
        posted = await world.here.messages.post(OPEN, "all", ALICE, SALUTED, DURING, preset="strong")
        assert await world.here.desk.alike("flag", "message", posted.id, LIN, DURING) == []
        token = await world.published(BOB)
        other = replace(OPEN, slug="other")
        await world.here.messages.post(other, "all", CAROL, SALUTED, DURING, message="祖国万岁")
        assert await world.here.desk.alike("flag", "message", token, LIN, DURING) == []

    async def test_what_she_deletes_is_found_no_more(self, world, stores):
        token = await world.published(ALICE)
        await world.published(BOB)
        await world.here.remove_of(BOB, DURING)
        assert await world.here.desk.alike("flag", "message", token, LIN, DURING) == []
        await world.here.remove_of(ALICE, DURING)
        assert await stores.mongo["likenesses"].find({"_id": {"$in": [token]}}).to_list(None) == []

    async def test_texts_without_a_letter_are_compared_too(self, world):
        token = await world.published(ALICE, "🇨🇳🇨🇳❤️")
        await world.published(BOB, "🇨🇳🇨🇳❤️")
        assert len(await world.here.desk.alike("flag", "message", token, LIN, DURING)) == 1






