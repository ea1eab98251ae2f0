"""Every answered request is measured, and none leaves its address in the log."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import tornado.web

from handlers.access import recorder
from server.metrics import Metrics

METRICS = Metrics()


class Answer(tornado.web.RequestHandler):
    def get(self) -> None:
        self.set_status(int(self.get_argument("status")))


@pytest.fixture
def app() -> tornado.web.Application:
    return tornado.web.Application([("/", Answer)], log_function=recorder(METRICS))


@pytest.mark.gen_test
async def test_requests_are_counted_by_class(http_server: Any, http_client: Any, base_url: str,
                                             caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for status in (200, 204, 404, 503):
        await http_client.fetch(f"{base_url}/?status={status}&code=once-only", raise_error=False)
    text = METRICS.snapshot().decode()
    for status, count in (("2xx", 2), ("4xx", 1), ("5xx", 1), ("3xx", 0)):
        assert f'wenming_requests_answered_total{{status="{status}"}} {count}.0' in text
    assert "wenming_requests_served_seconds_count 4.0" in text
    assert "Answer answered 503" in caplog.text
    assert "once-only" not in caplog.text
