"""Runs the sandbox: `python -m server.sandbox --port P --accounts FILE --callback URL --data DIR --static DIR`.

Owns: the command line and the wiring.
Does not own: anything else.
Invariants: it listens on a loopback address unless told otherwise; its log names paths, never a query or a body.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path
from typing import Any

import tornado.httpserver
import tornado.web

from server.sandbox import articles, control, endpoints, library, management, menus, mini_requests, miniprogram, phone, security, users
from server.sandbox.accounts import Accounts, AccountsError, load
from server.sandbox.delivery import CUT_SECONDS, Delivery
from server.sandbox.oauth import loopback
from server.sandbox.platform import Platform
from server.sandbox.store import Store

logger = logging.getLogger("server.sandbox")
# Larger than any body that the platform takes here: a video of 10 MB and its form.
MAX_BODY_BYTES = 11 * 1024 * 1024


def build(accounts: Accounts, data: Path, callback: str, static: Path, *, loopback_only: bool = True,
          cut_seconds: float = CUT_SECONDS) -> tornado.web.Application:
    """The application over its own store; `settings["platform"]` is its state."""
    platform = Platform(accounts, Store(data), callback.rstrip("/"))
    menus.place(platform)
    routes: list[Any] = [*phone.ROUTES, *endpoints.ROUTES, *control.ROUTES, *miniprogram.ROUTES, *management.ROUTES,
                         *security.ROUTES, *library.ROUTES, *articles.ROUTES,
                         *users.ROUTES, *mini_requests.ROUTES, (r"/static/(.*)", phone.Asset, {"path": str(static)})]
    return tornado.web.Application(routes, platform=platform, delivery=Delivery(cut_seconds), phone_static=str(static),
                                   loopback_only=loopback_only, log_function=_log)


def _log(handler: tornado.web.RequestHandler) -> None:
    level = logging.ERROR if handler.get_status() >= 500 else logging.DEBUG
    logger.log(level, "%s %s %d %.0f ms", handler.request.method, handler.request.path, handler.get_status(),
               1000 * handler.request.request_time())


async def serve(options: argparse.Namespace, accounts: Accounts) -> None:
    """Listen until a signal."""
    application = build(accounts, options.data, options.callback, options.static, loopback_only=loopback(options.host))
    server = tornado.httpserver.HTTPServer(application, max_body_size=MAX_BODY_BYTES)
    server.listen(options.port, options.host)
    logger.info("sandbox listens on http://%s:%d", options.host, options.port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()
    server.stop()
    application.settings["delivery"].close()
    application.settings["platform"].store.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m server.sandbox", description="A simulated WeChat and phone")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--accounts", type=Path, required=True, help="JSON file of the accounts")
    parser.add_argument("--callback", required=True, help="address of the product, such as http://127.0.0.1:8888")
    parser.add_argument("--data", type=Path, required=True, help="folder of the sandbox's own file")
    parser.add_argument("--static", type=Path, required=True, help="folder with phone.html")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        accounts = load(options.accounts)
    except AccountsError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options, accounts))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
