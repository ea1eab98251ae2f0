"""What a citizen may do about herself."""

from __future__ import annotations

from handlers.base import COOKIE, ApiHandler


class Me(ApiHandler):
    async def delete(self) -> None:
        """Deletion 注销: everything of hers but the count."""
        await self.services.citizens.delete(self.citizen(), self.now())
        self.clear_cookie(COOKIE, path="/")
        self.set_status(204)
        self.finish()
