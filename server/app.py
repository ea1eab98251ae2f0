"""The composition root: settings -> stores -> services -> ports and jobs, and the way back at a stop.

The only file, beside __main__ and the commands, that reads the settings, and the only one here that names handlers.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import tornado.httpserver
import tornado.web
import uvloop

from handlers import ROUTES
from handlers.access import recorder
from handlers.base import NotFoundHandler
from handlers.intake import Intake
from handlers.origins import Origins
from handlers.pages import Files, origin
from handlers.peers import Peers
from server import interrupts
from server import services as wiring
from server.clock import wall_clock
from server.jobs import Job, Jobs
from server.services import Services
from server.stores import ensure_indexes, open_stores
from server.wechat import Account
from settings import Settings

logger = logging.getLogger(__name__)

ROLES = ("web", "intake", "live", "ledger", "jobs")
ROOT = Path(__file__).resolve().parent.parent
# The largest body of the API is an import of places; uploads of media will stream.
MAX_BODY_BYTES = 5 * 1024 * 1024
# Phones on weak networks send headers within seconds; an hour, as Tornado has it, is for slowloris.
IDLE_SECONDS, BODY_SECONDS = 75, 15
# Sockets, requests and ledgers get this long at a stop; then the process ends, and what it held is repeated elsewhere.
DRAIN_SECONDS = 8.0
# Some seconds of a quiet process, a turn or two of a busy one.
GC_ALLOCATIONS = 20_000
WECHAT_API, WECHAT_OPEN = "https://api.weixin.qq.com", "https://open.weixin.qq.com"


def options_of(settings: Settings) -> wiring.Options:
    """The settings as the values that services take."""
    sandbox = sandbox_url(settings)
    same = ("journal_max_changes", "queue_max_requests", "request_deadline_seconds", "live_max_sockets", "poster_workers",
            "poster_queue", "token_ttl_seconds", "callback_max_age_seconds", "is_public", "base_url")
    return wiring.Options(
        owner=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}", secret_key=settings.secret_key.encode(),
        simulated=settings.uses_sandbox, data_dir=settings.data_dir.resolve(), assets=ROOT / "assets", shards=settings.shards,
        identity=settings.official_identity, platform_url=sandbox or WECHAT_API,
        authorize_url=f"{sandbox or WECHAT_OPEN}/connect/oauth2/authorize", official=account_of(settings, "official"),
        miniprogram=account_of(settings, "miniprogram"), **{name: getattr(settings, name) for name in same})


def account_of(settings: Settings, name: str) -> Account:
    """The official account or the mini-program as the settings have it; an account without a key takes plain callbacks."""
    parts = {part: getattr(settings, f"{name}_{part}") for part in ("appid", "secret", "token", "aes_key", "mode")}
    return Account(**parts | {"mode": parts["mode"] if parts["aes_key"] else "plain"})


def sandbox_url(settings: Settings) -> str:
    """Where the sandbox is; empty with a real account."""
    return f"http://127.0.0.1:{settings.sandbox_port}" if settings.uses_sandbox else ""


def origins_of(settings: Settings) -> Origins:
    """The addresses that our pages are opened under; by name too on a machine of one's own."""
    local = () if settings.is_public else (f"http://localhost:{settings.port}", f"http://127.0.0.1:{settings.port}")
    return Origins(origin(settings.base_url), *local)


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Services over open stores, inside the running loop. For commands, and for `serve`."""
    stores = open_stores(settings.mongodb_uri, settings.redis_url, redis_cluster=settings.redis_cluster)
    services = wiring.build(stores, options_of(settings), wall_clock)
    try:
        await ensure_indexes(stores.mongo)
        await services.citizens.refresh()
        yield services
    finally:
        await services.close()
        await stores.close()


def make_app(services: Services, settings: Settings) -> tornado.web.Application:
    """The web port's application: the URL table with what its handlers need."""
    h5, assets = ROOT / "assets" / "h5", ROOT / "assets"
    sandbox = sandbox_url(settings)
    return tornado.web.Application(
        list(ROUTES), default_handler_class=NotFoundHandler, log_function=recorder(services.metrics), services=services,
        clock=wall_clock, peers=Peers(settings.trusted_networks), origins=origins_of(settings), base_url=settings.base_url,
        sandbox_url=sandbox, secure_cookies=settings.base_url.startswith("https://"), static_origin=origin(settings.static_url),
        hosts=frozenset(filter(None, (urlsplit(settings.base_url).hostname, urlsplit(sandbox).hostname, "localhost"))),
        pages=Files((h5, ("campaign.html", "screen.html", "console.html"))),
        static=Files((h5, ("",)), (assets, ("share/", "flag.svg"))))


def job_table(services: Services, roles: frozenset[str]) -> list[Job]:
    """Which work repeats in a process of these roles, and how often in seconds."""

    async def refresh(now: float) -> None:
        await services.citizens.refresh()

    async def prepare(now: float) -> None:
        for campaign in await services.campaigns.running():
            await services.counting.prepare(campaign, now)

    async def clock(now: float) -> None:
        for campaign in await services.campaigns.tick(now):
            logger.warning("campaign %s ended: %s", campaign.slug, await reconcile_campaign(services, campaign.slug, now, whole=True))

    async def reconcile(now: float) -> None:
        for campaign in await services.campaigns.running():
            await services.counting.look_back(campaign)
            await reconcile_campaign(services, campaign.slug, now)

    async def visits(now: float) -> None:
        await services.visits.flush([campaign.slug for campaign in await services.campaigns.running()], now)

    table = [Job("citizens.refresh", 1, refresh)]
    if roles & {"web", "intake"}:
        table.append(Job("counting.prepare", 5, prepare))
    if "ledger" in roles:
        table += [Job("ledger", 1, services.ledgers.tick), Job("journals", 5, services.journals.tick)]
    if "jobs" in roles:
        table += [Job("campaigns.clock", 1, clock), Job("reconcile", 60, reconcile), Job("visits.flush", 60, visits),
                  Job("citizens.merges", 5, services.citizens.finish_merges),
                  Job("citizens.deletions", 5, services.citizens.finish_deletions),
                  Job("citizens.forget", 3600, services.citizens.forget_hashes), Job("staff.sessions", 3600, services.staff.tidy)]
    return table


async def reconcile_campaign(services: Services, slug: str, now: float, *, whole: bool = False) -> dict[str, int]:
    """Put back what the shards of a campaign's current periods lack. Returns cells changed by shard."""
    campaign = await services.campaigns.get(slug)
    return {shard.id: await services.reconcile.shard(shard, campaign, whole=whole)
            for shard in await services.counting.prepare(campaign, now)}


Announce = Callable[[Services], Awaitable[None]]


async def serve(settings: Settings, roles: frozenset[str], stop: asyncio.Event, announce: Announce | None = None) -> None:
    """Serve the roles until `stop`, then drain. `announce` is awaited once everything stands."""
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(open_services(settings))
        jobs = Jobs(job_table(services, roles), wall_clock)
        jobs.start()
        stack.push_async_callback(jobs.close)
        if roles & {"web", "live"}:
            await services.posters.start()
            server = tornado.httpserver.HTTPServer(
                make_app(services, settings), max_body_size=MAX_BODY_BYTES, max_header_size=16 * 1024,
                idle_connection_timeout=IDLE_SECONDS, body_timeout=BODY_SECONDS)
            server.bind(settings.port, settings.host, backlog=1024, reuse_port=True)
            server.start()
            stack.push_async_callback(close_web, server, services)
        if "intake" in roles:
            intake = Intake(services, wall_clock, origins_of(settings))
            await intake.listen(settings.host, settings.intake_port, reuse_port=True)
            stack.push_async_callback(intake.close)
        spare_the_collector()
        logger.info("serving %s", ", ".join(sorted(roles)))
        if announce is not None:
            await announce(services)
        await stop.wait()
        logger.info("stopping")


def spare_the_collector() -> None:
    """What stands now stands until the end, so the garbage collector need not walk it again: a walk is a pause of 50 ms.

    A salute leaves no cycles behind; the rarer collections find those of connections and errors.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, *gc.get_threshold()[1:])


async def close_web(server: tornado.httpserver.HTTPServer, services: Services) -> None:
    """Stop listening, end sockets with 1012, let requests finish."""
    server.stop()
    await services.live.close()
    try:
        await asyncio.wait_for(server.close_all_connections(), DRAIN_SECONDS)
    except TimeoutError:
        logger.warning("some connections did not end in %d s", DRAIN_SECONDS)


def run(settings: Settings, roles: frozenset[str], announce: Announce | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM, inside a loop of its own."""

    async def main() -> None:
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        if interrupts.was_asked():
            stop.set()
        await serve(settings, roles, stop, announce)

    uvloop.run(main())
    return 0


__all__ = ["ROLES", "make_app", "open_services", "run", "serve"]
