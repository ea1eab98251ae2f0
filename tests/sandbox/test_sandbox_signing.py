"""What the sandbox refuses of signed requests, header by header; that it takes good ones is tried by the product's own calls."""

from __future__ import annotations

import json
import time

import pytest

from tests.sandbox.sandbox_world import MINI, OFFICIAL, World
from tests.server.wechat.signing_world import made_ring

pytestmark = pytest.mark.gen_test(timeout=30)
PATH = "/cgi-bin/openapi/quota/get"
THEIRS = made_ring().theirs


@pytest.fixture
def world(io_loop, tmp_path):
    async def opened():
        return World(tmp_path, {"api": dict(THEIRS)})

    made = io_loop.run_sync(opened)
    yield made
    made.close()


def headers(**changes):
    named = {"Wechatmp-Appid": OFFICIAL["appid"], "Wechatmp-TimeStamp": str(int(time.time())), "Wechatmp-Serial": "rsa-1",
             "Wechatmp-Signature": "AAAA"} | {f"Wechatmp-{name}": value for name, value in changes.items()}
    return {name: value for name, value in named.items() if value}


async def errcode(world, sent, account=OFFICIAL, path=PATH):
    token = (await world.token(account))["access_token"]
    answer = await world.post(path, {"cgi_path": "/cgi-bin/menu/get"}, headers=sent, access_token=token)
    assert "Wechatmp-Signature" not in answer.headers
    return json.loads(answer.body)["errcode"]


@pytest.mark.parametrize(("change", "expected"), [
    ({"Serial": ""}, 40230), ({"TimeStamp": ""}, 40231), ({"Signature": ""}, 40232), ({"Appid": ""}, 40233), ({}, 40234),
    ({"Serial": "rsa-9"}, 40234), ({"Appid": "wxsomebodyelse"}, 40237), ({"TimeStamp": "1635927954"}, 40240),
    ({"TimeStamp": "soon"}, 40240)])
async def test_each_header_is_looked_at(world, change, expected):
    assert await errcode(world, headers(**change)) == expected


@pytest.mark.parametrize(("part", "expected"), [("aes_key", 40238), ("rsa_public_key", 40239)])
async def test_an_account_without_keys_cannot_be_signed_for(world, part, expected):
    world.platform.accounts.official.api.pop(part)
    assert await errcode(world, headers()) == expected


async def test_an_account_that_demands_nothing_is_asked_plainly(world):
    assert await errcode(world, {}, MINI) == 0


async def test_a_call_that_takes_no_part_is_not_looked_at(world):
    assert await errcode(world, {}, path="/cgi-bin/callback/check") == 40202
