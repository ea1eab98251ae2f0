"""Template messages as the platform takes them: a name is known for ten minutes, then it is another message."""

from __future__ import annotations

import pytest

from server.sandbox.notices import NAMED_SECONDS
from tests.sandbox.sandbox_world import OFFICIAL, World

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture
def world(io_loop, tmp_path):
    async def opened():
        made = World(tmp_path)
        made.her = (await made.citizen())["key"]
        made.platform.store.follow(OFFICIAL["appid"], made.her, "", made.platform.now())
        return made

    found = io_loop.run_sync(opened)
    yield found
    found.close()


async def sent(world, name):
    """What the platform calls it."""
    token = (await world.token())["access_token"]
    message = {"touser": world.platform.store.openid(world.her, OFFICIAL["appid"]), "template_id": "t1",
               "data": {"thing1": {"value": "集合"}}, **({"client_msg_id": name} if name else {})}
    answer = await world.told("/cgi-bin/message/template/send", message, access_token=token)
    assert answer["errcode"] == 0
    return answer["msgid"]


async def test_a_repeat_of_a_name_within_ten_minutes_is_the_same_message_and_after_them_another(world):
    first = await sent(world, "one")
    world.advance(NAMED_SECONDS - 5)
    assert await sent(world, "one") == first != await sent(world, "two")
    world.advance(6)
    again = await sent(world, "one")
    assert again != first and await sent(world, "one") == again
    assert len(world.platform.store.lines(world.her, 0)) == 3


async def test_without_a_name_each_is_another(world):
    assert await sent(world, "") != await sent(world, "")
