"""Messages: one for each citizen and period, nothing public before a verdict, none of children, none after a deletion."""

from __future__ import annotations

import asyncio

import pytest

from server.campaigns import LATE_SECONDS
from server.errors import Conflict, InvalidBody, NotFound
from server.messages import ITEMS_A_PAGE, Messages, MessageStore, masked
from server.seals import Seal
from server.stores import ensure_indexes
from tests.command_listener import LOOKING
from tests.server.civic_world import CLOSES, DURING, campaign

pytestmark = pytest.mark.gen_test(timeout=30)
OPEN = campaign(state="open", free_words=True)
ALICE, BOB, CAROL = 1, 2, 3
SALUTED = ("salute",)


@pytest.fixture
def messages(io_loop, stores):
    io_loop.run_sync(lambda: ensure_indexes(stores.mongo))
    return Messages(MessageStore(stores.mongo, Seal(b"k" * 32, "message")))


async def own_words(messages, citizen: int, words: str = "祖国万岁", now: float = DURING, name: str | None = None):
    return await messages.post(OPEN, "all", citizen, SALUTED, now, message=words, name=name)


async def wall(messages) -> list[str]:
    return [item["message"] for item in (await messages.wall(OPEN, ""))["items"]]


class TestPosting:
    async def test_a_preset_is_public_at_once(self, messages):
        posted = await messages.post(OPEN, "all", ALICE, SALUTED, DURING, preset="strong")
        assert posted.state == "approved"
        assert (await messages.wall(OPEN, ""))["items"] == [
            {"name": "一位市民", "message": "愿祖国繁荣昌盛。", "at": "2026-10-01T01:00:00+08:00"}]

    async def test_own_words_wait_and_are_nowhere_public(self, messages):
        assert (await own_words(messages, ALICE, name="王小明")).state == "pending"
        assert await wall(messages) == []
        assert [(i["name"], i["message"]) for i in (await messages.queue(OPEN, ""))["items"]] == [("王小明", "祖国万岁")]
        assert await messages.name_of("flag", "all", ALICE) is None

    async def test_a_second_one_in_the_period_is_refused(self, messages):
        await own_words(messages, ALICE)
        with pytest.raises(Conflict) as refusal:
            await messages.post(OPEN, "all", ALICE, SALUTED, DURING, preset="strong")
        assert refusal.value.code == "MESSAGE_ALREADY_LEFT"
        await messages.post(OPEN, "20261002", ALICE, SALUTED, DURING, preset="strong")

    async def test_of_ten_at_once_one_is_kept(self, messages):
        answers = await asyncio.gather(*(own_words(messages, ALICE, f"第{n}次") for n in range(10)), return_exceptions=True)
        assert sum(isinstance(answer, Conflict) for answer in answers) == 9
        assert len((await messages.queue(OPEN, ""))["items"]) == 1

    async def test_own_words_are_off_unless_the_campaign_takes_them(self, messages):
        with pytest.raises(Conflict) as refusal:
            await messages.post(campaign(state="open"), "all", ALICE, SALUTED, DURING, message="祖国万岁")
        assert refusal.value.code == "OWN_WORDS_OFF"

    @pytest.mark.parametrize(("activities", "under14"), [(("children",), False), (("salute",), True), (("salute", "children"), True)])
    async def test_children_leave_none(self, messages, stores, activities, under14):
        for words in ({"preset": "strong"}, {"message": "我爱你中国", "name": "小明明"}):
            with pytest.raises(Conflict) as refusal:
                await messages.post(OPEN, "all", ALICE, activities, DURING, under14=under14, **words)
            assert refusal.value.code == "MESSAGE_NOT_TAKEN"
        assert await stores.mongo["messages"].find({}, comment=LOOKING).to_list(None) == []

    async def test_words_come_after_the_salute(self, messages):
        with pytest.raises(Conflict) as refusal:
            await messages.post(OPEN, "all", ALICE, (), DURING, preset="strong")
        assert refusal.value.code == "NOT_A_PARTICIPANT"

    @pytest.mark.parametrize("state", ["scheduled", "paused", "frozen", "archived"])
    async def test_words_are_taken_while_the_campaign_runs(self, messages, state):
        with pytest.raises(Conflict) as refusal:
            await messages.post(campaign(state=state), "all", ALICE, SALUTED, DURING, preset="strong")
        assert refusal.value.code == "MESSAGES_CLOSED"
        with pytest.raises(Conflict):
            await messages.post(OPEN, "all", ALICE, SALUTED, CLOSES + LATE_SECONDS, preset="strong")

    @pytest.mark.parametrize(("words", "field"), [
        ({"preset": "unknown"}, "preset"), ({"preset": "strong", "message": "又"}, "preset"),
        ({"preset": "strong", "name": "王小明"}, "preset"),
        ({}, "message"), ({"message": ""}, "message"), ({"message": " \u200b\u202e "}, "message"), ({"message": "旗" * 201}, "message"),
        ({"message": "好", "name": "<b>"}, "name"), ({"message": "好", "name": "王"}, "name"),
        ({"message": "好", "name": "微信号abc"}, "name"), ({"message": "好", "name": "王" * 9}, "name")])
    async def test_what_is_wrong_is_named(self, messages, words, field):
        with pytest.raises(InvalidBody) as refusal:
            await messages.post(OPEN, "all", ALICE, SALUTED, DURING, **words)
        assert refusal.value.field == field

    @pytest.mark.parametrize("name", ["王小明", "阿依古丽·买买提", "欧阳娜娜", "𠮷田", None, ""])
    async def test_personal_names_are_taken_and_none_is_needed(self, messages, name):
        await own_words(messages, ALICE, name=name)
        assert (await messages.queue(OPEN, ""))["items"][0]["name"] == (name or None)

    async def test_two_hundred_characters_fit_and_hidden_ones_go(self, messages):
        await own_words(messages, ALICE, "旗" * 199 + "\u202e好\u200b")
        assert (await messages.queue(OPEN, ""))["items"][0]["message"] == "旗" * 199 + "好"

    async def test_own_words_are_not_readable_in_the_store(self, messages, stores):
        await own_words(messages, ALICE, "祖国万岁", name="王小明")
        found = str(await stores.mongo["messages"].find({}, comment=LOOKING).to_list(None))
        assert "祖国" not in found and "王小明" not in found


class TestReviewing:
    async def test_an_approved_message_goes_to_the_wall_with_a_masked_name(self, messages):
        await own_words(messages, ALICE, name="王小明")
        (waiting,) = (await messages.queue(OPEN, ""))["items"]
        await messages.decide(OPEN, waiting["id"], True, DURING + 60)
        assert (await messages.wall(OPEN, ""))["items"] == [{"name": "王**", "message": "祖国万岁", "at": "2026-10-01T01:00:00+08:00"}]
        assert (await messages.queue(OPEN, ""))["items"] == []
        assert await messages.name_of("flag", "all", ALICE) == "王小明"

    async def test_a_rejected_one_is_nowhere(self, messages):
        await own_words(messages, ALICE, name="王小明")
        (waiting,) = (await messages.queue(OPEN, ""))["items"]
        await messages.decide(OPEN, waiting["id"], False, DURING)
        assert await wall(messages) == [] and (await messages.queue(OPEN, ""))["items"] == []
        assert await messages.name_of("flag", "all", ALICE) is None

    async def test_of_two_reviewers_one_decides(self, messages):
        await own_words(messages, ALICE)
        (waiting,) = (await messages.queue(OPEN, ""))["items"]
        done = await asyncio.gather(*(messages.decide(OPEN, waiting["id"], verdict, DURING) for verdict in (True, False)),
                                    return_exceptions=True)
        assert sum(isinstance(answer, NotFound) for answer in done) == 1

    async def test_what_another_campaign_has_is_not_decided_here(self, messages):
        await own_words(messages, ALICE)
        (waiting,) = (await messages.queue(OPEN, ""))["items"]
        with pytest.raises(NotFound):
            await messages.decide(campaign(slug="other"), waiting["id"], True, DURING)

    async def test_the_queue_is_oldest_first_and_the_wall_newest_first_by_pages(self, messages):
        many = ITEMS_A_PAGE + 3
        for n in range(many):
            await own_words(messages, n, f"第{n}位", DURING + n)
        first = await messages.queue(OPEN, "")
        rest = await messages.queue(OPEN, first["next"])
        waiting = first["items"] + rest["items"]
        assert [item["message"] for item in waiting] == [f"第{n}位" for n in range(many)] and rest["next"] is None
        for n, item in enumerate(waiting):
            await messages.decide(OPEN, item["id"], True, DURING + 100 + n)
        first = await messages.wall(OPEN, "")
        rest = await messages.wall(OPEN, first["next"])
        assert [item["message"] for item in first["items"] + rest["items"]] == [f"第{n}位" for n in reversed(range(many))]

    async def test_walls_of_campaigns_with_like_names_are_apart(self, messages):
        await messages.post(campaign(slug="flag-2", state="open"), "all", ALICE, SALUTED, DURING, preset="strong")
        assert await wall(messages) == []


class TestDeletion:
    async def test_nothing_of_hers_is_left_and_others_stay(self, messages, stores):
        await own_words(messages, ALICE, "爱丽丝的话", name="王小明")
        await messages.post(OPEN, "20261002", ALICE, SALUTED, DURING, preset="strong")
        await messages.post(OPEN, "all", BOB, SALUTED, DURING, preset="strong")
        for _ in range(2):
            await messages.remove_of(ALICE, DURING)
        left = await stores.mongo["messages"].find({}, comment=LOOKING).to_list(None)
        assert [document["citizen"] for document in left] == [BOB]
        assert (await messages.queue(OPEN, ""))["items"] == []

    async def test_a_verdict_on_what_was_deleted_meanwhile_finds_nothing(self, messages):
        await own_words(messages, CAROL)
        (waiting,) = (await messages.queue(OPEN, ""))["items"]
        await messages.remove_of(CAROL, DURING)
        with pytest.raises(NotFound):
            await messages.decide(OPEN, waiting["id"], True, DURING)


@pytest.mark.parametrize(("name", "shown"), [("王小明", "王**"), ("阿依古丽·买买提", "阿**"), (None, "一位市民"), ("", "一位市民")])
def test_others_see_a_masked_name(name, shown):
    assert masked(name) == shown
