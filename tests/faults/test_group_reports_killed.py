"""Kills in the middle of a school's morning: every class that teachers reported stands once, and every sum is that of its rows."""

from __future__ import annotations

import asyncio
import json
import re
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse

from server.clock import day_of, wall_clock
from tests.product import REQUEST_SECONDS, Product

pytestmark = [pytest.mark.gen_test(timeout=170), pytest.mark.timeout(180)]
CAMPAIGN, UNIT = "salute-the-flag", "yanshi-xiaoxue-01"
TEACHERS, CLASSES = 8, 24


@pytest.fixture
def product(tmp_path):
    made = Product(tmp_path / "data")
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


class School:
    """Teachers by their tokens, who press again until they are answered."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.client = AsyncHTTPClient(force_instance=True, max_clients=60)
        self.answers: list[int] = []

    async def ask(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> HTTPResponse | None:
        """One try; None without an answer."""
        try:
            return await self.client.fetch(HTTPRequest(
                f"http://127.0.0.1:{self.product.web}{path}", "GET" if fields is None else "POST",
                {name.replace("_", "-"): value for name, value in headers.items()},
                None if fields is None else urlencode(fields), follow_redirects=False, request_timeout=REQUEST_SECONDS,
                connect_timeout=2), raise_error=False)
        except (HTTPClientError, OSError):
            return None

    async def code(self) -> str:
        """From the letter that an admin prints."""
        password = re.search(r"admin\s+(\S+)", self.product.log())
        assert password is not None
        signed_in = await self.client.fetch(
            f"http://127.0.0.1:{self.product.web}/api/v1/staff/session", method="POST",
            body=json.dumps({"name": "admin", "password": password[1]}))
        cookie = "; ".join(f"{name}={one.value}" for line in signed_in.headers.get_list("Set-Cookie")
                           for name, one in SimpleCookie(line).items())
        letter = await self.ask(f"/api/v1/staff/campaigns/{CAMPAIGN}/school-letters?unit={UNIT}", Cookie=cookie)
        assert letter is not None
        found = re.search(r"<b>([A-Z2-9]{4}-[A-Z2-9]{4})</b>", letter.body.decode())
        assert found is not None
        return found[1]

    async def report(self, token: str, number: int, people: int) -> None:
        """Press until there is an answer that settles it."""
        fields = {"grade": "p3", "number": str(number), "people": str(people), "day": day_of(wall_clock())}
        for _ in range(200):
            answer = await self.ask(f"/teacher/{CAMPAIGN}/{UNIT}", fields, Cookie=f"wenming_citizen={token}")
            if answer is not None and answer.code in (303, 409):
                self.answers.append(answer.code)
                return
            await asyncio.sleep(0.2)
        raise AssertionError("no answer")


@pytest.mark.parametrize("victim", ["server", "nx-27017"])
async def test_a_kill_among_reports_loses_none_and_doubles_none(product, victim):
    school = School(product)
    tokens, code = await asyncio.to_thread(product.tokens, TEACHERS), await school.code()
    for token in tokens:
        entered = await school.ask(f"/teacher/{CAMPAIGN}", {"unit": UNIT, "code": code}, Cookie=f"wenming_citizen={token}")
        assert entered is not None and entered.code == 303

    async def morning() -> None:
        # Two teachers of each class, with different numbers, while others report too.
        await asyncio.gather(*(school.report(tokens[(number + turn) % TEACHERS], number, 30 + number + turn)
                               for number in range(1, CLASSES + 1) for turn in range(2)))

    async def harm() -> None:
        while len(school.answers) < CLASSES // 2:
            await asyncio.sleep(0.01)
        if victim == "server":
            await asyncio.to_thread(product.kill)
            await asyncio.to_thread(product.start)
        else:
            product.kill_store(victim)

    await asyncio.gather(morning(), harm())
    report = await asyncio.to_thread(product.audit)
    assert report["ok"], report
    page = await school.ask(f"/teacher/{CAMPAIGN}/{UNIT}", Cookie=f"wenming_citizen={tokens[0]}")
    assert page is not None
    shown = [int(people) for people in re.findall(r'data-testid="row-p3-\d+"><span>[^<]*</span><b>(\d+) 人', page.body.decode())]
    assert len(shown) == CLASSES and sum(shown) == report["group_reported"]
    for _ in range(50):  # a figure is two seconds old at most, once the counters have been opened
        counters = await school.ask(f"/api/v1/campaigns/{CAMPAIGN}/counters")
        if counters is not None and counters.code == 200 and json.loads(counters.body)["group_reported"] == sum(shown):
            break
        await asyncio.sleep(0.2)
    else:
        raise AssertionError(counters and counters.body)
    school.client.close()
