"""The whole URL table over real campaigns, places, messages, visits, links and staff; counting and live answer as told."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from handlers import ROUTES
from handlers.base import NotFoundHandler
from handlers.origins import Origins
from handlers.pages import Files
from handlers.peers import Peers
from server.accounts import Accounts
from server.blocks.service import PageBlocks
from server.blocks.wall import WallGlimpse
from server.bulletins import WatchStore
from server.campaign_templates import CampaignTemplates
from server.ceremonies import Ceremonies, CeremonyStore
from server.counting import Taken
from server.errors import NotFound
from server.experience import Experiences
from server.health.rows import Limits, Reporter, RowStore
from server.kiosks import Kiosks, KioskStore
from server.media import FileStore, Library, MediaFiles, MediaStore
from server.media.references import CampaignMedia
from server.messages import MessageStore
from server.metrics import Metrics
from server.place_files import PlaceFiles
from server.processes import Processes
from server.quizzes import Quizzes
from server.references import References
from server.releases import releases_of
from server.replies.base import Context
from server.reply_rules import ReplyRules
from server.reply_rules.service import ReplyRuleStore
from server.reviewing import reviewing_of
from server.screens import Screens
from server.seals import Seal
from server.short_links import ShortLinks, ShortLinkStore
from server.spreadsheets.workers import Workers
from server.staff import build_staff
from server.stores import Stores
from server.switches import Switches, SwitchStore
from server.tokens import Tokens
from server.visits import Visits
from server.voids import Voids
from server.wall_maps import WallMaps, WallMapStore
from server.words import Words
from tests.server.civic_world import DURING, REGIONS, UNITS, CivicWorld

ALICE, BOB = 1, 2
PASSWORD = "correct horse battery"
SECRET = b"k" * 32
ASSETS = Path(__file__).resolve().parents[2] / "assets"
PAGE = """<!doctype html><html><head><!--wenming:head--></head><body><div class="page" id="page"><!--wenming:before--><svg></svg>
<p class="turned" id="turned" role="status"></p>
<noscript><!--wenming:noscript--></noscript><!--wenming:after--></div><template><!--wenming:privacy--></template>
<script type="application/json" id="wenming-data">"__WENMING_DATA__"</script></body></html>"""

FILES = {
    "h5/campaign.html": PAGE, "h5/screen.html": "<!doctype html>wall", "h5/console.html": "<!doctype html>desk",
    "h5/assets/main-abc123.js": "console.log(1)\n" * 200, "assets/flag.svg": "<svg/>", "assets/words/secret.txt": "not for the web",
    "assets/share/salute.jpg": "\x00picture"}


# What of a reply's context no test here asks.
OF_REPLIES = ("citizens", "notices", "visits", "followers", "media_checks", "article_reports", "phones")


class Counting:
    """`taken`: the activities that a citizen took part in."""

    def __init__(self) -> None:
        self.taken: dict[int, tuple[str, ...]] = {ALICE: ("salute",)}
        self.voided: list[tuple[str, int]] = []

    async def figures(self, slug: str, period: str | None, now: float, *, minutes: int, units: bool = False) -> Any:
        return SimpleNamespace(participants=12, as_of=int(now), by_unit={})

    async def record_of(self, slug: str, citizen: int, now: float) -> Taken:
        if citizen not in self.taken:
            raise NotFound("PARTICIPATION_NOT_FOUND", "您还没有参与本次活动")
        return Taken(7, False, self.taken[citizen], int(now), True, "", "all", 200)

    async def citizen_of(self, campaign: Any, period: str, ordinal: int) -> int:
        if ordinal != 7:
            raise NotFound("PARTICIPATION_NOT_FOUND", "没有找到这次参与")
        return ALICE

    async def void(self, campaign: Any, period: str, citizen: int) -> None:
        self.voided.append((period, citizen))


class Live:
    def __init__(self) -> None:
        self.problem: Exception | None = None

    async def counters(self, slug: str, period: str | None, now: float, start: str | None = None, end: str | None = None) -> dict[str, Any]:
        if self.problem:
            raise self.problem
        return {"participants": 12, "period": period or "all", "from": start, "to": end}


class Journals:
    async def view(self, campaign: Any) -> dict[str, Any]:
        return {"items": [], "poison": [], "conflicts": [], "next": None}


class CivicApp:
    def __init__(self, stores: Stores, folder: Path, *, sandbox_url: str = "http://127.0.0.1:18890", https: bool = False,
                 review_required: bool = False) -> None:
        self.folder = folder
        self.now = DURING
        self.world = CivicWorld(stores, simulated=bool(sandbox_url))
        self.counting, self.live, self.tokens = Counting(), Live(), Tokens(SECRET, 86400)
        self.staff, members, own, phones = build_staff(stores.mongo, SECRET, base_url=lambda: "http://wm.example", is_public=https,
                                                       resolve=lambda number: number)
        self.visits = Visits(stores.mongo, stores.redis)
        self.short_links = ShortLinks(ShortLinkStore(stores.mongo), lambda: self.services.switches.base_url())
        words = Words(stores.mongo)
        self.library = Library(MediaStore(stores.mongo), MediaFiles(FileStore(stores.mongo)))
        self.world.campaigns.media = CampaignMedia(self.library, lambda: self.now)
        reviewing = reviewing_of(stores, MessageStore(stores.mongo, Seal(SECRET, "message")), words, self._record, secret_key=SECRET,
                                 identities_of=self._identities_of, hashes_of=self._hashes_of)
        page_blocks = PageBlocks(self.library, WallGlimpse(reviewing.wall), skins=ASSETS / "skins", built=folder / "h5")
        rows = RowStore(stores.redis)
        self.services = SimpleNamespace(
            page_blocks=page_blocks, media=SimpleNamespace(library=self.library),
            place_files=PlaceFiles(self.world.places, Workers(folder / "spreadsheets")),
            campaigns=self.world.campaigns, campaign_templates=CampaignTemplates(ASSETS / "seeds" / "templates"),
            places=self.world.places, counting=self.counting, amendments=self.counting,
            voids=Voids(self.counting, None), live=self.live,
            tokens=self.tokens, citizens=SimpleNamespace(of_token=lambda token: token.citizen), visits=self.visits, staff=self.staff,
            staff_members=members, staff_own=own, staff_phones=phones,
            switches=Switches(SwitchStore(stores.mongo), ("http://wm.example", "http://other.example")),
            messages=reviewing.messages, reviewing=reviewing, words=words, short_links=self.short_links,
            releases=releases_of(stores, self.world.campaigns, self.world.places, self._record, base_url=lambda: "http://wm.example",
                                 is_public=False, required=review_required, poster_templates=frozenset({"salute"}),
                                 page_blocks=page_blocks, library=self.library),
            watching=SimpleNamespace(processes=Processes(rows), reporter=Reporter(rows, Metrics(), Limits(100, 64), "a test")),
            experiences=Experiences(stores.mongo, self.world.places, Metrics()),
            quizzes=Quizzes(stores.mongo, stores.redis, self.counting), kits=None, posters=None,
            journals=Journals(), reply_rules=ReplyRules(ReplyRuleStore(stores.mongo), frozenset({"live_total"})),
            reply_context=lambda now: Context(**dict.fromkeys(OF_REPLIES), campaigns=self.world.campaigns, counting=self.counting,
                                              reply_rules=self.services.reply_rules, base_url="http://wm.example", now=now))
        self.services.ceremonies = Ceremonies(CeremonyStore(stores.mongo), self.world.campaigns)
        self.services.kiosks = Kiosks(KioskStore(stores.mongo), lambda: "http://wm.example")
        self.services.wall_maps = WallMaps(WallMapStore(stores.mongo))
        self.services.screens = Screens(WatchStore(stores.mongo).minutes, self.counting.figures, self.live, self.world.campaigns,
                                        self.world.places, self.services.ceremonies, self.services.wall_maps, simulated=True)
        self.connect(Accounts(()))
        h5, assets = folder / "h5", folder / "assets"
        self.app = Application(
            list(ROUTES), default_handler_class=NotFoundHandler, services=self.services, clock=lambda: self.now, origins=Origins(),
            peers=Peers(), base_url="http://wm.example",
            sandbox_url=sandbox_url, secure_cookies=https, static_origin="",
            pages=Files((h5, ("campaign.html", "screen.html", "console.html"))),
            static=Files((h5, ("",)), (assets, ("share/", "flag.svg"))))

    def connect(self, accounts: Accounts) -> None:
        """The accounts of this instance, from here on."""
        self.services.accounts = accounts
        self.services.references = References(accounts, self.services.reply_rules)

    async def _record(self, who: str, action: str, subject: str, detail: dict[str, Any], now: float) -> None:
        await self.staff.audit_log.record(who, "", action, subject, detail, now)

    async def _identities_of(self, citizen: int) -> list[tuple[str, str]]:
        return [("wxofficial", f"hash-of-{citizen}")]

    async def _hashes_of(self, citizen: int) -> list[str]:
        return [f"hash-of-{citizen}"]

    async def open(self) -> CivicApp:
        for name, text in FILES.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        await self.world.ready()
        socket, port = bind_unused_port()
        self.base = f"http://127.0.0.1:{port}"
        self.server = HTTPServer(self.app, max_body_size=5 * 1024 * 1024)
        self.server.add_socket(socket)
        return self

    async def opened(self, **changes: Any) -> Any:
        """A campaign that is open, with its places."""
        current = await self.world.opened(**changes)
        for kind, data in (("regions", REGIONS), ("units", UNITS)):
            await self.world.places.import_csv(current, kind, data, dry_run=False)
        return current

    async def close(self) -> None:
        self.server.stop()
        await self.server.close_all_connections()

    async def ask(self, path: str, body: Any = None, *, method: str = "", citizen: int | None = None, **options: Any) -> HTTPResponse:
        headers = options.pop("headers", {})
        if citizen is not None:
            headers = headers | {"Authorization": f"Bearer {self.tokens.issue(citizen, self.now)}"}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return await AsyncHTTPClient().fetch(self.base + path, method=method or ("GET" if body is None else "POST"), body=body,
                                             headers=headers, follow_redirects=False, raise_error=False, **options)

    async def desk(self, role: str) -> Desk:
        """Somebody with this role, signed in."""
        name = f"the-{role}"
        await self.staff.create(name, role, PASSWORD, self.now)
        desk = Desk(self)
        answer = await desk.ask("/api/v1/staff/session", {"name": name, "password": PASSWORD})
        assert answer.code == 200
        desk.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        desk.csrf = json.loads(answer.body)["csrf"]
        return desk


class Desk:
    """A browser of staff: sends its cookie and its CSRF token."""

    def __init__(self, app: CivicApp) -> None:
        self.app = app
        self.cookie = self.csrf = ""

    async def ask(self, path: str, body: Any = None, **options: Any) -> HTTPResponse:
        headers = {"Cookie": self.cookie, "X-CSRF-Token": self.csrf} | options.pop("headers", {})
        return await self.app.ask(path, body, headers=headers, **options)


def json_of(response: HTTPResponse) -> Any:
    return json.loads(response.body)


def error_of(response: HTTPResponse) -> tuple[int, str]:
    return response.code, json_of(response)["error"]["code"]
