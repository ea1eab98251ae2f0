"""Messages: one for each citizen and period, nothing public before a verdict, none of children, none after a deletion."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from server.campaigns import LATE_SECONDS
from server.errors import Conflict, InvalidBody
from server.messages import ITEMS_A_PAGE, Messages, MessageStore, Ruling, masked
from server.moderation.verdict import Verdict
from server.seals import Seal
from server.words import WordList, Words
from tests.command_listener import LOOKING
from tests.server.civic_world import CLOSES, DURING, campaign
from tests.server.waiting import LIN, decide, source_of, waiting

pytestmark = pytest.mark.gen_test(timeout=30)
OPEN = campaign(state="open", free_words=True)
ALICE, BOB, CAROL = 1, 2, 3
SALUTED = ("salute",)


@pytest.fixture
def messages(io_loop, stores):
    return Messages(MessageStore(stores.mongo, Seal(b"k" * 32, "message")), Words(stores.mongo))


@pytest.fixture
def source(messages, stores):
    return source_of(stores, messages._store)


async def own_words(messages, citizen: int, words: str = "祖国万岁", now: float = DURING, name: str | None = None):
    return await messages.post(OPEN, "all", citizen, SALUTED, now, message=words, name=name)


async def wall(messages) -> list[str]:
    return [item["message"] for item in (await messages.wall(OPEN, ""))["items"]]


class TestPosting:
    async def test_a_preset_is_public_at_once(self, messages):
        posted = await messages.post(OPEN, "all", ALICE, SALUTED, DURING, preset="strong")
        assert posted.state == "approved"
        assert (await messages.wall(OPEN, ""))["items"] == [
            {"id": posted.id, "name": "一位市民", "message": "愿祖国繁荣昌盛。", "at": "2026-10-01T01:00:00+08:00"}]

    async def test_own_words_wait_and_are_nowhere_public(self, messages, source):
        assert (await own_words(messages, ALICE, name="王小明")).state == "pending"
        assert await wall(messages) == []
        assert [item.parts for item in await waiting(source)] == [{"message": "祖国万岁", "name": "王小明"}]
        assert await messages.name_of("flag", "all", ALICE) is None

    async def test_a_second_one_in_the_period_is_refused(self, messages):
        await own_words(messages, ALICE)
        with pytest.raises(Conflict) as refusal:
            await messages.post(OPEN, "all", ALICE, SALUTED, DURING, preset="strong")
        assert refusal.value.code == "MESSAGE_ALREADY_LEFT"
        await messages.post(OPEN, "20261002", ALICE, SALUTED, DURING, preset="strong")

    async def test_of_ten_at_once_one_is_kept(self, messages, source):
        answers = await asyncio.gather(*(own_words(messages, ALICE, f"第{n}次") for n in range(10)), return_exceptions=True)
        assert sum(isinstance(answer, Conflict) for answer in answers) == 9
        assert len(await waiting(source)) == 1

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
    async def test_personal_names_are_taken_and_none_is_needed(self, messages, source, name):
        await own_words(messages, ALICE, name=name)
        assert (await waiting(source))[0].parts.get("name") == (name or None)

    async def test_two_hundred_characters_fit_and_hidden_ones_go(self, messages, source):
        await own_words(messages, ALICE, "旗" * 199 + "\u202e好\u200b")
        assert (await waiting(source))[0].parts["message"] == "旗" * 199 + "好"

    async def test_own_words_are_not_readable_in_the_store(self, messages, stores):
        await own_words(messages, ALICE, "祖国万岁", name="王小明")
        found = str(await stores.mongo["messages"].find({}, comment=LOOKING).to_list(None))
        assert "祖国" not in found and "王小明" not in found


class TestMerging:
    """Alice turns out to be Bob."""

    @pytest.fixture
    def store(self, stores):
        return MessageStore(stores.mongo, Seal(b"k" * 32, "message"))

    @pytest.mark.parametrize(("first", "second"), [(ALICE, BOB), (BOB, ALICE)])
    async def test_of_two_the_older_one_stays(self, messages, store, stores, first, second):
        await messages.post(OPEN, "all", first, SALUTED, DURING, preset="strong")
        await messages.post(OPEN, "all", second, SALUTED, DURING + 60, preset="strong")
        older = (await messages.wall(OPEN, ""))["items"][1:]
        for _ in range(2):
            await store.merge(ALICE, BOB)
            assert (await messages.wall(OPEN, ""))["items"] == older
        with pytest.raises(Conflict):
            await messages.post(OPEN, "all", BOB, SALUTED, DURING + 120, preset="strong")
        await messages.remove_of(BOB, DURING)
        assert await stores.mongo["messages"].find({}, comment=LOOKING).to_list(None) == []

    async def test_each_period_has_its_own(self, messages, store):
        await messages.post(OPEN, "20261001", ALICE, SALUTED, DURING, preset="strong")
        await messages.post(OPEN, "20261002", BOB, SALUTED, DURING + 60, preset="strong")
        await store.merge(ALICE, BOB)
        assert len(await wall(messages)) == 2

    async def test_her_own_words_are_reviewed_as_before_and_her_name_stands_on_her_poster(self, messages, source, store):
        await own_words(messages, ALICE, name="王小明")
        (before,) = await waiting(source)
        await store.merge(ALICE, BOB)
        assert await waiting(source) == [replace(before, citizen=BOB)]
        (unjudged,) = await store.unjudged(DURING, 9)
        assert [(piece.citizen, piece.text) for piece in unjudged.pieces] == [(BOB, "祖国万岁"), (BOB, "王小明")]
        assert await decide(source, before, True, DURING + 60)
        assert await messages.name_of("flag", "all", BOB) == "王小明" and await messages.name_of("flag", "all", ALICE) is None

    async def test_verdicts_of_machines_go_along(self, messages, source, store):
        await own_words(messages, ALICE)
        (unjudged,) = await store.unjudged(DURING, 9)
        await store.take(unjudged, DURING + 60)
        await store.judged(unjudged, DURING + 60, "review", [Verdict("wechat", "message", "review")], DURING)
        await store.merge(ALICE, BOB)
        (item,) = await waiting(source, "review")
        assert item.machine["result"] == "review" and len(item.machine["checks"]) == 1

    async def test_a_copy_that_a_killed_process_left_counts_once(self, messages, store, monkeypatch):
        await messages.post(OPEN, "all", ALICE, SALUTED, DURING, preset="strong")

        async def killed(document):
            raise asyncio.CancelledError

        with monkeypatch.context() as patched, pytest.raises(asyncio.CancelledError):
            patched.setattr(store, "_remove", killed)
            await store.merge(ALICE, BOB)
        await store.merge(ALICE, BOB)
        assert await wall(messages) == ["愿祖国繁荣昌盛。"]

    async def test_what_is_taken_down_in_this_moment_stays_down(self, messages, source, store, monkeypatch):
        await messages.post(OPEN, "all", ALICE, SALUTED, DURING, preset="strong")
        (shown,) = await source.page("public", "flag", "", 9)
        insert = store._messages.insert_one

        async def after_a_reviewer(moved):
            assert await store.take_down("flag", shown.place, DURING + 60)
            return await insert(moved)

        with monkeypatch.context() as patched:
            patched.setattr(store._messages, "insert_one", after_a_reviewer)
            await store.merge(ALICE, BOB)
        await store.merge(ALICE, BOB)
        assert await wall(messages) == []

    async def test_what_was_sealed_with_another_key_stays_and_holds_up_no_other(self, messages, store, stores):
        await own_words(messages, ALICE)
        await messages.post(OPEN, "20261002", ALICE, SALUTED, DURING, preset="strong")
        await MessageStore(stores.mongo, Seal(b"o" * 32, "message")).merge(ALICE, BOB)
        found = await stores.mongo["messages"].find({}, comment=LOOKING).to_list(None)
        assert {document["_id"] for document in found} == {f"flag:all:{ALICE}", f"flag:20261002:{BOB}"}


class TestReviewing:
    async def test_an_approved_message_goes_to_the_wall_with_a_masked_name(self, messages, source):
        await own_words(messages, ALICE, name="王小明")
        (item,) = await waiting(source)
        assert await decide(source, item, True, DURING + 60)
        assert (await messages.wall(OPEN, ""))["items"] == [
            {"id": item.token, "name": "王**", "message": "祖国万岁", "at": "2026-10-01T01:00:00+08:00"}]
        assert await waiting(source) == []
        assert await messages.name_of("flag", "all", ALICE) == "王小明"
        assert await source.take_down("flag", item.token, Ruling(False, LIN, DURING + 120))
        assert await wall(messages) == [] and await messages.name_of("flag", "all", ALICE) is None

    async def test_a_rejected_one_is_nowhere(self, messages, source):
        await own_words(messages, ALICE, name="王小明")
        (item,) = await waiting(source)
        assert await decide(source, item, False, DURING)
        assert await wall(messages) == [] and await waiting(source) == []
        assert await messages.name_of("flag", "all", ALICE) is None

    async def test_of_two_reviewers_one_decides(self, messages, source):
        await own_words(messages, ALICE)
        (item,) = await waiting(source)
        done = await asyncio.gather(*(decide(source, item, verdict, DURING) for verdict in (True, False)))
        assert sorted(done) == [False, True]

    async def test_what_another_campaign_has_is_not_decided_here(self, messages, source):
        await own_words(messages, ALICE)
        (item,) = await waiting(source)
        assert not await decide(source, item, True, DURING, "other")

    async def test_the_queue_is_oldest_first_and_the_wall_newest_first_by_pages(self, messages, source):
        many = ITEMS_A_PAGE + 3
        for n in range(many):
            await own_words(messages, n, f"第{n}位", DURING + n)
        first = await waiting(source)
        rest = await waiting(source, after=first[-1].place)
        assert [item.parts["message"] for item in first + rest] == [f"第{n}位" for n in range(many)]
        for n, item in enumerate(first + rest):
            assert await decide(source, item, True, DURING + 100 + n)
        first = await messages.wall(OPEN, "")
        rest = await messages.wall(OPEN, first["next"])
        assert [item["message"] for item in first["items"] + rest["items"]] == [f"第{n}位" for n in reversed(range(many))]

    async def test_walls_of_campaigns_with_like_names_are_apart(self, messages):
        await messages.post(campaign(slug="flag-2", state="open"), "all", ALICE, SALUTED, DURING, preset="strong")
        assert await wall(messages) == []


class TestDeletion:
    async def test_nothing_of_hers_is_left_and_others_stay(self, messages, source, stores):
        await own_words(messages, ALICE, "爱丽丝的话", name="王小明")
        await messages.post(OPEN, "20261002", ALICE, SALUTED, DURING, preset="strong")
        await messages.post(OPEN, "all", BOB, SALUTED, DURING, preset="strong")
        for _ in range(2):
            await messages.remove_of(ALICE, DURING)
        left = await stores.mongo["messages"].find({}, comment=LOOKING).to_list(None)
        assert [document["citizen"] for document in left] == [BOB]
        assert await waiting(source) == []

    async def test_a_verdict_on_what_was_deleted_meanwhile_finds_nothing(self, messages, source):
        await own_words(messages, CAROL)
        (item,) = await waiting(source)
        await messages.remove_of(CAROL, DURING)
        assert not await decide(source, item, True, DURING)


@pytest.mark.parametrize(("name", "shown"), [("王小明", "王**"), ("阿依古丽·买买提", "阿**"), (None, "一位市民"), ("", "一位市民")])
def test_others_see_a_masked_name(name, shown):
    assert masked(name) == shown


class TestWordList:
    @pytest.mark.parametrize(("words", "name", "field"), [("来 賭*博", None, "message"), ("祖国万岁", "赌博", "name")])
    async def test_a_blocked_word_is_refused_without_saying_which(self, messages, source, words, name, field):
        await messages._words.keep(WordList(("赌博",)))
        with pytest.raises(InvalidBody) as refusal:
            await own_words(messages, ALICE, words, name=name)
        assert (refusal.value.code, refusal.value.field) == ("WORDS_REFUSED", field) and "赌" not in refusal.value.message
        assert await waiting(source) == []
        assert (await own_words(messages, ALICE)).state == "pending"  # she may write something else
