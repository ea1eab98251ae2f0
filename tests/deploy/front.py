"""What the tests of nginx stand on: a process of the product that only remembers, and clients that speak to nginx as browsers do."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.deploy.nginx import Nginx

PATIENCE_SECONDS = 30
NO_STORE = {"Cache-Control": "no-store"}


def eventually(holds: Callable[[], bool], what: str = "it") -> None:
    """Wait for something, within bounds."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < until, f"{what} did not come"
        time.sleep(0.05)


@dataclass
class Asked:
    """A request as it came to the product."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        return [value for given, value in self.headers if given.lower() == name.lower()]

    def one(self, name: str) -> str | None:
        """The field, which came once or not at all."""
        found = self.all(name)
        assert len(found) < 2, f"{name} came {len(found)} times"
        return found[0] if found else None


@dataclass
class Answer:
    """What a path is answered with. `before`: called with the request first; `hangs_up`: the connection ends in place of an answer."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=lambda: dict(NO_STORE))
    before: Callable[[], None] | None = None
    hangs_up: bool = False


class Recorder:
    """Stands for one process of the product: remembers what comes, answers what it was told to."""

    def __init__(self, name: str) -> None:
        self.name, self.asked, self.answers, self.connections = name, list[Asked](), dict[str, Answer](), 0
        self.begun: list[str] = []  # paths whose head is here, whatever of the body
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                recorder.connections += 1

            def answer(self) -> None:
                recorder.begun.append(self.path)
                body = self._body()
                if body is None:
                    return
                recorder.asked.append(Asked(self.command, self.path, list(self.headers.items()), body))
                known = recorder.answers.get(self.path.partition("?")[0], Answer())
                if known.before is not None:
                    known.before()
                if known.hangs_up:
                    self.close_connection = True
                    return
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.send_response(known.status)
                    for header, value in {"Content-Length": str(len(known.body)), "Content-Type": "application/json",
                                          "X-By": recorder.name, "X-Content-Type-Options": "nosniff", **known.headers}.items():
                        self.send_header(header, value)
                    self.end_headers()
                    self.wfile.write(known.body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer

            def _body(self) -> bytes | None:
                if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                    parts = []
                    while size := int(self.rfile.readline() or b"0", 16):
                        parts.append(self.rfile.read(size))
                        self.rfile.readline()
                    self.rfile.readline()
                    return b"".join(parts)
                length = int(self.headers.get("Content-Length", "0"))
                try:
                    body = self.rfile.read(length)
                except ConnectionResetError:
                    body = b""
                if len(body) < length:
                    self.close_connection = True
                    return None
                return body

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing is printed."""

        class Server(ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 512

            def handle_error(self, request: Any, client_address: Any) -> None:
                """nginx may hang up at any time."""

        self._server: socketserver.BaseServer = Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def forget(self) -> None:
        self.asked.clear()
        self.begun.clear()
        self.answers.clear()

    def last(self) -> Asked:
        return self.asked[-1]

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@contextmanager
def client(nginx: Nginx, host: str = "", *, http2: bool = True, address: str = "", plain: bool = False,
           **headers: str) -> Iterator[httpx.Client]:
    """A browser at one of our hosts. `address`: where a trusted front says it is."""
    scheme, port = ("http", nginx.plain_port) if plain else ("https", nginx.port)
    given = {"Host": f"{host or nginx.hosts[0]}:{port}", **({"X-Forwarded-For": address} if address else {}), **headers}
    with httpx.Client(base_url=f"{scheme}://127.0.0.1:{port}", headers=given, http2=http2 and not plain, verify=nginx.context, timeout=30,
                      trust_env=False) as made:
        yield made


def raw(nginx: Nginx) -> ssl.SSLSocket:
    """A connection of HTTP/1.1 over TLS, to be spoken by hand."""
    connection = socket.create_connection(("127.0.0.1", nginx.port), PATIENCE_SECONDS)
    return nginx.context.wrap_socket(connection, server_hostname="127.0.0.1")


def error_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an error in our one shape; its request_id is the header's."""
    inner = answer.json()["error"]
    assert inner["message"] and inner["request_id"] == answer.headers["X-Request-Id"]
    return answer.status_code, inner["code"]
