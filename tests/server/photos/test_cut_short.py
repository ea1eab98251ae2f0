"""Photos whose process dies between two steps, and changes that meet in one moment: nothing half is left, no verdict falls elsewhere."""

from __future__ import annotations

import asyncio

import pytest

from server.photos.store import KEPT_SECONDS
from tests.server.civic_world import DURING
from tests.server.photos.test_photos import LI, WANG, refused, shown
from tests.server.photos.test_photos import world as world  # the fixture

pytestmark = [pytest.mark.gen_test(timeout=120), pytest.mark.timeout(150)]


async def test_a_verdict_on_a_photo_that_she_replaced_in_this_moment_falls_on_no_other(world, monkeypatch):
    first, second, find = await world.send(WANG), [], world.store._photos.find_one

    async def then_she_sends_another(served, *more, **how):
        found = await find(served, *more, **how)
        if served == {"token": first.token} and not second:
            second.append(None)
            await world.photos.withdraw("our-city", WANG, DURING + 10)
            second.append(await world.send(WANG, now=DURING + 11))
        return found

    with monkeypatch.context() as raced:
        raced.setattr(world.store._photos, "find_one", then_she_sends_another)
        await world.judged(first, "risky")
    [item] = await world.waiting()
    assert item.token == second[1].token and item.machine["result"] == "waiting"
    assert await world.waiting("block") == [] and len(await world.parts()) == 2


@pytest.mark.parametrize("cut", ["its pictures", "what is kept beside", "the last word"])
async def test_a_withdrawal_that_is_cut_short_is_finished_by_the_job(world, monkeypatch, cut):
    photo = await world.send(WANG, preset="", caption="公园里的志愿者")
    await world.approve(photo)

    async def killed(*_):
        raise asyncio.CancelledError

    where = {"its pictures": (world.photos.files, "remove"), "what is kept beside": (world.photos, "forget_beside"),
             "the last word": (world.store, "emptied")}
    with monkeypatch.context() as patched, pytest.raises(asyncio.CancelledError):
        patched.setattr(*where[cut], killed)
        await world.photos.withdraw("our-city", WANG, DURING + 70)
    assert await shown(world) == [] and await refused(world.photos.files.public(photo.token, "photo")) == "PHOTO_NOT_FOUND"
    await world.photos.tidy(DURING + 80)
    assert await world.parts() == []
    assert (await world.send(WANG, now=DURING + 90)).state == "pending" and len(await world.parts()) == 2
    await world.photos.tidy(DURING + 100)
    assert len(await world.parts()) == 2


async def test_who_sends_another_before_the_job_came_leaves_no_picture_of_the_first(world, monkeypatch):
    await world.send(WANG)

    async def killed(*_):
        raise asyncio.CancelledError

    with monkeypatch.context() as patched, pytest.raises(asyncio.CancelledError):
        patched.setattr(world.photos.files, "remove", killed)
        await world.photos.withdraw("our-city", WANG, DURING + 10)
    second = await world.send(WANG, now=DURING + 20)
    assert await world.parts() == [f"{second.token}:photo", f"{second.token}:tile"]


async def test_what_somebody_lets_through_while_it_is_tidied_keeps_its_pictures(world, monkeypatch):
    photo, late, due = await world.send(WANG), DURING + 60 + KEPT_SECONDS, world.store.due_to_go
    await world.judged(photo, "risky")

    async def then_it_is_approved(now, limit):
        found = await due(now, limit)
        if found:
            assert await world.approve(photo, now=late)
        return found

    monkeypatch.setattr(world.store, "due_to_go", then_it_is_approved)
    await world.photos.tidy(late)
    assert await shown(world) == ["有序排队"] and len(await world.parts()) == 2


async def test_a_verdict_on_a_photo_whose_move_was_cut_short_stands(world, monkeypatch):
    photo = await world.send(WANG)

    async def killed(*_):
        raise asyncio.CancelledError

    with monkeypatch.context() as patched, pytest.raises(asyncio.CancelledError):
        patched.setattr(world.store._photos, "delete_one", killed)
        await world.photos.merge(WANG, LI)
    assert await world.approve(photo)  # of the two copies one
    await world.photos.merge(WANG, LI)
    assert await shown(world) == ["有序排队"] and await world.waiting() == []
    assert [own.state for own in await world.store.of_citizen(LI)] == ["approved"] and await world.store.of_citizen(WANG) == []
