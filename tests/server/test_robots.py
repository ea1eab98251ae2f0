"""Group robots over https: the forms that the chats document, their signatures, their pace, and what is never told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from urllib.parse import parse_qs, urlsplit

import pytest

from server.errors import Unavailable
from server.robots import A_MINUTE, MAX_PICTURE_BYTES, Message, Robot, RobotNotFound, Robots, cut, posted
from tests.robot_world import Platform

pytestmark = pytest.mark.gen_test(timeout=60)
NOW = 1_790_812_800.25
RED = Message("分片没有就绪\n先做：查 Redis", "【故障】计数分片", "red", "a1b2c3")


@pytest.fixture
def platform(io_loop, tmp_path):
    made = io_loop.run_sync(lambda: make(tmp_path))
    yield made
    made.close()


async def make(folder) -> Platform:
    return Platform(folder)


def robots(stores, platform: Platform, *kinds: str, **changes) -> Robots:
    made = [Robot(kind, f"{kind} 群", platform.url(f"/{kind}?key=not-for-eyes"), "SEC0123456789abcdef", **changes) for kind in kinds]
    return Robots(made, stores.mongo, stores.redis, no_notice, authorities=platform.authorities)


async def no_notice(robot, data, mark, now):
    raise AssertionError("no notice was asked for")


async def test_wecom_gets_markdown_with_a_title_and_plain_text_without(stores, platform):
    told = robots(stores, platform, "wecom")
    assert [robot.name for robot in await told.ring(RED, [1], NOW)] == ["wecom 群"]
    await told.tell("截至 10 时，168,532 人参与", NOW)
    assert platform.bodies("/wecom") == [
        {"msgtype": "markdown", "markdown": {"content": '### <font color="warning">【故障】计数分片</font>\n分片没有就绪\n先做：查 Redis'}},
        {"msgtype": "text", "text": {"content": "截至 10 时，168,532 人参与"}}]
    assert platform.asked[0].headers["Content-Type"] == "application/json; charset=UTF-8"
    await told.close()


async def test_a_picture_goes_to_wecom_as_base64_with_its_md5_and_the_others_get_the_text(stores, platform):
    told = robots(stores, platform, "wecom", "feishu")
    await told.tell("战报", NOW, picture=b"\x89PNG picture")
    words, picture = platform.bodies("/wecom")
    assert words["msgtype"] == "text"
    assert picture == {"msgtype": "image", "image": {"base64": base64.b64encode(b"\x89PNG picture").decode(),
                                                     "md5": hashlib.md5(b"\x89PNG picture").hexdigest()}}
    assert [body["msg_type"] for body in platform.bodies("/feishu")] == ["text"]
    await told.tell("太大", NOW, picture=b"x" * (MAX_PICTURE_BYTES + 1))
    assert [body["msgtype"] for body in platform.bodies("/wecom")] == ["text", "image", "text"]
    assert "2 MB" in (await told.states())[told.all[0].id].problem
    await told.close()


async def test_dingtalk_is_signed_in_its_address(stores, platform):
    told = robots(stores, platform, "dingtalk")
    await told.ring(RED, [1], NOW)
    query = parse_qs(urlsplit(platform.asked[0].uri).query)
    stamp = "1790812800250"
    key = b"SEC0123456789abcdef"
    expected = base64.b64encode(hmac.new(key, f"{stamp}\n{key.decode()}".encode(), hashlib.sha256).digest()).decode()
    assert query == {"key": ["not-for-eyes"], "timestamp": [stamp], "sign": [expected]}
    assert platform.bodies("/dingtalk") == [{"msgtype": "markdown", "markdown": {
        "title": "【故障】计数分片", "text": "### 【故障】计数分片\n分片没有就绪  \n先做：查 Redis"}}]
    await told.close()


async def test_feishu_is_signed_in_its_body_the_other_way_round(stores, platform):
    told = robots(stores, platform, "feishu")
    await told.ring(RED, [1], NOW)
    [body] = platform.bodies("/feishu")
    key = b"1790812800\nSEC0123456789abcdef"
    assert (body["timestamp"], body["sign"]) == ("1790812800", base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode())
    assert body["msg_type"] == "interactive"
    assert body["card"] == {"header": {"title": {"tag": "plain_text", "content": "【故障】计数分片"}, "template": "red"},
                            "elements": [{"tag": "markdown", "content": "分片没有就绪\n先做：查 Redis"}]}
    await told.close()


async def test_a_plain_webhook_can_check_time_and_body(stores, platform):
    told = robots(stores, platform, "webhook")
    await told.ring(RED, [1], NOW)
    [asked] = platform.asked
    signed = hmac.new(b"SEC0123456789abcdef", b"1790812800\n" + asked.body, hashlib.sha256).hexdigest()
    assert asked.headers["X-Wenming-Signature"] == f"sha256={signed}" and asked.headers["X-Wenming-Timestamp"] == "1790812800"
    assert json.loads(asked.body) == {"title": "【故障】计数分片", "text": RED.text, "level": "red", "at": "2026-10-01T08:00:00+08:00"}
    await told.close()


@pytest.mark.parametrize("kind, answer", [("wecom", {"errcode": 93000, "errmsg": "invalid webhook url"}), ("dingtalk", {"errcode": 310000}),
                                          ("feishu", {"code": 19021, "msg": "sign match fail"}), ("feishu", {}), ("webhook", 403),
                                          ("webhook", {"location": "https://elsewhere.example/"})])
async def test_a_refusal_is_kept_shown_and_not_tried_again(stores, platform, kind, answer, caplog):
    platform.answers[f"/{kind}"] = answer
    told = robots(stores, platform, kind)
    with caplog.at_level(logging.INFO):
        assert await told.ring(RED, [1], NOW) == []
    state = (await told.states())[told.all[0].id]
    assert (len(platform.asked), state.failures, state.failed_at, state.ok_at) == (1, 1, NOW, 0.0) and state.problem
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("server.")]
    assert ours and "not-for-eyes" not in "".join(ours) + state.problem + repr(told.all)
    await told.close()


async def test_a_hiccup_is_tried_again_and_forgotten(stores, platform):
    platform.answers["/wecom"] = [502, {"errcode": 0}]
    told = robots(stores, platform, "wecom")
    assert len(await told.ring(RED, [1], NOW)) == 1
    assert len(platform.asked) == 2 and (await told.states())[told.all[0].id].failures == 0
    await told.close()


async def test_one_that_fails_keeps_no_other_from_hearing(stores, platform):
    platform.answers["/wecom"] = {"errcode": 93000}
    told = robots(stores, platform, "wecom", "dingtalk", "feishu")
    assert [robot.kind for robot in await told.ring(RED, [1], NOW)] == ["dingtalk", "feishu"]
    await told.close()


async def test_two_processes_together_keep_to_the_pace_of_the_platform(stores, platform):
    first, second = robots(stores, platform, "wecom"), robots(stores, platform, "wecom")
    for _ in range(A_MINUTE["wecom"]):
        await first.ring(RED, [1], NOW)
        await second.ring(RED, [1], NOW)
    assert len(platform.asked) == A_MINUTE["wecom"]
    assert "下一分钟" in (await second.states())[second.all[0].id].problem
    assert len(await second.ring(RED, [1], NOW + 60)) == 1
    await first.close()
    await second.close()


async def test_a_list_is_told_apart_from_the_others(stores, platform):
    made = [Robot("feishu", "值守", platform.url("/feishu")), Robot("feishu", "领导", platform.url("/leaders"), list=2)]
    platform.answers["/leaders"] = {"code": 0}
    told = Robots(made, stores.mongo, stores.redis, no_notice, authorities=platform.authorities)
    assert told.lists == [1, 2]
    await told.ring(RED, [2], NOW)
    assert [request.path for request in platform.asked] == ["/leaders"] and "sign" not in platform.bodies("/leaders")[0]
    await told.close()


async def test_a_test_message_says_what_went_wrong(stores, platform):
    told = robots(stores, platform, "feishu")
    assert await told.test(told.all[0].id, NOW) == "" and platform.titles() == ["测试消息"]
    platform.answers["/feishu"] = {"code": 19024, "msg": "Key Words Not Found"}
    assert "19024" in await told.test(told.all[0].id, NOW)
    with pytest.raises(RobotNotFound):
        await told.test("0" * 12, NOW)
    await told.close()


async def test_the_account_s_notices_are_kept_with_the_fields_of_their_template(stores, platform):
    kept = []

    async def keep(robot, data, mark, now):
        if kept:
            raise Unavailable()
        kept.append((robot.citizens, data, mark))

    robot = Robot("notice", "值班员", appid="wx1", template_id="tpl", citizens=(7, 9), fields={"thing1": "title", "time2": "time"})
    told = Robots([robot], stores.mongo, stores.redis, keep)
    assert await told.ring(RED, [1], NOW) == [robot]
    assert kept == [((7, 9), {"thing1": "【故障】计数分片", "time2": "2026-10-01 08:00"}, "a1b2c3")]
    assert await told.ring(RED, [1], NOW) == []
    assert (await told.states())[robot.id].problem == "BUSY"
    await told.tell("战报", NOW)
    assert len(kept) == 1, "what is said to groups is no notice"


def test_long_texts_are_cut_between_characters():
    assert cut("祖国万岁", 12) == "祖国万岁" and cut("祖国万岁", 11) == "祖国…"
    _, _, body = posted(Robot("wecom", "群", "https://localhost/"), Message("国" * 5000), NOW)
    assert len(json.loads(body)["text"]["content"].encode()) <= 2048
