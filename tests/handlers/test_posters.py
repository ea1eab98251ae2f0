"""`GET …/posters/me.jpg`: a picture for its owner, a friendly refusal for everybody else."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import pytest
import tornado.httpclient
import tornado.web

from handlers.posters import Mine
from server.errors import NotFound
from server.posters.pool import PosterBusy
from server.tokens import Tokens

TOKENS = Tokens(b"k" * 32, ttl_seconds=3600)
pytestmark = pytest.mark.gen_test(timeout=20)


class Posters:
    """Stands in for the service: citizen 1 has a poster, 2 meets a full queue, others took no part."""

    async def mine(self, slug: str, citizen: int, now: float) -> bytes:
        if citizen == 2:
            raise PosterBusy()
        if citizen != 1:
            raise NotFound("PARTICIPATION_NOT_FOUND", "您还没有参与")
        return b"\xff\xd8picture of " + slug.encode()


@pytest.fixture
def app():
    services = SimpleNamespace(tokens=TOKENS, posters=Posters(), citizens=SimpleNamespace(of_token=lambda token: token.citizen))
    return tornado.web.Application([(r"/posters/([a-z-]+)/me\.jpg", Mine)], services=services, clock=time.time)


async def ask(client, base_url: str, citizen: int | None):
    headers = {} if citizen is None else {"Authorization": f"Bearer {TOKENS.issue(citizen, time.time())}"}
    return await client.fetch(f"{base_url}/posters/salute-the-flag/me.jpg", headers=headers, raise_error=False)


async def test_the_owner_gets_a_picture_that_no_cache_keeps(http_client, base_url):
    answer = await ask(http_client, base_url, 1)
    assert (answer.code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert answer.body == b"\xff\xd8picture of salute-the-flag"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(("citizen", "status", "code"), [
    (None, 401, "TOKEN_MISSING"), (2, 503, "POSTER_BUSY"), (3, 404, "PARTICIPATION_NOT_FOUND")])
async def test_others_get_a_refusal_in_the_one_shape(http_client, base_url, citizen, status, code):
    answer = await ask(http_client, base_url, citizen)
    assert (answer.code, json.loads(answer.body)["error"]["code"]) == (status, code)
    assert ("Retry-After" in answer.headers) == (status == 503)
