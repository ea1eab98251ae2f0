"""The library over HTTP: from an upload to a page that shows it; files whole, by range and from the cache; who may do what."""

from __future__ import annotations

import tracemalloc
from urllib.parse import urlencode

import pytest

from handlers.media import CACHED
from server.media.medium import BIN_SECONDS
from server.media.references import CampaignMedia
from tests.handlers.civic_app import CivicApp, error_of, json_of
from tests.handlers.test_staff import logged
from tests.server.civic_world import DURING
from tests.server.media.media_world import MediaWorld, box, drawing, film, photograph, saved

pytestmark = pytest.mark.gen_test(timeout=90)
LIBRARY = "/api/v1/staff/media"
PICTURE = photograph(900, 700)


@pytest.fixture
def app(io_loop, stores, tmp_path):
    async def opened():
        app = await CivicApp(stores, tmp_path / "app").open()
        app.media_world = await MediaWorld(stores, tmp_path).ready()
        app.services.media = app.media_world.media
        app.world.campaigns.media = CampaignMedia(app.services.media.library, lambda: app.now)
        return app

    app = io_loop.run_sync(opened)
    yield app
    io_loop.run_sync(app.close)


async def made(app, data=PICTURE, kind="image", **details):
    """A medium as an editor's page makes it."""
    upload = await app.media_world.uploaded(data, kind, now=DURING)
    answer = await app.the_editor.ask(LIBRARY, {"upload": upload, "name": "国旗", **details})
    assert answer.code == 201, answer.body
    return json_of(answer)


@pytest.fixture
def editor(io_loop, app):
    app.the_editor = io_loop.run_sync(lambda: app.desk("editor"))
    return app.the_editor


class TestLibrary:
    async def test_from_an_upload_to_the_bin_and_back(self, app, editor, stores):
        medium = await made(app, alt="国旗", folder="国庆", tags=["旗"], focus=[0.2, 0.3])
        assert (medium["width"], medium["height"], medium["may_be_used"], medium["rev"]) == (900, 700, True, 0)
        assert medium["srcset"].count(",") == 2 and set(medium["variants"]) == {"full", "w375", "w750", "cover", "square", "poster"}
        query = urlencode({"folder": "国庆", "tag": "旗", "kind": "image", "text": "国"})
        assert json_of(await editor.ask(f"{LIBRARY}?{query}"))["items"] == [medium]
        assert json_of(await editor.ask(f"{LIBRARY}/labels")) == {"folders": ["国庆"], "tags": ["旗"]}
        one = f"{LIBRARY}/{medium['id']}"
        edited = await editor.ask(one, {"name": "新名", "alt": "国旗升起", "rev": 0}, method="PUT")
        assert json_of(edited)["rev"] == 1 and json_of(edited)["folder"] == ""
        assert error_of(await editor.ask(one, {"name": "又名", "rev": 0}, method="PUT")) == (409, "MEDIA_CHANGED")
        assert (await editor.ask(one, method="DELETE")).code == 204
        assert json_of(await editor.ask(LIBRARY))["items"] == [] and json_of(await editor.ask(f"{LIBRARY}?bin=1"))["items"]
        assert json_of(await editor.ask(f"{one}/restoration", b""))["binned_at"] is None
        assert [entry[1] for entry in await logged(stores)] == ["media.add", "media.edit", "media.bin", "media.restore"]

    async def test_the_same_again_is_200_and_a_bad_one_is_422(self, app, editor):
        medium = await made(app)
        again = await editor.ask(LIBRARY, {"upload": await app.media_world.uploaded(PICTURE, now=DURING)})
        assert (again.code, json_of(again)["id"]) == (200, medium["id"])
        bad = await app.media_world.uploaded(PICTURE + b"<html><script>alert(1)</script>", now=DURING)
        answer = await editor.ask(LIBRARY, {"upload": bad})
        assert error_of(answer) == (422, "MEDIA_TWO_FACED") and "网页" in json_of(answer)["error"]["message"]
        upload = json_of(await editor.ask(f"{LIBRARY}/uploads/{bad}"))
        assert upload["refusal"]["code"] == "MEDIA_TWO_FACED"

    async def test_one_in_work_is_202(self, app, editor, monkeypatch):
        monkeypatch.setattr("server.media.service.PATIENCE_SECONDS", 0.0)
        upload = await app.media_world.uploaded(PICTURE, now=DURING)
        assert (await editor.ask(LIBRARY, {"upload": upload})).code == 202
        monkeypatch.setattr("server.media.service.PATIENCE_SECONDS", 30.0)
        assert (await editor.ask(LIBRARY, {"upload": upload})).code == 201

    async def test_readers_read_and_editors_write(self, app, editor):
        one = f"{LIBRARY}/{(await made(app))['id']}"
        reviewer = await app.desk("reviewer")
        for path in (LIBRARY, one, f"{one}/uses", f"{LIBRARY}/labels"):
            assert (await reviewer.ask(path)).code == 200
            assert error_of(await app.ask(path)) == (401, "STAFF_SESSION_MISSING")
        for answer in (await reviewer.ask(LIBRARY, {"upload": "0" * 32}), await reviewer.ask(one, {"rev": 0}, method="PUT"),
                       await reviewer.ask(one, method="DELETE"), await reviewer.ask(f"{one}/restoration", b""),
                       await reviewer.ask(f"{LIBRARY}/uploads")):
            assert error_of(answer) == (403, "ROLE_REFUSED")
        assert error_of(await editor.ask(one, method="DELETE", headers={"X-CSRF-Token": "x"})) == (403, "CSRF_REFUSED")

    @pytest.mark.parametrize("query", ["kind=film", "cursor=x", "text=" + "x" * 65, "folder=" + "x" * 65])
    async def test_a_filter_that_is_none(self, app, editor, query):
        assert error_of(await editor.ask(f"{LIBRARY}?{query}")) == (422, "INVALID_BODY")

    async def test_what_is_not_there(self, app, editor):
        one = f"{LIBRARY}/{'0' * 32}"
        for answer in (await editor.ask(one), await editor.ask(one, method="DELETE"), await editor.ask(f"{one}/uses"),
                       await editor.ask(f"{one}/restoration", b""), await editor.ask(one, {"name": "x", "rev": 0}, method="PUT")):
            assert error_of(answer) == (404, "MEDIA_NOT_FOUND")
        assert error_of(await editor.ask(LIBRARY, {"upload": "0" * 32})) == (404, "UPLOAD_NOT_FOUND")


class TestCampaign:
    async def test_its_page_shows_what_its_theme_names(self, app, editor):
        medium = await made(app, alt="国旗")
        await app.opened(theme={"cover_media": medium["id"]})
        shown = json_of(await app.ask("/api/v1/campaigns/flag"))["media"][medium["id"]]
        assert shown["alt"] == "国旗" and (await app.ask(shown["variants"]["cover"]["url"])).code == 200
        assert "by" not in shown and "name" not in shown
        refused = await editor.ask(f"{LIBRARY}/{medium['id']}", method="DELETE")
        assert error_of(refused) == (409, "MEDIA_IN_USE") and "向国旗敬礼" in json_of(refused)["error"]["message"]
        uses = json_of(await editor.ask(f"{LIBRARY}/{medium['id']}/uses"))
        assert [use["subject"] for use in uses["items"]] == ["campaign:flag"] and uses["next"] is None

    async def test_a_picture_without_alternative_text_is_not_shown(self, app, editor):
        medium = await made(app)
        body = {"slug": "spring", "title": "春天", "opens_at": "2026-10-01T00:00:00+08:00", "closes_at": "2026-10-08T00:00:00+08:00",
                "activities": [{"code": "salute", "title": "礼敬国旗", "verb": "敬礼"}],
                "theme": {"blocks": [{"id": "b1", "kind": "picture", "media": medium["id"]}]}}
        assert error_of(await editor.ask("/api/v1/staff/campaigns", body)) == (409, "MEDIA_ALT_MISSING")
        await editor.ask(f"{LIBRARY}/{medium['id']}", {"name": "国旗", "decorative": True, "rev": 0}, method="PUT")
        assert (await editor.ask("/api/v1/staff/campaigns", body)).code == 201


class TestFiles:
    async def test_a_file_is_kept_for_good_and_is_nobodys_document(self, app, editor):
        url = (await made(app))["variants"]["full"]["url"]
        answer = await app.ask(url)
        assert answer.code == 200 and answer.body.startswith(b"\xff\xd8\xff") and answer.headers["Content-Type"] == "image/jpeg"
        assert answer.headers["Cache-Control"] == CACHED and answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].endswith("sandbox") and answer.headers["Accept-Ranges"] == "bytes"
        tag = answer.headers["ETag"]
        assert tag.strip('"') in url
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await app.ask(url, headers={"If-None-Match": known})
            assert (again.code, again.body, again.headers["ETag"]) == (304, b"", tag)
        assert (await app.ask(url, headers={"If-None-Match": '"other"'})).code == 200
        head = await app.ask(url, method="HEAD")
        assert (head.code, int(head.headers["Content-Length"]), head.body) == (200, len(answer.body), b"")

    async def test_ranges_over_parts(self, app, editor, tmp_path):
        given = film(tmp_path) + box(b"free", bytes(range(256)) * 10_000)
        url = (await made(app, given, "video"))["variants"]["video"]["url"]
        whole = (await app.ask(url)).body
        assert len(whole) == len(given) and whole[-2_000_000:] == given[-2_000_000:]
        size, megabyte = len(whole), 1 << 20
        for asked, start, end in (("bytes=0-0", 0, 1), ("bytes=0-1", 0, 2),
                                  (f"bytes={megabyte - 1}-{megabyte}", megabyte - 1, megabyte + 1),
                                  ("bytes=-5", size - 5, size), (f"bytes={size - 1}-", size - 1, size), (f"bytes=5-{size + 99}", 5, size),
                                  (f"bytes=100-{2 * megabyte + 7}", 100, 2 * megabyte + 8), (f"bytes=-{size + 9}", 0, size)):
            answer = await app.ask(url, headers={"Range": asked})
            assert (answer.code, answer.headers["Content-Range"]) == (206, f"bytes {start}-{end - 1}/{size}"), asked
            assert answer.body == whole[start:end] and answer.headers["Content-Type"] == "video/mp4"
        for ignored in ("bytes=5-2", "bytes=-", "bytes=x", "lines=1-2", "bytes=0-1,5-6"):
            answer = await app.ask(url, headers={"Range": ignored})
            assert (answer.code, answer.body) == (200, whole), ignored
        for beyond in (f"bytes={size}-", f"bytes={size + 5}-{size + 9}", "bytes=-0"):
            answer = await app.ask(url, headers={"Range": beyond})
            assert error_of(answer) == (416, "RANGE_NOT_SATISFIABLE") and answer.headers["Content-Range"] == f"bytes */{size}"
        tag = answer.request.url.rpartition("/")[2].partition(".")[0]
        assert (await app.ask(url, headers={"Range": "bytes=0-1", "If-Range": f'"{tag}"'})).code == 206
        for stale in ('"other"', f'W/"{tag}"', "Wed, 21 Oct 2015 07:28:00 GMT"):
            assert (await app.ask(url, headers={"Range": "bytes=0-1", "If-Range": stale})).code == 200
        head = await app.ask(url, method="HEAD", headers={"Range": "bytes=0-9"})
        assert (head.code, head.headers["Content-Length"], head.body) == (206, "10", b"")

    async def test_a_film_of_a_hundred_megabytes_is_made_and_sent_with_little_memory(self, app, editor, tmp_path):
        beginning, piece = film(tmp_path), b"\x5a" * (4 << 20)
        size = len(beginning) + 8 + 24 * len(piece)
        upload = await app.media_world.begin(size, "video", now=DURING)
        tracemalloc.start()
        beginning += (8 + 24 * len(piece)).to_bytes(4, "big") + b"free"
        offset = (await app.media_world.send(upload.id, 0, beginning, now=DURING)).offset
        for _ in range(24):
            offset = (await app.media_world.send(upload.id, offset, piece, now=DURING)).offset
        answer = await editor.ask(LIBRARY, {"upload": upload.id, "name": "升旗"}, request_timeout=60)
        while answer.code == 202:
            answer = await editor.ask(LIBRARY, {"upload": upload.id, "name": "升旗"}, request_timeout=60)
        assert answer.code in (200, 201), answer.body
        received = 0

        def count(chunk):
            nonlocal received
            received += len(chunk)

        url = json_of(answer)["variants"]["video"]["url"]
        assert (await app.ask(url, streaming_callback=count, request_timeout=60)).code == 200 and received == size
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak_bytes < 64 << 20

    async def test_what_is_not_shown_is_not_there(self, app, editor):
        medium = await made(app, saved(drawing(), "PNG"))
        url = medium["variants"]["full"]["url"]
        assert url.endswith(".png") and (await app.ask(url)).headers["Content-Type"] == "image/png"
        assert error_of(await app.ask(url.replace(".png", ".jpg"))) == (404, "MEDIA_FILE_NOT_FOUND")
        assert error_of(await app.ask(f"/media/{'0' * 32}.jpg")) == (404, "MEDIA_FILE_NOT_FOUND")
        await editor.ask(f"{LIBRARY}/{medium['id']}", method="DELETE")
        gone = await app.ask(url)
        assert error_of(gone) == (404, "MEDIA_FILE_NOT_FOUND") and gone.headers["Cache-Control"] == "no-store"
        await app.services.media.tidy(DURING + BIN_SECONDS + 1)
        assert await app.media_world.parts() == []
