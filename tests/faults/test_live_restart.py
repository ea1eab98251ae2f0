"""Readers of the live figures over two processes of one product: all are told the same, and a process that stops hands its readers on."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from server.embedded import free_port
from tests.live_process import LiveProcess
from tests.product import Citizen, Product

pytestmark = pytest.mark.timeout(240)
READERS = 300
# Readers come back within this of being told; a page takes ten seconds for it.
JITTER_SECONDS = 2.0
PATIENCE_SECONDS = 60.0


class Reader:
    """A page's live total: a higher figure wins, a lost line is tried again with jitter."""

    def __init__(self, port: int) -> None:
        self.url = f"ws://127.0.0.1:{port}/live/campaigns/salute-the-flag"
        self.shown = self.came = 0
        self.codes: list[int | None] = []
        self.problems: list[str] = []

    async def follow(self) -> None:
        while True:
            try:
                connection = await websocket_connect(HTTPRequest(
                    self.url, headers={"Origin": "https://servicewechat.com"}, connect_timeout=10, request_timeout=30))
            except (OSError, HTTPClientError) as error:
                self.problems.append(repr(error))
            else:
                await self._read(connection)
            await asyncio.sleep(random.uniform(0, JITTER_SECONDS))

    async def _read(self, connection: WebSocketClientConnection) -> None:
        self.came += 1
        number = None
        try:
            while (message := await connection.read_message()) is not None:
                told = json.loads(message)
                if told["type"] == "delta":  # of one process, without a gap
                    assert number is not None and told["id"] == number + 1, "a frame was left out"
                number = told["id"]
                self.shown = max(self.shown, told.get("participants", 0))
            self.codes.append(connection.close_code)
        finally:
            connection.close()


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    made = Product(tmp_path_factory.mktemp("product") / "data")
    made.start()
    yield made
    made.kill()


@asynccontextmanager
async def following(readers: list[Reader]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(reader.follow()) for reader in readers]
    try:
        yield
        for task in tasks:
            assert not task.done(), "a reader gave up"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(what: object, problem: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not what():  # type: ignore[operator]
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(problem) from None


async def salute(product: Product, tokens: list[str]) -> int:
    """So many take part; gives the number of the last."""
    client = AsyncHTTPClient(force_instance=True)
    people = [Citizen(token, product, product.intake) for token in tokens]
    for person in people:
        while not await person.post(client):
            await asyncio.sleep(0.2)
    client.close()
    return max(person.answers[-1]["ordinal"] for person in people)


def test_two_processes_tell_the_same_and_one_that_stops_hands_its_readers_on(product: Product) -> None:
    port = free_port()
    tokens = product.tokens(40)
    first = LiveProcess(product, port)
    second = None

    async def play() -> None:
        nonlocal second
        await until(first.listens, "the first process does not listen")
        readers = [Reader(port) for _ in range(READERS)]
        async with following(readers):
            await until(lambda: all(reader.came for reader in readers), "not all came")
            number = await salute(product, tokens[:10])
            await until(lambda: all(reader.shown == number for reader in readers), "the first process did not tell all")

            second = LiveProcess(product, port)
            await until(second.listens, "the second process does not listen")
            newcomers = [Reader(port) for _ in range(40)]
            async with following(newcomers):
                # The kernel gives each newcomer to either, once both listen.
                await until(lambda: all(reader.came for reader in newcomers), "not all newcomers came")
                number = await salute(product, tokens[10:20])
                await until(lambda: all(reader.shown == number for reader in (*readers, *newcomers)), "the two did not tell all")

                first.process.send_signal(signal.SIGTERM)
                await until(lambda: all(reader.codes for reader in readers), "not all were told that it stops")
                number = await salute(product, tokens[20:30])  # while they come back
                await until(lambda: all(reader.shown == number for reader in (*readers, *newcomers)), "not all came back")
                assert {code for reader in readers for code in reader.codes} == {1012}
                assert all(reader.came == 2 for reader in readers)
                number = await salute(product, tokens[30:])
                await until(lambda: all(reader.shown == number for reader in (*readers, *newcomers)), "not all are told now")
        assert first.process.wait(15) == 0

    try:
        asyncio.run(play())
    finally:
        first.end()
        if second is not None:
            second.end()
    audit = product.audit()
    assert (audit["ok"], audit["participants"]["documents"]) == (True, 40), audit
