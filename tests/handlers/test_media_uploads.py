"""Uploads over HTTP, as tus 1.0.0 has them: every status that the protocol names, pieces cut off in the middle, little memory for much."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import tracemalloc
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest

from server.media.uploads import UPLOAD_SECONDS
from tests.handlers.civic_app import CivicApp, error_of, json_of
from tests.server.articles.articles_world import until
from tests.server.media.media_world import MediaWorld, photograph

pytestmark = pytest.mark.gen_test(timeout=90)
UPLOADS = "/api/v1/staff/media/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}
FILE = photograph(500, 400)
LENGTH = len(FILE)


@pytest.fixture
def app(io_loop, stores, tmp_path):
    async def opened():
        app = await CivicApp(stores, tmp_path / "app").open()
        app.media_world = await MediaWorld(stores, tmp_path).ready()
        app.services.media = app.media_world.media
        return app

    app = io_loop.run_sync(opened)
    yield app
    io_loop.run_sync(app.close)


def metadata(**pairs):
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in pairs.items())


async def create(desk, length=LENGTH, filetype="image/jpeg", **headers):
    return await desk.ask(UPLOADS, b"", method="POST", headers={
        **TUS, "Upload-Length": str(length), "Upload-Metadata": metadata(filename="国旗.jpg", filetype=filetype), **headers})


async def begun(desk, length=LENGTH, **options):
    answer = await create(desk, length, **options)
    assert answer.code == 201
    return answer.headers["Location"]


async def patch(desk, location, offset, data, **headers):
    return await desk.ask(location, data, method="PATCH", headers={**PIECE, "Upload-Offset": str(offset), **headers})


async def head(desk, location):
    return await desk.ask(location, method="HEAD", headers=TUS)


class TestCore:
    async def test_a_file_in_two_pieces(self, app):
        desk = await app.desk("editor")
        created = await create(desk)
        location = created.headers["Location"]
        assert created.code == 201 and location.startswith(UPLOADS + "/") and created.headers["Tus-Resumable"] == "1.0.0"
        asked = await head(desk, location)
        assert (asked.code, asked.headers["Upload-Offset"], asked.headers["Upload-Length"], asked.headers["Cache-Control"]) == (
            200, "0", str(len(FILE)), "no-store")
        first = await patch(desk, location, 0, FILE[:5000])
        assert (first.code, first.headers["Upload-Offset"], first.headers["Tus-Resumable"]) == (204, "5000", "1.0.0")
        assert parsedate_to_datetime(first.headers["Upload-Expires"]).timestamp() == app.now + UPLOAD_SECONDS
        assert (await patch(desk, location, 5000, FILE[5000:])).headers["Upload-Offset"] == str(len(FILE))
        made = await desk.ask("/api/v1/staff/media", {"upload": location.rpartition("/")[2], "alt": "国旗"})
        assert made.code == 201 and json_of(made)["name"] == "国旗.jpg"
        assert json_of(await desk.ask(location))["medium"] == json_of(made)["id"]
        assert json_of(await desk.ask(UPLOADS))["items"] == []

    async def test_the_server_says_what_it_understands(self, app):
        answer = await app.ask(UPLOADS, method="OPTIONS")
        assert answer.code == 204 and answer.headers["Tus-Version"] == "1.0.0" and answer.headers["Tus-Max-Size"] == str(500 << 20)
        assert answer.headers["Tus-Extension"] == "creation,termination,expiration,checksum"
        assert "sha1" in answer.headers["Tus-Checksum-Algorithm"]

    async def test_another_version_is_412_and_nothing_is_done(self, app):
        desk = await app.desk("editor")
        location = await begun(desk)
        for version in ({"Tus-Resumable": "0.2.2"}, {"Tus-Resumable": ""}):
            for answer in (await create(desk, **version), await patch(desk, location, 0, FILE, **version),
                           await desk.ask(location, method="DELETE", headers=version)):
                assert error_of(answer) == (412, "TUS_VERSION_DIFFERS") and answer.headers["Tus-Version"] == "1.0.0"
        assert (await desk.ask(location, method="HEAD", headers={"Tus-Resumable": "2.0.0"})).code == 412
        assert (await head(desk, location)).headers["Upload-Offset"] == "0"

    async def test_another_offset_is_409_and_nothing_is_done(self, app):
        desk = await app.desk("editor")
        location = await begun(desk)
        await patch(desk, location, 0, FILE[:100])
        for offset in (0, 99, 101):
            assert error_of(await patch(desk, location, offset, FILE[:10])) == (409, "UPLOAD_OFFSET_DIFFERS")
        assert (await head(desk, location)).headers["Upload-Offset"] == "100"

    async def test_another_content_type_is_415(self, app):
        desk = await app.desk("editor")
        answer = await patch(desk, await begun(desk), 0, FILE, **{"Content-Type": "application/octet-stream"})
        assert error_of(answer) == (415, "UPLOAD_TYPE_WRONG")

    async def test_what_is_not_there_is_404_without_an_offset(self, app):
        desk = await app.desk("editor")
        nowhere = f"{UPLOADS}/{'0' * 32}"
        for answer in (await head(desk, nowhere), await patch(desk, nowhere, 0, FILE),
                       await desk.ask(nowhere, method="DELETE", headers=TUS)):
            assert answer.code == 404 and "Upload-Offset" not in answer.headers

    @pytest.mark.parametrize("offset", ["", "-1", "x", "1e3", "٣", "9" * 20])
    async def test_an_offset_that_is_no_number_is_refused(self, app, offset):
        desk = await app.desk("editor")
        location = await begun(desk)
        answer = await desk.ask(location, FILE, method="PATCH", headers={**PIECE, "Upload-Offset": offset.encode().decode("latin-1")})
        assert error_of(answer) == (422, "INVALID_BODY")

    async def test_a_client_that_knows_no_patch_says_it_by_post(self, app):
        desk = await app.desk("editor")
        location = await begun(desk)
        answer = await desk.ask(location, FILE, method="POST", headers={**PIECE, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"})
        assert (answer.code, answer.headers["Upload-Offset"]) == (204, str(len(FILE)))
        assert (await desk.ask(location, b"", method="POST", headers={**TUS, "X-HTTP-Method-Override": "DELETE"})).code == 204
        assert (await head(desk, location)).code == 404
        assert (await desk.ask(location, b"", method="POST", headers=TUS)).code == 405


class TestExtensions:
    async def test_a_checksum_that_differs_is_460(self, app):
        desk = await app.desk("editor")
        location, right = await begun(desk), base64.b64encode(hashlib.sha1(FILE).digest()).decode()
        wrong = await patch(desk, location, 0, FILE[:-1] + b"!", **{"Upload-Checksum": f"sha1 {right}"})
        assert error_of(wrong) == (460, "UPLOAD_CHECKSUM_DIFFERS")
        assert (await head(desk, location)).headers["Upload-Offset"] == "0"
        assert (await patch(desk, location, 0, FILE, **{"Upload-Checksum": f"sha1 {right}"})).code == 204

    async def test_a_checksum_that_nobody_knows_is_400(self, app):
        desk = await app.desk("editor")
        answer = await patch(desk, await begun(desk), 0, FILE, **{"Upload-Checksum": "crc32 AAAA"})
        assert error_of(answer) == (400, "UPLOAD_CHECKSUM_UNKNOWN")

    async def test_what_has_expired_is_410(self, app):
        desk = await app.desk("editor")
        location = await begun(desk)
        app.now += UPLOAD_SECONDS + 1
        desk.cookie = desk.csrf = ""
        again = await app.desk("admin")
        await app.media_world.stores.mongo["media_uploads"].update_one({"_id": location.rpartition("/")[2]}, {"$set": {"by": "the-admin"}})
        assert (await head(again, location)).code == 410
        assert error_of(await patch(again, location, 0, FILE)) == (410, "UPLOAD_EXPIRED")

    async def test_who_gives_up_gives_up(self, app):
        desk = await app.desk("editor")
        location = await begun(desk)
        await patch(desk, location, 0, FILE[:100])
        assert (await desk.ask(location, method="DELETE", headers=TUS)).code == 204
        assert (await head(desk, location)).code == 404 and await app.media_world.parts() == []

    @pytest.mark.parametrize(("headers", "expected"), [
        ({"Upload-Length": "0"}, (422, "MEDIA_EMPTY")), ({"Upload-Length": ""}, (422, "INVALID_BODY")),
        ({"Upload-Length": str((20 << 20) + 1)}, (413, "UPLOAD_TOO_LARGE")),
        ({"Upload-Metadata": metadata(filename="x.zip", filetype="application/zip")}, (422, "MEDIA_TYPE_UNKNOWN")),
        ({"Upload-Metadata": "filetype !!!"}, (422, "UPLOAD_METADATA_WRONG"))])
    async def test_what_cannot_be_begun(self, app, headers, expected):
        assert error_of(await create(await app.desk("editor"), **headers)) == expected

    async def test_a_piece_longer_than_the_file_is_413(self, app):
        desk = await app.desk("editor")
        assert error_of(await patch(desk, await begun(desk, 10), 0, b"x" * 11)) == (413, "UPLOAD_TOO_LARGE")


class TestWho:
    async def test_editors_alone_and_with_their_token(self, app):
        for role in ("reviewer", "operator", "auditor"):
            assert error_of(await create(await app.desk(role))) == (403, "ROLE_REFUSED")
        desk = await app.desk("editor")
        location = await begun(desk)
        assert error_of(await create(desk, **{"X-CSRF-Token": "x"})) == (403, "CSRF_REFUSED")
        assert error_of(await patch(desk, location, 0, FILE, **{"X-CSRF-Token": "x"})) == (403, "CSRF_REFUSED")
        assert error_of(await desk.ask(location, b"", method="POST", headers={
            **TUS, "X-HTTP-Method-Override": "DELETE", "X-CSRF-Token": "x"})) == (403, "CSRF_REFUSED")
        assert error_of(await patch(await app.desk("admin"), location, 0, FILE)) == (404, "UPLOAD_NOT_FOUND")
        desk.cookie = ""
        assert error_of(await patch(desk, location, 0, FILE)) == (401, "STAFF_SESSION_MISSING")


async def by_hand(app, desk, location, offset, *lines):
    """A connection on which a PATCH's head was sent."""
    at = urlsplit(app.base)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    given = [f"{name}: {value}" for name, value in PIECE.items()]
    writer.write(("\r\n".join([f"PATCH {location} HTTP/1.1", "Host: h", f"Cookie: {desk.cookie}", f"X-CSRF-Token: {desk.csrf}",
                               f"Upload-Offset: {offset}", *given, *lines]) + "\r\n\r\n").encode())
    await writer.drain()
    return reader, writer


class TestConnections:
    async def test_what_came_before_the_connection_broke_is_kept(self, app):
        desk = await app.desk("editor")
        location = await begun(desk, 3_000_000)
        _, writer = await by_hand(app, desk, location, 0, "Content-Length: 3000000")
        writer.write(b"x" * 1_700_000)
        await writer.drain()
        await until(lambda: app.services.media.uploads.under_way == 1)
        await asyncio.sleep(0.3)  # what was sent arrives
        writer.close()
        await until(lambda: app.services.media.uploads.under_way == 0)
        offset = int((await head(desk, location)).headers["Upload-Offset"])
        assert 1 << 20 <= offset <= 1_700_000
        assert (await patch(desk, location, offset, b"y" * (3_000_000 - offset))).code == 204

    async def test_without_a_length_it_is_411(self, app):
        desk = await app.desk("editor")
        reader, writer = await by_hand(app, desk, await begun(desk), 0, "Transfer-Encoding: chunked")
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 411")
        writer.close()

    async def test_a_hundred_megabytes_take_a_few_of_memory(self, app):
        """Three pieces of 40 MB, larger than any other body of the API."""
        desk, piece = await app.desk("editor"), b"\xa5" * 65536
        location = await begun(desk, 3 * 640 * len(piece), filetype="video/mp4")

        async def produce(write):
            for _ in range(640):
                await write(piece)

        tracemalloc.start()
        for number in range(3):
            answer = await desk.ask(location, method="PATCH", body_producer=produce, request_timeout=60, headers={
                **PIECE, "Upload-Offset": str(number * 640 * len(piece)), "Content-Length": str(640 * len(piece))})
            assert answer.code == 204
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert answer.headers["Upload-Offset"] == str(3 * 640 * len(piece)) and peak_bytes < 16 << 20

    async def test_of_two_that_send_at_once_one_wins(self, app):
        desk = await app.desk("editor")
        location = await begun(desk, 2_000_000)
        answers = await asyncio.gather(*(patch(desk, location, 0, letter * 2_000_000) for letter in (b"a", b"b", b"c")))
        assert sorted(answer.code for answer in answers) == [204, 409, 409]
        pieces = [p async for p in app.services.media.uploads.pieces(
            await app.services.media.uploads.find(location.rpartition("/")[2], "the-editor", app.now))]
        assert len(set(b"".join(pieces))) == 1
