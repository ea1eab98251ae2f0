"""The counting client: one connection to each Redis server, calls pipelined in the order they are made, nothing re-sent.

Owns: connections, which server has a key, and what MOVED, ASK and TRYAGAIN ask for. Does not own scripts or keys
(server/counting/shards.py), nor the topology itself: a cluster's slots are read by redis-py.

Why not redis-py for these calls: its cluster client closes every node's connections when one node fails, sends
CONFIG and INFO to a node of its own choice, and costs more of the loop (`python -m tests.bench.bench_redis`).

Invariants: an answer goes to the call that asked for it; a call whose outcome is unknown fails, and whoever made it
decides (the scripts are idempotent); one server's trouble touches no other's connection. A server that is silent for
CALL_SECONDS fails its callers at once, and the next ones before they wait, until it answers or is hung up on.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Any, cast

import hiredis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.connection import SSLConnection, parse_url
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import (
    ClusterDownError,
    ConnectionError,
    NoScriptError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TimeoutError,
)
from redis.retry import Retry

logger = logging.getLogger(__name__)

# A call is a millisecond or an fsync; who waits for more than this is told so and sends again (fault table, row 5).
CALL_SECONDS = 1.0
# A server that stayed silent this long is hung up on. Before that its late answers are waited for: a slow disk is no outage.
SILENT_SECONDS = 5.0
CONNECT_SECONDS = 1.0
CHECK_SECONDS = 0.1
# Redirections that one call follows: a slot moves once, perhaps while we learn of it; more is a cluster at odds with itself.
MAX_REDIRECTIONS = 5
# A slot on the move has its keys on two servers for some milliseconds each megabyte; TRYAGAIN until it has arrived.
TRY_AGAIN_PAUSE_SECONDS = 0.01
# Slots are read again at most this often: a failover takes seconds, and every server that is asked is a busy one.
TOPOLOGY_SECONDS = 0.5

Address = tuple[str, int]


@dataclass(frozen=True)
class Login:
    """How every server of one deployment is entered. `path`: a unix socket in place of addresses."""

    username: str | None
    password: str | None
    path: str | None
    tls: ssl.SSLContext | None
    database: int = 0

    def hello(self) -> list[bytes]:
        """The commands that open a connection."""
        commands = []
        if self.password:
            commands.append(packed("AUTH", *([self.username] if self.username else []), self.password))
        if self.database:
            commands.append(packed("SELECT", self.database))
        return commands


class Connection(asyncio.Protocol):
    """One connection, from its making to its end: answers come in the order of the calls."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._transport: asyncio.Transport | None = None
        self._reader = hiredis.Reader()
        # When each call was sent, and who waits; a caller who gave up keeps his place, so that his answer goes to nobody.
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._check: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    @property
    def is_idle(self) -> bool:
        return not self._waiting

    def is_silent(self, now: float) -> bool:
        """Whether its oldest call is unanswered for too long."""
        return bool(self._waiting) and now - self._waiting[0][0] > CALL_SECONDS

    def send(self, data: bytes, calls: int) -> asyncio.Future[Any]:
        """Send so many packed calls together. The future has the last one's answer."""
        assert self._transport is not None and calls > 0
        loop = asyncio.get_running_loop()
        now = loop.time()
        for _ in range(calls):
            future: asyncio.Future[Any] = loop.create_future()
            self._waiting.append((now, future))
        self._transport.write(data)
        if self._check is None:
            self._check = loop.call_later(CHECK_SECONDS, self._look)
        return future

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, which names no base

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not False:
                _, future = self._waiting.popleft()
                if not future.done():
                    future.set_result(answer)
        except (hiredis.ProtocolError, IndexError) as error:
            logger.error("%s speaks out of turn: %r", self._name, error)
            self.end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail()

    def end(self) -> None:
        """Hang up; whoever waits is told."""
        transport = self._transport
        self._fail()
        if transport is not None:
            transport.abort()

    def _fail(self) -> None:
        self._transport = None
        if self._check is not None:
            self._check.cancel()
            self._check = None
        while self._waiting:
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_exception(ConnectionError(f"{self._name} broke off"))
                future.exception()  # one who left must not turn an outage into a warning

    def _look(self) -> None:
        """Fail who has waited too long; hang up on a server that says nothing at all."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for sent, future in self._waiting:
            if now - sent <= CALL_SECONDS:
                break
            if not future.done():
                future.set_exception(TimeoutError(f"{self._name} did not answer in {CALL_SECONDS:g} s"))
                future.exception()
        if self._waiting and now - self._waiting[0][0] > SILENT_SECONDS:
            self.end()
        self._check = loop.call_later(CHECK_SECONDS, self._look) if self._waiting else None


class Node:
    """One server: its connection, made when it is first needed and again after it broke."""

    def __init__(self, address: Address, login: Login) -> None:
        self._address = address
        self._login = login
        self._name = login.path or f"{address[0]}:{address[1]}"
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Connection] | None = None

    @property
    def is_idle(self) -> bool:
        return self._connecting is None and (self._connection is None or self._connection.is_idle)

    async def call(self, *commands: bytes) -> Any:
        """Send packed commands together and give the last one's answer. Raises ConnectionError or TimeoutError where it
        is unknown whether they ran, another RedisError for a refusal."""
        connection = self._connection
        if connection is None or not connection.is_open:
            connection = await self._connect()
        elif connection.is_silent(asyncio.get_running_loop().time()):
            raise TimeoutError(f"{self._name} is silent")
        answer = await connection.send(commands[0] if len(commands) == 1 else b"".join(commands), len(commands))
        if isinstance(answer, hiredis.ReplyError):
            raise refusal(str(answer))
        return answer

    async def _connect(self) -> Connection:
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._open())
            self._connecting.add_done_callback(self._connected)
        connection = await asyncio.shield(self._connecting)
        if not connection.is_open:
            raise ConnectionError(f"{self._name} hung up")
        return connection

    def _connected(self, task: asyncio.Task[Connection]) -> None:
        self._connecting = None
        if not task.cancelled() and task.exception() is None:
            self._connection = task.result()

    async def _open(self) -> Connection:
        loop, made = asyncio.get_running_loop(), Connection(self._name)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if self._login.path:
                    await loop.create_unix_connection(lambda: made, self._login.path)
                else:
                    await loop.create_connection(lambda: made, *self._address, ssl=self._login.tls)
                if hello := self._login.hello():
                    answer = await made.send(b"".join(hello), len(hello))
                    if isinstance(answer, hiredis.ReplyError):
                        made.end()
                        raise ConnectionError(f"{self._name} does not let us in: {answer}")
        except OSError as error:  # asyncio's timeout is one too
            made.end()
            raise ConnectionError(f"{self._name} cannot be reached: {type(error).__name__}") from error
        except asyncio.CancelledError:
            made.end()
            raise
        return made

    def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connection is not None:
            self._connection.end()


class RedisNodes:
    """Calls by key, to the server that has it."""

    def __init__(self, url: str, *, cluster: bool) -> None:
        given = cast("dict[str, Any]", parse_url(url))
        tls = ssl.create_default_context() if given.get("connection_class") is SSLConnection else None
        self._login = Login(given.get("username"), given.get("password"), given.get("path"), tls, int(given.get("db") or 0))
        self._first: Address = (given.get("host", "localhost"), given.get("port", 6379))
        self._nodes: dict[Address, Node] = {}
        self._owners: dict[int, Address] = {}
        # Of redis-py's client only the reading of slots is used; its own calls and retries are not.
        self._topology = RedisCluster.from_url(
            url, require_full_coverage=False, retry=Retry(NoBackoff(), 0), socket_timeout=CALL_SECONDS,
            socket_connect_timeout=CONNECT_SECONDS) if cluster else None
        self._learning: asyncio.Task[None] | None = None
        self._learned_at = float("-inf")

    async def call(self, key: str, *command: str | bytes | int | float) -> Any:
        """Run one command where `key` lives. Raises RedisError; ConnectionError and TimeoutError leave open whether it ran."""
        data = packed(*command)
        if self._topology is None:
            return await self._node(self._first).call(data)
        slot = key_slot(key.encode())
        until = asyncio.get_running_loop().time() + CALL_SECONDS
        asking: Address | None = None
        moves = 0
        while True:
            try:
                if asking:
                    return await self._node(asking).call(ASKING, data)
                return await (await self._owner(slot)).call(data)
            except (ConnectionError, TimeoutError, ClusterDownError):
                self._learn_soon()
                raise
            except ResponseError as error:
                word, _, rest = str(error).partition(" ")
                if word not in ("MOVED", "ASK", "TRYAGAIN"):
                    raise
                moves += word == "MOVED"
                if moves > MAX_REDIRECTIONS or asyncio.get_running_loop().time() > until:
                    raise
                asking = None
                if word == "TRYAGAIN":
                    await asyncio.sleep(TRY_AGAIN_PAUSE_SECONDS)
                    continue
                host, _, port = rest.split()[1].rpartition(":")
                # An empty host means the one that was asked.
                address = (host or self._owners.get(slot, self._first)[0], int(port))
                if word == "ASK":
                    asking = address
                else:
                    self._owners[slot] = address
                    self._learn_soon()

    def server_of(self, key: str) -> str:
        """Which server has this key, as far as is known here; for people to read."""
        if self._topology is None and self._login.path:
            return "本机"
        host, port = self._owners.get(key_slot(key.encode()), self._first) if self._topology is not None else self._first
        return f"{host}:{port}"

    @property
    def is_cluster(self) -> bool:
        return self._topology is not None

    async def masters(self) -> int:
        """How many servers share the slots of a cluster; 0 without one. Raises ClusterDownError when nobody tells."""
        if self._topology is None:
            return 0
        if not self._owners:
            await asyncio.shield(self._learn_soon())
        if not self._owners:
            raise ClusterDownError("CLUSTERDOWN no server tells the slots")
        return len(set(self._owners.values()))

    async def gave_away(self, run_id: bytes, key: str) -> bool:
        """Whether a server of that run_id is a master of the cluster and itself sends us elsewhere for `key`: then the slot was moved
        from it. One that was deposed without knowing it, cut off from the others but not from us, still answers for the key.
        Raises nothing."""
        if self._topology is None:
            return False
        for address in set(self._owners.values()) | set(self._nodes):
            node = self._node(address)
            try:
                info = await node.call(packed("INFO"))
                if b"run_id:" + run_id not in info or b"role:master" not in info:
                    continue
                await node.call(packed("EXISTS", key))
            except ResponseError as error:
                return str(error).partition(" ")[0] in ("MOVED", "ASK")
            except RedisError:
                continue
            return False
        return False

    async def aclose(self) -> None:
        if self._learning is not None:
            self._learning.cancel()
        for node in self._nodes.values():
            node.close()
        if self._topology is not None:
            await self._topology.aclose()

    def _node(self, address: Address) -> Node:
        node = self._nodes.get(address)
        if node is None:
            node = self._nodes[address] = Node(address, self._login)
        return node

    async def _owner(self, slot: int) -> Node:
        if slot not in self._owners:
            await asyncio.shield(self._learn_soon())
        try:
            return self._node(self._owners[slot])
        except KeyError as error:
            raise ClusterDownError("CLUSTERDOWN no server tells who has this slot") from error

    def _learn_soon(self) -> asyncio.Task[None]:
        """Read the slots again, one reading at a time for all who want it; a failure leaves what was known."""
        if self._learning is None or self._learning.done():
            self._learning = asyncio.create_task(self._learn())
        return self._learning

    async def _learn(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._learned_at + TOPOLOGY_SECONDS - loop.time()))
        self._learned_at = loop.time()
        assert self._topology is not None
        try:
            # The first time it connects, and reads the slots with that.
            manager = (await self._topology.initialize()).nodes_manager
            if self._owners:
                await manager.initialize()
        except (RedisError, RedisClusterException, OSError) as error:  # the second is none of the first in redis-py
            logger.warning("the cluster's slots could not be read: %s", type(error).__name__)
            return
        self._owners = {slot: (nodes[0].host, int(nodes[0].port)) for slot, nodes in manager.slots_cache.items() if nodes}
        for address in set(self._nodes) - set(self._owners.values()):
            if self._nodes[address].is_idle:  # demoted or gone; one that a slot moves to may not be named yet
                self._nodes.pop(address).close()


def packed(*command: str | bytes | int | float) -> bytes:
    """A command as it goes over the wire."""
    data: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # it takes any number of parts
    return data


ASKING = packed("ASKING")


def refusal(text: str) -> RedisError:
    """A server's error as redis-py names it."""
    word = text.partition(" ")[0]
    if word == "NOSCRIPT":
        return NoScriptError(text)
    if word == "CLUSTERDOWN":
        return ClusterDownError(text)
    if word in ("LOADING", "MASTERDOWN", "READONLY", "UNBLOCKED"):
        return ConnectionError(text)
    return ResponseError(text)
