"""The bytes of an answer."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from handlers.base import error_body
from handlers.participations import record_view
from server.counting import Taken
from server.errors import WenmingError

_HEADS = {status.value: b"HTTP/1.1 %d %s\r\nContent-Type: application/json; charset=UTF-8\r\nCache-Control: no-store\r\nContent-Length: "
          % (status, status.phrase.encode()) for status in HTTPStatus}
# What an answer says of the connection, where that is not plain.
CLOSES, STAYS = b"Connection: close\r\n", b"Connection: keep-alive\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_encode = msgspec.json.Encoder().encode


def counted(outcome: Taken, stays: bytes, allowed: bytes) -> bytes:
    """What stands for her. `allowed`: the lines that let another origin's page read it."""
    return _answer(outcome.status, _encode(record_view(outcome)), stays, allowed)


def said(body: bytes, content_type: str, stays: bytes) -> bytes:
    """What a callback of the platform is answered."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n%b" % (content_type.encode(), len(body), stays, body)


def no_content(stays: bytes, allowed: bytes) -> bytes:
    """What a browser asks before a page of another origin may post."""
    return b"HTTP/1.1 204 No Content\r\nAllow: POST, OPTIONS\r\n%b%b\r\n" % (allowed, stays)


def refused(error: WenmingError, request_id: str, stays: bytes, allowed: bytes = b"", is_head: bool = False,
            verbs: bytes = b"POST, OPTIONS") -> bytes:
    """An error in its one shape. `verbs`: those that the path takes."""
    allowed += b"X-Request-Id: %b\r\n" % request_id.encode()
    if error.retry_after_seconds is not None:
        allowed += b"Retry-After: %d\r\n" % error.retry_after_seconds
    if error.status == 405:
        allowed += b"Allow: %b\r\n" % verbs
    answer = _answer(error.status, error_body(error, request_id), stays, allowed)
    return answer[:answer.index(b"\r\n\r\n") + 4] if is_head else answer


def _answer(status: int, body: bytes, stays: bytes, extra: bytes) -> bytes:
    return b"%b%d\r\n%b%b\r\n%b" % (_HEADS[status], len(body), extra, stays, body)
