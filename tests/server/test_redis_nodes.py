"""The counting client against a real Redis, and against one that says what a real one says only in bad hours."""

from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import ClusterDownError, ConnectionError, NoScriptError, RedisError, ResponseError, TimeoutError

from server import redis_nodes
from server.redis_nodes import RedisNodes

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture
def nodes(io_loop, real_stores):
    async def made() -> RedisNodes:
        return RedisNodes(real_stores.redis_url, cluster=False)

    client = io_loop.run_sync(made)
    yield client
    io_loop.run_sync(client.aclose)


class Script:
    """A server on a port of its own that answers each command as the test says. `heard`: the commands that came."""

    def __init__(self, answer) -> None:
        self.answer = answer
        self.heard: list[bytes] = []
        self.server: asyncio.Server | None = None
        self.writers: list[asyncio.StreamWriter] = []

    async def listen(self) -> str:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"redis://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while line := await reader.readline():
            words = []
            for _ in range(int(line[1:])):
                length = int((await reader.readline())[1:])
                words.append((await reader.readexactly(length + 2))[:-2])
            self.heard.append(b" ".join(words))
            answer = self.answer(b" ".join(words))
            if answer is None:
                continue  # silence
            if answer == b"":
                break  # hangs up
            writer.write(answer)
        writer.close()

    async def end(self) -> None:
        assert self.server is not None
        self.server.close()
        for writer in self.writers:
            writer.close()
        await asyncio.sleep(0.02)


async def test_answers_go_to_their_callers_in_any_crowd(nodes, stores):
    answers = await asyncio.gather(*(nodes.call("k", "ECHO", f"{n}" * (n % 7 + 1)) for n in range(2000)))
    assert answers == [f"{n}".encode() * (n % 7 + 1) for n in range(2000)]


async def test_words_numbers_bytes_and_nothing_come_back_as_they_went(nodes, stores):
    assert await nodes.call("k", "SET", "k", b"\0\xff\r\n") == b"OK"
    assert await nodes.call("k", "GET", "k") == b"\0\xff\r\n"
    assert await nodes.call("k", "GET", "none") is None
    assert await nodes.call("k", "STRLEN", "k") == 4
    assert await nodes.call("k", "EVAL", "return {1, {ARGV[1], false}}", 0, 7) == [1, [b"7", None]]


@pytest.mark.parametrize(("command", "error"), [
    (("EVALSHA", "0" * 40, 0), NoScriptError), (("HGET", "k"), ResponseError),
    (("EVAL", "return redis.error_reply('CLUSTERDOWN no')", 0), ClusterDownError),
    (("EVAL", "return redis.error_reply('LOADING the file')", 0), ConnectionError)])
async def test_a_refusal_is_named_and_the_connection_lives(nodes, stores, command, error):
    with pytest.raises(error):
        await nodes.call("k", *command)
    assert await nodes.call("k", "PING") == b"PONG"


async def test_a_wrong_password_is_told_as_such(real_stores):
    if "@" not in real_stores.redis_url:
        pytest.skip("this Redis has no password")
    wrong = real_stores.redis_url.replace("unix://:", "unix://:x", 1)
    client = RedisNodes(wrong, cluster=False)
    with pytest.raises(ConnectionError, match="does not let us in"):
        await client.call("k", "PING")
    await client.aclose()


async def test_a_server_that_hangs_up_fails_who_waited_and_serves_the_next():
    hangs_up = [b"PING 2"]
    script = Script(lambda command: b"" if command in hangs_up else b"+PONG\r\n")
    client = RedisNodes(await script.listen(), cluster=False)
    assert await client.call("k", "PING", "1") == b"PONG"
    with pytest.raises(ConnectionError):
        await client.call("k", "PING", "2")
    assert await client.call("k", "PING", "3") == b"PONG"
    assert script.heard == [b"PING 1", b"PING 2", b"PING 3"]  # nothing was sent a second time
    await client.aclose()
    await script.end()


async def test_a_silent_server_fails_callers_in_time_refuses_the_next_at_once_and_its_late_answers_go_to_nobody(monkeypatch):
    monkeypatch.setattr(redis_nodes, "CALL_SECONDS", 0.2)
    script = Script(lambda command: None)
    client = RedisNodes(await script.listen(), cluster=False)
    outcomes = await asyncio.gather(*(client.call("k", "PING", str(n)) for n in range(5)), return_exceptions=True)
    assert all(isinstance(outcome, TimeoutError) for outcome in outcomes)
    heard = len(script.heard)
    with pytest.raises(TimeoutError, match="silent"):
        await client.call("k", "PING", "more")
    assert len(script.heard) == heard == 5
    script.answer = lambda command: b"+" + command[5:] + b"\r\n"
    for n in range(5):
        script.writers[0].write(b"+late %d\r\n" % n)
    await asyncio.sleep(0.05)
    assert await client.call("k", "PING", "own") == b"own"
    await client.aclose()
    await script.end()


async def test_one_that_stays_silent_is_hung_up_on(monkeypatch):
    monkeypatch.setattr(redis_nodes, "CALL_SECONDS", 0.1)
    monkeypatch.setattr(redis_nodes, "SILENT_SECONDS", 0.3)
    silent = [True]
    script = Script(lambda command: None if silent[0] else b"+PONG\r\n")
    client = RedisNodes(await script.listen(), cluster=False)
    with pytest.raises(TimeoutError):
        await client.call("k", "PING")
    silent[0] = False
    await asyncio.sleep(0.5)
    assert await client.call("k", "PING") == b"PONG"
    assert len(script.writers) == 2
    await client.aclose()
    await script.end()


async def test_a_server_that_talks_nonsense_is_hung_up_on():
    script = Script(lambda command: b"?what\r\n" if command == b"PING" else b"+OK\r\n")
    client = RedisNodes(await script.listen(), cluster=False)
    with pytest.raises(ConnectionError):
        await client.call("k", "PING")
    assert await client.call("k", "PING 2") == b"OK"
    await client.aclose()
    await script.end()


async def test_nobody_there_is_an_error_and_not_a_wait():
    client = RedisNodes("redis://127.0.0.1:1", cluster=False)
    outcomes = await asyncio.gather(*(client.call("k", "PING") for _ in range(20)), return_exceptions=True)
    assert all(isinstance(outcome, ConnectionError) for outcome in outcomes)
    await client.aclose()


async def test_a_cluster_that_nobody_answers_for_is_an_error_and_not_a_wait():
    client = RedisNodes("redis://127.0.0.1:1", cluster=True)
    outcomes = await asyncio.gather(*(client.call("k", "PING") for _ in range(20)), client.masters(), return_exceptions=True)
    assert all(isinstance(outcome, RedisError) for outcome in outcomes)
    await client.aclose()


async def test_a_caller_who_leaves_disturbs_nobody(nodes, stores):
    leaving = asyncio.ensure_future(nodes.call("k", "ECHO", "gone"))
    staying = asyncio.ensure_future(nodes.call("k", "ECHO", "here"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == b"here"
    assert await nodes.call("k", "ECHO", "next") == b"next"
