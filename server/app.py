"""The composition root: settings -> stores -> services -> ports and jobs, and the way back at a stop.

The only file, beside __main__ and the commands, that reads the settings, and the only one here that names handlers.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tornado.httpserver
import tornado.web
import uvloop

from handlers import ROUTES, health
from handlers.access import recorder
from handlers.base import NotFoundHandler
from handlers.doors import QUIET_SECONDS, WebServer
from handlers.intake import Intake
from handlers.origins import Origins
from handlers.pages import Files, origin
from handlers.peers import Peers
from server import interrupts, logs
from server import services as wiring
from server.backups.tail import EVERY_SECONDS as EVERY_TAIL_SECONDS
from server.clock import wall_clock
from server.health.rows import EVERY_SECONDS
from server.jobs import Job, Jobs
from server.mini_codes import visits_key
from server.open_files import sockets_within
from server.scene_codes import scene_key
from server.services import Services
from server.stores import ensure_indexes, open_stores
from server.wechat import Account, ApiKeys
from settings import Settings

logger = logging.getLogger(__name__)

ROLES = ("web", "intake", "live", "ledger", "jobs")
ROOT = Path(__file__).resolve().parent.parent
# The largest body of the API is an import of places; uploads of materials stream, within bounds of their own.
MAX_BODY_BYTES = 5 * 1024 * 1024
# Phones on weak networks send headers within seconds; an hour, as Tornado has it, is for slowloris.
IDLE_SECONDS, BODY_SECONDS = 75, 15
# Requests get this long at a stop, then they are cut and repeated elsewhere; jobs and ledgers have their own.
DRAIN_SECONDS = 8.0
# Processes of one machine that may have a port for their metrics each.
METRICS_PORTS = 64
# Some seconds of a quiet process, a turn or two of a busy one.
GC_ALLOCATIONS = 20_000
WECHAT_API, WECHAT_OPEN = "https://api.weixin.qq.com", "https://open.weixin.qq.com"


def options_of(settings: Settings) -> wiring.Options:
    """The settings as the values that services take."""
    sandbox, signing = sandbox_url(settings), settings.signing_keys()
    same = ("journal_max_changes", "queue_max_requests", "request_deadline_seconds", "poster_workers",
            "poster_queue", "token_ttl_seconds", "callback_max_age_seconds", "is_public", "base_url", "base_urls", "moderation_url",
            "moderation_key", "review_required", "outbound_proxy")
    return wiring.Options(
        owner=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}", secret_key=settings.secret_key.encode(),
        simulated=settings.uses_sandbox, data_dir=settings.data_dir.resolve(), assets=ROOT / "assets", shards=settings.shards,
        identity=settings.official_identity, platform_url=platform_url(settings),
        live_max_sockets=sockets_within(settings.live_max_sockets), authorize_url=f"{sandbox or WECHAT_OPEN}/connect/oauth2/authorize",
        accounts=tuple(account_of(given, signing.get(given["appid"])) for given in settings.accounts()),
        runbook=ROOT / "deploy" / "runbook.md", robots=tuple(settings.robots()),
        **{name: getattr(settings, name) for name in same})


def account_of(given: dict[str, str], signing: dict[str, Any] | None = None) -> Account:
    """An account as the settings have it; one without a key takes plain callbacks. `signing`: the keys of its calls, if it has any."""
    keys = ApiKeys(**{**signing, "paths": tuple(signing["paths"])}) if signing else None
    parts: dict[str, Any] = given | {"mode": given["mode"] if given["aes_key"] else "plain", "api_keys": keys}
    return Account(**parts)


def platform_url(settings: Settings) -> str:
    """Whom this process calls: WeChat, or the sandbox, which may run beside it under another name than browsers know it by."""
    return f"http://{settings.sandbox_host}:{settings.sandbox_port}" if settings.uses_sandbox else WECHAT_API


def sandbox_url(settings: Settings) -> str:
    """Where browsers find the sandbox; empty with a real account."""
    return f"http://127.0.0.1:{settings.sandbox_port}" if settings.uses_sandbox else ""


def origins_of(settings: Settings) -> Origins:
    """The addresses that our pages are opened under; by name too on a machine of one's own."""
    local = () if settings.is_public else (f"http://localhost:{settings.port}", f"http://127.0.0.1:{settings.port}")
    return Origins(*map(origin, settings.base_urls), *local)


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Services over open stores, inside the running loop. For commands, and for `serve`."""
    stores = open_stores(settings.mongodb_uri, settings.redis_url, redis_cluster=settings.redis_cluster)
    services = wiring.build(stores, options_of(settings), wall_clock)
    try:
        await ensure_indexes(stores.mongo)
        await services.citizens.refresh()
        await services.switches.refresh()
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
        experience_share=settings.experience_share, sandbox_url=sandbox,
        secure_cookies=settings.base_url.startswith("https://"), static_origin=origin(settings.static_url),
        hosts=frozenset(filter(None, (*(urlsplit(url).hostname for url in settings.base_urls), urlsplit(sandbox).hostname, "localhost"))),
        pages=Files((h5, ("campaign.html", "class.html", "screen.html", "console.html"))),
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
        # Also before the opening: printed codes hang on walls a week ahead.
        public = [campaign.slug for campaign in await services.campaigns.all() if campaign.state not in ("draft", "archived")]
        await services.visits.flush([*public, *(f"places:{slug}" for slug in public),
                                     *(f"link:{link.code}" for link in await services.short_links.all()),
                                     *[scene_key(code.appid, code.scene) for one in services.accounts
                                       for code in await one.scene_codes.all()],
                                     *[visits_key(code.appid, code.scene) for one in services.accounts
                                       for code in await one.mini_codes.all()]], now)

    async def fallback(now: float) -> None:
        await services.reviewing.fallback.tick(now, await services.campaigns.running())

    async def tell(now: float) -> None:
        await services.watching.reporter.tick(now, sorted(roles))

    table = [Job("citizens.refresh", 1, refresh), Job("switches.refresh", 1, lambda now: services.switches.refresh()),
             Job("processes", EVERY_SECONDS, tell)]
    if roles & {"web", "intake"}:
        table.append(Job("counting.prepare", 5, prepare))
    if "web" in roles:
        table.append(Job("quizzes.flush", 5, services.quizzes.flush))
        table.append(Job("experiences.flush", 5, services.experiences.flush))
    if "ledger" in roles:
        table += [Job("ledger", 1, services.ledgers.tick), Job("journals", 5, services.journals.tick),
                  Job("archive.tail", EVERY_TAIL_SECONDS, services.tail.tick)]
    if "jobs" in roles:
        table += [Job("health.judge", 5, services.watching.judge.tick),
                  Job("releases.clock", 1, services.releases.publishing.tick), Job("releases.tidy", 3600, services.releases.tidy),
                  Job("campaigns.clock", 1, clock), Job("reconcile", 60, reconcile), Job("visits.flush", 60, visits),
                  *votes_jobs(services), Job("notices", 1, services.notice_sender.tick), Job("moderation", 1, services.moderation.tick),
                  Job("media_checks", 60, services.media_checks.tick), Job("media.tidy", 600, services.media.tidy),
                  Job("reviewing.tidy", 3600, services.reviewing.tidy), Job("reviewing.fallback", 5, fallback),
                  *followers_jobs(services), *articles_jobs(services), *figures_jobs(services), *walls_jobs(services),
                  Job("citizens.merges", 5, services.citizens.finish_merges),
                  Job("citizens.deletions", 5, services.citizens.finish_deletions),
                  Job("citizens.forget", 3600, services.citizens.forget_hashes), Job("staff.sessions", 3600, services.staff.tidy),
                  Job("audit_log.anchor", 5, services.staff.audit_log.keep_anchor)]
    return table


def votes_jobs(services: Services) -> list[Job]:
    """The tally of votes; what machines are asked of photos, and photos that nobody needs any more."""
    return [Job("tallies", 1, services.ballots.tallying.tick), Job("photos.moderation", 1, services.photo_moderation.tick),
            Job("photos.checks", 2, services.photos.tick), Job("photos.tidy", 600, services.photos.tidy)]


def articles_jobs(services: Services) -> list[Job]:
    """What no event told of articles, each account on its own; and what is not needed any more of them and of materials."""

    async def tidy(now: float) -> None:
        await services.article_reports.tidy(now)
        for one in services.accounts:
            await one.materials.tidy(now)

    return [Job("articles.tidy", 3600, tidy), *[Job(f"articles.look.{one.appid}", 30, one.articles.look) for one in services.accounts
                                                if one.account.role == "official"]]


def figures_jobs(services: Services) -> list[Job]:
    """What is counted or written for longer than a request may take, each beside the others."""
    return [Job("reports", 5, services.report_maker.tick), Job("exports", 2, services.exporter.tick),
            Job("kits", 2, services.kit_maker.tick), Job("places.imports", 30, services.places.finish_imports),
            Job("watch", 1, services.watch.tick), Job("bulletins.hours", 5, services.bulletins.hours),
            Job("bulletins", 2, services.bulletins.tick), Job("duty.gathering", 2, services.duty_gathering.tick)]


def walls_jobs(services: Services) -> list[Job]:
    """Links that ended long ago."""
    return [Job("kiosks.tidy", 3600, services.kiosks.tidy)]


def followers_jobs(services: Services) -> list[Job]:
    """Of each official account on its own, so that one whose platform does not answer holds up no other."""
    jobs = {one.appid: (one.followers.profiles, one.followers.refresh, one.followers.moves)
            for one in services.accounts if one.account.role == "official"}
    return [Job(f"followers.{type(job).__name__.lower()}.{appid}", 1, job.tick) for appid, own in jobs.items() for job in own]


async def reconcile_campaign(services: Services, slug: str, now: float, *, whole: bool = False) -> dict[str, int]:
    """Put back what the shards of a campaign's current periods lack. Returns cells changed by shard."""
    campaign = await services.campaigns.get(slug)
    return {shard.id: await services.reconcile.shard(shard, campaign, whole=whole)
            for shard in await services.counting.prepare(campaign, now)}


Announce = Callable[[Services], Awaitable[None]]


@dataclass
class Stop:
    """`asked`: leave, in good order. `hurry`: whoever asks again, or presses Ctrl-C, waits for no balancer."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self, *, hurry: bool = False) -> None:
        if hurry or self.asked.is_set():
            self.hurry.set()
        self.asked.set()

    @property
    def quiet_seconds(self) -> float:
        return 0.0 if self.hurry.is_set() else QUIET_SECONDS


async def serve(settings: Settings, roles: frozenset[str], stop: Stop, announce: Announce | None = None) -> None:
    """Serve the roles until asked to stop, then drain. `announce` is awaited once everything stands."""
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(open_services(settings))
        stack.callback(logs.count(services.metrics))
        services.loop_watch.start()
        stack.callback(services.loop_watch.close)
        jobs = Jobs(job_table(services, roles), wall_clock)
        jobs.start()
        stack.push_async_callback(jobs.close)
        last = await stack.enter_async_context(AsyncExitStack())  # what it holds ends after both ports
        leaving: list[Callable[[], None]] = [services.readiness.leave, services.live.refuse_newcomers]
        if roles & {"web", "live"}:
            await services.posters.start()
            server = WebServer(
                make_app(services, settings), max_body_size=MAX_BODY_BYTES, max_header_size=16 * 1024,
                idle_connection_timeout=IDLE_SECONDS, body_timeout=BODY_SECONDS)
            server.open(settings.host, settings.port)
            stack.push_async_callback(close_web, server, services, stop)
            leaving.append(server.leave)
        if "intake" in roles:
            intake = Intake(services, wall_clock, origins_of(settings))
            await intake.listen(settings.host, settings.intake_port, reuse_port=True)
            stack.push_async_callback(close_intake, intake, stop)
            leaving.append(intake.leave)
        # Ready from here on, and told to the end that it leaves.
        await last.enter_async_context(metrics_door(services, settings, roles))
        spare_the_collector()
        logger.info("serving %s", ", ".join(sorted(roles)))
        if announce is not None:
            await announce(services)
        await stop.asked.wait()
        await leave(leaving, settings.drain_seconds, stop)
        logger.info("stopping")


async def leave(leaving: list[Callable[[], None]], seconds: float, stop: Stop) -> None:
    """Say that this process leaves, and go on serving for so long: balancers look every few seconds, and send people here until then."""
    if seconds and not stop.hurry.is_set():
        for say in leaving:
            say()
        logger.info("leaving in %g s", seconds)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.hurry.wait(), seconds)


@asynccontextmanager
async def metrics_door(services: Services, settings: Settings, roles: frozenset[str]) -> AsyncIterator[None]:
    """Metrics of this process alone, at a port that no other one shares, and where that is told."""
    host = settings.metrics_host or settings.host
    port = settings.port if roles & {"web", "live"} else 0
    server = None
    if settings.metrics_port:
        own = own_port(host, settings.metrics_port)
        port = own.getsockname()[1]
        server = tornado.httpserver.HTTPServer(tornado.web.Application(
            [(r"/metrics", health.Metrics), (r"/healthz", health.Live), (r"/readyz", health.Ready)],
            default_handler_class=NotFoundHandler, services=services, clock=wall_clock, peers=Peers(settings.trusted_networks)),
            idle_connection_timeout=IDLE_SECONDS)
        server.add_socket(own)
    # Whoever scrapes a machine that listens everywhere asks it by its name.
    named = socket.gethostname() if host in ("", "0.0.0.0", "::") else host
    services.watching.reporter.address = f"{named}:{port}" if port else ""
    try:
        yield
    finally:
        if server is not None:
            server.stop()


def own_port(host: str, first: int) -> socket.socket:
    """Listens at the first free port, for this process alone. Raises OSError where all are taken."""
    for port in range(first, first + METRICS_PORTS):
        try:
            made = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
            made.setblocking(False)
            return made
        except OSError as error:
            if error.errno != errno.EADDRINUSE or port == first + METRICS_PORTS - 1:
                raise
    raise AssertionError("there is no such range")


def spare_the_collector() -> None:
    """What stands now stands until the end, so the garbage collector need not walk it again: a walk is a pause of 50 ms.

    A salute leaves no cycles behind; the rarer collections find those of connections and errors.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, *gc.get_threshold()[1:])


async def close_web(server: WebServer, services: Services, stop: Stop) -> None:
    """Stop listening, let requests end, send the live sockets elsewhere with 1012."""
    cut, _ = await asyncio.gather(server.drain(DRAIN_SECONDS, stop.quiet_seconds), services.live.close())
    if cut:
        logger.warning("%d connections did not end in %d s", cut, DRAIN_SECONDS)


async def close_intake(intake: Intake, stop: Stop) -> None:
    """Stop listening, answer what was asked."""
    cut = await intake.close(DRAIN_SECONDS, stop.quiet_seconds)
    if cut:
        logger.warning("%d connections of the intake did not end in %d s", cut, DRAIN_SECONDS)


def run(settings: Settings, roles: frozenset[str], announce: Announce | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM, inside a loop of its own."""

    async def main() -> None:
        stop = Stop()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.ask)
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: stop.ask(hurry=True))
        if interrupts.was_asked():
            stop.ask(hurry=True)
        await serve(settings, roles, stop, announce)

    uvloop.run(main())
    return 0


__all__ = ["ROLES", "make_app", "open_services", "run", "serve"]
