"""Materials and articles of the sandbox: the platform's limits and errcodes, who may, and what a phone sees."""

from __future__ import annotations

import json

import pytest

from tests.sandbox.sandbox_world import OFFICIAL, World

pytestmark = pytest.mark.gen_test(timeout=30)
JPG, MP4 = b"\xff\xd8\xff\xe0" + b"\x00" * 100, b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 100


@pytest.fixture
def world(io_loop, tmp_path):
    async def made():
        return World(tmp_path)

    found = io_loop.run_sync(made)
    yield found
    found.close()


def form(name, content, field="media", **texts):
    parts = [f'Content-Disposition: form-data; name="{key}"\r\n\r\n{text}'.encode() for key, text in texts.items()]
    parts.append(f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: x/y\r\n\r\n'.encode() + content)
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


class Editor:
    """Calls of one account with its token."""

    def __init__(self, world, token):
        self.world, self.token = world, token

    async def upload(self, path, name, content, **query):
        texts = query.pop("texts", {})
        answer = await self.world.post(path, form(name, content, query.pop("field", "media"), **texts),
                                       {"Content-Type": "multipart/form-data; boundary=b"}, access_token=self.token, **query)
        return json.loads(answer.body)

    async def call(self, path, body):
        return await self.world.told(path, body, access_token=self.token)

    async def thumb(self):
        return (await self.upload("/cgi-bin/material/add_material", "a.jpg", JPG, type="thumb"))["media_id"]

    async def article(self, **changes):
        return {"title": "题", "content": "文", "thumb_media_id": await self.thumb(), **changes}

    async def draft(self, **changes):
        return (await self.call("/cgi-bin/draft/add", {"articles": [await self.article(**changes)]}))["media_id"]

    async def send(self, media_id, **more):
        return await self.call("/cgi-bin/message/mass/sendall", {
            "filter": {"is_to_all": True}, "mpnews": {"media_id": media_id}, "msgtype": "mpnews", **more})


async def editor_of(world, kind="certified_service"):
    await world.told("/sandbox/accounts/official", {"kind": kind})
    return Editor(world, (await world.token())["access_token"])


class TestMaterials:
    @pytest.mark.parametrize(("kind", "name", "content", "errcode"), [
        ("film", "a.jpg", JPG, 40004), ("image", "a.txt", JPG, 40005), ("image", "a.png", JPG, 40005), ("image", "a", JPG, 40005),
        ("voice", "a.mp4", MP4, 40005), ("thumb", "a.jpg", JPG + b"\x00" * 65536, 45001), ("image", "a.jpg", b"", 44001)])
    async def test_what_is_not_of_its_kind_is_refused(self, world, kind, name, content, errcode):
        editor = await editor_of(world)
        for path in ("/cgi-bin/material/add_material", "/cgi-bin/media/upload"):
            assert (await editor.upload(path, name, content, type=kind))["errcode"] == errcode

    async def test_a_form_without_a_file_is_refused(self, world):
        editor = await editor_of(world)
        assert (await editor.upload("/cgi-bin/media/upload", "a.jpg", JPG, type="image", field="other"))["errcode"] == 41005

    async def test_a_permanent_video_says_what_it_is(self, world):
        editor = await editor_of(world)
        assert (await editor.upload("/cgi-bin/material/add_material", "a.mp4", MP4, type="video"))["errcode"] == 47001
        kept = await editor.upload("/cgi-bin/material/add_material", "a.mp4", MP4, type="video",
                                   texts={"description": json.dumps({"title": "升旗", "introduction": ""})})
        assert kept["media_id"] and "url" not in kept

    async def test_a_temporary_thumb_is_answered_under_its_own_name(self, world):
        editor = await editor_of(world)
        assert "thumb_media_id" in await editor.upload("/cgi-bin/media/upload", "a.jpg", JPG, type="thumb")

    async def test_pictures_of_articles_are_small_and_of_two_formats(self, world):
        editor, path = await editor_of(world), "/cgi-bin/media/uploadimg"
        url = (await editor.upload(path, "a.jpg", JPG))["url"]
        shown = await world.http.fetch(url)
        assert (shown.headers["Content-Type"], shown.body) == ("image/jpeg", JPG)
        assert (await editor.upload(path, "a.gif", b"GIF89a"))["errcode"] == 40005
        assert (await editor.upload(path, "a.jpg", JPG + b"\x00" * 2**20))["errcode"] == 40009

    async def test_they_are_counted_and_deleted_once(self, world):
        editor = await editor_of(world)
        media_id = (await editor.upload("/cgi-bin/material/add_material", "a.jpg", JPG, type="image"))["media_id"]
        await editor.upload("/cgi-bin/media/upload", "a.jpg", JPG, type="image")
        counts = await world.asked("/cgi-bin/material/get_materialcount", access_token=editor.token)
        assert counts == {"voice_count": 0, "video_count": 0, "image_count": 1, "news_count": 0}
        assert (await editor.call("/cgi-bin/material/del_material", {"media_id": media_id}))["errcode"] == 0
        assert (await editor.call("/cgi-bin/material/del_material", {"media_id": media_id}))["errcode"] == 40007


class TestDrafts:
    @pytest.mark.parametrize(("changes", "errcode"), [
        ({"title": "长" * 33}, 45003), ({"title": ""}, 45003), ({"author": "长" * 17}, 45110), ({"digest": "长" * 129}, 45004),
        ({"content": "长" * 20_000}, 45002), ({"content": " "}, 44004), ({"thumb_media_id": "nothing"}, 40007)])
    async def test_what_does_not_fit_is_refused(self, world, changes, errcode):
        editor = await editor_of(world)
        assert (await editor.call("/cgi-bin/draft/add", {"articles": [await editor.article(**changes)]}))["errcode"] == errcode

    async def test_one_to_eight_articles_and_no_escapes(self, world):
        editor = await editor_of(world)
        article = await editor.article()
        for count in (0, 9):
            assert (await editor.call("/cgi-bin/draft/add", {"articles": [article] * count}))["errcode"] == 45008
        assert (await editor.call("/cgi-bin/draft/add", json.dumps({"articles": [article]}).encode()))["errcode"] == 40033

    async def test_scripts_are_taken_out_and_a_digest_is_made(self, world):
        editor = await editor_of(world)
        media_id = await editor.draft(content="<p>早上六点集合</p><script>alert(1)</script>")
        [held] = (await editor.call("/cgi-bin/draft/get", {"media_id": media_id}))["news_item"]
        assert (held["content"], held["digest"]) == ("<p>早上六点集合</p>", "早上六点集合")

    async def test_a_list_has_pages_of_twenty_at_most(self, world):
        editor = await editor_of(world)
        await editor.draft()
        for count in (0, 21):
            assert (await editor.call("/cgi-bin/draft/batchget", {"offset": 0, "count": count}))["errcode"] == 40097
        listed = await editor.call("/cgi-bin/draft/batchget", {"offset": 0, "count": 20, "no_content": 1})
        assert (listed["total_count"], "content" in listed["item"][0]["content"]["news_item"][0]) == (1, False)

    async def test_an_article_that_is_not_there_is_not_changed(self, world):
        editor = await editor_of(world)
        body = {"media_id": await editor.draft(), "index": 1, "articles": await editor.article()}
        assert (await editor.call("/cgi-bin/draft/update", body))["errcode"] == 40114


class TestWhoMay:
    async def test_an_account_that_is_not_certified_may_do_none_of_it(self, world):
        editor = await editor_of(world, "subscription")
        for path in ("draft/add", "draft/get", "draft/batchget", "freepublish/submit", "freepublish/get", "message/mass/sendall",
                     "message/mass/preview", "message/mass/get", "message/mass/delete", "material/del_material"):
            assert (await editor.call(f"/cgi-bin/{path}", {"media_id": "x"}))["errcode"] == 48001, path
        assert (await editor.upload("/cgi-bin/material/add_material", "a.jpg", JPG, type="image"))["errcode"] == 48001


class TestMassSends:
    async def test_a_name_is_taken_once_a_day(self, world):
        editor = await editor_of(world)
        first = await editor.send(await editor.draft(), clientmsgid="flag-1")
        assert (first["errcode"], (await editor.send(await editor.draft(), clientmsgid="flag-1"))["errcode"]) == (0, 45066)  # too soon
        world.advance(60)
        again = await editor.send(await editor.draft(), clientmsgid="flag-1")
        assert (again["errcode"], again["msg_id"]) == (45065, first["msg_id"])
        world.advance(86401)
        editor = await editor_of(world)
        assert (await editor.send(await editor.draft(), clientmsgid="flag-1"))["errcode"] == 0

    @pytest.mark.parametrize(("kind", "most"), [("certified_service", 4), ("certified_subscription", 1)])
    async def test_only_so_many(self, world, kind, most):
        editor = await editor_of(world, kind)
        answers = [(await editor.send(await editor.draft()))["errcode"] for _ in range(most + 1)]
        assert answers == [0] * most + [45028]

    @pytest.mark.parametrize(("more", "errcode"), [
        ({"clientmsgid": "n" * 65}, 45067), ({"msgtype": "film"}, 40008), ({"filter": {"tag_id": 7}}, 45159),
        ({"mpnews": {"media_id": "nothing"}}, 40007)])
    async def test_what_makes_no_sense_is_refused_and_costs_nothing(self, world, more, errcode):
        editor = await editor_of(world, "certified_subscription")
        draft = await editor.draft()
        assert (await editor.send(draft, **more))["errcode"] == errcode
        assert (await editor.send(draft))["errcode"] == 0

    async def test_a_preview_is_for_followers(self, world):
        editor, citizen = await editor_of(world), await world.citizen()
        body = {"touser": citizen["openid"], "mpnews": {"media_id": await editor.draft()}, "msgtype": "mpnews"}
        assert (await editor.call("/cgi-bin/message/mass/preview", body))["errcode"] == 43004
        world.platform.store.follow(OFFICIAL["appid"], citizen["key"], "", 0)
        assert (await editor.call("/cgi-bin/message/mass/preview", body))["errcode"] == 0
        assert (await editor.call("/cgi-bin/message/mass/preview", body | {"touser": "oNobody"}))["errcode"] == 40003

    async def test_an_articles_page_runs_nothing(self, world):
        editor, citizen = await editor_of(world), await world.citizen()
        world.platform.store.follow(OFFICIAL["appid"], citizen["key"], "", 0)
        draft = await editor.draft(title="<b>题</b>", content='<p onclick="x()">文</p>')
        await editor.call("/cgi-bin/message/mass/preview", {
            "touser": citizen["openid"], "mpnews": {"media_id": draft}, "msgtype": "mpnews"})
        [line] = (await world.asked("/sandbox/chat", openid=citizen["openid"]))["items"]
        shown = await world.http.fetch(line["articles"][0]["url"])
        policy = shown.headers["Content-Security-Policy"]
        assert "sandbox allow-scripts" in policy and "script-src 'nonce-" in policy and "unsafe-inline'; script" in policy
        assert "&lt;b&gt;" in shown.body.decode()
        assert (await world.http.fetch(line["articles"][0]["pic_url"])).body == JPG

    async def test_an_articles_page_says_who_wrote_it_when_and_where_more_stands(self, world):
        editor, citizen = await editor_of(world), await world.citizen()
        world.platform.clock = lambda: 1_790_827_200.0  # 2026-10-01 12:00 in Shanghai
        world.platform.store.follow(OFFICIAL["appid"], citizen["key"], "", 0)
        for source in ("https://h5.example.cn/c/flag?a=1&b=2", "javascript:alert(1)"):
            draft = await editor.draft(title="题", author="文明办", content_source_url=source)
            await editor.call("/cgi-bin/message/mass/preview", {
                "touser": citizen["openid"], "mpnews": {"media_id": draft}, "msgtype": "mpnews"})
        first, second = [(await world.http.fetch(line["articles"][0]["url"])).body.decode()
                         for line in (await world.asked("/sandbox/chat", openid=citizen["openid"]))["items"]]
        for text in ("<title>题</title>", "文明办", "文明漳州", "2026年10月1日 12:00", 'href="https://h5.example.cn/c/flag?a=1&amp;b=2">阅读原文'):
            assert text in first
        assert "javascript:" not in second and "阅读原文" not in second

    async def test_pictures_that_were_not_uploaded_are_dropped(self, world):
        editor = await editor_of(world)
        own = (await editor.upload("/cgi-bin/media/uploadimg", "a.jpg", JPG))["url"]
        content = (f"<img src='{own}'><IMG alt=x SRC={own}><img src='https://other.example/mmbiz/a.jpg'><img data-src='{own}'>"
                   '<img src="https://mmbiz.qpic.cn/a.jpg" width="3"><img src="/mmbiz/x">文')
        kept = await editor.call("/cgi-bin/draft/get", {"media_id": await editor.draft(content=content)})
        assert kept["news_item"][0]["content"] == (
            f"<img src='{own}'><IMG alt=x SRC={own}>" '<img src="https://mmbiz.qpic.cn/a.jpg" width="3">文')
