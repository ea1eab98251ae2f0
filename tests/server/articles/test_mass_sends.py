"""Mass sends: confirmed by a second person, sent once whatever is repeated or killed, told by an event or found out."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from server.articles import Confirmed
from server.articles.article import DraftChanged, DraftInUse, DraftNotFound, MassSendNotFound, digest_of
from server.articles.drafts import EDIT_SECONDS, FORGOTTEN_SECONDS
from server.articles.mass_sends import (
    FIRST_LOOK_SECONDS,
    REMEMBERED_SECONDS,
    REPEAT_SECONDS,
    FollowerNotFound,
    FourEyes,
    client_msg_id,
    fields_of,
)
from server.clock import SHANGHAI
from server.errors import Conflict, InvalidBody
from server.stores import PyMongoError
from server.wechat.details import MassDelivery
from server.wechat.errors import ArticleRefused, MassSendsSpent, NotPermitted
from tests.server.articles.articles_world import APPID, NOW, TITLE, until

pytestmark = pytest.mark.gen_test(timeout=60)
SENDALL = "/cgi-bin/message/mass/sendall"


async def send(process, draft, by="shenhe", *, rev=1, title=TITLE, tag_id=0, now=NOW):
    """Confirm a draft as it is there now."""
    confirmed = Confirmed(rev, title, await seen(process, draft), tag_id)
    return await process.mass_sends.send(draft.media_id, confirmed, by, now)


async def seen(process, draft):
    """The digest of what a page shows; of one that was sent none is left to show."""
    try:
        return digest_of(await process.drafts.held(draft.media_id))
    except DraftNotFound:
        return ""


def taken(world):
    """How many mass sends the platform took."""
    return len(world.sandbox.platform.store.things("mass", APPID))


class TestSending:
    async def test_all_followers_get_it_and_the_event_says_how_many(self, world):
        desk = world.process()
        await world.people(3)
        draft = await world.draft(desk)
        asked = await send(desk, draft)
        assert (asked.state, asked.by, asked.tag_id, bool(asked.msg_id)) == ("accepted", "shenhe", 0, True)
        await world.events(desk)
        done = await desk.mass_sends.find(draft.media_id)
        assert (done.state, done.status, done.total, done.sent, done.failed) == ("sent", "sendsuccess", 3, 3, 0)
        assert [world.chat(citizen) for citizen in (1, 2, 3)] == [[TITLE]] * 3
        assert TITLE in (await world.sandbox.http.fetch(done.urls[0])).body.decode()
        with pytest.raises(DraftNotFound):
            await desk.drafts.held(draft.media_id)
        assert (await desk.mass_sends.page(""))[0] == [done]

    async def test_those_of_a_tag_alone_get_it(self, world):
        desk = world.process()
        await world.people(2)
        store = world.sandbox.platform.store
        store.add_tag(APPID, 100, "志愿者")
        store.tag(APPID, 100, store.find_citizen(world.openids[2]).key, True)
        await send(desk, await world.draft(desk), tag_id=100)
        await world.events(desk)
        assert (world.chat(1), world.chat(2)) == ([], [TITLE])

    async def test_a_preview_goes_to_one_follower_and_the_draft_stays(self, world):
        desk = world.process()
        await world.people(2)
        draft = await world.draft(desk)
        await desk.mass_sends.preview(draft.media_id, 2)
        assert (world.chat(1), world.chat(2), taken(world)) == ([], [TITLE], 0)
        assert (await desk.drafts.held(draft.media_id))[0]["title"] == TITLE

    async def test_a_preview_to_somebody_who_does_not_follow_is_told(self, world):
        desk = world.process()
        await world.people(1, following=False)
        draft = await world.draft(desk)
        for citizen in (1, 99):
            with pytest.raises(FollowerNotFound):
                await desk.mass_sends.preview(draft.media_id, citizen)

    async def test_one_can_be_taken_back(self, world):
        desk = world.process()
        await world.people(1)
        draft = await world.draft(desk)
        with pytest.raises(MassSendNotFound):
            await desk.mass_sends.delete(draft.media_id)
        await send(desk, draft)
        await world.events(desk)
        url = (await desk.mass_sends.find(draft.media_id)).urls[0]
        for _ in range(2):
            assert (await desk.mass_sends.delete(draft.media_id)).state == "deleted"
        assert (await world.sandbox.http.fetch(url, raise_error=False)).code == 404

    async def test_a_report_that_comes_after_the_deletion_does_not_undo_it(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        await send(desk, draft)
        await desk.mass_sends.delete(draft.media_id)
        await world.events(desk)
        assert (await desk.mass_sends.find(draft.media_id)).state == "deleted"


class TestFourEyes:
    async def test_whoever_wrote_in_it_does_not_confirm_it(self, world):
        desk = world.process()
        draft = await world.draft(desk, writer="shenhe")
        with pytest.raises(FourEyes):
            await send(desk, draft, "shenhe")
        changed = await desk.drafts.update(draft.media_id, 1, 0, await world.article(desk), "lisi", NOW)
        for writer in ("shenhe", "lisi"):
            with pytest.raises(FourEyes):
                await send(desk, draft, writer, rev=changed.rev)
        assert taken(world) == 0
        assert (await send(desk, draft, "wangwu", rev=changed.rev)).state == "accepted"

    @pytest.mark.parametrize("title", ["", "国庆升旗仪式", TITLE + " "])
    async def test_the_title_is_repeated_to_the_letter(self, world, title):
        desk = world.process()
        draft = await world.draft(desk)
        with pytest.raises(InvalidBody) as refusal:
            await send(desk, draft, title=title)
        assert refusal.value.code == "TITLE_DIFFERS" and taken(world) == 0

    async def test_what_was_changed_after_it_was_read_is_not_sent(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        await desk.drafts.update(draft.media_id, 1, 0, await world.article(desk, content="<p>别的内容</p>"), "lisi", NOW)
        with pytest.raises(DraftChanged):
            await send(desk, draft)
        assert taken(world) == 0

    async def test_a_draft_of_unknown_hands_is_not_sent(self, world):
        desk = world.process()
        world.sandbox.platform.store.keep_thing("draft", APPID, "elsewhere", {"articles": [{"title": TITLE}], "at": NOW}, NOW)
        with pytest.raises(DraftNotFound):
            await desk.mass_sends.send("elsewhere", Confirmed(1, TITLE, ""), "shenhe", NOW)

    async def test_nobody_writes_in_one_that_is_being_sent(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        await send(desk, draft)
        with pytest.raises(DraftInUse):
            await desk.drafts.update(draft.media_id, 1, 0, await world.article(desk), "bianji", NOW)
        with pytest.raises(DraftInUse):
            await desk.drafts.delete(draft.media_id, 1, NOW)


    async def test_whoever_writes_in_it_while_she_confirms_does_not_confirm_it(self, world):
        """She is editor and reviewer, and guesses the number that her own edit will give."""
        desk, other = world.process(), world.process()
        draft = await world.draft(desk)
        hers = await world.article(desk, content="<p>没有人看过</p>")
        real = desk.drafts.find

        async def find(media_id):
            found = await real(media_id)
            desk.drafts.find = real
            await other.drafts.update(draft.media_id, 1, 0, hers, "shenhe", NOW)
            return found

        desk.drafts.find = find
        with pytest.raises(FourEyes):
            await desk.mass_sends.send(draft.media_id, Confirmed(2, TITLE, "x" * 32), "shenhe", NOW)
        assert taken(world) == 0 and (await desk.drafts.find(draft.media_id)).use == ""

    async def test_what_the_platform_holds_is_what_was_seen(self, world):
        """An edit from elsewhere, or one that arrives late, does not change the number here."""
        desk = world.process()
        draft = await world.draft(desk)
        confirmed = Confirmed(1, TITLE, await seen(desk, draft))
        store = world.sandbox.platform.store
        held = store.thing("draft", APPID, draft.media_id)
        held["articles"][0]["content"] = "<p>没有人看过</p>"
        store.keep_thing("draft", APPID, draft.media_id, held, NOW)
        with pytest.raises(DraftChanged):
            await desk.mass_sends.send(draft.media_id, confirmed, "shenhe", NOW)
        assert taken(world) == 0 and (await desk.drafts.find(draft.media_id)).use == ""


class Gate:
    """Lets a process's calls of one path wait, before they go out or with the answer in hand."""

    def __init__(self, process, path, *, before):
        self.opened, self._real, self._path, self._before = asyncio.Event(), process.client.call, path, before
        self.reached = asyncio.Event()
        process.client.call = self.call

    async def call(self, method, path, *args, **kwargs):
        if path != self._path:
            return await self._real(method, path, *args, **kwargs)
        if not self._before:
            answer = await self._real(method, path, *args, **kwargs)
        self.reached.set()
        await self.opened.wait()
        return await self._real(method, path, *args, **kwargs) if self._before else answer


class TestLateEdits:
    async def late(self, world, *, before):
        """Two processes; an edit of the first is under way and held up."""
        one, two = world.process(), world.process()
        draft, article = await world.draft(one), await world.article(one, content="<p>A</p>")
        gate = Gate(one, "cgi-bin/draft/update", before=before)
        edit = asyncio.create_task(one.drafts.update(draft.media_id, 1, 0, article, "anna", NOW))
        await gate.reached.wait()
        return one, two, draft, gate, edit

    async def test_nobody_edits_over_one_that_may_be_under_way(self, world):
        _, two, draft, gate, edit = await self.late(world, before=True)
        other = await world.article(two, content="<p>B</p>")
        with pytest.raises(DraftInUse):
            await two.drafts.update(draft.media_id, 2, 0, other, "bianji", NOW + EDIT_SECONDS - 1)
        gate.opened.set()
        assert (await edit).use == "" and (await two.drafts.held(draft.media_id))[0]["content"] == "<p>A</p>"

    async def test_one_that_was_overtaken_leaves_the_draft_to_be_saved_again(self, world):
        _, two, draft, gate, edit = await self.late(world, before=True)
        saved = await two.drafts.update(draft.media_id, 2, 0, await world.article(two, content="<p>B</p>"), "bianji", NOW + EDIT_SECONDS)
        confirmed = Confirmed(saved.rev, TITLE, await seen(two, draft))
        gate.opened.set()
        with pytest.raises(DraftChanged):
            await edit
        assert (await two.drafts.find(draft.media_id)).use == "edit"
        with pytest.raises(DraftChanged):
            await two.mass_sends.send(draft.media_id, confirmed, "shenhe", NOW + EDIT_SECONDS)
        assert taken(world) == 0

    async def test_one_that_was_overtaken_does_not_free_a_draft_that_is_being_sent(self, world):
        _, two, draft, gate, edit = await self.late(world, before=False)
        saved = await two.drafts.update(draft.media_id, 2, 0, await world.article(two, content="<p>B</p>"), "bianji", NOW + EDIT_SECONDS)
        await world.fault(SENDALL, status=502)  # no word: the job asks again
        assert (await send(two, draft, rev=saved.rev)).state == "sending"
        gate.opened.set()
        with pytest.raises(DraftChanged):
            await edit
        assert (await two.drafts.find(draft.media_id)).use == "mass"
        with pytest.raises(DraftInUse):
            await two.drafts.update(draft.media_id, saved.rev, 0, await world.article(two), "anna", NOW + EDIT_SECONDS + 10)
        world.sandbox.advance(REPEAT_SECONDS)
        await two.mass_sends.look(NOW + REPEAT_SECONDS)
        assert (await two.mass_sends.find(draft.media_id)).state == "accepted"

    async def test_a_refused_one_frees_nothing_that_was_begun_since(self, world):
        one, two = world.process(), world.process()
        draft = await world.draft(one)
        await world.fault(SENDALL, errcode=45110)
        real, store = one.mass_sends._store.change, one.mass_sends._store
        reached, opened = asyncio.Event(), asyncio.Event()

        async def change(record, fields, **kwargs):
            if fields.get("state") == "refused":
                reached.set()
                await opened.wait()
            return await real(record, fields, **kwargs)

        store.change = change
        first = asyncio.create_task(send(one, draft))
        await reached.wait()
        assert (await send(two, draft, "wangwu", now=NOW + 1)).state == "sending"  # it is not free to be asked again yet
        opened.set()
        with pytest.raises(ArticleRefused):
            await first
        await world.fault(SENDALL, status=502)
        assert (await send(two, draft, "wangwu", now=NOW + 2)).state == "sending"
        assert (await one.drafts.find(draft.media_id)).use == "mass"

    async def test_one_whose_draft_is_no_longer_held_is_not_asked_for_again(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        await world.fault(SENDALL, status=502)
        await send(desk, draft)
        await world.stores.mongo["drafts"].update_one({"_id": f"{APPID}:{draft.media_id}"}, {"$set": {"use": ""}, "$inc": {"rev": 1}})
        await desk.mass_sends.look(NOW + REPEAT_SECONDS)
        assert (await desk.mass_sends.find(draft.media_id)).state == "uncertain" and taken(world) == 0


class TestForgotten:
    @pytest.mark.parametrize("use", ["mass", "publish"])
    async def test_a_claim_without_a_record_is_free_again_after_a_while(self, world, use):
        desk = world.process()
        draft, article = await world.draft(desk), await world.article(desk)
        await desk.drafts.claim(draft.media_id, 1, use, NOW, over=("",))  # and the process dies
        with pytest.raises(DraftInUse):
            await desk.drafts.update(draft.media_id, 1, 0, article, "bianji", NOW + FORGOTTEN_SECONDS - 1)
        saved = await desk.drafts.update(draft.media_id, 1, 0, article, "bianji", NOW + FORGOTTEN_SECONDS)
        await desk.drafts.claim(draft.media_id, saved.rev, use, NOW, over=("",))
        assert (await send(desk, draft, rev=saved.rev, now=NOW + FORGOTTEN_SECONDS)).state == "accepted"
        with pytest.raises(DraftInUse):
            await desk.drafts.update(draft.media_id, saved.rev, 0, article, "bianji", NOW + 9 * FORGOTTEN_SECONDS)

    @pytest.mark.parametrize("name", ["mass_sends", "publications"])
    async def test_where_no_record_can_be_kept_the_draft_is_free(self, world, name):
        desk = world.process()
        draft = await world.draft(desk)
        service = desk.mass_sends if name == "mass_sends" else desk.publishing

        async def begin(record, due):
            raise PyMongoError("gone")

        service._store.begin = begin
        with pytest.raises(PyMongoError):
            await (send(desk, draft) if name == "mass_sends" else desk.publishing.submit(draft.media_id, 1, "bianji", NOW))
        assert (await desk.drafts.find(draft.media_id)).use == ""


class TestOnce:
    async def test_many_requests_at_once_are_one_send(self, world):
        desk, other = world.process(), world.process()
        await world.people(2)
        draft = await world.draft(desk)
        done = await asyncio.gather(*(send(process, draft, by) for process in (desk, other) for by in ("shenhe", "wangwu")))
        assert {one.state for one in done} <= {"sending", "accepted"} and taken(world) == 1
        await world.events(desk)
        again = await send(other, draft, "zhaoliu")
        assert (again.state, taken(world)) == ("sent", 1) and [world.chat(citizen) for citizen in (1, 2)] == [[TITLE]] * 2

    @pytest.mark.parametrize("arrived", [True, False])
    async def test_a_process_that_is_killed_while_it_asks_leaves_it_sent_once(self, world, arrived):
        dying, other = world.process(), world.process()
        await world.people(2)
        draft = await world.draft(dying)
        await world.fault(SENDALL, hang_seconds=0.5, **({} if arrived else {"status": 502}))
        asking = asyncio.create_task(send(dying, draft))
        await until(lambda: not world.sandbox.platform.faults)  # the request is kept, and on its way
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert (await other.mass_sends.find(draft.media_id)).state == "sending"
        await asyncio.sleep(1.0)
        assert taken(world) == int(arrived)
        assert await other.mass_sends.look(NOW + REPEAT_SECONDS - 1) == 0
        world.sandbox.advance(REPEAT_SECONDS)
        assert await other.mass_sends.look(NOW + REPEAT_SECONDS) == 1
        await until(lambda: all(world.chat(citizen) for citizen in (1, 2)))
        assert taken(world) == 1 and [world.chat(citizen) for citizen in (1, 2)] == [[TITLE]] * 2
        await until(lambda: bool(world.sandbox.received))
        await world.events(other)
        done = await other.mass_sends.find(draft.media_id)
        assert (done.state, done.sent) == ("sent", 2)

    async def test_an_answer_that_is_late_is_asked_for_again_under_the_same_name(self, world):
        hasty = world.process(answer_seconds=0.5)
        await world.people(1)
        draft = await world.draft(hasty)
        await world.fault(SENDALL, hang_seconds=1.0)
        assert (await send(hasty, draft)).state == "sending"
        assert (await send(hasty, draft, "wangwu")).state == "sending"
        await until(lambda: taken(world) == 1)
        await hasty.mass_sends.look(NOW + REPEAT_SECONDS)
        assert (await hasty.mass_sends.find(draft.media_id)).state == "sending"  # 45066: a minute has not passed there
        world.sandbox.advance(REPEAT_SECONDS)
        await hasty.mass_sends.look(NOW + 2 * REPEAT_SECONDS)
        accepted = await hasty.mass_sends.find(draft.media_id)
        assert (accepted.state, bool(accepted.msg_id), taken(world)) == ("accepted", True, 1)

    async def test_while_the_platform_is_away_it_is_tried_again_until_its_memory_ends(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        for _ in range(3):
            await world.fault(SENDALL, status=502)
        assert (await send(desk, draft)).state == "sending"
        await desk.mass_sends.look(NOW + REPEAT_SECONDS)
        assert (await desk.mass_sends.find(draft.media_id)).state == "sending"
        await desk.mass_sends.look(NOW + 2 * REPEAT_SECONDS)
        assert (await desk.mass_sends.find(draft.media_id)).state == "sending"
        await desk.mass_sends.look(NOW + REMEMBERED_SECONDS)
        assert (await desk.mass_sends.find(draft.media_id)).state == "uncertain" and taken(world) == 0
        assert await desk.mass_sends.look(NOW + 9 * REMEMBERED_SECONDS) == 0

    async def test_a_repeat_that_the_platform_refuses_is_for_a_person_to_look_at(self, world):
        """A draft that is gone may have been taken by the first request, so nothing is free to be sent anew."""
        desk = world.process()
        draft = await world.draft(desk)
        await world.fault(SENDALL, status=502)
        await send(desk, draft)
        await world.fault(SENDALL, errcode=40007)
        await desk.mass_sends.look(NOW + REPEAT_SECONDS)
        one = await desk.mass_sends.find(draft.media_id)
        assert (one.state, one.errcode) == ("uncertain", 40007)
        assert (await send(desk, draft)).state == "uncertain" and taken(world) == 0

    async def test_another_title_or_audience_is_no_repeat(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        await send(desk, draft)
        with pytest.raises(InvalidBody):
            await send(desk, draft, title="别的")
        with pytest.raises(Conflict) as refusal:
            await send(desk, draft, tag_id=100)
        assert refusal.value.code == "MASS_SEND_DIFFERS" and taken(world) == 1

    async def test_its_name_follows_from_the_draft_and_fits(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        one = await send(desk, draft)
        assert len(client_msg_id(one)) == 32 and world.sandbox.platform.store.thing("mass-name", APPID, client_msg_id(one))


class TestLostEvents:
    async def test_a_lost_event_is_found_out_by_asking(self, world):
        desk = world.process()
        await world.people(1)
        await world.sandbox.told("/sandbox/article-events", {"lost": True})
        draft = await world.draft(desk)
        await send(desk, draft)
        await until(lambda: bool(world.chat(1)))
        await desk.mass_sends.look(NOW + FIRST_LOOK_SECONDS)
        done = await desk.mass_sends.find(draft.media_id)
        assert (done.state, done.status) == ("sent", "sendsuccess") and await desk.mass_sends.look(NOW + 86400) == 0

    async def test_a_send_from_the_accounts_own_pages_changes_nothing_here(self, world):
        desk = world.process()
        await world.people(1)
        draft = await world.draft(desk)
        message = {"openid": world.openids[1], "event": "MASSSENDJOBFINISH", "fields": {
            "MsgID": 77, "Status": "err(10001)", "TotalCount": 5, "SentCount": 0, "ErrorCount": 5}}
        await world.sandbox.told("/sandbox/messages", message)
        await world.events(desk, 1)
        with pytest.raises(MassSendNotFound):
            await desk.mass_sends.find(draft.media_id)

    @pytest.mark.parametrize(("status", "state"), [
        ("send success", "sent"), ("sendsuccess", "sent"), ("send fail", "failed"), ("err(20001)", "failed"), ("err(30003)", "failed")])
    def test_an_event_says_how_it_ended(self, status, state):
        assert fields_of(MassDelivery("1", status, 5, 3, 2))["state"] == state


class TestQuota:
    async def test_the_fourth_of_a_month_is_the_last_of_a_service_account(self, world):
        desk = world.process()
        for n in range(4):
            await send(desk, await world.draft(desk, title=f"第{n}次"), title=f"第{n}次", now=NOW + n)
        assert await desk.mass_sends.quota(NOW + 10) == {
            "this_month": 4, "today": 4, "kinds": [
                {"kind": "service", "name": "服务号", "period": "month", "most": 4, "left": 0},
                {"kind": "subscription", "name": "订阅号", "period": "day", "most": 1, "left": 0}]}
        fifth = await world.draft(desk)
        with pytest.raises(MassSendsSpent) as refusal:
            await send(desk, fifth)
        assert refusal.value.status == 409
        one = await desk.mass_sends.find(fifth.media_id)
        assert (one.state, one.errcode) == ("refused", 45028) and (await desk.mass_sends.quota(NOW + 10))["this_month"] == 4
        world.sandbox.advance(31 * 86400)
        assert (await send(desk, fifth, now=NOW + 31 * 86400)).state == "accepted"
        assert (await desk.mass_sends.quota(NOW + 31 * 86400))["this_month"] == 1

    async def test_a_subscription_account_has_one_a_day(self, world):
        desk = world.process()
        await world.sandbox.told("/sandbox/accounts/official", {"kind": "certified_subscription"})
        await send(desk, await world.draft(desk))
        second = await world.draft(desk)
        with pytest.raises(MassSendsSpent):
            await send(desk, second)
        world.sandbox.advance(86400)
        assert (await send(desk, second)).state == "accepted"

    async def test_an_account_that_is_not_certified_may_not(self, world):
        desk = world.process()
        draft = await world.draft(desk)
        await world.fault(SENDALL, errcode=48001)
        with pytest.raises(NotPermitted) as refusal:
            await send(desk, draft)
        assert refusal.value.status == 403

    async def test_months_and_days_are_shanghais(self, world):
        desk = world.process()
        midnight = datetime(2026, 10, 1, tzinfo=SHANGHAI).timestamp()
        for n, at in enumerate((midnight - 1, midnight, midnight + 86399)):
            await send(desk, await world.draft(desk, title=f"第{n}次"), title=f"第{n}次", now=at)
        quota = {at: await desk.mass_sends.quota(at) for at in (midnight - 1, midnight + 86399, midnight + 86400)}
        assert [(one["this_month"], one["today"]) for one in quota.values()] == [(3, 3), (2, 2), (2, 0)]
