"""kill -9 of the whole product in the middle of a vote: every acknowledged ballot stands once, and the tally is their sum."""

from __future__ import annotations

import asyncio
import json
import random
import time

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from server import app
from server.campaigns import Activity
from server.embedded import join
from settings import load
from tests.app_world import add_campaign, campaign
from tests.product import Product
from tests.server.ballots.votes_world import RULES, counted

pytestmark = [pytest.mark.gen_test(timeout=170), pytest.mark.timeout(180)]
VOTE, CITIZENS = "good-people", 150
WANTED = campaign(slug=VOTE, title="身边好人投票", kind="vote", rules=RULES, activities=(Activity("vote", "投票", "投票"),))


@pytest.fixture
def product(tmp_path):
    made = Product(tmp_path / "data")
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


async def open_vote(product: Product) -> None:
    settings = load({name: value for name, value in product.environ.items() if name.startswith("WENMING_")}, env_file=None)
    with join(settings) as joined:
        async with app.open_services(joined) as services:
            await add_campaign(services, WANTED)


async def vote(client: AsyncHTTPClient, product: Product, token: str, choices: list[str]) -> dict | None:
    """One try; None without an answer."""
    try:
        answer = await client.fetch(f"http://127.0.0.1:{product.web}/api/v1/campaigns/{VOTE}/ballots", method="POST",
                                    body=json.dumps({"choices": choices, "region": "350602"}),
                                    headers={"Authorization": f"Bearer {token}"}, request_timeout=8, connect_timeout=2)
    except (HTTPClientError, OSError) as error:
        assert getattr(error, "code", 599) in (503, 599), error
        return None
    return json.loads(answer.body)


async def test_a_kill_in_the_middle_of_a_vote_doubles_and_loses_nothing(product):
    await open_vote(product)
    client = AsyncHTTPClient(force_instance=True, max_clients=100)
    tokens = await asyncio.to_thread(product.tokens, CITIZENS)
    wanted = {token: random.sample(["zhang", "lin", "chen", "wu"], random.randint(1, 3)) for token in tokens}
    said: dict[str, dict] = {}

    async def one(token: str) -> None:
        await asyncio.sleep(random.random() * 3)
        until = time.monotonic() + 90
        while token not in said:
            assert time.monotonic() < until, product.log()
            answers = await asyncio.gather(*(vote(client, product, token, wanted[token]) for _ in range(2)))
            if first := next((answer for answer in answers if answer), None):
                said[token] = first
            else:
                await asyncio.sleep(0.5)

    load_ = asyncio.gather(*(one(token) for token in tokens))
    await asyncio.sleep(1.5)
    await asyncio.to_thread(product.kill)
    await asyncio.to_thread(product.start)
    await load_
    again = await asyncio.gather(*(vote(client, product, token, ["wu"]) for token in tokens))
    for token, answer in zip(tokens, again, strict=True):
        assert answer is not None
        assert (answer["choices"], answer["voted_at"], answer["first"]) == (said[token]["choices"], said[token]["voted_at"], False)
    client.close()
    await settled(product, counted(answer["choices"] for answer in said.values()))


async def settled(product: Product, totals: dict[str, int]) -> None:
    """The proof, once the fold has come to its end; rows of a killed batch wait two minutes there, and are in the replay all the same."""
    until = time.monotonic() + 30
    while True:
        report = json.loads((await asyncio.to_thread(product.command, "audit", VOTE, "--json")).stdout)
        assert report["votes"]["findings"] == [], report
        if report["votes"]["ballots"] + report["votes"]["waiting"] == CITIZENS and report["participants"]["documents"] == CITIZENS:
            break
        assert time.monotonic() < until, report
        await asyncio.sleep(1)
    if not report["votes"]["waiting"]:
        assert report["votes"]["totals"] == totals
