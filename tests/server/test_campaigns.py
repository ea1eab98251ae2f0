"""Campaigns: the life cycle, what an editor may change and when, and what is served while a store is away."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from redis.exceptions import ConnectionError as RedisGone

from server.campaigns import FOOTER as FOOTER_NAMES
from server.campaigns import LATE_SECONDS, MOST_ABSENT, MOST_FINDING, TRANSITIONS, Activity, CampaignNotFound, Preset
from server.errors import Conflict, InvalidBody
from tests.server.civic_world import BEFORE, CLOSES, DURING, FOOTER, HEROES, OPENS, SALUTE, CivicWorld, campaign, without_mongodb

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture
def world(io_loop, stores):
    return io_loop.run_sync(lambda: CivicWorld(stores).ready())


async def age(service, seconds: float) -> None:
    """Make what a process knows this much older."""
    service._known = {slug: (read_at - seconds, known) for slug, (read_at, known) in service._known.items()}


class TestLifeCycle:
    async def test_a_campaign_goes_from_draft_to_archive(self, world):
        await world.campaigns.create(campaign())
        for state, now in (("scheduled", BEFORE), ("open", DURING), ("paused", DURING), ("open", DURING), ("frozen", CLOSES),
                           ("archived", CLOSES + LATE_SECONDS)):
            moved = await world.campaigns.transition("flag", state, now)
            assert moved.state == state == (await world.campaigns.get("flag")).state
        assert [state for _, state in world.counters.told] == ["open", "paused", "open", "frozen", "archived"]

    @pytest.mark.parametrize("state", TRANSITIONS)
    async def test_only_the_listed_steps_are_taken(self, world, state):
        await world.campaigns.create(campaign())
        await world.stores.mongo["campaigns"].update_one({"_id": "flag"}, {"$set": {"state": state}})
        for other in set(TRANSITIONS) - {state, *TRANSITIONS[state]}:
            with pytest.raises(Conflict) as refusal:
                await world.campaigns.transition("flag", other, CLOSES + LATE_SECONDS)
            assert refusal.value.code == "TRANSITION_REFUSED"

    async def test_a_state_that_does_not_exist_is_refused(self, world):
        await world.campaigns.create(campaign())
        with pytest.raises(InvalidBody) as refusal:
            await world.campaigns.transition("flag", "closed", DURING)
        assert (refusal.value.code, refusal.value.field) == ("UNKNOWN_STATE", "state")

    async def test_shards_are_written_when_it_is_scheduled_and_stay(self, world, stores):
        async def sixteen() -> int:
            return 16

        await world.campaigns.create(campaign())
        assert (await world.campaigns.transition("flag", "scheduled", BEFORE)).shards == 4
        other = CivicWorld(stores, default_shards=sixteen)
        assert (await other.campaigns.transition("flag", "open", DURING)).shards == 4

    async def test_of_two_people_who_move_it_at_once_one_is_told(self, world):
        await world.campaigns.create(campaign())
        await world.campaigns.transition("flag", "scheduled", BEFORE)
        other = world.process()
        done = await asyncio.gather(world.campaigns.transition("flag", "open", DURING), other.transition("flag", "draft", DURING),
                                    return_exceptions=True)
        refused = [answer for answer in done if isinstance(answer, Conflict)]
        assert len(refused) == 1 and refused[0].code in ("CAMPAIGN_CHANGED", "TRANSITION_REFUSED")

    async def test_the_clock_and_a_person_may_open_it_at_once(self, world):
        for n in range(10):
            await world.campaigns.create(campaign(slug=f"flag-{n}"))
            await world.campaigns.transition(f"flag-{n}", "scheduled", BEFORE)
        other = world.process()
        for n in range(10):
            done = await asyncio.gather(*(one.transition(f"flag-{n}", "open", DURING) for one in (world.campaigns, other)))
            assert [moved.state for moved in done] == ["open", "open"] and done[0].rev == done[1].rev

    async def test_a_campaign_is_not_archived_while_late_requests_are_taken(self, world):
        await world.opened()
        await world.campaigns.transition("flag", "frozen", CLOSES)
        with pytest.raises(Conflict) as refusal:
            await world.campaigns.transition("flag", "archived", CLOSES + LATE_SECONDS - 1)
        assert refusal.value.code == "STILL_COUNTING"


class TestOpening:
    async def test_a_public_address_needs_the_whole_footer(self, stores):
        world = await CivicWorld(stores, is_public=True).ready()
        await world.campaigns.create(campaign(organiser=FOOTER | {"icp": "", "police": "  "}))
        with pytest.raises(Conflict) as refusal:
            await world.campaigns.transition("flag", "scheduled", BEFORE)
        assert refusal.value.code == "NOT_READY_TO_OPEN"
        assert "ICP 备案号" in refusal.value.message and "公安备案号" in refusal.value.message
        await world.campaigns.update(campaign(organiser=FOOTER))
        assert (await world.campaigns.transition("flag", "scheduled", BEFORE)).state == "scheduled"

    async def test_a_footer_that_is_emptied_after_scheduling_keeps_it_closed(self, stores):
        world = await CivicWorld(stores, is_public=True).ready()
        await world.campaigns.create(campaign(organiser=FOOTER))
        await world.campaigns.transition("flag", "scheduled", BEFORE)
        await world.campaigns.update(campaign(shards=4))
        with pytest.raises(Conflict):
            await world.campaigns.transition("flag", "open", DURING)

    def test_the_footer_names_what_the_law_and_the_children_need(self):
        assert set(FOOTER_NAMES) == {"name", "icp", "police", "telephone", "responsible_person"}

    async def test_this_machine_alone_may_do_without(self, world):
        assert (await world.opened()).state == "open"

    async def test_a_campaign_that_is_over_does_not_open(self, world):
        await world.campaigns.create(campaign())
        with pytest.raises(Conflict):
            await world.campaigns.transition("flag", "scheduled", CLOSES)

    async def test_its_kind_has_a_say(self, world):
        await world.campaigns.create(campaign(activities=(Activity("children", "童心向党", "敬礼", children=True),)))
        with pytest.raises(Conflict) as refusal:
            await world.campaigns.transition("flag", "scheduled", BEFORE)
        assert "面向所有市民" in refusal.value.message


class TestClock:
    async def test_it_opens_at_its_time_and_freezes_after_the_late_window(self, world):
        await world.campaigns.create(campaign())
        await world.campaigns.transition("flag", "scheduled", BEFORE)
        for now, state in ((OPENS - 0.5, "scheduled"), (OPENS, "open"), (CLOSES + LATE_SECONDS - 0.5, "open"),
                           (CLOSES + LATE_SECONDS, "frozen")):
            frozen = await world.campaigns.tick(now)
            assert (await world.campaigns.get_any("flag")).state == state
            assert [c.slug for c in frozen] == (["flag"] if state == "frozen" else [])
        assert await world.campaigns.tick(CLOSES + LATE_SECONDS) == []

    async def test_one_that_may_not_open_holds_no_other_up(self, stores):
        world = await CivicWorld(stores, is_public=True).ready()
        for slug in ("a-empty-footer", "b-whole"):
            await world.campaigns.create(campaign(slug=slug, organiser=FOOTER))
            await world.campaigns.transition(slug, "scheduled", BEFORE)
        await world.campaigns.update(campaign(slug="a-empty-footer", shards=4))
        await world.campaigns.tick(DURING)
        assert [(await world.campaigns.get(slug)).state for slug in ("a-empty-footer", "b-whole")] == ["scheduled", "open"]

    async def test_a_paused_campaign_freezes_too(self, world):
        await world.opened()
        await world.campaigns.transition("flag", "paused", DURING)
        await world.campaigns.tick(CLOSES + LATE_SECONDS)
        assert (await world.campaigns.get("flag")).state == "frozen"

    async def test_counters_that_did_not_hear_of_a_change_are_told_later(self, world):
        await world.opened()
        world.counters.told.clear()
        world.counters.problem = RedisGone("away")
        with pytest.raises(RedisGone):
            await world.campaigns.transition("flag", "paused", DURING)
        await world.campaigns.tick(DURING)  # still away: no failure of the job
        world.counters.problem = None
        await world.process().tick(DURING)
        await world.process().tick(DURING)
        assert world.counters.told == [("flag", "paused")]

    async def test_a_person_who_asks_again_reaches_the_counters(self, world):
        await world.opened()
        world.counters.problem = RedisGone("away")
        with pytest.raises(RedisGone):
            await world.campaigns.transition("flag", "paused", DURING)
        world.counters.problem = None
        assert (await world.campaigns.transition("flag", "paused", DURING)).state == "paused"
        assert world.counters.told[-1] == ("flag", "paused")

    async def test_counters_that_are_recovering_are_told_again_by_the_clocks_job(self, world):
        await world.opened()
        world.counters.recovering = True
        assert (await world.campaigns.transition("flag", "paused", DURING)).state == "paused"
        world.counters.recovering, world.counters.told = False, []
        await world.campaigns.tick(DURING)
        assert world.counters.told == [("flag", "paused")]
        await world.campaigns.tick(DURING)
        assert world.counters.told == [("flag", "paused")]

    async def test_what_is_told_last_is_what_stands(self, world):
        await world.opened()
        other = world.process()
        told, paused = world.counters.apply, asyncio.Event()

        async def slow(changed):
            if changed.state == "paused" and not paused.is_set():
                paused.set()
                await other.transition("flag", "open", DURING)  # while the counters still hear of the pause
            return await told(changed)

        world.campaigns.on_change = slow
        await world.campaigns.transition("flag", "paused", DURING)
        assert world.counters.told[-1] == ("flag", "open")


class TestReading:
    async def test_a_draft_is_not_found_but_by_staff(self, world):
        await world.campaigns.create(campaign())
        with pytest.raises(CampaignNotFound):
            await world.campaigns.get("flag")
        assert (await world.campaigns.get_any("flag")).state == "draft"
        assert await world.campaigns.public_list(DURING) == []

    async def test_what_does_not_exist_is_not_found(self, world):
        for read in (world.campaigns.get, world.campaigns.get_any):
            with pytest.raises(CampaignNotFound):
                await read("nothing")

    async def test_what_was_written_is_read_back(self, world):
        made = await world.campaigns.create(campaign(theme={"subtitle": "同升一面旗"}, free_words=True, organiser=FOOTER))
        assert await world.campaigns.get_any("flag") == made

    async def test_other_processes_learn_of_a_change_within_a_second(self, world):
        await world.opened()
        other = world.process()
        await other.get("flag")
        await world.campaigns.transition("flag", "paused", DURING)
        await age(other, 1.0)
        assert (await other.get("flag")).state == "paused"

    async def test_a_thousand_readers_are_one_read(self, world):
        await world.opened()
        await world.campaigns.get("flag")
        reads = []
        found = world.campaigns._store.find
        world.campaigns._store.find = lambda slug: reads.append(slug) or found(slug)
        await age(world.campaigns, 1.0)
        await asyncio.gather(*(world.campaigns.get("flag") for _ in range(1000)))
        assert reads == ["flag"]

    async def test_without_mongodb_the_last_known_one_is_served(self, world):
        await world.opened()
        await world.campaigns.get("flag")
        await age(world.campaigns, 3600)
        async with without_mongodb(world.stores.mongo["campaigns"]):
            assert (await world.campaigns.get("flag")).state == "open"

    async def test_a_mongodb_that_hangs_holds_nobody_up(self, world):
        await world.opened()
        await world.campaigns.get("flag")
        await age(world.campaigns, 3600)
        world.campaigns._store.find = lambda slug: asyncio.sleep(60)
        async with asyncio.timeout(2):
            assert (await world.campaigns.get("flag")).state == "open"

    async def test_the_public_list_is_newest_first(self, world):
        await world.opened()
        await world.opened(slug="later", opens_at=OPENS + 60)
        assert [c["slug"] for c in await world.campaigns.public_list(DURING)] == ["later", "flag"]

    async def test_the_public_view_shows_what_pages_need(self, world):
        current = await world.opened(organiser=FOOTER, theme={"subtitle": "同升一面旗"})
        view = world.campaigns.view(current, [], False, "all", DURING)
        assert view["server_time"] == "2026-10-01T01:00:00+08:00"
        assert (view["opens_at"], view["closes_at"]) == ("2026-10-01T00:00:00+08:00", "2026-10-08T00:00:00+08:00")
        assert view["form"] == {"region": True, "unit": False, "free_words": False}
        assert [a["code"] for a in view["activities"]] == ["salute", "heroes", "children"]
        assert (view["simulated"], view["organiser"]) == (True, FOOTER)
        assert [step["code"] for step in view["steps"]] == ["rise", "salute", "certificate"]
        assert "shards" not in view and "rev" not in view

    async def test_a_name_of_no_campaign_is_looked_up_once_and_soon_found_when_it_is_made(self, world, monkeypatch):
        looked_up, find = [], world.campaigns._store.find

        async def counted(slug):
            looked_up.append(slug)
            return await find(slug)

        monkeypatch.setattr(world.campaigns._store, "find", counted, raising=False)
        answers = await asyncio.gather(*(world.campaigns.get("flag") for _ in range(50)), return_exceptions=True)
        answers += await asyncio.gather(*(world.campaigns.get("flag") for _ in range(50)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {CampaignNotFound} and looked_up == ["flag"]
        await world.campaigns.create(campaign())
        await world.campaigns.transition("flag", "scheduled", BEFORE)
        assert (await world.campaigns.get("flag")).slug == "flag"

    async def test_made_up_names_are_looked_up_few_at_a_time_and_remembered_within_bounds(self, world):
        answers = await asyncio.gather(*(world.campaigns.get(f"none-{n}") for n in range(200)), return_exceptions=True)
        assert [type(answer) for answer in answers].count(CampaignNotFound) == MOST_FINDING
        assert {getattr(answer, "status", None) for answer in answers} == {404, 503}
        world.campaigns._absent |= {f"none-{n}": 9e9 for n in range(MOST_ABSENT)}
        with pytest.raises(CampaignNotFound):
            await world.campaigns.get("one-more")
        assert len(world.campaigns._absent) == 1


class TestEditing:
    async def test_a_slug_is_taken_once(self, world):
        await world.campaigns.create(campaign())
        with pytest.raises(Conflict) as refusal:
            await world.campaigns.create(campaign(title="另一个"))
        assert (refusal.value.code, refusal.value.field) == ("SLUG_TAKEN", "slug")

    async def test_a_new_campaign_is_a_draft_whatever_it_says(self, world):
        assert (await world.campaigns.create(campaign(state="open"))).state == "draft"

    @pytest.mark.parametrize(("field", "changes"), [
        ("slug", {"slug": "-flag"}), ("slug", {"slug": "Flag"}), ("slug", {"slug": "x" * 33}),
        ("title", {"title": " "}), ("title", {"title": "旗" * 65}),
        ("closes_at", {"closes_at": OPENS}), ("closes_at", {"closes_at": 10**11}), ("opens_at", {"opens_at": -1}),
        ("kind", {"kind": "lottery"}), ("period_rule", {"period_rule": "weekly"}),
        ("activities", {"activities": ()}), ("activities", {"activities": (SALUTE, SALUTE)}),
        ("activities", {"activities": tuple(Activity(f"a{n}", "活动", "敬礼") for n in range(14))}),
        ("activities", {"activities": (Activity("salute", "", "敬礼"),)}),
        ("presets", {"presets": (Preset("a", "好"), Preset("a", "好"))}), ("presets", {"presets": (Preset("a", " "),)}),
        ("share", {"share": {"image": "https://elsewhere.example/a.jpg"}}), ("share", {"share": {"image": "//elsewhere.example/a.jpg"}}),
        ("theme", {"organiser": {"report_url": "http://plain.example/"}}), ("theme", {"organiser": {"report_url": "javascript:alert(1)"}}),
        ("theme", {"theme": {"anthem_url": "//elsewhere.example/a.mp3"}}), ("organiser", {"organiser": {"name": "长" * 201}}),
    ])
    async def test_what_is_wrong_is_named(self, world, field, changes):
        with pytest.raises(InvalidBody) as refusal:
            await world.campaigns.create(campaign(**changes))
        assert refusal.value.field == field

    @pytest.mark.parametrize("link", ["", "https://jubao.example/form?id=1", "/report", "mailto:report@city.example"])
    async def test_good_links_are_taken(self, world, link):
        await world.campaigns.create(campaign(organiser={"report_url": link}))

    async def test_thirteen_activities_fit(self, world):
        await world.campaigns.create(campaign(activities=tuple(Activity(f"a{n}", "活动", "敬礼") for n in range(13))))

    async def test_texts_may_change_while_it_runs_and_the_counters_hear_of_the_window(self, world):
        current = await world.opened()
        world.counters.told.clear()
        changed = await world.campaigns.update(replace(current, title="向国旗敬个礼", closes_at=CLOSES + 3600))
        assert (await world.campaigns.get("flag")) == changed
        assert world.counters.told == [("flag", "open")]

    @pytest.mark.parametrize("changes", [{"period_rule": "daily"}, {"shards": 8}, {"activities": (SALUTE, HEROES)},
                                         {"activities": (HEROES, SALUTE, Activity("children", "童心向党", "敬礼", children=True))}])
    async def test_what_the_counters_are_laid_out_by_is_fixed_once_scheduled(self, world, changes):
        await world.campaigns.create(campaign())
        await world.campaigns.update(campaign(period_rule="daily"))
        await world.campaigns.update(campaign())
        current = await world.campaigns.transition("flag", "scheduled", BEFORE)
        with pytest.raises(Conflict) as refusal:
            await world.campaigns.update(replace(current, **changes))
        assert refusal.value.code == "CAMPAIGN_FIXED"

    async def test_a_campaign_that_ended_is_not_rewritten(self, world):
        current = await world.opened()
        await world.campaigns.transition("flag", "frozen", CLOSES)
        with pytest.raises(Conflict) as refusal:
            await world.campaigns.update(replace(current, title="改"))
        assert refusal.value.code == "CAMPAIGN_FIXED"

    async def test_an_edit_never_moves_the_state(self, world):
        current = await world.opened()
        await world.campaigns.update(replace(current, state="archived"))
        assert (await world.campaigns.get("flag")).state == "open"

    async def test_of_two_edits_at_once_one_is_told_to_look_again(self, world):
        current = await world.opened()
        done = await asyncio.gather(world.campaigns.update(replace(current, title="甲")),
                                    world.process().update(replace(current, title="乙")), return_exceptions=True)
        kept = [answer.title for answer in done if not isinstance(answer, Exception)]
        assert (await world.campaigns.get("flag")).title in kept
        assert all(answer.code == "CAMPAIGN_CHANGED" for answer in done if isinstance(answer, Conflict))
