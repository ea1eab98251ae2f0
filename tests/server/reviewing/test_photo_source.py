"""Photos at the reviewers' desk: they stand in the same queue as words, and are found by their looks."""

from __future__ import annotations

import asyncio
import io

import pytest
from PIL import Image, ImageDraw
from pymongo.errors import AutoReconnect

from server.errors import NotFound
from server.photos import Photo, PhotoStore
from server.reviewing.desk import ItemDecided, OwnDecision
from server.reviewing.photo_source import PhotoSource, difference_hash
from server.reviewing.rules import Rules
from server.seals import Seal
from tests.server.civic_world import DURING
from tests.server.reviewing.review_world import ALICE, BOB, CHEN, LIN, SECRET

pytestmark = pytest.mark.gen_test(timeout=30)


class Wall:
    """A wall's photos, whose tiles are in memory."""

    def __init__(self, store: PhotoStore) -> None:
        self.store = store
        self.tiles: dict[str, bytes] = {}

    async def add(self, n: int, citizen: int, at: float, tile: bytes = b"") -> str:
        token = f"{n:032x}"
        self.tiles[token] = tile
        assert await self.store.create(Photo(f"flag:all:{citizen}", "flag", citizen, token, "pending", at, "升旗", False, 480, 360), at)
        return token

    async def of(self, token: str) -> Photo:
        found = await self.store.by_token(token)
        assert found is not None
        return found

    async def read(self, token, variant):
        if not self.tiles.get(token):
            raise NotFound()
        return self.tiles[token]


def picture(seed: int, size: int = 480, quality: int = 85) -> bytes:
    """A square with a pattern of its own, at some size and quality."""
    whole = Image.new("RGB", (720, 720), "white")
    draw = ImageDraw.Draw(whole)
    for n in range(64):
        shade = (n * 37 + seed * 101 + (n * n * seed) % 251) % 256
        draw.rectangle((n % 8 * 90, n // 8 * 90, n % 8 * 90 + 89, n // 8 * 90 + 89), fill=(shade, shade, shade))
    data = io.BytesIO()
    whole.resize((size, size)).save(data, "JPEG", quality=quality)
    return data.getvalue()


@pytest.fixture
def wall(world):
    made = Wall(PhotoStore(world.stores.mongo, Seal(SECRET, "photo")))
    world.here.sources.add(PhotoSource(made.store, made, world.stores.mongo))
    return made


async def test_they_stand_in_one_queue_with_words_by_their_age(world, wall):
    for n in range(5):
        await wall.add(n, 10 + n, DURING + n * 10)
    await world.writes(ALICE, now=DURING + 15)
    assert [item["kind"] for item in await world.queue()] == ["photo", "photo", "message", "photo", "photo", "photo"]
    counts = (await world.here.desk.page("waiting", "flag", "", "", LIN, DURING + 60))["counts"]
    assert (counts["waiting"], counts["oldest_seconds"]) == (6, 60)


async def test_a_second_reviewer_looks_again_and_the_reason_is_kept(world, wall):
    await world.here.rules.keep("flag", Rules(second_percent=100))
    token = await wall.add(1, BOB, DURING, picture(1))
    (ruled,) = await world.here.desk.decide("flag", [("photo", token)], True, "", "", LIN, DURING + 5)
    assert ruled.error is None
    with pytest.raises(OwnDecision):
        await world.here.desk.second_look("flag", "photo", token, True, "", "", LIN, DURING + 6)
    assert [item["id"] for item in await world.queue("second", CHEN)] == [token]
    item = await world.here.desk.second_look("flag", "photo", token, False, "personal", "", CHEN, DURING + 7)
    assert (item.state, item.reason) == ("taken_down", "含有他人的个人信息") and await world.queue("second", CHEN) == []
    assert [one["id"] for one in await world.queue("decided", CHEN)] == [token]


async def decided(world, wall, count):
    await world.here.rules.keep("flag", Rules(second_percent=100))
    tokens = [await wall.add(n, n, DURING + n) for n in range(1, count + 1)]
    for n, token in enumerate(tokens):
        await world.here.desk.decide("flag", [("photo", token)], True, "", "", LIN, DURING + 100 + n)
    return tokens


async def test_a_second_look_that_is_cut_short_did_nothing_and_is_taken_again(world, wall, monkeypatch):
    (token,) = await decided(world, wall, 1)

    async def killed(*_):
        raise AutoReconnect("killed in between")

    with monkeypatch.context() as patched, pytest.raises(AutoReconnect):
        patched.setattr(wall.store._photos, "update_one", killed)
        await world.here.desk.second_look("flag", "photo", token, False, "personal", "", CHEN, DURING + 200)
    assert [item["id"] for item in await world.queue("second", CHEN)] == [token] and (await wall.of(token)).wall
    await world.here.desk.second_look("flag", "photo", token, False, "personal", "", CHEN, DURING + 201)
    found = await wall.of(token)
    assert (found.state, found.decided_by, found.second_by, found.reason) == ("taken_down", LIN, CHEN, "含有他人的个人信息")


async def test_of_two_second_looks_at_once_one_counts(world, wall):
    (token,) = await decided(world, wall, 1)
    done = await asyncio.gather(*(world.here.desk.second_look("flag", "photo", token, stands, "" if stands else "personal", "", who,
                                                              DURING + 200) for stands, who in ((True, CHEN), (False, "zhao"))),
                                return_exceptions=True)
    assert [type(one) for one in done if isinstance(one, Exception)] == [ItemDecided]
    assert (await wall.of(token)).second_by in (CHEN, "zhao") and await world.queue("second", CHEN) == []


async def test_a_list_goes_on_where_its_page_ended(world, wall, monkeypatch):
    monkeypatch.setattr("server.reviewing.desk.ITEMS_A_PAGE", 2)
    tokens = await decided(world, wall, 3)
    for which, expected in (("decided", tokens[::-1]), ("second", tokens)):
        first = await world.here.desk.page(which, "flag", "", "", CHEN, DURING + 200)
        rest = await world.here.desk.page(which, "flag", "", first["next"], CHEN, DURING + 200)
        assert [[item["id"] for item in page["items"]] for page in (first, rest)] == [expected[:2], expected[2:]]


async def test_nobody_has_to_look_again_at_what_is_not_public_any_more(world, wall):
    withdrawn, risky, down, public = await decided(world, wall, 4)
    await wall.store.withdraw(await wall.of(withdrawn), DURING + 150)
    await wall.store.checked(risky, "risky", "广告", DURING + 150)
    await world.here.desk.take_down("flag", [("photo", down)], "advert", "", LIN, DURING + 150)
    page = await world.here.desk.page("second", "flag", "", "", CHEN, DURING + 200)
    assert [item["id"] for item in page["items"]] == [public] and page["counts"]["second"] == 1


async def test_what_looks_alike_is_found_at_other_sizes_and_comes_down_together(world, wall):
    tokens = [await wall.add(n, n, DURING + n, tile) for n, tile in enumerate((picture(3), picture(3, 200, 40), picture(8)))]
    await world.here.desk.decide("flag", [("photo", token) for token in tokens], True, "", "", LIN, DURING + 10)
    assert [item["id"] for item in await world.here.desk.alike("flag", "photo", tokens[0], LIN, DURING + 11)] == [tokens[1]]
    done = await world.here.desk.take_down("flag", [("photo", token) for token in tokens[:2]], "advert", "", LIN, DURING + 12)
    assert [one.error for one in done] == [None, None] and [bool((await wall.of(token)).wall) for token in tokens] == [False, False, True]


async def test_a_picture_that_is_gone_is_like_nothing(world, wall):
    token = await wall.add(1, BOB, DURING)
    assert await world.here.desk.alike("flag", "photo", token, LIN, DURING) == []


def test_a_hash_stays_with_size_and_quality_and_differs_with_the_picture():
    one = difference_hash(picture(3))
    assert (one ^ difference_hash(picture(3, 200, 40))).bit_count() <= 3
    assert (one ^ difference_hash(picture(8))).bit_count() > 10
