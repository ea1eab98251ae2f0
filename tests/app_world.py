"""The whole web application and the intake door over a test's own stores, with one open campaign, for tests over HTTP."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from handlers.intake import Connection, Intake
from server import services as wiring
from server.app import make_app, options_of, origins_of
from server.campaigns import Activity, Campaign, Preset
from server.clock import wall_clock
from server.embedded import free_port
from server.services import Services
from server.stores import Stores
from settings import load

SLUG = "salute-the-flag"
REGIONS = "code,name,kind,parent,order,population\n350602,芗城区,region,350600,1,\ndeclined,不便选择,own,350600,2,\n"
UNITS = "region,code,name\n350602,school-1,演示第一小学\n"
ACCOUNTS = {f"WENMING_{account}_{part}": value
            for account, appid in (("OFFICIAL", "wxsandboxofficial0"), ("MINIPROGRAM", "wxsandboxminiprog"))
            for part, value in (("APPID", appid), ("SECRET", "sandbox-secret"), ("TOKEN", "token0token0"), ("AES_KEY", "a" * 42 + "A"))}


class AppWorld:
    """`base` and `intake` are the two doors' addresses."""

    def __init__(self, services: Services, base: str, intake: str, intake_connections: set[Connection]) -> None:
        self.services = services
        self.base = base
        self.intake = intake
        self.intake_connections = intake_connections
        self._http = AsyncHTTPClient(force_instance=True, max_clients=50)

    async def fetch(self, path: str, method: str = "GET", body: bytes | None = None, *, base: str = "", **headers: str) -> HTTPResponse:
        """Any answer, followed nowhere. Header names with _ for -."""
        if body is None and method in ("POST", "PUT", "PATCH"):
            body = b""
        return await self._http.fetch(HTTPRequest(
            (base or self.base) + path, method, {name.replace("_", "-"): value for name, value in headers.items()}, body,
            allow_nonstandard_methods=True, follow_redirects=False, request_timeout=20), raise_error=False)

    async def citizen(self) -> dict[str, str]:
        """The header of a new citizen."""
        [number] = await self.services.citizens.reserve(1)
        return {"Authorization": f"Bearer {self.services.tokens.issue(number, time.time())}"}

    def close(self) -> None:
        self._http.close()


def campaign(**changes: Any) -> Campaign:
    now = int(time.time())
    fields: dict[str, Any] = {
        "slug": SLUG, "title": "向国旗敬礼", "state": "draft", "opens_at": now - 60, "closes_at": now + 86400,
        "activities": (Activity("salute", "礼敬国旗", "敬礼"), Activity("heroes", "致敬先烈", "致敬")),
        "presets": (Preset("prosper", "愿祖国繁荣昌盛"),)}
    return Campaign(**fields | changes)


async def add_campaign(services: Services, wanted: Campaign, to: tuple[str, ...] = ("scheduled", "open")) -> None:
    """Create a campaign with its places and move it along."""
    created = await services.campaigns.create(wanted)
    for kind, text in (("regions", REGIONS), ("units", UNITS)):
        assert not (await services.places.import_csv(created, kind, text, dry_run=False))["errors"]
    for state in to:
        await services.campaigns.transition(wanted.slug, state, time.time())


@asynccontextmanager
async def open_app(stores: Stores, folder: Path, **changes: str) -> AsyncIterator[AppWorld]:
    """Settings may be changed by their names without WENMING_."""
    settings = load({**ACCOUNTS, "WENMING_SECRET_KEY": "k" * 32, "WENMING_DATA_DIR": str(folder),
                     **{"WENMING_" + name: value for name, value in changes.items()}}, env_file=None)
    services = wiring.build(stores, options_of(settings), wall_clock)
    await add_campaign(services, campaign())
    server = HTTPServer(make_app(services, settings), max_body_size=5 * 1024 * 1024)
    socket, port = bind_unused_port()
    server.add_socket(socket)
    intake, intake_port = Intake(services, wall_clock, origins_of(settings)), free_port()
    await intake.listen("127.0.0.1", intake_port)
    world = AppWorld(services, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{intake_port}", intake.connections)
    try:
        yield world
    finally:
        world.close()
        server.stop()
        await services.live.close()
        await intake.close(quiet_seconds=0)
        await server.close_all_connections()
        await services.close()
