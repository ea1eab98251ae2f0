"""A QR code beside the address that it holds, for pages that draw none themselves."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from server.scene_codes import picture


async def drawn(url: str) -> str:
    """An address as a QR code, to be put into a page as a data: address."""
    return "data:image/png;base64," + base64.b64encode(await asyncio.to_thread(picture, url)).decode()


async def with_picture(shown: dict[str, Any]) -> dict[str, Any]:
    """`shown` with `picture`, a data: address of its `url` as a QR code."""
    return shown | {"picture": await drawn(shown["url"])}
