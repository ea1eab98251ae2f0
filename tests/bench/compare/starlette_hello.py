"""Starlette's empty hello, as its own benchmarks have it. Run by uvicorn with uvloop and httptools, without an access log."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("Hello, world!", 201)


app = Starlette(routes=[Route("/{path:path}", hello, methods=["POST"])])
