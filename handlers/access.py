"""What is kept of each answered request: two metrics, and a line in the log for what went wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable

import tornado.web

from server.metrics import TURNED_AWAY, Metrics

logger = logging.getLogger(__name__)


def turned_away(code: str) -> str:
    """The reason in the table of a refusal for the moment."""
    return TURNED_AWAY.get(code) or ("platform" if code.startswith("WECHAT_") else "other")


def recorder(metrics: Metrics) -> Callable[[tornado.web.RequestHandler], None]:
    """Tornado's `log_function`. The log names the handler, never the address: a query may hold a one-time code."""

    def record(handler: tornado.web.RequestHandler) -> None:
        status, seconds = handler.get_status(), handler.request.request_time()
        metrics.record("requests_answered_total", f"{status // 100}xx")
        metrics.observe("requests_served_seconds", seconds)
        if status == 503:
            metrics.record("requests_refused_total", turned_away(getattr(handler, "error_code", "")))
        if status >= 500:
            logger.warning("%s %s answered %d in %.0f ms", handler.request.method, type(handler).__name__, status, seconds * 1000)

    return record
