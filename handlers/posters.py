"""A citizen's poster as a picture, `GET /api/v1/campaigns/{slug}/posters/me.jpg`."""

from __future__ import annotations

from handlers.base import ApiHandler


class Mine(ApiHandler):
    """Her certificate; a plain `<img>` shows it, so that WeChat can save it and read its code."""

    async def get(self, slug: str) -> None:
        jpeg = await self.services.posters.mine(slug, self.citizen(), self.now())
        self.set_header("Content-Type", "image/jpeg")
        self.set_header("Cache-Control", "private, no-store")
        self.set_header("Content-Disposition", 'inline; filename="salute.jpg"')
        self.finish(jpeg)
