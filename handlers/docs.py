"""/openapi.json and /docs, both made from the URL table."""

from __future__ import annotations

from typing import Any

import handlers
from handlers.base import ApiHandler, BaseHandler
from handlers.docs_page import page
from handlers.openapi import document


class OpenApi(ApiHandler):
    def get(self) -> None:
        """The interface for machines, OpenAPI 3.1."""
        self.reply(document(handlers.ROUTES, self.settings.get("base_url", "")))


class Page(BaseHandler):
    def get(self) -> None:
        """The interface for people, one page without scripts or foreign files."""
        described: dict[str, Any] = document(handlers.ROUTES, self.settings.get("base_url", ""))
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.finish(page(described))
