"""Photos over HTTP: sent as a form, looked at by a reviewer, shown under an address that ends with its take-down."""

from __future__ import annotations

import asyncio
import json

import pytest

from server.campaigns import Activity
from tests.app_world import add_campaign, campaign
from tests.handlers.test_ballots import code_of, desk_of, read
from tests.server.media.media_world import photograph
from tests.server.photos.photos_world import RULES

pytestmark = [pytest.mark.gen_test(timeout=120), pytest.mark.timeout(150)]
SLUG = "our-city"
PATH, STAFF = f"/api/v1/campaigns/{SLUG}/photos", f"/api/v1/staff/campaigns/{SLUG}"
PHOTO = photograph(800, 600)
FIELDS = {"preset": "queue", "over14": "1", "region": "350602"}


@pytest.fixture
def world(io_loop, app):
    wanted = campaign(slug=SLUG, title="文明瞬间照片墙", kind="photos", rules=RULES, activities=(Activity("photo", "晒照片", "晒照片"),))
    io_loop.run_sync(lambda: add_campaign(app.services, wanted))
    return app


def form(data: bytes | None, **fields: str) -> tuple[bytes, str]:
    edge = "edge0123456789"
    parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    if data is not None:
        head = f'--{edge}\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        parts.append(head.encode() + data + b"\r\n")
    return b"".join(parts) + f"--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"


async def send(world, headers, data: bytes | None = PHOTO, **fields: str):
    body, kind = form(data, **{**FIELDS, **fields})
    return await world.fetch(PATH, "POST", body, **headers, Content_Type=kind)


async def waits(world):
    return await world.services.reviewing.sources.of("photo").page("waiting", SLUG, "", 9)


async def test_a_photo_goes_from_a_phone_over_a_reviewer_to_the_wall_and_off_it(world):
    wang = await world.citizen()
    code, sent = read(await send(world, wang))
    assert (code, sent["state"], sent["participation"]["ordinal"], sent["addresses"]) == (202, "pending", 1, None)
    assert (await send(world, wang)).code == 200
    reviewer = await desk_of(world, "reviewer")
    [waiting] = read(await reviewer.ask(f"{STAFF}/items"))[1]["items"]
    picture = await reviewer.ask(waiting["pictures"][0])
    assert picture.body[:2] == b"\xff\xd8" and picture.headers["Cache-Control"] == "no-store"
    named = {"items": [{"kind": "photo", "id": waiting["id"]}]}
    assert read(await reviewer.ask(f"{STAFF}/items/decisions", {**named, "approve": True}))[1]["items"][0]["done"]
    [shown] = read(await world.fetch(PATH))[1]["items"]
    public = await world.fetch(shown["tile"])
    assert public.code == 200 and public.headers["Content-Type"] == "image/jpeg" and "max-age=1" in public.headers["Cache-Control"]
    assert read(await world.fetch(f"{PATH}/me", **wang))[1]["addresses"]["photo"] == shown["photo"]
    [item] = read(await reviewer.ask(f"{STAFF}/items/public"))[1]["items"]
    assert item["id"] == waiting["id"]
    assert read(await reviewer.ask(f"{STAFF}/items/take-downs", {**named, "reason": "personal"}))[1]["items"][0]["done"]
    await asyncio.sleep(1)
    gone = await world.fetch(shown["photo"])
    assert code_of(gone) == (404, "PHOTO_NOT_FOUND") and gone.headers["Cache-Control"] == "no-store"


async def test_forms_that_are_none_are_refused_with_the_rule(world):
    wang = await world.citizen()
    assert code_of(await world.fetch(PATH, "POST", b"{}", **wang, Content_Type="application/json")) == (422, "INVALID_BODY")
    for fields, data, expected in (
            ({"over14": ""}, PHOTO, (403, "PHOTO_NOT_TAKEN")), ({}, None, (422, "PHOTO_MISSING")), ({}, b"text", (422, "MEDIA_TYPE_WRONG")),
            ({"preset": "none"}, PHOTO, (422, "UNKNOWN_CAPTION")), ({"preset": "", "caption": ""}, PHOTO, (422, "CAPTION_WRONG")),
            ({"region": "nowhere"}, PHOTO, (422, "UNKNOWN_REGION")), ({"first_tried_at": "yesterday"}, PHOTO, (422, "INVALID_BODY"))):
        assert code_of(await send(world, wang, data, **fields)) == expected
    assert code_of(await world.fetch(f"{PATH}/me", **wang)) == (404, "PHOTO_NOT_FOUND")
    assert await waits(world) == []
    assert code_of(await send(world, {})) == (401, "TOKEN_MISSING")
    assert code_of(await world.fetch("/api/v1/campaigns/salute-the-flag/photos")) == (409, "NOT_A_PHOTO_WALL")


async def test_her_deletion_takes_the_photo_off_the_wall(world):
    wang = await world.citizen()
    await send(world, wang)
    [waiting] = await waits(world)
    await world.services.reviewing.desk.decide(SLUG, [("photo", waiting.token)], True, "", "", "lin", 1.0)
    [shown] = read(await world.fetch(PATH))[1]["items"]
    assert (await world.fetch("/api/v1/citizens/me", "DELETE", **wang)).code == 204
    assert read(await world.fetch(PATH))[1]["items"] == []
    assert code_of(await world.fetch(shown["photo"])) == (404, "PHOTO_NOT_FOUND")


async def test_who_has_herself_deleted_while_her_photo_is_in_the_workshop_leaves_none_and_is_not_counted(world, monkeypatch):
    wang, files = await world.citizen(), world.services.photos.files
    make = files.make

    async def slow(data, token, now):
        made = await make(data, token, now)
        assert (await world.fetch("/api/v1/citizens/me", "DELETE", **wang)).code == 204
        return made

    monkeypatch.setattr(files, "make", slow)
    counted = []
    monkeypatch.setattr(world.services.photos, "_participate", lambda *asked: counted.append(asked))
    assert code_of(await send(world, wang)) == (401, "TOKEN_INVALID") and counted == []
    assert await waits(world) == []


async def test_she_takes_her_photo_back(world):
    wang = await world.citizen()
    await send(world, wang)
    assert (await world.fetch(f"{PATH}/me", "DELETE", **wang)).code == 204
    assert code_of(await world.fetch(f"{PATH}/me", "DELETE", **wang)) == (404, "PHOTO_NOT_FOUND")
    assert json.loads((await send(world, wang)).body)["state"] == "pending"
