"""One photo of each citizen and period; nothing public before a person's verdict; gone when it is taken away."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime

import pytest
from PIL import Image

from server.campaigns import LATE_SECONDS
from server.errors import Refusal, Unavailable, WenmingError
from server.media.medium import MediaBusy
from server.photos.photo import MAX_TRIES, STATE_NAMES, PhotoBody, PhotoNotFound
from server.photos.pictures import UNBORN_SECONDS, PictureStore
from server.photos.service import MOST_FILES_A_DAY, WALL_SECONDS
from server.photos.store import KEPT_SECONDS, PhotoStore
from server.reviewing.item import Item
from server.seals import Seal
from server.tokens import token_invalid
from server.wechat.errors import NotVisited
from server.words import WordList
from tests.command_listener import LOOKING
from tests.server.civic_world import CLOSES, DURING, OPENS
from tests.server.media.media_world import photograph, saved
from tests.server.media.test_pictures import png_of, zipped
from tests.server.photos.photos_world import PHOTO, SECRET, PhotoWorld, wall

pytestmark = [pytest.mark.gen_test(timeout=120), pytest.mark.timeout(150)]
WANG, LI = 1, 2


@pytest.fixture
def world(io_loop, stores, tmp_path):
    return io_loop.run_sync(PhotoWorld(stores, tmp_path).ready)


async def refused(work) -> str:
    with pytest.raises(WenmingError) as caught:
        await work
    assert caught.value.message != "提交的内容格式不对"
    return caught.value.code


async def shown(world) -> list[str]:
    return [item["caption"] for item in (await world.photos.wall(world.campaign, ""))["items"]]


async def test_wang_sends_a_photo_that_everybody_sees_once_it_is_approved(world):
    photo = await world.send(WANG)
    assert await shown(world) == []
    assert await refused(world.photos.files.public(photo.token, "photo")) == "PHOTO_NOT_FOUND"
    [waiting] = await world.waiting()
    assert waiting.token == photo.token and waiting.parts == {"caption": "有序排队"}
    await world.approve(photo)
    assert await shown(world) == ["有序排队"]
    picture = Image.open(io.BytesIO(await world.photos.files.public(photo.token, "photo")))
    assert (picture.format, picture.size) == ("JPEG", (1440, 1080))
    assert max(Image.open(io.BytesIO(await world.photos.files.public(photo.token, "tile"))).size) == 480


async def test_a_repeat_gets_her_first_photo_and_is_not_even_looked_at(world):
    first = await world.send(WANG)
    again = await world.send(WANG, b"not a picture", preset="clean")
    assert again.token == first.token and again.caption == "有序排队"


async def test_ten_at_once_over_two_processes_are_one_and_leave_nothing_behind(world):
    other = world.process("second")
    photos = await asyncio.gather(*(world.send(WANG, photos=(world.photos, other)[n % 2]) for n in range(4)))
    assert len({photo.token for photo in photos}) == 1
    assert await world.parts() == [f"{photos[0].token}:photo", f"{photos[0].token}:tile"]


async def test_who_has_not_said_that_she_is_14_sends_none(world):
    assert await refused(world.send(WANG, over14=False)) == "PHOTO_NOT_TAKEN"
    assert await world.parts() == [] and world.ordinals == {}


@pytest.mark.parametrize(("state", "now", "code"), [
    ("scheduled", DURING, "CAMPAIGN_NOT_OPEN"), ("paused", DURING, "CAMPAIGN_PAUSED"), ("frozen", DURING, "CAMPAIGN_FROZEN"),
    ("archived", DURING, "CAMPAIGN_ENDED"), ("open", OPENS - 1.0, "CAMPAIGN_NOT_OPEN"), ("open", float(CLOSES), "CAMPAIGN_ENDED")])
async def test_outside_its_time_no_photo_is_taken(world, state, now, code):
    world.campaign = wall(state=state)
    assert await refused(world.send(WANG, now=now)) == code


def polyglot() -> bytes:
    return photograph(400, 300) + b"<script>alert(1)</script>"


def animated() -> bytes:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "gold")]
    return saved(frames[0], "WEBP", save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(("data", "code"), [
    (b"", "PHOTO_MISSING"), (b"not a picture", "MEDIA_TYPE_WRONG"), (b"<svg onload=alert(1)>", "MEDIA_SVG"),
    (polyglot(), "MEDIA_TWO_FACED"),
    (photograph(400, 300) + zipped(), "MEDIA_TWO_FACED"), (png_of(60_000, 60_000), "MEDIA_PICTURE_TOO_LARGE"),
    (png_of(20_000, 100), "MEDIA_PICTURE_TOO_LARGE"), (photograph(400, 300)[:2000], "MEDIA_NOT_READABLE"), (animated(), "MEDIA_ANIMATED"),
    (saved(Image.new("P", (64, 64)), "GIF"), "MEDIA_TYPE_WRONG"), (b"\0\0\0\x18ftypheic" + b"\0" * 40, "MEDIA_TYPE_WRONG"),
    (b"\xff" * (4 * 1024 * 1024 + 1), "PHOTO_TOO_LARGE")], ids=lambda value: value if isinstance(value, str) else "")
async def test_what_is_no_plain_photo_is_refused_with_the_reason_and_leaves_nothing(world, data, code):
    assert await refused(world.send(WANG, data)) == code
    assert await world.parts() == [] and world.ordinals == {}
    assert await world.waiting() == []


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
async def test_nothing_of_what_a_phone_writes_beside_the_pixels_is_kept(world, form):
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "24.5N 117.6E", 6  # a description, and "turn it"
    exif.get_ifd(0x8825)[2] = (24.0, 30.0, 0.0)
    photo = await world.send(WANG, photograph(800, 600, form=form, exif=exif.tobytes()))
    for variant in ("photo", "tile"):
        data = await world.photos.files.read(photo.token, variant)
        picture = Image.open(io.BytesIO(data))
        assert not picture.getexif() and b"Exif" not in data and b"24.5N" not in data
        assert picture.height > picture.width, "turned as it was held"


async def test_captions_are_chosen_or_written_and_looked_at(world):
    await world.words.keep(WordList(("赌场",), ()))
    for body, code in (({"preset": "nothing"}, "UNKNOWN_CAPTION"), ({"preset": "", "caption": " \u200b "}, "CAPTION_WRONG"),
                       ({"preset": "", "caption": "长" * 61}, "CAPTION_WRONG"), ({"preset": "", "caption": "澳门赌场"}, "WORDS_REFUSED")):
        assert await refused(world.send(WANG, **body)) == code
    photo = await world.send(WANG, preset="", caption="  公园里\n的志愿者 ")
    assert (photo.caption, photo.own) == ("公园里 的志愿者", True)
    raw = await world.stores.mongo["photos"].find(comment=LOOKING).to_list(None)
    assert "志愿者" not in str(raw)
    world.campaign = wall(rules={**world.campaign.rules, "own_captions": False})
    assert await refused(world.send(LI, preset="", caption="我的话")) == "OWN_WORDS_OFF"


async def test_pictures_lie_sealed(world):
    photo = await world.send(WANG)
    raw = await world.stores.mongo["photo_parts"].find_one({"_id": f"{photo.token}:photo"})
    assert b"JFIF" not in bytes(raw["data"]) and b"JFIF" in await world.photos.files.read(photo.token, "photo")


async def test_a_take_down_is_everybodys_within_two_seconds(world):
    photo, other = await world.send(WANG), world.process("second")
    await world.approve(photo)
    await other.files.public(photo.token, "photo")
    assert await world.take_down(photo)
    await asyncio.sleep(1)  # what another process may remember
    assert await refused(other.files.public(photo.token, "photo")) == "PHOTO_NOT_FOUND"
    assert await shown(world) == []
    assert not await world.take_down(photo, DURING + 121)


async def test_a_crowd_at_a_fresh_tile_reads_it_once_and_it_stays_remembered(world, monkeypatch):
    photo, reads = await world.send(WANG), []
    await world.approve(photo)
    find, read = world.store.by_token, PictureStore.read

    async def found(token):
        reads.append("photo")
        return await find(token)

    async def tile(store, token, variant):
        reads.append(variant)
        return await read(store, token, variant)

    monkeypatch.setattr(world.store, "by_token", found)
    monkeypatch.setattr(PictureStore, "read", tile)
    files = world.photos.files
    assert len(set(await asyncio.gather(*(files.public(photo.token, "tile") for _ in range(300))))) == 1
    await files.public(photo.token, "tile")
    assert reads.count("tile") == 1 and files._hot.bytes == len(await files.read(photo.token, "tile"))


async def test_a_crowd_at_the_wall_reads_it_once_and_nobody_here_sees_what_was_taken_down(world, monkeypatch):
    photo, pages = await world.send(WANG), []
    await world.approve(photo)
    page = world.store.page

    async def counted(*asked, **how):
        pages.append(asked)
        return await page(*asked, **how)

    monkeypatch.setattr(world.store, "page", counted)
    walls = await asyncio.gather(*(world.photos.wall(world.campaign, "") for _ in range(300)))
    assert all(len(one["items"]) == 1 for one in walls) and len(pages) == 1, "they all came in one moment"
    await world.take_down(photo, DURING + 70)
    assert await shown(world) == []


async def test_another_process_shows_what_was_taken_down_for_a_second_at_most(world):
    photo = await world.send(WANG)
    await world.approve(photo)
    other = world.process("second", PhotoStore(world.stores.mongo, Seal(SECRET, "photo")))
    assert len((await other.wall(world.campaign, ""))["items"]) == 1
    await world.take_down(photo, DURING + 70)
    await asyncio.sleep(WALL_SECONDS)
    assert (await other.wall(world.campaign, ""))["items"] == []


async def test_she_may_withdraw_hers_and_send_another_a_few_times(world):
    for n in range(MAX_TRIES):
        photo = await world.send(WANG, now=DURING + n)
        await world.photos.withdraw("our-city", WANG, DURING + n)
        assert await world.parts() == []
        assert not await world.approve(photo)
    assert await refused(world.photos.own("our-city", WANG, DURING)) == "PHOTO_NOT_FOUND"
    assert await refused(world.send(WANG)) == "PHOTO_TRIES_USED"


async def test_what_the_platform_said_of_a_photo_that_she_withdrew_is_said_of_no_other(world):
    await world.judged(await world.send(WANG), "review", "广告")
    await world.photos.withdraw("our-city", WANG, DURING)
    await world.send(WANG, now=DURING + 1)
    (item,) = await world.waiting()
    assert [(check["text"], check["labels"]) for check in item.machine["checks"]] == [("图片尚未机审", [])]


async def test_a_public_photo_that_she_withdraws_is_gone(world):
    photo = await world.send(WANG)
    await world.approve(photo)
    await world.photos.withdraw("our-city", WANG, DURING + 90)
    assert await shown(world) == []
    with pytest.raises(PhotoNotFound):
        await world.photos.files.public(photo.token, "photo")


async def test_a_deletion_takes_everything_of_hers(world):
    await world.approve(await world.send(WANG, preset="", caption="我家门前"))
    for _ in range(2):
        await world.photos.remove_of(WANG, DURING)
    assert await world.parts() == [] and await shown(world) == []
    assert await world.stores.mongo["photos"].find(comment=LOOKING).to_list(None) == []


@pytest.mark.parametrize("at_look", [1, 2])
async def test_who_is_deleted_while_her_photo_is_made_leaves_none_and_is_not_counted_after_it(world, monkeypatch, at_look):
    looks = []

    def deleted_by_now() -> None:
        looks.append(sorted(world.ordinals))
        if len(looks) == at_look:
            raise token_invalid()

    make = world.photos.files.make

    async def slow(data, token, now):
        made = await make(data, token, now)
        for later in (1, 6):  # both looks of a deletion are over before there is a photo
            await world.photos.remove_of(WANG, DURING + later)
        return made

    monkeypatch.setattr(world.photos.files, "make", slow)
    body = PhotoBody(preset="queue", over14=True, region="350602")
    assert await refused(world.photos.send("our-city", WANG, body, PHOTO, DURING, None, deleted_by_now)) == "TOKEN_INVALID"
    assert looks == [[], [WANG]][:at_look]
    assert await world.parts() == [] and await world.stores.mongo["photos"].find(comment=LOOKING).to_list(None) == []


@pytest.mark.parametrize("first", [WANG, LI])
async def test_of_two_numbers_of_one_person_the_older_photo_stays(world, first):
    older = await world.send(first, preset="", caption="先传的", now=DURING)
    await world.send(WANG + LI - first, preset="", caption="后传的", now=DURING + 60)
    for _ in range(2):
        await world.photos.merge(LI, WANG)
    own = await world.photos.own("our-city", WANG, DURING)
    assert (own.caption, own.token, own.citizen) == ("先传的", older.token, WANG)
    assert await world.parts() == [f"{older.token}:photo", f"{older.token}:tile"]
    assert len(await world.waiting()) == 1


async def brought_to(world, state: str, citizen: int, now: float):
    photo = await world.send(citizen, b"", preset="", caption=f"{citizen}的", now=now)
    if state == "withdrawn":
        await world.photos.withdraw("our-city", citizen, now + 1)
    elif state != "pending":
        await world.approve(photo, approve=state != "rejected", now=now + 1)
    if state == "taken_down":
        await world.take_down(photo, now + 2)
    return photo


@pytest.mark.parametrize("survivor", [WANG, LI])
@pytest.mark.parametrize("of_wang", STATE_NAMES)
@pytest.mark.parametrize("of_li", STATE_NAMES)
async def test_a_merge_keeps_what_is_public_or_waits_before_what_is_gone_then_the_older_one(world, monkeypatch, of_wang, of_li, survivor):
    async def made(data, token, now):
        return 480, 360

    monkeypatch.setattr(world.photos.files, "make", made)
    monkeypatch.setattr("server.photos.service.check_photo", lambda data: None)
    forgotten: list[str] = []

    async def forget(tokens):
        forgotten.extend(tokens)

    older = await brought_to(world, of_wang, WANG, DURING)
    newer = await brought_to(world, of_li, LI, DURING + 60)
    gone = ("withdrawn", "rejected", "taken_down")
    world.photos.forget_beside = forget
    expected = newer if of_wang in gone and of_li not in gone else older
    for _ in range(2):
        await world.photos.merge(WANG + LI - survivor, survivor)
    [left] = [d for number in (WANG, LI) for d in await world.store.of_citizen(number)]
    assert (left.token, left.citizen, left.state) == (expected.token, survivor, of_li if expected is newer else of_wang)
    assert forgotten == [newer.token if expected is older else older.token]
    assert await shown(world) == ([expected.caption] if left.state == "approved" else [])


async def test_the_platform_is_asked_and_what_it_turns_down_waits_for_a_person_elsewhere(world):
    photo = await world.send(WANG)
    assert await world.photos.tick(DURING) == 1 and await world.photos.tick(DURING + 1) == 0
    [(url, subject)] = world.checks.asked
    address = url.removeprefix("https://wm.example/photo-checks/").removesuffix(".jpg")
    assert subject == f"photo:{photo.token}"
    assert await world.photos.check_picture(address[:32], address[32:])
    assert await refused(world.photos.check_picture(address[:32], "0" * 32)) == "PHOTO_NOT_FOUND"
    for _ in range(2):
        await world.judged(photo, "risky", "广告")
    assert await refused(world.photos.check_picture(address[:32], address[32:])) == "PHOTO_NOT_FOUND"
    assert await world.waiting() == []
    [blocked] = await world.waiting("block")
    assert blocked.machine["checks"][-1]["text"] == "图片机审拦截（广告）"
    await world.approve(photo)
    assert await shown(world) == ["有序排队"], "a person let it through"


async def test_no_machine_makes_a_photo_public(world):
    photo = await world.send(WANG)
    await world.photos.tick(DURING)
    await world.judged(photo, "pass")
    assert await shown(world) == []
    [passed] = await world.waiting("pass")
    assert passed.machine["result"] == "pass"


async def test_a_picture_that_turns_out_to_be_risky_leaves_the_wall(world):
    photo = await world.send(WANG)
    await world.photos.tick(DURING)
    await world.judged(photo, "expired")
    await world.approve(photo)
    await world.judged(photo, "risky")
    assert await shown(world) == []
    assert len(await world.waiting("block")) == 1


async def test_whom_the_platform_does_not_know_is_left_to_people(world):
    world.checks.problem = NotVisited()
    await world.send(WANG)
    await world.photos.tick(DURING)
    [item] = await world.waiting()
    assert item.machine["checks"][-1]["result"] == "unasked" and item.machine["result"] == "unchecked"


async def test_what_was_turned_down_is_removed_after_a_month(world):
    photo = await world.send(WANG, preset="", caption="不合适的")
    await world.approve(photo, approve=False)
    await world.photos.tidy(DURING + 3600)
    assert len(await world.parts()) == 2
    await world.photos.tidy(DURING + 60 + KEPT_SECONDS)
    assert await world.parts() == []
    assert (await world.photos.own("our-city", WANG, DURING)).caption == ""


async def test_one_tidying_removes_everything_that_is_due(world, monkeypatch):
    monkeypatch.setattr("server.photos.service.CHECKS_AT_ONCE", 1)
    monkeypatch.setattr("server.photos.pictures.REMOVED_AT_ONCE", 1)
    for citizen in (WANG, LI):
        await world.approve(await world.send(citizen), approve=False)
    for name in "ef":
        await world.photos.files.make(PHOTO, name * 32, DURING)
    await world.photos.tidy(DURING + 60 + KEPT_SECONDS)
    assert await world.parts() == []


async def test_pictures_of_a_process_that_died_in_between_are_removed(world):
    await world.photos.files.make(PHOTO, "f" * 32, DURING)
    kept = await world.send(WANG)
    await world.photos.tidy(DURING + UNBORN_SECONDS + 60)
    assert await world.parts() == [f"{kept.token}:photo", f"{kept.token}:tile"]


async def test_one_citizen_makes_no_endless_work(world, monkeypatch):
    for _ in range(MOST_FILES_A_DAY):
        await world.stores.redis.incr("photo:files:1:20261001")
    assert await refused(world.send(WANG)) == "PHOTO_TRIES_USED"


@pytest.mark.parametrize("problem", ["workshop", "counting"])
async def test_what_fails_on_our_side_is_no_try_of_hers(world, monkeypatch, problem):
    with monkeypatch.context() as failing:
        if problem == "workshop":
            async def busy(*asked):
                raise MediaBusy(retry_after_seconds=10)
            failing.setattr(world.photos.files, "make", busy)
        else:
            async def made(*asked):
                return 480, 360
            failing.setattr(world.photos.files, "make", made)
            failing.setattr(world, "refusal", Unavailable())
        for _ in range(MOST_FILES_A_DAY + 1):
            assert await refused(world.send(WANG)) in ("MEDIA_BUSY", "BUSY")
    assert (await world.send(WANG)).state == "pending"
    for _ in range(MOST_FILES_A_DAY - 1):
        assert await refused(world.send(LI, b"not a picture")) == "MEDIA_TYPE_WRONG"
    assert int(await world.stores.redis.get("photo:files:2:20261001")) == MOST_FILES_A_DAY - 1, "what she sends wrong is one"


@pytest.mark.parametrize(("tried", "now", "code"), [
    (CLOSES - 5.0, CLOSES + LATE_SECONDS - 1.0, None), (CLOSES - 5.0, CLOSES + float(LATE_SECONDS), "CAMPAIGN_ENDED"),
    (CLOSES + 5.0, CLOSES + 60.0, "CAMPAIGN_ENDED")])
async def test_a_photo_that_was_first_tried_before_the_end_is_taken_for_half_an_hour(world, tried, now, code):
    send = world.send(WANG, now=now, first_tried_at=datetime.fromtimestamp(tried, UTC))
    if code:
        assert await refused(send) == code
    else:
        assert (await send).state == "pending"


async def test_the_wall_and_the_queue_are_paged_by_key(world, monkeypatch):
    for module in ("server.photos.store", "server.photos.service"):
        monkeypatch.setattr(f"{module}.ITEMS_A_PAGE", 2)
    photos = [await world.send(citizen, preset="", caption=f"第{citizen}张", now=DURING + citizen) for citizen in range(1, 6)]
    queued: list[Item] = []
    while page := await world.source.page("waiting", "our-city", queued[-1].place if queued else "", 2):
        queued += page
    assert [item.parts["caption"] for item in queued] == [photo.caption for photo in photos]
    for n, photo in enumerate(photos):
        await world.approve(photo, now=DURING + 100 + n)
    public = []
    cursor: str | None = ""
    while cursor is not None:
        page = await world.photos.wall(world.campaign, cursor)
        public, cursor = public + page["items"], page["next"]
    assert [item["caption"] for item in public] == [photo.caption for photo in reversed(photos)]


async def test_a_campaign_of_another_kind_has_no_photos(world):
    world.campaign = wall(kind="salute", rules={})
    for work in (world.send(WANG), world.photos.wall(world.campaign, "")):
        with pytest.raises(Refusal) as caught:
            await work
        assert caught.value.code == "NOT_A_PHOTO_WALL"
