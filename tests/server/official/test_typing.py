"""Telling a chat that an answer is being written, over the sandbox's wire."""

from __future__ import annotations

import time

import pytest

from server.wechat.errors import WeChatError
from tests.sandbox.sandbox_world import OFFICIAL
from tests.server.accounts_world import client_of

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture
def client(io_loop, stores, sandbox):
    async def made():
        return client_of(OFFICIAL, sandbox.base, stores, time.time)

    found = io_loop.run_sync(made)
    yield found
    io_loop.run_sync(found.close)


async def test_who_has_just_written_sees_it(sandbox, client):
    wang = await sandbox.citizen("王小红")
    await sandbox.told("/sandbox/messages", {"openid": wang["openid"], "text": "我是第几位"})
    await client.typing(wang["openid"])
    assert list(sandbox.platform.typing) == [(OFFICIAL["appid"], wang["key"])]


@pytest.mark.parametrize("wrote", [True, False])
async def test_who_sees_it_already_or_has_not_written_is_a_refusal(sandbox, client, wrote):
    wang = await sandbox.citizen("王小红")
    if wrote:
        await sandbox.told("/sandbox/messages", {"openid": wang["openid"], "text": "我是第几位"})
        await client.typing(wang["openid"])
    with pytest.raises(WeChatError) as refusal:
        await client.typing(wang["openid"])
    assert refusal.value.errcode == (45081 if wrote else 45080)
