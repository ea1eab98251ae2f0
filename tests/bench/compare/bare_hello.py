"""The ceiling: httptools parses the same POSTs and the same answer goes back each time. Nothing is checked, stored or counted."""

from __future__ import annotations

import asyncio
import sys

import httptools
import uvloop

ANSWER = (b"HTTP/1.1 201 Created\r\nContent-Type: application/json; charset=UTF-8\r\nCache-Control: no-store\r\nContent-Length: 14\r\n\r\n"
          b'{"ordinal":1}\n')


class Hello(asyncio.Protocol):
    def connection_made(self, transport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name == b"Authorization":
            self.authorization = value

    def on_body(self, body: bytes) -> None:
        self.body = body

    def on_message_complete(self) -> None:
        self.transport.write(ANSWER)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Hello, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
