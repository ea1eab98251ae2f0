"""Files that are sent piece by piece: nothing is held whole, and whoever leaves in the middle ends the work for it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from handlers.staff import StaffHandler

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=UTF-8"


class Streaming(RequestHandler):
    async def send(self, pieces: AsyncGenerator[Any, None], content_type: str, file_name: str = "") -> None:
        """Send what comes. What fails before the first piece is an error of the usual shape; later the connection ends short."""
        async with aclosing(pieces):
            first = await anext(pieces, b"")
            self.set_header("Content-Type", content_type)
            self.set_header("Cache-Control", "no-store")
            if file_name:
                self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(file_name)}")
            try:
                self.write(first)
                await self.flush()
                async for piece in pieces:
                    self.write(piece)
                    await self.flush()
                await self.finish()
            except StreamClosedError:
                return  # she has gone; what makes the pieces is closed, and its worker with it


class StreamHandler(Streaming, StaffHandler):
    """For staff."""
