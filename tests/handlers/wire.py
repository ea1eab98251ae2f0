"""A bare connection to the intake port, and requests as they stand on the wire."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

from tests.app_world import SLUG

PATH = f"/api/v1/campaigns/{SLUG}/participations"
BODY = b'{"activity":"salute","region":"350602"}'


class Wire:
    """One connection; answers are read as they come."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, app):
        at = urlsplit(app.intake)
        return cls(*await asyncio.open_connection(at.hostname, at.port))

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, head=False):
        """(status, headers, body) of the next answer."""
        lines = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        length = 0 if head else int(headers.get("content-length", 0))
        return int(lines[0].split(" ")[1]), headers, await asyncio.wait_for(self.reader.readexactly(length), 10)

    async def ended(self):
        """What else came before the other side closed."""
        try:
            return await asyncio.wait_for(self.reader.read(), 10)
        except ConnectionResetError:
            return b""

    async def close(self):
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


def request(authorization="", body=BODY, *, method="POST", path=PATH, version="1.1", extra=""):
    lines = [f"{method} {path} HTTP/{version}", "Host: h5.example.cn", f"Content-Length: {len(body)}"]
    lines += [f"Authorization: {authorization}"] if authorization else []
    return ("\r\n".join(lines + [extra] if extra else lines) + "\r\n\r\n").encode("latin-1") + body


def raw(authorization, *lines, body=b""):
    return "\r\n".join([f"POST {PATH} HTTP/1.1", "Host: h", f"Authorization: {authorization}", *lines, "", ""]).encode("latin-1") + body


async def participants(app):
    return (await app.services.counting.figures(SLUG, None, time.time())).participants
