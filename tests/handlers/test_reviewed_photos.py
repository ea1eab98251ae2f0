"""Photos in the running services at the reviewers' desk: one queue, reported by page, traced by two, and a ban keeps the next one out."""

from __future__ import annotations

import json

import pytest

from tests.command_listener import LOOKING
from tests.handlers.test_ballots import code_of, desk_of, read
from tests.handlers.test_photos import PATH, SLUG, STAFF, send
from tests.handlers.test_photos import world as world  # the fixture
from tests.server.media.media_world import photograph

pytestmark = [pytest.mark.gen_test(timeout=120), pytest.mark.timeout(150)]
SAME = photograph(400, 300)


async def test_a_photo_is_reviewed_found_by_its_looks_reported_and_traced(world):
    wang, li = await world.citizen(), await world.citizen()
    await send(world, wang)
    await send(world, li, SAME)
    reviewer = await desk_of(world, "reviewer")
    queue = read(await reviewer.ask(f"{STAFF}/items"))[1]
    assert queue["kinds"] == {"message": "寄语", "photo": "照片"} and [item["kind"] for item in queue["items"]] == ["photo", "photo"]
    assert (await reviewer.ask(queue["items"][0]["pictures"][0])).body[:2] == b"\xff\xd8"
    names = [{"kind": "photo", "id": item["id"]} for item in queue["items"]]
    done = read(await reviewer.ask(f"{STAFF}/items/decisions", {"items": names, "approve": True}))[1]["items"]
    assert [one["done"] for one in done] == [True, True]
    first, second = names[0]["id"], names[1]["id"]
    alike = read(await reviewer.ask(f"{STAFF}/items/photo/{first}/alike"))[1]["items"]
    assert [item["id"] for item in alike] == [second]
    cookie = "wenming_citizen=" + li["Authorization"].removeprefix("Bearer ")
    page = await world.fetch(f"/c/{SLUG}/report/photo/{first}", Cookie=cookie)
    assert f"/photos/{first}-tile.jpg" in page.body.decode()
    report = json.dumps({"kind": "photo", "id": first, "reason": "mine"}).encode()
    assert (await world.fetch(f"/api/v1/campaigns/{SLUG}/complaints", "POST", report, **li)).code == 201
    assert read(await reviewer.ask(f"{STAFF}/complaints"))[1]["items"][0]["item"]["kind"] == "photo"
    opening = {"kind": "photo", "id": first, "reason": "核查"}
    assert (await reviewer.ask(f"{STAFF}/source-openings", opening)).code == 201
    down = await reviewer.ask(f"{STAFF}/items/take-downs", {"items": names, "reason": "personal"})
    assert [one["done"] for one in read(down)[1]["items"]] == [True, True]
    assert read(await world.fetch(PATH))[1]["items"] == []
    assert read(await world.fetch(f"/api/v1/campaigns/{SLUG}/messages/me", **wang))[1]["items"][0]["reason"] == "含有他人的个人信息"


async def test_who_is_banned_sends_no_photo(world):
    wang = await world.citizen()
    await send(world, wang)
    reviewer = await desk_of(world, "reviewer")
    (item,) = read(await reviewer.ask(f"{STAFF}/items"))[1]["items"]
    assert (await reviewer.ask(f"{STAFF}/bans", {"kind": "photo", "id": item["id"], "days": 7, "reason": "harmful"})).code == 201
    await world.fetch(f"{PATH}/me", "DELETE", **wang)
    assert code_of(await send(world, wang)) == (403, "BANNED_FROM_WRITING")


@pytest.mark.parametrize("way", ["withdrawal", "deletion"])
async def test_nothing_is_kept_of_what_she_takes_back_but_its_source_and_its_life(world, way):
    wang, mongo = await world.citizen(), world.services.stores.mongo
    await send(world, wang, preset="", caption="公园里的志愿者")
    assert await mongo["likenesses"].find(comment=LOOKING).to_list(None) == [], "captions are not compared"
    reviewer = await desk_of(world, "reviewer")
    (item,) = read(await reviewer.ask(f"{STAFF}/items"))[1]["items"]
    await reviewer.ask(f"{STAFF}/items/decisions", {"items": [{"kind": "photo", "id": item["id"]}], "approve": True})
    assert len(await mongo["photo_hashes"].find(comment=LOOKING).to_list(None)) == 1
    address = f"{PATH}/me" if way == "withdrawal" else "/api/v1/citizens/me"
    assert (await world.fetch(address, "DELETE", **wang)).code == 204
    assert await mongo["photo_hashes"].find(comment=LOOKING).to_list(None) == []
    assert not any("decided_by" in photo for photo in await mongo["photos"].find(comment=LOOKING).to_list(None))
