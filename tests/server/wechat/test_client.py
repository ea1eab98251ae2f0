"""What is asked of the platform, as it arrives there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.wechat.errors import CodeUsed, PlatformUnreachable
from server.wechat.messages import Article, Reply
from tests.server.wechat.platform_world import ACCOUNT, SEND_PATH, TOKEN_PATH, token

pytestmark = pytest.mark.gen_test(timeout=30)

WEB_PATH, MINIPROGRAM_PATH = "/sns/oauth2/access_token", "/sns/jscode2session"


class TestLaterAnswers:
    async def sent(self, world, reply):
        world.platform.say(TOKEN_PATH, token(1))
        await world.process().send("openid-alice", reply)
        return world.platform.asked_of(SEND_PATH)[0]

    async def test_a_text_goes_as_raw_utf8(self, world):
        asked = await self.sent(world, Reply("text", "您好\n🇨🇳"))
        assert asked.method == "POST" and asked.query == {"access_token": "token-1"}
        assert asked.json == {"touser": "openid-alice", "msgtype": "text", "text": {"content": "您好\n🇨🇳"}}
        assert "您好".encode() in asked.body

    async def test_a_card_goes_as_news(self, world):
        asked = await self.sent(world, Reply("news", articles=(Article("标题", "说明", "https://w/c/flag", "https://w/p.jpg"),)))
        assert asked.json == {"touser": "openid-alice", "msgtype": "news", "news": {"articles": [
            {"title": "标题", "description": "说明", "url": "https://w/c/flag", "picurl": "https://w/p.jpg"}]}}

    async def test_a_mini_program_says_a_card_as_a_link_and_music_too(self, world):
        world.platform.say(TOKEN_PATH, token(1))
        process = world.process(account=replace(ACCOUNT, role="miniprogram"))
        await process.send("openid-alice", Reply("news", articles=(Article("标题", "说明", "https://w/c/flag", "https://w/p.jpg"),)))
        await process.send("openid-alice", Reply("music", title="国歌", description="唱", url="https://w/a.mp3", media_id="m"))
        await process.send("openid-alice", Reply("voice", media_id="m"))  # which it cannot say
        assert [asked.json["link"] for asked in world.platform.asked_of(SEND_PATH)] == [
            {"title": "标题", "description": "说明", "url": "https://w/c/flag", "thumb_url": "https://w/p.jpg"},
            {"title": "国歌", "description": "唱", "url": "https://w/a.mp3", "thumb_url": ""}]

    @pytest.mark.parametrize(("role", "path"), [("official", "typing"), ("miniprogram", "business/typing")])
    async def test_a_chat_is_told_that_an_answer_is_being_written(self, world, role, path):
        world.platform.say(TOKEN_PATH, token(1))
        await world.process(account=replace(ACCOUNT, role=role)).typing("openid-alice")
        [asked] = world.platform.asked_of(f"/cgi-bin/message/custom/{path}")
        assert asked.json == {"touser": "openid-alice", "command": "Typing"}

    @pytest.mark.parametrize("kind", ["image", "voice"])
    async def test_media_go_by_their_id(self, world, kind):
        asked = await self.sent(world, Reply(kind, media_id="m-1"))
        assert asked.json == {"touser": "openid-alice", "msgtype": kind, kind: {"media_id": "m-1"}}

    async def test_a_video_has_words(self, world):
        asked = await self.sent(world, Reply("video", media_id="m-1", title="升旗", description="十月一日"))
        assert asked.json["video"] == {"media_id": "m-1", "title": "升旗", "description": "十月一日"}

    async def test_a_message_that_may_have_arrived_is_not_sent_again(self, world):
        world.platform.say(TOKEN_PATH, token(1))
        world.platform.say(SEND_PATH, 502, {"errcode": 0})
        with pytest.raises(PlatformUnreachable):
            await world.process().send("openid-alice", Reply("text", "您好"))
        assert len(world.platform.asked_of(SEND_PATH)) == 1


class TestWechatpysApis:
    async def test_they_are_awaited_and_read_again_when_the_platform_is_busy(self, world):
        world.platform.say(TOKEN_PATH, token(1))
        world.platform.say("/cgi-bin/menu/get", {"errcode": -1}, {"menu": {"button": []}})
        assert await world.process().menu.get() == {"menu": {"button": []}}

    async def test_a_token_goes_to_the_platform_alone(self, world):
        world.platform.say(TOKEN_PATH, token(1))
        with pytest.raises(ValueError, match="platform alone"):
            await world.process().get("https://elsewhere.example/cgi-bin/menu/get")

    async def test_no_attribute_opens_a_connection(self, world):
        assert world.process().access_token is None and not world.platform.asked


class TestSignIn:
    async def test_a_web_code_is_exchanged_without_any_token(self, world):
        world.platform.say(WEB_PATH, {"access_token": "hers", "openid": "o-1", "unionid": "u-1", "scope": "snsapi_base"})
        person = await world.process().web_identity("code-1")
        assert (person.openid, person.unionid, person.snapshot) == ("o-1", "u-1", False)
        assert world.platform.asked[0].query == {"appid": ACCOUNT.appid, "secret": ACCOUNT.secret, "code": "code-1",
                                                 "grant_type": "authorization_code"}

    @pytest.mark.parametrize("flag", [1, "1"])
    async def test_a_snapshot_user_is_named_as_one(self, world, flag):
        world.platform.say(WEB_PATH, {"openid": "o-1", "is_snapshotuser": flag})
        assert (await world.process().web_identity("code-1")).snapshot

    async def test_a_miniprogram_code_gives_her_session(self, world):
        world.platform.say(MINIPROGRAM_PATH, {"openid": "o-1", "session_key": "k=="})
        person = await world.process().miniprogram_identity("code-1")
        assert (person.openid, person.unionid, person.session_key) == ("o-1", None, "k==")
        assert world.platform.asked[0].query["js_code"] == "code-1"

    async def test_a_code_is_sent_once_whatever_happens(self, world):
        world.platform.say(WEB_PATH, {"errcode": -1}, {"openid": "o-1"})
        with pytest.raises(Exception, match="WECHAT_BUSY"):
            await world.process().web_identity("code-1")
        assert len(world.platform.asked) == 1

    async def test_a_used_code_is_known_as_used(self, world):
        world.platform.say(WEB_PATH, {"errcode": 40163})
        with pytest.raises(CodeUsed):
            await world.process().web_identity("code-1")

    @pytest.mark.parametrize("answer", [{}, {"openid": ""}, {"openid": 7}, {"openid": "o-1"}])
    async def test_an_answer_without_a_person_is_no_answer(self, world, answer):
        world.platform.say(MINIPROGRAM_PATH, answer)
        with pytest.raises(PlatformUnreachable):
            await world.process().miniprogram_identity("code-1")

    async def test_nobody_is_in_a_representation(self, world):
        world.platform.say(MINIPROGRAM_PATH, {"openid": "o-1", "unionid": "u-1", "session_key": "k=="})
        shown = repr(await world.process().miniprogram_identity("code-1"))
        assert "o-1" not in shown and "u-1" not in shown and "k==" not in shown
