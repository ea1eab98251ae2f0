"""As the product wires it: an event of a follower is kept whatever is answered; merges and deletions reach followers and messages."""

from __future__ import annotations

import time

import pytest

from server.citizens.merges import ROUNDS_SECONDS
from server.followers import FollowerStore
from server.replies import answer, take_effect
from tests.app_world import SLUG
from tests.command_listener import LOOKING
from tests.people import WANG
from tests.server.followers.world import APPID, event
from tests.server.replies.test_replies import context_of

pytestmark = pytest.mark.gen_test(timeout=60)


@pytest.fixture
def now():
    return time.time()


async def kept(app, name="followers"):
    return await app.services.stores.mongo[name].find(comment=LOOKING).to_list(None)


async def heard(app, message, now):
    """What is said, after what is changed."""
    await take_effect(message, context_of(app, now))
    return await answer(message, context_of(app, now))


async def test_a_follow_and_a_leaving_are_kept_and_the_welcome_is_said(app, now):
    said = await heard(app, event("subscribe", WANG.openid, now, "school-1"), now)
    assert said and [(one["appid"], one["subscribed"], one["scene"]) for one in await kept(app)] == [(APPID, 1, "school-1")]
    assert await heard(app, event("unsubscribe", WANG.openid, now + 1), now + 1) == ()
    assert [one["subscribed"] for one in await kept(app)] == [0]


async def test_a_deletion_takes_them_away(app, now):
    await heard(app, event("subscribe", WANG.openid, now), now)
    citizen = await app.services.citizens.identify(APPID, WANG.openid, None, now)
    await FollowerStore(app.services.stores.mongo).add_members(APPID, 100, [citizen])
    await app.services.citizens.delete(citizen, now + 1)
    assert await kept(app) == await kept(app, "follower_tags") == []


async def test_a_merge_that_came_by_the_mini_program_moves_them(app, now):
    citizens = app.services.citizens
    first = await citizens.identify("wxsandboxminiprog", WANG.miniprogram_openid, WANG.unionid, now)
    await heard(app, event("subscribe", WANG.openid, now), now)
    second = await citizens.identify(APPID, WANG.openid, None, now)
    assert await citizens.identify(APPID, WANG.openid, WANG.unionid, now) == first != second
    await citizens.finish_merges(now + ROUNDS_SECONDS[0])
    assert [one["citizen"] for one in await kept(app)] == [first]


async def test_a_merge_leaves_one_message_on_the_wall(app, now):
    citizens, campaign = app.services.citizens, await app.services.campaigns.get(SLUG)
    first = await citizens.identify("wxsandboxminiprog", WANG.miniprogram_openid, WANG.unionid, now)
    second = await citizens.identify(APPID, WANG.openid, None, now)
    for number, at in ((first, now), (second, now + 1)):
        await app.services.messages.post(campaign, "all", number, ("salute",), at, preset="prosper")
    await citizens.identify(APPID, WANG.openid, WANG.unionid, now)
    await citizens.finish_merges(now + ROUNDS_SECONDS[0])
    assert len((await app.services.messages.wall(campaign, ""))["items"]) == 1
