"""Receipts: what was acknowledged comes back once, to its own citizen and period, and opens nothing else."""

from __future__ import annotations

import asyncio
import base64
import time

import msgspec
import pytest

from server.counting.receipts import MAX_CHARACTERS, Receipt, Receipts
from server.errors import Conflict, Forbidden, Unavailable
from tests.server.counting.world import ALWAYS, SCHOOL, XIANGCHENG, World, campaign

KEY = b"k" * 32
HERS = Receipt("flag", "all", 7, 4, 1_790_827_200, 3, XIANGCHENG, SCHOOL)
# The longest that the product can be asked to sign: every code has at most 32 letters.
LONGEST = Receipt("c" * 32, "20261001", 2**63 - 1, 2**32 - 1, 2**32 - 1, 2**13 - 1, "r" * 32, "u" * 32)


class TestText:
    @pytest.mark.parametrize("receipt", [HERS, LONGEST])
    def test_what_was_signed_is_read(self, receipt):
        text = Receipts(KEY).sign(receipt)
        assert len(text) <= MAX_CHARACTERS and Receipts(KEY).read(text) == receipt

    def test_no_single_letter_of_it_can_be_another(self):
        receipts = Receipts(KEY)
        text = receipts.sign(HERS)
        for place in range(len(text)):
            for letter in "A_b9":
                changed = text[:place] + letter + text[place + 1:]
                # The last letter carries bits beyond the bytes: another text of the same receipt proves the same.
                assert receipts.read(changed) in (None, HERS) and (changed == text or place == len(text) - 1
                                                                   or receipts.read(changed) is None)

    @pytest.mark.parametrize("text", ["", "a", "====", "回执", "\0", "A" * MAX_CHARACTERS, "A" * 100_000, "\ud800", "AAAA\n" * 9])
    def test_any_other_text_is_worth_nothing(self, text):
        assert Receipts(KEY).read(text) is None

    def test_a_text_signed_for_something_else_with_our_secret_is_worth_nothing(self):
        from hashlib import blake2b

        payload = msgspec.msgpack.encode(HERS)
        for key in (KEY, blake2b(KEY, digest_size=32).digest()):
            mac = blake2b(payload, key=key, digest_size=16).digest()
            assert Receipts(KEY).read(base64.urlsafe_b64encode(payload + mac).decode()) is None


@pytest.mark.gen_test(timeout=60)
class TestWhatItRestores:
    async def lost(self, stores, tmp_path, **changes) -> tuple[World, str]:
        """王小红, citizen 7, was shown number 4 for the school; then Redis was emptied before MongoDB had it."""
        world = await World(stores, tmp_path, campaign(**changes)).ready()
        for citizen in (1, 2, 3):
            await world.salute(citizen)
        await world.carry_all()
        receipt = (await world.salute(7, unit=SCHOOL)).receipt
        await stores.redis.flushall()
        return world, receipt

    async def test_what_is_refused_beside_it_is_said(self, stores, tmp_path):
        """A journal that is full brings back what she was shown, and counts no second activity: she is asked to come again with that."""
        world, receipt = await self.lost(stores, tmp_path)
        await world.salute_until_taken(1)
        await stores.redis.hset(world.counting.period(world.campaigns.current, "all").handles[0].shard.keys[0], "backlog_limit", 0)
        with pytest.raises(Unavailable):
            await world.salute(7, "heroes", receipt=receipt)
        taken = await world.counting.record_of("flag", 7, time.time())
        assert (taken.ordinal, taken.activities) == (Receipts(KEY).read(receipt).ordinal, ("salute",))
        await world.close()

    async def test_ordinal_time_and_place_whatever_the_request_says(self, stores, tmp_path):
        world, receipt = await self.lost(stores, tmp_path)
        again = await world.salute_until_taken(7, receipt=receipt)
        hers = Receipts(KEY).read(receipt)
        assert (again.ordinal, again.participated_at, again.status) == (hers.ordinal, hers.second, 200)
        figures = await world.counting.figures("flag", None, time.time(), units=True)
        assert figures.by_unit == {SCHOOL: 1} and figures.by_region == {XIANGCHENG: 4}
        await world.proved(4)
        await world.close()

    async def test_one_of_another_campaign_or_of_a_made_up_period_restores_nothing_here(self, stores, tmp_path):
        world, receipt = await self.lost(stores, tmp_path)
        other = Receipts(KEY).sign(msgspec.structs.replace(Receipts(KEY).read(receipt), campaign="other"))
        again = await world.salute_until_taken(7, receipt=other)
        assert again.first and again.ordinal > 4
        await world.proved(4)
        await world.close()

    async def test_two_different_ones_of_hers_at_once_restore_her_once_with_all_she_did(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        early = (await world.salute(7)).receipt
        late = (await world.salute(7, "heroes", receipt=early)).receipt
        await stores.redis.flushall()
        answers = await asyncio.gather(*(world.salute_until_taken(7, receipt=text) for text in (early, late) * 5))
        assert {a.ordinal for a in answers} == {1}
        assert (await world.salute(7)).activities == ("salute", "heroes")
        await world.proved(1)
        await world.close()

    async def test_one_that_comes_after_she_was_counted_anew_changes_nothing(self, stores, tmp_path):
        world, receipt = await self.lost(stores, tmp_path)
        anew = await world.salute_until_taken(7)
        assert (await world.salute(7, receipt=receipt)).ordinal == anew.ordinal > 4
        await world.proved(4)
        await world.close()

    async def test_nobody_is_given_the_ordinal_that_it_restores(self, stores, tmp_path):
        world, receipt = await self.lost(stores, tmp_path)
        newcomers = [await world.salute_until_taken(citizen) for citizen in range(20, 30)]
        assert (await world.salute(7, receipt=receipt)).ordinal not in {a.ordinal for a in newcomers}
        assert len({(await world.salute(c)).ordinal for c in (1, 2, 3, 7, *range(20, 30))}) == 14
        await world.proved(14)
        await world.close()

    async def test_one_of_an_epoch_long_ago_is_honoured_in_a_frozen_campaign(self, stores, tmp_path):
        world, receipt = await self.lost(stores, tmp_path)
        await world.salute_until_taken(1)
        shard = world.counting.period(world.campaigns.current, "all").handles[0].shard
        for _ in range(3):
            assert await world.keeper.recover(shard, world.campaigns.current, ALWAYS)
        world.campaigns.current = campaign(state="frozen")
        while not await world.counting.apply(world.campaigns.current):
            await asyncio.sleep(0.1)
        with pytest.raises(Conflict):
            await world.salute_until_taken(8)
        assert (await world.salute_until_taken(7, receipt=receipt)).ordinal == Receipts(KEY).read(receipt).ordinal
        await world.proved(4)
        await world.close()

    async def test_one_of_a_voided_participation_is_refused_before_and_after_a_rebuild(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        receipt = (await world.salute(7)).receipt
        await world.carry_all()
        await world.amendments.void(world.campaigns.current, "all", 7)
        await world.carry_all()
        for _ in range(2):
            with pytest.raises(Forbidden):
                await world.salute_until_taken(7, receipt=receipt)
            await stores.redis.flushall()
        await world.salute_until_taken(1)
        await world.proved(1)
        await world.close()

    async def test_one_of_a_deleted_citizen_leaves_the_count_as_it_is(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        receipt = (await world.salute(7)).receipt
        await world.amendments.flag_deleted(7)
        await world.carry_all()
        await stores.redis.flushall()
        await world.salute_until_taken(8)
        with pytest.raises(Conflict):  # by a process that has yet to learn of the deletion
            await world.salute(7, receipt=receipt)
        await world.proved(2)
        assert (await stores.mongo["amendments"].find_one({"_id": "flag:all:7"}))["kind"] == "deleted"
        await world.close()

    async def test_a_full_journal_does_not_refuse_what_was_acknowledged(self, stores, tmp_path):
        world, receipt = await self.lost(stores, tmp_path)
        world.keeper._journal_max_changes = 0
        assert (await world.salute_until_taken(7, receipt=receipt)).ordinal == Receipts(KEY).read(receipt).ordinal
        await world.proved(4)
        await world.close()


@pytest.mark.gen_test(timeout=60)
class TestWhatIsSigned:
    async def test_a_repeat_that_names_no_place_that_exists_gets_none(self, stores, tmp_path):
        """Else a made-up region would be counted, once Redis lost her cell."""
        world = await World(stores, tmp_path, campaign()).ready()
        await world.salute(7)
        for region, unit in (("nowhere", ""), (XIANGCHENG, "u" * 4000), ("", "")):
            assert (await world.salute(7, region=region, unit=unit)).receipt == ""
        assert Receipts(KEY).read((await world.salute(7)).receipt).region == XIANGCHENG
        await world.close()
