"""Materials through the staff's interface: files come in by pieces, refused as early as can be told, and nothing of them stays."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from urllib.parse import urlencode, urlsplit

import pytest

from server.materials import Materials, MaterialStore, Uploads
from tests.handlers.civic_app import CivicApp, error_of, json_of
from tests.handlers.test_staff import logged
from tests.sandbox.sandbox_world import OFFICIAL, World
from tests.server.accounts_world import accounts_with, client_of
from tests.server.articles.articles_world import until
from tests.server.materials.files import JPG, MP4, PNG, file_of, whole

pytestmark = pytest.mark.gen_test(timeout=60)
LIBRARY = f"/api/v1/staff/accounts/{OFFICIAL['appid']}/materials"


def address(kind="image", **more):
    return f"{LIBRARY}?{urlencode({'kind': kind, 'name': '国旗', **more})}"


@pytest.fixture
def app(io_loop, stores, tmp_path):
    async def opened():
        sandbox, app = World(tmp_path), await CivicApp(stores, tmp_path).open()
        client, app.uploads = client_of(OFFICIAL, sandbox.base, stores, lambda: app.now), Uploads(tmp_path / "uploads")
        app.services.accounts = accounts_with(client, materials=Materials(MaterialStore(stores.mongo), client, app.uploads, whole))
        return sandbox, client, app

    sandbox, client, app = io_loop.run_sync(opened)
    yield app
    io_loop.run_sync(app.close)
    io_loop.run_sync(client.close)
    sandbox.close()


def nothing_left(app):
    return app.uploads.under_way == 0 and (not app.uploads.folder.exists() or not list(app.uploads.folder.iterdir()))


async def by_hand(app, desk, *lines):
    """A connection on which a request's head was sent."""
    at = urlsplit(app.base)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    head = [f"POST {address('video', title='片')} HTTP/1.1", "Host: h", f"Cookie: {desk.cookie}", f"X-CSRF-Token: {desk.csrf}", *lines]
    writer.write(("\r\n".join(head) + "\r\n\r\n").encode())
    await writer.drain()
    return reader, writer


class TestUpload:
    async def test_from_a_file_to_the_library_and_out_again(self, app, stores):
        desk = await app.desk("editor")
        made = await desk.ask(address(), file_of(JPG))
        shown = json_of(made)
        assert (made.code, shown["kind"], shown["by"], shown["name"], shown["expires_at"]) == (201, "image", "the-editor", "国旗", None)
        assert (await desk.ask(address(), file_of(JPG))).code == 200
        assert json_of(await desk.ask(f"{LIBRARY}?kind=image")) == {"items": [shown], "next": None}
        assert json_of(await desk.ask(f"{LIBRARY}/{shown['media_id']}")) == shown
        assert (await desk.ask(f"{LIBRARY}/{shown['media_id']}", method="DELETE")).code == 204
        assert json_of(await desk.ask(f"{LIBRARY}?kind=image"))["items"] == [] and nothing_left(app)
        assert [action for _, action, _ in await logged(stores)] == ["material.upload", "material.delete"]

    async def test_a_temporary_one_says_when_it_ends(self, app):
        made = await (await app.desk("editor")).ask(address(lasting="temporary"), file_of(PNG))
        assert made.code == 201 and json_of(made)["expires_at"]

    async def test_nine_megabytes_do_not_stay_in_memory(self, app):
        """What it is shows at the end alone, so that a file of the wrong kind is read whole and goes no further."""
        desk, piece = await app.desk("editor"), b"\x00" * 65536

        async def produce(write):
            for _ in range(144):
                await write(piece)

        tracemalloc.start()
        answer = await desk.ask(address("video", title="片"), method="POST", body_producer=produce,
                                headers={"Content-Length": str(144 * len(piece))})
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert error_of(answer) == (422, "MATERIAL_TYPE_WRONG") and nothing_left(app)
        assert peak_bytes < 4 * 1024 * 1024

    async def test_a_video_larger_than_the_other_bodies_gets_through(self, app):
        made = await (await app.desk("editor")).ask(address("video", title="升旗"), file_of(MP4, 6 * 1024 * 1024))
        assert (made.code, json_of(made)["size_bytes"]) == (201, 6 * 1024 * 1024)


class TestRefusals:
    @pytest.mark.parametrize(("kind", "content", "expected"), [
        ("image", file_of(MP4), (422, "MATERIAL_TYPE_WRONG")), ("image", b"", (422, "MATERIAL_EMPTY")),
        ("film", file_of(MP4), (422, "INVALID_BODY")), ("video", file_of(MP4), (422, "INVALID_BODY")),
        ("thumb", file_of(JPG, 65 * 1024), (413, "MATERIAL_TOO_LARGE"))])
    async def test_what_cannot_be_is_refused(self, app, kind, content, expected):
        answer = await (await app.desk("editor")).ask(address(kind), content, method="POST")
        assert error_of(answer) == expected and nothing_left(app)

    async def test_too_large_is_refused_before_any_of_it_was_sent(self, app):
        reader, writer = await by_hand(app, await app.desk("editor"), f"Content-Length: {11 * 1024 * 1024}")
        answer = await asyncio.wait_for(reader.readuntil(b"}}"), 10)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 413") and b"MATERIAL_TOO_LARGE" in answer and nothing_left(app)

    async def test_without_its_length_it_is_refused(self, app):
        reader, writer = await by_hand(app, await app.desk("editor"), "Transfer-Encoding: chunked")
        answer = await asyncio.wait_for(reader.readuntil(b"}}"), 10)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 411") and json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "LENGTH_REQUIRED"

    async def test_who_leaves_in_the_middle_leaves_nothing(self, app):
        _, writer = await by_hand(app, await app.desk("editor"), "Content-Length: 500000")
        writer.write(file_of(MP4, 200_000))
        await writer.drain()
        await until(lambda: app.uploads.under_way == 1 and list(app.uploads.folder.iterdir()))
        writer.close()
        await until(lambda: nothing_left(app))

    async def test_who_may_not_is_told_before_any_of_it_is_read(self, app):
        for role, expected in (("reviewer", (403, "ROLE_REFUSED")), ("auditor", (403, "ROLE_REFUSED"))):
            desk = await app.desk(role)
            assert error_of(await desk.ask(address(), file_of(JPG))) == expected
            assert error_of(await desk.ask(f"{LIBRARY}/any", method="DELETE")) == expected
        assert error_of(await app.ask(address(), file_of(JPG))) == (401, "STAFF_SESSION_MISSING")
        desk = await app.desk("editor")
        assert error_of(await desk.ask(address(), file_of(JPG), headers={"X-CSRF-Token": "x"})) == (403, "CSRF_REFUSED")
        assert nothing_left(app)

    @pytest.mark.parametrize(("verb", "path", "expected"), [
        ("GET", "/nothing", (404, "MATERIAL_NOT_FOUND")), ("DELETE", "/nothing", (404, "MATERIAL_NOT_FOUND")),
        ("GET", "", (422, "INVALID_BODY"))])
    async def test_what_is_not_there_is_told(self, app, verb, path, expected):
        assert error_of(await (await app.desk("editor")).ask(LIBRARY + path, method=verb)) == expected

    async def test_an_account_that_is_not_here_is_told(self, app):
        path = address().replace(OFFICIAL["appid"], "wxelsewhere")
        assert error_of(await (await app.desk("editor")).ask(path, file_of(JPG))) == (404, "ACCOUNT_NOT_FOUND")
