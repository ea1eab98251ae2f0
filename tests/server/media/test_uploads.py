"""Uploads: any server takes the next part, whoever began last wins, what was not acknowledged leaves nothing, the abandoned are removed."""

from __future__ import annotations

import asyncio
import hashlib
from unittest import mock

import pytest
from pymongo.errors import ServerSelectionTimeoutError

from server.errors import InvalidBody, Refusal
from server.media.medium import MAX_BYTES, MediaBusy
from server.media.uploads import (
    PART_BYTES,
    RECEIVED_AT_ONCE,
    UPLOAD_SECONDS,
    UPLOADS_OF_ONE,
    ChecksumDiffers,
    OffsetDiffers,
    TooManyUploads,
    UploadGone,
    UploadNotFound,
    UploadOvertaken,
    UploadTooLarge,
    checksum_of,
    metadata_of,
)
from tests.server.media.media_world import EDITOR, NOW, MediaWorld

pytestmark = pytest.mark.gen_test(timeout=60)
FILE = hashlib.shake_256(b"a file").digest(int(2.5 * PART_BYTES))


@pytest.fixture
def world(io_loop, stores, tmp_path):
    return io_loop.run_sync(lambda: MediaWorld(stores, tmp_path).ready())


async def whole(media, upload_id):
    upload = await media.uploads.find(upload_id, EDITOR, NOW)
    return b"".join([piece async for piece in media.uploads.pieces(upload)])


class TestPieces:
    @pytest.mark.parametrize("size", [len(FILE), 700_001, PART_BYTES])
    async def test_pieces_of_any_size_make_the_same_file(self, world, size):
        upload = await world.begin(len(FILE))
        for at in range(0, len(FILE), size):
            after = await world.send(upload.id, at, FILE[at:at + size])
            assert after.offset == min(len(FILE), at + size)
        assert after.is_whole and await whole(world.media, upload.id) == FILE
        assert await world.parts() == [f"{upload.id}:{part}" for part in range(3)]

    async def test_each_piece_may_come_to_another_server(self, world):
        upload, servers = await world.begin(len(FILE)), [world.media, world.process("second"), world.process("third")]
        for number, at in enumerate(range(0, len(FILE), 500_000)):
            await world.send(upload.id, at, FILE[at:at + 500_000], media=servers[number % 3])
        assert await whole(servers[1], upload.id) == FILE

    async def test_a_server_that_dies_in_the_middle_loses_at_most_its_last_megabyte(self, world):
        upload = await world.begin(len(FILE))
        dying = await world.media.uploads.receive(upload.id, 0, len(FILE), None, EDITOR, NOW)
        await dying.add(FILE[:PART_BYTES + 400_000])  # and then it says nothing any more
        other = world.process("second")
        known = await other.uploads.find(upload.id, EDITOR, NOW)
        assert known.offset == PART_BYTES
        await world.send(upload.id, known.offset, FILE[known.offset:], media=other)
        assert await whole(other, upload.id) == FILE

    async def test_a_client_that_goes_in_the_middle_finds_what_it_sent(self, world):
        upload = await world.begin(len(FILE))
        receiving = await world.media.uploads.receive(upload.id, 0, len(FILE), None, EDITOR, NOW)
        await receiving.add(FILE[:1_300_000])
        await receiving.leave()
        await receiving.leave()
        assert (await world.media.uploads.find(upload.id, EDITOR, NOW)).offset == 1_300_000 and world.media.uploads.under_way == 0
        await world.send(upload.id, 1_300_000, FILE[1_300_000:])
        assert await whole(world.media, upload.id) == FILE

    async def test_a_store_that_is_away_is_told_at_the_end(self, world):
        upload = await world.begin(len(FILE))
        receiving = await world.media.uploads.receive(upload.id, 0, len(FILE), None, EDITOR, NOW)
        with mock.patch.object(type(world.media.uploads._store), "write_part", side_effect=ServerSelectionTimeoutError("away")):
            await receiving.add(FILE)
            with pytest.raises(ServerSelectionTimeoutError):
                await receiving.end()
            await receiving.leave()
        assert world.media.uploads.under_way == 0
        await world.send(upload.id, 0, FILE)
        assert await whole(world.media, upload.id) == FILE


class TestSeveralAtOnce:
    async def test_the_one_that_began_last_wins(self, world):
        upload = await world.begin(len(FILE))
        first = await world.media.uploads.receive(upload.id, 0, len(FILE), None, EDITOR, NOW)
        await first.add(b"x" * 500_000)
        second = await world.process("second").uploads.receive(upload.id, 0, len(FILE), None, EDITOR, NOW)
        await second.add(FILE)
        await second.end()
        await first.add(b"x" * 2_000_000)
        with pytest.raises(UploadOvertaken):
            await first.end()
        assert await whole(world.media, upload.id) == FILE

    async def test_one_that_was_overtaken_moves_no_offset(self, world):
        upload = await world.begin(1000)
        first = await world.media.uploads.receive(upload.id, 0, 400, None, EDITOR, NOW)
        second = await world.media.uploads.receive(upload.id, 0, 1000, None, EDITOR, NOW)
        await first.add(b"x" * 400)
        with pytest.raises(UploadOvertaken):
            await first.end()
        await second.add(FILE[:1000])
        assert (await second.end()).is_whole and await whole(world.media, upload.id) == FILE[:1000]

    async def test_of_many_at_once_exactly_one_wins(self, world):
        upload = await world.begin(1000)
        ends = await asyncio.gather(*(world.send(upload.id, 0, bytes([n]) * 1000) for n in range(6)), return_exceptions=True)
        won = [n for n, end in enumerate(ends) if not isinstance(end, Exception)]
        assert len(won) == 1 and await whole(world.media, upload.id) == bytes(won) * 1000
        assert {type(end) for end in ends if isinstance(end, Exception)} <= {UploadOvertaken, OffsetDiffers}

    async def test_a_process_takes_some_at_once_and_no_more(self, world):
        uploads = [await world.begin(10) for _ in range(RECEIVED_AT_ONCE + 1)]
        inside = [await world.media.uploads.receive(one.id, 0, 10, None, EDITOR, NOW) for one in uploads[1:]]
        with pytest.raises(MediaBusy):
            await world.media.uploads.receive(uploads[0].id, 0, 10, None, EDITOR, NOW)
        await inside[0].leave()
        await world.media.uploads.receive(uploads[0].id, 0, 10, None, EDITOR, NOW)


class TestChecksums:
    async def test_a_piece_that_was_damaged_counts_for_nothing(self, world):
        upload = await world.begin(len(FILE))
        await world.send(upload.id, 0, FILE[:300_000])
        right = ("sha1", hashlib.sha1(FILE[300_000:]).digest())
        with pytest.raises(ChecksumDiffers):
            await world.send(upload.id, 300_000, FILE[300_000:-1] + b"!", checksum=right)
        assert (await world.media.uploads.find(upload.id, EDITOR, NOW)).offset == 300_000
        await world.send(upload.id, 300_000, FILE[300_000:], checksum=right)
        assert await whole(world.media, upload.id) == FILE

    async def test_a_piece_with_a_checksum_that_was_cut_off_is_not_kept(self, world):
        upload = await world.begin(len(FILE))
        receiving = await world.media.uploads.receive(upload.id, 0, len(FILE), ("sha1", b"0" * 20), EDITOR, NOW)
        await receiving.add(FILE[:2_000_000])
        await receiving.leave()
        assert (await world.media.uploads.find(upload.id, EDITOR, NOW)).offset == 0

    def test_the_header_is_read(self):
        assert checksum_of(None) is None
        assert checksum_of("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=") == ("sha1", bytes.fromhex("2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"))
        for wrong in ("md5 1B2M2Y8AsgTpgAmY7PhCfg==", "sha1", "sha1 zzz", "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", ""):
            with pytest.raises(Refusal) as refusal:
                checksum_of(wrong)
            assert refusal.value.status == 400


class TestRefusals:
    @pytest.mark.parametrize(("kind", "length"), [(kind, most + 1) for kind, most in MAX_BYTES.items()])
    async def test_too_large_is_refused_at_the_beginning(self, world, kind, length):
        with pytest.raises(UploadTooLarge):
            await world.begin(length, kind)
        assert (await world.begin(length - 1, kind)).length == length - 1

    async def test_an_empty_file_and_a_kind_that_is_none(self, world):
        with pytest.raises(InvalidBody):
            await world.begin(0)
        with pytest.raises(InvalidBody):
            await world.media.uploads.create(10, {"filetype": "application/zip"}, EDITOR, NOW)

    async def test_more_than_was_said_is_refused(self, world):
        upload = await world.begin(10)
        with pytest.raises(UploadTooLarge):
            await world.send(upload.id, 0, b"x" * 11)

    async def test_another_offset_is_refused_in_both_directions(self, world):
        upload = await world.begin(10)
        await world.send(upload.id, 0, b"x" * 4)
        for offset in (0, 3, 5, 10):
            with pytest.raises(OffsetDiffers):
                await world.send(upload.id, offset, b"")

    async def test_an_upload_is_its_editors_alone(self, world):
        upload = await world.begin(10)
        for wrong in (world.media.uploads.find(upload.id, "li", NOW), world.send(upload.id, 0, b"x", by="li"),
                      world.media.uploads.end(upload.id, "li", NOW)):
            with pytest.raises(UploadNotFound):
                await wrong

    async def test_nobody_leaves_hundreds_unfinished(self, world):
        for _ in range(UPLOADS_OF_ONE):
            last = await world.begin(10)
        with pytest.raises(TooManyUploads):
            await world.begin(10)
        await world.media.uploads.end(last.id, EDITOR, NOW)
        await world.begin(10)
        await world.begin(10, by="li")

    @pytest.mark.parametrize("wrong", ["filename ä", "filename %%%", "filename " + "A" * 5000, "filename /w=="])
    def test_metadata_that_is_none(self, wrong):
        with pytest.raises(InvalidBody):
            metadata_of(wrong)

    def test_metadata_is_read(self):
        assert metadata_of("filename 5Zu95peXLmpwZw==, empty,filetype aW1hZ2UvanBlZw==") == {
            "filename": "国旗.jpg", "empty": "", "filetype": "image/jpeg"}
        assert metadata_of("") == {}


class TestEnds:
    async def test_it_lives_for_a_day_after_its_last_piece(self, world):
        upload = await world.begin(10)
        later = NOW + UPLOAD_SECONDS - 1
        await world.send(upload.id, 0, b"x", now=later)
        await world.send(upload.id, 1, b"x", now=later + UPLOAD_SECONDS - 1)
        with pytest.raises(UploadGone):
            await world.send(upload.id, 2, b"x", now=later + 2 * UPLOAD_SECONDS)

    async def test_the_job_removes_the_abandoned_and_nothing_else(self, world):
        gone, kept = await world.begin(len(FILE)), await world.begin(len(FILE), now=NOW + 60)
        for upload in (gone, kept):
            await world.send(upload.id, 0, FILE[:PART_BYTES + 5])
        await world.send(kept.id, PART_BYTES + 5, b"x", now=NOW + 60)
        assert await world.media.uploads.tidy(NOW + UPLOAD_SECONDS) == 1
        assert await world.parts() == [f"{kept.id}:0", f"{kept.id}:1"]
        with pytest.raises(UploadNotFound):
            await world.media.uploads.find(gone.id, EDITOR, NOW)

    async def test_who_gives_up_leaves_nothing(self, world):
        upload = await world.uploaded(FILE)
        await world.media.uploads.end(upload, EDITOR, NOW)
        assert await world.parts() == []
