"""An answer that is not the platform's: a mass send or a publication may have been taken, so nobody asks for another one by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.articles import Confirmed
from server.articles.article import DraftInUse, digest_of
from server.articles.mass_sends import REMEMBERED_SECONDS, REPEAT_SECONDS
from server.articles.publishing import UNANSWERED_SECONDS
from server.sandbox import signing
from server.wechat.signing import Signer
from tests.sandbox.sandbox_world import OFFICIAL
from tests.sandbox.sandbox_world import World as Sandbox
from tests.server.articles.articles_world import APPID, NOW, TITLE, World, until
from tests.server.wechat.signing_world import certificate_of, made_key, made_ring

pytestmark = pytest.mark.gen_test(timeout=60)
PATHS = ("cgi-bin/message/mass/sendall", "cgi-bin/freepublish/submit")


@pytest.fixture(scope="module")
def ring():
    return made_ring()


@pytest.fixture
def world(io_loop, stores, tmp_path, ring, monkeypatch):
    monkeypatch.setattr(signing, "TAKES", {*signing.TAKES, *(f"/{path}" for path in PATHS)})

    async def opened():
        made = World(stores, Sandbox(tmp_path, {"api": ring.theirs}), tmp_path)
        made.sandbox.platform.clock = lambda: NOW
        return made

    found = io_loop.run_sync(opened)
    yield found
    for process in found.processes:
        io_loop.run_sync(process.client.close)
    found.sandbox.close()


def signing_process(world, ring, *, believes):
    """One whose calls are signed; `believes`: whether it has the platform's certificate."""
    certificates = ring.ours.platform_certs if believes else {"new": certificate_of(made_key())}
    signer = Signer(OFFICIAL["appid"], replace(ring.ours, platform_certs=certificates, paths=PATHS))
    process = world.process()
    process.client._transport._signer = signer
    return process


async def confirmed_of(process, draft):
    """What a second person saw and repeats."""
    return Confirmed(1, TITLE, digest_of(await process.drafts.held(draft.media_id)))


def taken(world):
    return len(world.sandbox.platform.store.things("mass", APPID))


async def test_a_mass_send_stays_open_and_goes_out_once(world, ring):
    deceived = signing_process(world, ring, believes=False)
    await world.people(1)
    draft = await world.draft(deceived)
    confirmed = await confirmed_of(deceived, draft)
    assert (await deceived.mass_sends.send(draft.media_id, confirmed, "shenhe", NOW)).state == "sending"
    assert taken(world) == 1
    with pytest.raises(DraftInUse):
        await deceived.drafts.update(draft.media_id, 1, 0, await world.article(deceived), "bianji", NOW)
    assert (await deceived.mass_sends.send(draft.media_id, confirmed, "wangwu", NOW)).state == "sending"
    world.sandbox.advance(REPEAT_SECONDS)
    await deceived.mass_sends.look(NOW + REPEAT_SECONDS)
    world.sandbox.advance(REPEAT_SECONDS)
    mended = signing_process(world, ring, believes=True)
    await mended.mass_sends.look(NOW + 2 * REPEAT_SECONDS)
    found = await mended.mass_sends.find(draft.media_id)
    assert (found.state, bool(found.msg_id), taken(world)) == ("accepted", True, 1)


async def test_one_that_nobody_mends_is_left_to_a_person(world, ring):
    deceived = signing_process(world, ring, believes=False)
    await world.people(1)
    draft = await world.draft(deceived)
    confirmed = await confirmed_of(deceived, draft)
    await deceived.mass_sends.send(draft.media_id, confirmed, "shenhe", NOW)
    world.sandbox.advance(REMEMBERED_SECONDS)
    await deceived.mass_sends.look(NOW + REMEMBERED_SECONDS)
    assert (await deceived.mass_sends.find(draft.media_id)).state == "uncertain" and taken(world) == 1


async def test_a_publication_stays_open_and_is_found_among_what_is_published(world, ring):
    deceived = signing_process(world, ring, believes=False)
    draft = await world.draft(deceived)
    assert (await deceived.publishing.submit(draft.media_id, 1, "shenhe", NOW)).state == "submitting"
    with pytest.raises(DraftInUse):
        await deceived.drafts.update(draft.media_id, 1, 0, await world.article(deceived), "bianji", NOW)
    assert (await deceived.publishing.submit(draft.media_id, 1, "shenhe", NOW)).state == "submitting"
    await until(world.pages)
    await deceived.publishing.look(NOW + UNANSWERED_SECONDS)
    assert (await deceived.publishing.find(draft.media_id)).state == "published" and world.pages() == 1

