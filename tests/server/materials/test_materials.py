"""Materials: each kind goes up piece by piece, by what it is and within its size, once where it lasts; nothing stays on the disk."""

from __future__ import annotations

import asyncio
import os
import time
import tracemalloc
from hashlib import sha256

import pytest

from server.errors import InvalidBody, Unavailable
from server.materials import Described, MaterialNotFound, Materials, MaterialStore, Uploads
from server.materials.incoming import FILES_AT_ONCE, LEFT_BEHIND_SECONDS
from server.materials.material import MaterialStays, MaterialTooLarge, MaterialWrong, TooManyMaterials, format_of
from server.wechat.errors import MediaRefused, NotPermitted, PlatformUnreachable
from tests.sandbox.sandbox_world import OFFICIAL
from tests.sandbox.sandbox_world import World as Sandbox
from tests.server.accounts_world import client_of
from tests.server.materials.files import AMR, BMP, GIF, JPG, MP3, MP4, PNG, WAV, WMA, file_of, whole

pytestmark = pytest.mark.gen_test(timeout=60)
NOW = 1_790_827_200.0
PIECE_BYTES = 64 * 1024
FLAG = Described("国旗", "升旗", "天安门广场")


class World:
    """One process with its uploads, over a sandbox."""

    def __init__(self, stores, sandbox, folder):
        self.sandbox, self.folder = sandbox, folder
        self.client = client_of(OFFICIAL, sandbox.base, stores, lambda: NOW)
        self.uploads = Uploads(folder)
        self.materials = Materials(MaterialStore(stores.mongo), self.client, self.uploads, whole)

    async def upload(self, kind, content, *, permanent=True, described=FLAG, now=NOW, by="bianji"):
        incoming = await self.materials.begin(kind, described, len(content), permanent=permanent)
        for at in range(0, len(content), PIECE_BYTES):
            await incoming.add(content[at:at + PIECE_BYTES])
        return await self.materials.keep(incoming, kind, described, by, now, permanent=permanent)

    def held(self):
        """What the platform has, the oldest first."""
        return [thing for _, _, thing in reversed(self.sandbox.platform.store.things("material", OFFICIAL["appid"]))]

    def left(self):
        """Files on the disk, and places taken."""
        return len(list(self.folder.iterdir())) if self.folder.exists() else 0, self.uploads.under_way

    async def fault(self, path, **what):
        await self.sandbox.told("/sandbox/faults", {"path": path, "times": 1, **what})


@pytest.fixture
def world(io_loop, stores, tmp_path):
    async def made():
        return World(stores, Sandbox(tmp_path), tmp_path / "uploads")

    found = io_loop.run_sync(made)
    yield found
    io_loop.run_sync(found.client.close)
    found.sandbox.close()


class TestEachKind:
    @pytest.mark.parametrize(("kind", "beginning"), [
        ("image", JPG), ("image", PNG), ("image", GIF), ("image", BMP), ("voice", MP3), ("voice", AMR), ("voice", WAV), ("voice", WMA),
        ("video", MP4), ("thumb", JPG)])
    async def test_a_permanent_one_is_kept_by_both(self, world, kind, beginning):
        content = file_of(beginning)
        material, is_new = await world.upload(kind, content)
        [held] = world.held()
        assert is_new and held["type"] == kind and held["expires"] == 0
        assert (held["bytes"], held["sha256"]) == (material.size_bytes, material.sha256) == (len(content), sha256(content).hexdigest())
        assert await world.materials.find(material.media_id) == material
        assert (material.by, material.at, material.expires_at) == ("bianji", NOW, 0.0)
        assert world.left() == (0, 0)

    @pytest.mark.parametrize(("kind", "beginning"), [("image", PNG), ("voice", AMR), ("video", MP4), ("thumb", JPG)])
    async def test_a_temporary_one_lasts_three_days(self, world, kind, beginning):
        material, _ = await world.upload(kind, file_of(beginning), permanent=False)
        assert material.expires_at == NOW + 3 * 86400 and world.held()[0]["expires"] > 0
        assert (await world.materials.page(kind, "", NOW + 86400))[0] == [material]
        assert (await world.materials.page(kind, "", NOW + 4 * 86400))[0] == []
        await world.materials.tidy(NOW + 4 * 86400)
        with pytest.raises(MaterialNotFound):
            await world.materials.find(material.media_id)

    async def test_a_picture_of_an_article_has_an_address_that_shows_it(self, world):
        content = file_of(PNG)
        picture, _ = await world.upload("picture", content)
        assert (await world.sandbox.http.fetch(picture.url)).body == content

    async def test_a_permanent_image_has_an_address_and_a_video_its_words(self, world):
        image, _ = await world.upload("image", file_of(JPG))
        video, _ = await world.upload("video", file_of(MP4))
        assert image.url and video.title == "升旗" and world.held()[1]["title"] == "升旗"

    async def test_nine_megabytes_pass_without_being_in_memory(self, world):
        piece = os.urandom(PIECE_BYTES)
        incoming = await world.materials.begin("video", FLAG, 144 * PIECE_BYTES, permanent=True)
        tracemalloc.start()
        await incoming.add(MP4 + piece[len(MP4):])
        for _ in range(143):
            await incoming.add(piece)
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak_bytes < 1024 * 1024
        material, _ = await world.materials.keep(incoming, "video", FLAG, "bianji", NOW, permanent=True)
        assert material.size_bytes == world.held()[0]["bytes"] == 9 * 1024 * 1024
        assert world.held()[0]["sha256"] == material.sha256


class TestWhatIsThere:
    async def test_one_from_here_is_known_and_one_from_the_platforms_own_pages_is_found_by_asking(self, world):
        material, _ = await world.upload("image", file_of(JPG))
        assert await world.materials.known(material.media_id) == material and await world.materials.is_held(material.media_id)
        await world.materials._store.remove(material.appid, material.media_id)
        assert await world.materials.known(material.media_id) is None and await world.materials.is_held(material.media_id)

    async def test_a_video_is_there_though_it_comes_as_an_address(self, world):
        video, _ = await world.upload("video", file_of(MP4))
        assert await world.materials.is_held(video.media_id)

    async def test_a_made_up_name_is_not_there(self, world):
        assert not await world.materials.is_held("nothing")

    async def test_an_account_that_may_not_ask_has_none(self, world):
        await world.fault("/cgi-bin/material/get_material", errcode=48001)
        assert not await world.materials.is_held("nothing")

    async def test_a_platform_that_does_not_answer_says_neither(self, world):
        for _ in range(3):
            await world.fault("/cgi-bin/material/get_material", status=502)
        with pytest.raises(PlatformUnreachable):
            await world.materials.is_held("nothing")


class TestWhatDoesNotOpen:
    async def test_it_is_not_handed_on_and_leaves_nothing(self, world):
        async def refuses(path, form):
            assert path.exists() and form == "jpg"
            raise InvalidBody("MEDIA_NOT_READABLE", "打不开")

        world.materials._opens = refuses
        with pytest.raises(InvalidBody):
            await world.upload("image", file_of(JPG))
        assert world.held() == [] and world.left() == (0, 0)


class TestSameBytes:
    async def test_they_are_uploaded_once_where_they_last(self, world):
        first, _ = await world.upload("image", file_of(JPG))
        again, is_new = await world.upload("image", file_of(JPG), described=Described("另一个名字"), now=NOW + 9)
        other, _ = await world.upload("image", file_of(JPG, mark=b"other"))
        assert again == first and not is_new and other.media_id != first.media_id and len(world.held()) == 2
        assert world.left() == (0, 0)

    async def test_also_at_once(self, world):
        made = await asyncio.gather(*(world.upload("thumb", file_of(JPG), by=f"e{n}") for n in range(4)))
        assert len({material.media_id for material, _ in made}) == 1 and sorted(is_new for _, is_new in made) == [False] * 3 + [True]
        assert len(world.held()) == 1

    async def test_also_in_two_processes_at_once(self, world, stores):
        content, other = file_of(JPG), Materials(MaterialStore(stores.mongo), world.client, Uploads(world.folder), whole)

        async def upload(materials):
            incoming = await materials.begin("image", FLAG, len(content), permanent=True)
            await incoming.add(content)
            return await materials.keep(incoming, "image", FLAG, "bianji", NOW, permanent=True)

        (first, new), (second, other_new) = await asyncio.gather(*map(upload, (world.materials, other)))
        assert first == second and new != other_new and len(world.held()) == 1

    @pytest.mark.parametrize("kind", ["image", "thumb", "video"])
    async def test_one_that_was_deleted_on_the_platforms_own_pages_is_uploaded_again(self, world, kind):
        content = file_of(MP4 if kind == "video" else JPG)
        first, _ = await world.upload(kind, content)
        assert await world.upload(kind, content) == (first, False)
        world.sandbox.platform.store.drop_thing("material", OFFICIAL["appid"], first.media_id)
        second, new = await world.upload(kind, content)
        assert new and second.media_id != first.media_id and len(world.held()) == 1
        with pytest.raises(MaterialNotFound):
            await world.materials.find(first.media_id)

    async def test_one_that_the_platform_cannot_be_asked_about_is_given_as_known(self, world):
        first, _ = await world.upload("image", file_of(JPG))
        await world.sandbox.told("/sandbox/faults", {"path": "/cgi-bin/material/get_material", "status": 502, "times": 3})
        assert await world.upload("image", file_of(JPG)) == (first, False)

    async def test_temporary_ones_are_each_their_own(self, world):
        made = [await world.upload("image", file_of(JPG), permanent=False) for _ in range(2)]
        assert len({material.media_id for material, _ in made}) == 2

    async def test_one_that_was_deleted_is_uploaded_again(self, world):
        first, _ = await world.upload("image", file_of(JPG))
        await world.materials.delete(first.media_id)
        assert world.held() == []
        again, is_new = await world.upload("image", file_of(JPG))
        assert is_new and again.media_id != first.media_id


class TestRefusals:
    @pytest.mark.parametrize(("kind", "content", "permanent"), [
        ("image", file_of(MP4), True), ("image", b"<html><script>", True), ("voice", file_of(JPG), True), ("video", file_of(JPG), True),
        ("thumb", file_of(PNG), True), ("image", file_of(BMP), False), ("voice", file_of(WAV), False), ("picture", file_of(GIF), True)])
    async def test_content_that_is_something_else_never_reaches_the_platform(self, world, kind, content, permanent):
        with pytest.raises(MaterialWrong):
            await world.upload(kind, content, permanent=permanent)
        assert world.held() == [] and world.left() == (0, 0)

    @pytest.mark.parametrize(("kind", "most"), [
        ("image", 10 << 20), ("voice", 2 << 20), ("video", 10 << 20), ("thumb", 64 << 10), ("picture", 1 << 20)])
    async def test_too_large_is_refused_before_it_is_read(self, world, kind, most):
        with pytest.raises(MaterialTooLarge):
            await world.materials.begin(kind, FLAG, most + 1, permanent=True)
        assert world.left() == (0, 0)

    async def test_more_or_less_than_was_said_is_refused(self, world):
        for said, came, error in ((100, 99, InvalidBody), (100, 101, MaterialTooLarge)):
            incoming = await world.materials.begin("image", FLAG, said, permanent=True)
            await incoming.add(file_of(JPG, came))
            with pytest.raises(error):
                await world.materials.keep(incoming, "image", FLAG, "bianji", NOW, permanent=True)
        assert world.held() == [] and world.left() == (0, 0)

    @pytest.mark.parametrize(("field", "described"), [
        ("name", Described("")), ("name", Described("长" * 65)), ("name", Described("a\nb")), ("title", Described("片", "")),
        ("title", Described("片", "长" * 65)), ("introduction", Described("片", "题", "长" * 201))])
    async def test_words_that_do_not_fit_are_refused(self, world, field, described):
        with pytest.raises(InvalidBody) as refusal:
            await world.materials.begin("video", described, 100, permanent=True)
        assert refusal.value.field == field

    async def test_what_the_platform_refuses_is_told_and_not_kept(self, world):
        await world.fault("/cgi-bin/material/add_material", errcode=40005)
        with pytest.raises(MediaRefused) as refusal:
            await world.upload("image", file_of(JPG))
        assert refusal.value.status == 422 and world.left() == (0, 0)
        assert (await world.materials.page("image", "", NOW))[0] == []

    async def test_no_answer_is_told_and_it_can_be_tried_again(self, world):
        await world.fault("/cgi-bin/material/add_material", status=502)
        with pytest.raises(PlatformUnreachable):
            await world.upload("image", file_of(JPG))
        assert (await world.upload("image", file_of(JPG)))[1] and world.left() == (0, 0)

    async def test_an_account_that_is_not_certified_may_not(self, world):
        await world.sandbox.told("/sandbox/accounts/official", {"kind": "subscription"})
        with pytest.raises(NotPermitted):
            await world.upload("image", file_of(JPG))

    async def test_a_full_library_is_told_before_the_upload(self, world):
        for n in range(1000):
            world.sandbox.platform.store.keep_thing("material", OFFICIAL["appid"], f"v{n}", {"type": "voice", "expires": 0}, NOW)
        with pytest.raises(TooManyMaterials):
            await world.upload("voice", file_of(MP3))
        assert len(world.held()) == 1000 and world.left() == (0, 0)


class TestDisk:
    async def test_only_so_many_are_under_way(self, world):
        begun = [await world.materials.begin("image", FLAG, 10, permanent=True) for _ in range(FILES_AT_ONCE)]
        with pytest.raises(Unavailable):
            await world.materials.begin("image", FLAG, 10, permanent=True)
        await begun[0].discard()
        await world.materials.begin("image", FLAG, 10, permanent=True)

    async def test_a_file_is_private_and_goes_when_it_is_given_up(self, world):
        incoming = await world.materials.begin("image", FLAG, 100, permanent=True)
        await incoming.add(file_of(JPG, 50))
        assert incoming.path.stat().st_mode & 0o077 == 0 and world.folder.stat().st_mode & 0o077 == 0
        await incoming.discard()
        await incoming.discard()
        await incoming.add(b"late")
        assert world.left() == (0, 0)

    async def test_pieces_that_are_being_written_while_it_is_given_up_leave_nothing(self, world):
        for _ in range(20):
            incoming = await world.materials.begin("image", FLAG, 1 << 20, permanent=True)
            await asyncio.gather(*(incoming.add(file_of(JPG, PIECE_BYTES)) for _ in range(8)), incoming.discard())
        assert world.left() == (0, 0)

    async def test_what_a_killed_process_left_is_removed_by_the_next(self, world):
        world.folder.mkdir()
        for name, age_seconds in (("old", LEFT_BEHIND_SECONDS + 60), ("new", 60)):
            (world.folder / name).write_bytes(b"half")
            os.utime(world.folder / name, (time.time() - age_seconds,) * 2)
        await (await world.materials.begin("image", FLAG, 10, permanent=True)).discard()
        assert [path.name for path in world.folder.iterdir()] == ["new"]

    async def test_a_disk_that_takes_nothing_is_told_at_the_end(self, world):
        incoming = await world.materials.begin("image", FLAG, 20, permanent=True)
        incoming.path.mkdir()
        await incoming.add(file_of(JPG, 20))
        with pytest.raises(Unavailable):
            await incoming.end()
        incoming.path.rmdir()


class TestList:
    async def test_it_is_the_newest_first_by_kind_and_paged(self, world):
        for n in range(23):
            await world.upload("thumb", file_of(JPG, mark=b"%d" % n), now=NOW + n)
        await world.upload("image", file_of(JPG), now=NOW + 50)
        page, following = await world.materials.page("thumb", "", NOW + 60)
        rest, end = await world.materials.page("thumb", following, NOW + 60)
        assert [m.at for m in page + rest] == [NOW + n for n in range(22, -1, -1)] and len(page) == 20 and end is None

    async def test_what_cannot_be_deleted_says_so(self, world):
        temporary, _ = await world.upload("image", file_of(JPG), permanent=False)
        picture, _ = await world.upload("picture", file_of(JPG))
        for material in (temporary, picture):
            with pytest.raises(MaterialStays):
                await world.materials.delete(material.media_id)
        with pytest.raises(MaterialNotFound):
            await world.materials.delete("nothing")

    async def test_one_that_the_platform_lost_can_be_deleted(self, world):
        material, _ = await world.upload("image", file_of(JPG))
        world.sandbox.platform.store.drop_thing("material", OFFICIAL["appid"], material.media_id)
        await world.materials.delete(material.media_id)
        assert (await world.materials.page("image", "", NOW))[0] == []


def test_a_format_is_known_by_how_a_file_begins():
    expected = {"jpg": JPG, "png": PNG, "gif": GIF, "bmp": BMP, "mp3": MP3, "amr": AMR, "wav": WAV, "wma": WMA, "mp4": MP4}
    assert {name: format_of(beginning[:16]) for name, beginning in expected.items()} == {name: name for name in expected}
    assert format_of(b"\xff\xfb\x90\x00") == "mp3" and format_of(b"MZ\x90") == format_of(b"") == format_of(b"%PDF-1.7") == ""
