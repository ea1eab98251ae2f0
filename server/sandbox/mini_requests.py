"""What a mini-program's page asks of the product: wx.request as a phone's native part does it, outside any browser's rules.

Owns: `/sandbox/mini-requests`. Does not own: what a page asks (h5/src/phone), logins and codes (control.py, miniprogram.py).
Invariants: it reaches the product's API and nothing else; a token is passed on and kept nowhere; the product's silence is an answer too.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from server.sandbox.citizens import BadRequest
from server.sandbox.control import Control
from server.sandbox.endpoints import Base

METHODS = ("GET", "POST", "DELETE")
# Whole segments: nothing of "..", no second slash, no other host.
PATH = re.compile(r"/api/v1(?:/(?:[A-Za-z0-9_~-]|%[0-9A-F]{2})+)+")
# A real phone waits a minute; nobody should here.
TIMEOUT_SECONDS = 10.0
MAX_ANSWER_BYTES = 256 * 1024


class MiniRequest(Control):
    """POST {"method", "path", "token", "body"}: the product's answer as {"status", "body"}; status 0 where there was none."""

    async def post(self) -> None:
        request = self.wanted(self.body())
        client: AsyncHTTPClient = SimpleAsyncHTTPClient(force_instance=True, max_body_size=MAX_ANSWER_BYTES)
        try:
            response = await client.fetch(request, raise_error=False)
        except (OSError, HTTPClientError):
            return self.write_json({"status": 0, "body": None})
        finally:
            client.close()
        if response.code == 599:  # Tornado's number for a connection that failed, was cut or timed out
            return self.write_json({"status": 0, "body": None})
        return self.write_json({"status": response.code, "body": _json(response.body or b"")})

    def wanted(self, body: dict[str, Any]) -> HTTPRequest:
        """The request to the product. Raises BadRequest."""
        method, path, token, content = body.get("method"), body.get("path"), body.get("token"), body.get("body")
        if method not in METHODS or not isinstance(path, str) or not PATH.fullmatch(path):
            raise BadRequest("method is GET, POST or DELETE, path one of the product's API")
        if token is not None and (not isinstance(token, str) or not token.isascii() or not token.isprintable()):
            raise BadRequest("token is a text")
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        return HTTPRequest(self.platform.callback + path, method=method, headers=headers, follow_redirects=False,
                           body=json.dumps(content or {}, ensure_ascii=False) if method == "POST" else None,
                           connect_timeout=TIMEOUT_SECONDS, request_timeout=TIMEOUT_SECONDS)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return None


ROUTES: list[tuple[str, type[Base]]] = [(r"/sandbox/mini-requests", MiniRequest)]
