"""A platform that answers what a test tells it, over real HTTP, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from server.metrics import Metrics
from server.stores import RedisClient
from server.wechat import Account
from server.wechat.client import Client
from server.wechat.transport import Transport

NOON = 1_790_827_200.0  # 2026-10-01 12:00 in Shanghai
ACCOUNT = Account("wxofficial", "the-secret", "token", "")
TOKEN_PATH, TICKET_PATH, SEND_PATH = "/cgi-bin/stable_token", "/cgi-bin/ticket/getticket", "/cgi-bin/message/custom/send"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Platform:
    """`say(path, ...)`: the answers of a path in turn, the last one for ever.

    A dict goes out as JSON, bytes as they are, an int is a status, None is silence.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: dict[str, list[Any]] = defaultdict(list)
        self.pause_seconds = 0.0
        self.base_url = ""

    def say(self, path: str, *answers: Any) -> None:
        self.answers[path] = list(answers)

    def asked_of(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]

    def next_answer(self, path: str) -> Any:
        answers = self.answers[path] or [{"errcode": 0, "errmsg": "ok"}]
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Everything(RequestHandler):
    def initialize(self, platform: Platform) -> None:
        self.platform = platform

    async def get(self) -> None:
        query = {name: values[0].decode() for name, values in self.request.query_arguments.items()}
        self.platform.asked.append(Asked(self.request.method or "", self.request.path, query, self.request.body))
        answer = self.platform.next_answer(self.request.path)
        await asyncio.sleep(self.platform.pause_seconds if answer is not None else 3600)
        if isinstance(answer, int):
            self.set_status(answer)
            self.set_header("Location", "/elsewhere")
        else:
            self.write(answer if isinstance(answer, bytes) else json.dumps(answer))

    post = get


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class World:
    """One platform, one clock, and as many processes as are asked for."""

    def __init__(self, platform: Platform, redis: RedisClient) -> None:
        self.platform = platform
        self.redis = redis
        self.clock = Clock()
        self.metrics = Metrics()
        self._clients: list[Client] = []

    def transport(self, answer_seconds: float = 4.0) -> Transport:
        return Transport(self.platform.base_url, self.redis, self.metrics, self.clock, answer_seconds=answer_seconds)

    def process(self, redis: RedisClient | None = None, account: Account = ACCOUNT) -> Client:
        client = Client(account, self.transport(), redis or self.redis, self.clock)
        self._clients.append(client)
        return client

    async def close(self) -> None:
        for client in self._clients:
            await client.close()


@asynccontextmanager
async def open_world(redis: RedisClient):
    platform = Platform()
    socket, port = bind_unused_port()
    platform.base_url = f"http://127.0.0.1:{port}"
    server = HTTPServer(Application([(r".*", Everything, {"platform": platform})], log_function=lambda handler: None))
    server.add_socket(socket)
    world = World(platform, redis)
    try:
        yield world
    finally:
        await world.close()
        server.stop()
        await server.close_all_connections()


def token(number: int, lives_seconds: int = 7200) -> dict[str, Any]:
    return {"access_token": f"token-{number}", "expires_in": lives_seconds}
