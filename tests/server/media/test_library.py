"""From an upload to a medium, the list, who uses what, the recycle bin; and that bytes go when nobody shows them and not before."""

from __future__ import annotations

import asyncio
from unittest import mock

import msgspec
import pytest
from pymongo.errors import ServerSelectionTimeoutError

from server.errors import InvalidBody
from server.media import workshop
from server.media.files import UNBORN_SECONDS, FileNotFound
from server.media.library import Filter
from server.media.medium import BIN_SECONDS, AltMissing, Details, MediaBusy, MediumChanged, MediumInUse, MediumNotFound
from server.media.references import CampaignMedia
from server.media.uploads import MAKING_SECONDS, UploadIncomplete
from server.media.wire import Job
from server.media.workshop import NotTaken
from tests.server.civic_world import CivicWorld, campaign
from tests.server.media.media_world import EDITOR, NOW, MediaWorld, drawing, film, photograph, saved

pytestmark = pytest.mark.gen_test(timeout=60)
PICTURE = photograph(500, 400)
DETAILS = Details("国旗")


@pytest.fixture
def world(io_loop, stores, tmp_path):
    return io_loop.run_sync(lambda: MediaWorld(stores, tmp_path).ready())


async def bytes_of(media, variant):
    file = await media.files.open(variant.file, variant.form)
    return b"".join([bytes(piece) async for piece in media.files.pieces(file, 0, file.bytes)])


class TestMaking:
    async def test_a_picture_is_served_by_any_server_and_its_upload_leaves_nothing(self, world):
        upload = await world.uploaded(PICTURE)
        medium, is_new = await world.media.make(upload, Details("", alt="国旗"), EDITOR, NOW)
        assert is_new and medium.name == "国旗.jpg" and medium.by == EDITOR and set(medium.variants) == {
            "full", "w375", "cover", "square", "poster"}
        served = await bytes_of(world.process("second"), medium.variants["full"])
        assert served.startswith(b"\xff\xd8\xff") and len(served) == medium.variants["full"].bytes
        assert not [part for part in await world.parts() if part.startswith(upload)]
        assert list((world.folder / "first" / "media").iterdir()) == []

    async def test_asked_again_it_is_the_same(self, world):
        upload = await world.uploaded(PICTURE)
        first, _ = await world.media.make(upload, DETAILS, EDITOR, NOW)
        assert await world.process("second").make(upload, DETAILS, EDITOR, NOW) == (first, False)

    async def test_the_same_bytes_and_the_same_pixels_are_one_medium(self, world):
        first = await world.made(PICTURE)
        again, is_new = await world.media.make(await world.uploaded(PICTURE, by="li"), DETAILS, "li", NOW)
        assert (again.id, is_new) == (first.id, False)
        other = saved(drawing(), "PNG")
        noted, is_new = await world.media.make(await world.uploaded(other), DETAILS, EDITOR, NOW)
        copied, again_new = await world.media.make(await world.uploaded(saved(drawing(), "GIF")), DETAILS, EDITOR, NOW)
        assert is_new and not again_new and copied.id == noted.id != first.id

    async def test_two_servers_with_one_picture_make_one_medium(self, world):
        uploads, second = [await world.uploaded(PICTURE), await world.uploaded(PICTURE)], world.process("second")
        made = await asyncio.gather(world.media.make(uploads[0], DETAILS, EDITOR, NOW), second.make(uploads[1], DETAILS, EDITOR, NOW))
        assert len({medium.id for medium, _ in made}) == 1 and sorted(is_new for _, is_new in made) == [False, True]
        assert await bytes_of(world.media, made[0][0].variants["full"])

    async def test_a_bad_one_is_refused_once_and_for_all_and_leaves_nothing(self, world):
        upload = await world.uploaded(b"<svg onload=alert(1)>")
        for media in (world.media, world.process("second")):
            with pytest.raises(NotTaken) as refusal:
                await media.make(upload, DETAILS, EDITOR, NOW)
            assert (refusal.value.code, refusal.value.status) == ("MEDIA_SVG", 422)
        assert await world.parts() == []
        assert (await world.media.uploads.find(upload, EDITOR, NOW)).refusal[0] == "MEDIA_SVG"

    async def test_one_that_is_not_whole_waits(self, world):
        upload = await world.begin(10)
        with pytest.raises(UploadIncomplete):
            await world.media.make(upload.id, DETAILS, EDITOR, NOW)

    async def test_wrong_words_refuse_the_words_and_not_the_file(self, world):
        upload = await world.uploaded(PICTURE)
        for wrong in (Details("x" * 65), Details("国旗", folder="a:b"), Details("国旗", tags=("",)), Details("国旗", focus=(2.0, 0.0))):
            with pytest.raises(InvalidBody):
                await world.media.make(upload, wrong, EDITOR, NOW)
        assert (await world.media.make(upload, DETAILS, EDITOR, NOW))[1]

    async def test_a_server_that_dies_while_it_works_is_followed_by_another(self, world):
        upload = await world.uploaded(PICTURE)
        assert await world.media.uploads.claim_making(upload, EDITOR, NOW)
        other = world.process("second")
        assert await other.make(upload, DETAILS, EDITOR, NOW + 1) is None
        assert (await other.make(upload, DETAILS, EDITOR, NOW + MAKING_SECONDS))[1]

    async def test_whoever_asks_while_it_is_in_work_is_told_so(self, world, monkeypatch):
        monkeypatch.setattr("server.media.service.PATIENCE_SECONDS", 0.0)
        upload = await world.uploaded(PICTURE)
        assert await world.media.make(upload, DETAILS, EDITOR, NOW) is None
        assert await world.process("second").make(upload, DETAILS, EDITOR, NOW) is None
        monkeypatch.setattr("server.media.service.PATIENCE_SECONDS", 30.0)
        assert (await world.media.make(upload, DETAILS, EDITOR, NOW))[1]

    async def test_a_stop_in_the_middle_leaves_it_to_others(self, world, monkeypatch):
        monkeypatch.setattr("server.media.service.PATIENCE_SECONDS", 0.05)
        upload = await world.uploaded(PICTURE)
        assert await world.media.make(upload, DETAILS, EDITOR, NOW) is None
        await world.media.close()
        monkeypatch.setattr("server.media.service.PATIENCE_SECONDS", 30.0)
        assert (await world.process("second").make(upload, DETAILS, EDITOR, NOW))[0].id

    async def test_who_died_before_saying_that_it_is_shown_is_helped_by_the_job(self, world):
        with mock.patch.object(type(world.media.files), "show", side_effect=ServerSelectionTimeoutError("away")):
            with pytest.raises(ServerSelectionTimeoutError):
                await world.made(PICTURE)
        other = world.process("second")
        [medium], _ = await other.library.page(Filter(), "")
        with pytest.raises(FileNotFound):
            await bytes_of(other, medium.variants["full"])
        await other.files.tidy(NOW + UNBORN_SECONDS)
        other.files._known.clear()
        assert await bytes_of(other, medium.variants["full"])


class TestWorkshop:
    async def test_what_kills_its_process_is_the_files_fault(self, world, tmp_path):
        with pytest.raises(NotTaken) as refusal:
            await world.media._workshop.do(Job("look", str(tmp_path / "not there"), str(tmp_path), "image", (0.5, 0.5)))
        assert refusal.value.code == "MEDIA_TOO_COMPLEX"

    async def test_what_takes_too_long_may_be_tried_again(self, world, monkeypatch):
        monkeypatch.setattr(workshop, "WORK_SECONDS", 0.01)
        upload = await world.uploaded(PICTURE)
        with pytest.raises(MediaBusy):
            await world.media.make(upload, DETAILS, EDITOR, NOW)
        monkeypatch.undo()
        assert (await world.media.make(upload, DETAILS, EDITOR, NOW))[1]

    async def test_memory_has_an_end(self, world, tmp_path, monkeypatch):
        monkeypatch.setattr(workshop, "_run", lambda job: workshop_with_little_memory(job))
        (tmp_path / "original").write_bytes(photograph(5000, 5000, quality=20))
        with pytest.raises(NotTaken) as refusal:
            await world.media._workshop.do(Job("look", str(tmp_path / "original"), str(tmp_path), "image", (0.5, 0.5)))
        assert refusal.value.code == "MEDIA_TOO_COMPLEX"

    async def test_only_so_many_stand_in_line(self, world):
        async with world.media._workshop.bench():
            world.media._workshop._inside = workshop.AT_ONCE + workshop.WAITING
            with pytest.raises(MediaBusy):
                async with world.media._workshop.bench():
                    pass


def workshop_with_little_memory(job):
    """The worker itself, with a limit of its own that is too small."""
    import subprocess
    import sys

    code = "import server.media.worker as w; w.MEMORY_BYTES = 150 << 20; raise SystemExit(w.main())"
    done = subprocess.run([sys.executable, "-c", code], input=job, capture_output=True, cwd=workshop.ROOT, check=False)
    return msgspec.json.decode(done.stdout or b'{"code":"MEDIA_TOO_COMPLEX"}', type=workshop.Answer)


class TestList:
    async def test_by_folder_tag_kind_and_words(self, world, tmp_path):
        flag = await world.made(PICTURE, folder="国庆", tags=("旗", "红"), alt="升起的国旗", now=NOW)
        square = await world.made(photograph(600, 600, seed=3), name="广场", folder="国庆", tags=("红",), credit="王小红", now=NOW + 1)
        clip = await world.made(film(tmp_path), "video", name="升旗", now=NOW + 2)
        library = world.media.library
        for wanted, expected in ((Filter(), [clip, square, flag]), (Filter("国庆"), [square, flag]), (Filter(""), [clip]),
                                 (Filter(tag="红"), [square, flag]), (Filter(tag="旗"), [flag]), (Filter("国庆", tag="旗"), [flag]),
                                 (Filter(kind="video"), [clip]), (Filter(text="国旗"), [flag]), (Filter(text="小红"), [square]),
                                 (Filter(tag="无"), []), (Filter("国"), []), (Filter(binned=True), [])):
            found, following = await library.page(wanted, "")
            assert [one.id for one in found] == [one.id for one in expected] and following is None
        assert await library.labels() == {"folders": ["国庆"], "tags": ["旗", "红"]}

    async def test_page_after_page_gives_each_once(self, world, monkeypatch):
        monkeypatch.setattr("server.media.library.ITEMS_A_PAGE", 2)
        monkeypatch.setattr("server.media.library.LOOKED_AT", 2)
        first = await world.made(PICTURE, tags=("旗",))
        for number in range(5):  # the same but for their names in the lists
            other = msgspec.structs.replace(first, id=f"{number:032d}", at=first.at + number, kind="video" if number % 2 else "image")
            await world.media.library.add(other, NOW)
        for wanted, expected in ((Filter(), 6), (Filter(tag="旗"), 6), (Filter(""), 6), (Filter(kind="video"), 2)):
            found, cursor = [], ""
            while cursor is not None:
                items, cursor = await world.media.library.page(wanted, cursor)
                found += [one.id for one in items]
            assert len(found) == len(set(found)) == expected

    async def test_rename_move_and_tag(self, world):
        medium = await world.made(PICTURE, folder="国庆", tags=("旗",))
        _, after = await world.media.edit(medium.id, Details("新名", alt="国旗", folder="元旦", tags=("红",)), 0, NOW)
        assert (after.name, after.folder, after.tags, after.rev, after.variants) == ("新名", "元旦", ("红",), 1, medium.variants)
        assert [await ids(world, wanted) for wanted in (Filter("国庆"), Filter(tag="旗"))] == [[], []]
        assert [await ids(world, wanted) for wanted in (Filter("元旦"), Filter(tag="红"))] == [[medium.id]] * 2
        with pytest.raises(MediumChanged):
            await world.media.edit(medium.id, DETAILS, 0, NOW)
        await world.media.library.tidy(NOW + 2 * 86400)
        assert await world.media.library.labels() == {"folders": ["元旦"], "tags": ["红"]}

    async def test_another_focus_makes_other_crops_and_the_old_ones_go(self, world):
        medium = await world.made(photograph(1200, 500))
        _, after = await world.media.edit(medium.id, Details("国旗", focus=(0.0, 0.0)), 0, NOW)
        assert after.variants["square"].file != medium.variants["square"].file
        assert after.variants["full"] == medium.variants["full"]
        assert await bytes_of(world.media, after.variants["square"])
        with pytest.raises(FileNotFound):
            await bytes_of(world.process("second"), medium.variants["square"])
        await world.media.tidy(NOW + BIN_SECONDS)
        assert not [part for part in await world.parts() if part.startswith(medium.variants["square"].file)]
        assert await bytes_of(world.media, after.variants["square"])


async def ids(world, wanted):
    return [one.id for one in (await world.media.library.page(wanted, ""))[0]]


class TestUses:
    async def test_what_is_shown_is_not_deleted(self, world):
        medium = await world.made(PICTURE, alt="国旗")
        await world.media.library.use("page:1", "页面“首页”", [medium.id], NOW)
        with pytest.raises(MediumInUse) as refusal:
            await world.media.library.bin(medium.id, NOW)
        assert "页面“首页”" in refusal.value.message and refusal.value.status == 409
        assert [use.subject for use in await world.media.library.uses(medium.id)] == ["page:1"]
        await world.media.library.settle("page:1", [])
        await world.media.library.bin(medium.id, NOW)

    async def test_of_use_and_deletion_at_once_one_gives_way(self, world):
        medium = await world.made(PICTURE, alt="国旗")
        used, binned = await asyncio.gather(world.process("second").library.use("page:1", "首页", [medium.id], NOW),
                                            world.media.library.bin(medium.id, NOW), return_exceptions=True)
        assert isinstance(used, InvalidBody) or isinstance(binned, MediumInUse)
        is_binned, uses = (await world.media.library.find(medium.id)).binned_at, await world.media.library.uses(medium.id)
        assert not (is_binned and uses)

    async def test_a_picture_without_alternative_text_may_not_be_shown(self, world):
        medium = await world.made(PICTURE)
        with pytest.raises(AltMissing):
            await world.media.library.use("page:1", "首页", [medium.id], NOW)
        assert await world.media.library.uses(medium.id) == []
        await world.media.edit(medium.id, Details("国旗", decorative=True), 0, NOW)
        await world.media.library.use("page:1", "首页", [medium.id], NOW)
        with pytest.raises(AltMissing):
            await world.media.edit(medium.id, Details("国旗"), 1, NOW)

    async def test_what_is_refused_uses_nothing(self, world):
        medium = await world.made(PICTURE, alt="国旗")
        with pytest.raises(InvalidBody):
            await world.media.library.use("page:1", "首页", [medium.id, "0" * 32], NOW)
        assert await world.media.library.uses(medium.id) == []

    @pytest.mark.parametrize("wrong", [["0" * 32], ["nothing"], [f"{n:032d}" for n in range(101)]])
    async def test_what_is_not_there_may_not_be_shown(self, world, wrong):
        with pytest.raises(InvalidBody):
            await world.media.library.use("page:1", "首页", wrong, NOW)


class TestBin:
    async def test_it_comes_back_with_everything(self, world):
        medium = await world.made(PICTURE, folder="国庆", tags=("旗",))
        await world.media.library.bin(medium.id, NOW)
        await world.media.library.bin(medium.id, NOW)
        other = world.process("second")
        with pytest.raises(FileNotFound):
            await bytes_of(other, medium.variants["full"])
        assert await ids(world, Filter(tag="旗")) == await ids(world, Filter()) == [] != await ids(world, Filter(binned=True))
        with pytest.raises(MediumNotFound):
            await world.media.edit(medium.id, DETAILS, 1, NOW)
        await world.media.library.restore(medium.id, NOW + BIN_SECONDS - 1)
        await world.media.tidy(NOW + BIN_SECONDS + 1)
        assert await bytes_of(world.process("third"), medium.variants["full"]) and await ids(world, Filter(tag="旗")) == [medium.id]

    async def test_what_is_uploaded_again_comes_back(self, world):
        medium = await world.made(PICTURE)
        await world.media.library.bin(medium.id, NOW)
        again, is_new = await world.media.make(await world.uploaded(PICTURE), DETAILS, EDITOR, NOW)
        assert (again.id, again.binned_at, is_new) == (medium.id, 0, False) and await bytes_of(world.media, medium.variants["full"])

    async def test_after_thirty_days_it_is_gone_with_its_bytes(self, world):
        gone, kept = await world.made(PICTURE), await world.made(saved(drawing(), "PNG"))
        await world.media.library.bin(gone.id, NOW)
        await world.media.tidy(NOW + BIN_SECONDS - 1)
        assert (await world.media.library.find(gone.id)).binned_at
        await world.media.tidy(NOW + BIN_SECONDS + 1)
        with pytest.raises(MediumNotFound):
            await world.media.library.find(gone.id)
        assert {part.partition(":")[0][:32] for part in await world.parts()} == kept.files

    async def test_bytes_that_another_shows_stay(self, world):
        first = await world.made(PICTURE)
        other = msgspec.structs.replace(first, id="0" * 32, pixels="another")
        for name in other.files:
            await world.media.files._store.refer(name, other.id)
        await world.media.library.add(other, NOW)
        await world.media.library.bin(first.id, NOW)
        await world.media.tidy(NOW + BIN_SECONDS + 1)
        assert await bytes_of(world.process("second"), other.variants["full"])
        await world.media.library.bin(other.id, NOW + BIN_SECONDS + 1)
        await world.media.tidy(NOW + 2 * BIN_SECONDS + 3)
        assert await world.parts() == []


class TestServing:
    async def test_what_was_read_lately_is_served_while_the_store_is_away(self, world):
        medium = await world.made(PICTURE)
        before = await bytes_of(world.media, medium.variants["full"])
        store = type(world.media.files._store)
        with mock.patch.object(store, "find", side_effect=ServerSelectionTimeoutError("away")), mock.patch.object(
                store, "read_part", side_effect=ServerSelectionTimeoutError("away")):
            world.media.files._known = {name: (0.0, file) for name, (_, file) in world.media.files._known.items()}
            world.media.files._known = type(world.process("x").files._known)(world.media.files._known)
            assert await bytes_of(world.media, medium.variants["full"]) == before

    async def test_many_who_want_one_part_read_it_once(self, world):
        medium, other = await world.made(PICTURE), world.process("second")
        with mock.patch.object(other.files._store, "read_part", wraps=other.files._store.read_part) as reads:
            found = await asyncio.gather(*(bytes_of(other, medium.variants["full"]) for _ in range(20)))
        assert len(set(found)) == 1 and reads.call_count == 1


class TestCampaigns:
    async def test_a_campaign_says_which_media_it_shows(self, world, stores):
        civic, medium = await CivicWorld(stores).ready(), await world.made(PICTURE, alt="国旗")
        other = await world.made(saved(drawing(), "PNG"), decorative=True)
        civic.campaigns.media = CampaignMedia(world.media.library, lambda: NOW)
        block = {"id": "b1", "kind": "picture", "media": other.id}
        await civic.campaigns.create(campaign(theme={"cover_media": medium.id, "blocks": [block]}))
        with pytest.raises(MediumInUse) as refusal:
            await world.media.library.bin(other.id, NOW)
        assert "向国旗敬礼" in refusal.value.message
        await civic.campaigns.update(campaign(theme={"cover_media": medium.id}))
        await world.media.library.bin(other.id, NOW)
        assert [use.subject for use in await world.media.library.uses(medium.id)] == ["campaign:flag"]

    async def test_what_was_not_kept_is_not_in_use(self, world, stores):
        civic, medium = await CivicWorld(stores).ready(), await world.made(PICTURE, alt="国旗")
        civic.campaigns.media = CampaignMedia(world.media.library, lambda: NOW)
        await civic.campaigns.create(campaign())
        with pytest.raises(Exception, match="SLUG_TAKEN"):
            await civic.campaigns.create(campaign(theme={"cover_media": medium.id}))
        assert await world.media.library.uses(medium.id) == []

    @pytest.mark.parametrize("theme", [{"cover_media": "0" * 32}, {"cover_media": "../x"}, {"columns": [{"media": 7}]}])
    async def test_what_is_not_there_is_refused(self, world, stores, theme):
        civic = await CivicWorld(stores).ready()
        civic.campaigns.media = CampaignMedia(world.media.library, lambda: NOW)
        for campaigns in (civic.campaigns, civic.process()):
            with pytest.raises(InvalidBody) as refusal:
                await campaigns.create(campaign(theme=theme))
            assert refusal.value.code == "MEDIA_UNKNOWN"
