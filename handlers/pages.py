"""The pages that people see: built files of h5/, filled in where a page begins with data."""

from __future__ import annotations

import asyncio
import gzip
import html
import mimetypes
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import random
from typing import Any
from urllib.parse import urlsplit

import msgspec

from handlers.base import COOKIE, BaseHandler, as_wenming_error
from handlers.maintenance import maintenance_page
from server.blocks.service import without_blocks
from server.campaign_types import CAMPAIGN_TYPES
from server.campaigns import Campaign
from server.errors import NotAuthorised, NotFound, WenmingError
from server.media.references import media_ids
from server.switches import Maintenance
from server.views import view_of

# Compressed once and kept: all built files together are under 4 MB.
KEPT_BYTES = 16 * 1024 * 1024
COMPRESSED = (".js", ".css", ".html", ".svg", ".json", ".txt")
# What the build packs for nginx lies beside the files; we pack by ourselves.
PACKED = ".gz"
WECHAT = "MicroMessenger"
# Which phone opened a preview.
PREVIEW_COOKIE = "wenming_preview"
# What makes a script of the comment that names it.
TELLS = {b"<!--told ": b'<script type="module" async src="', b" told-->": b'"></script>'}
JWEIXIN = "https://res.wx.qq.com/open/js/jweixin-1.6.0.js"


@dataclass(frozen=True)
class File:
    """A file as it is sent; `zipped` empty where compressing gains nothing."""

    data: bytes
    zipped: bytes
    type: str
    read_at: float


class Files:
    """Files below some roots, read in a worker thread, kept in memory while unchanged.

    Each root comes with the beginnings of the names that may be read from it; nothing outside is known.
    """

    def __init__(self, *roots: tuple[Path, tuple[str, ...]]) -> None:
        self._roots = [(root.resolve(), beginnings) for root, beginnings in roots]
        self._kept: dict[str, File] = {}

    async def get(self, name: str) -> File:
        """Raises NotFound, also for a name that leads outside."""
        return await asyncio.to_thread(self._get, name)

    def _get(self, name: str) -> File:
        for root, beginnings in self._roots:
            try:
                path = (root / name).resolve()
                known = path.is_relative_to(root) and path.relative_to(root).as_posix().startswith(beginnings) and path.is_file() \
                    and path.suffix != PACKED  # of the file beside it, in another form
            except (ValueError, OSError) as error:
                raise NotFound() from error  # a zero byte, or longer than any name
            if not known:
                continue
            changed = path.stat().st_mtime
            kept = self._kept.get(name)
            if kept is None or kept.read_at != changed:
                kept = self._read(path, changed)
                if sum(len(f.data) for f in self._kept.values()) < KEPT_BYTES:
                    self._kept[name] = kept
            return kept
        raise NotFound()

    def _read(self, path: Path, changed: float) -> File:
        data = path.read_bytes()
        zipped = gzip.compress(data, 9) if path.suffix in COMPRESSED else b""
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return File(data, zipped if len(zipped) < len(data) else b"", kind, changed)


class PageHandler(BaseHandler):
    """Sends built pages with their content policy. Settings: `pages` (Files), `sandbox_url` ("" without one)."""

    def closes_for_maintenance(self) -> bool:
        return True

    @property
    def sandbox_url(self) -> str:
        url: str = self.settings["sandbox_url"]
        return url

    async def send_page(self, name: str, fill: dict[bytes, bytes] | None = None) -> None:
        file = await self.settings["pages"].get(name)
        data = file.data
        for mark, text in (fill or {}).items():
            data = data.replace(mark, text)
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Content-Security-Policy", self._policy())
        if "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.set_header("Vary", "Accept-Encoding")
            data = await asyncio.to_thread(gzip.compress, data, 6)
        self.finish(data)

    def _policy(self) -> str:
        script = self.sandbox_url or "https://res.wx.qq.com"
        live = self.request.host
        static = self.settings["static_origin"]
        return (f"default-src 'self' {static}; script-src 'self' {static} {script}; style-src 'self' 'unsafe-inline' {static}; "
                f"img-src 'self' data: blob: {static}; connect-src 'self' ws://{live} wss://{live} {script} {static}; "
                f"media-src 'self' https: {static}; object-src 'none'; base-uri 'none'; form-action 'self'; "
                f"frame-ancestors {self._ancestors()}")

    def _ancestors(self) -> str:
        # Only the phone of the sandbox may frame a page, and only while it stands in for WeChat.
        return f"'self' {self.sandbox_url}".strip()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """People who open a page get a page; programs the one shape."""
        if "text/html" not in self.request.headers.get("Accept", ""):
            super().write_error(status_code, **kwargs)
            return
        error = as_wenming_error(kwargs.get("exc_info", (None, None))[1], status_code)
        self.set_status(error.status)
        self.error_code = error.code
        if error.retry_after_seconds is not None:
            self.set_header("Retry-After", str(error.retry_after_seconds))
        if isinstance(error, Maintenance):
            known = self.services.campaigns.at_hand(self.path_args[0]) if self.path_args else None
            self.send_own(maintenance_page(error, known.organiser if known else {}, self.now()), "img-src 'self'")
            return
        self.send_own(ERROR_PAGE.replace("{message}", html.escape(error.message)))

    def send_own(self, page: str, also: str = "") -> None:
        """A page without a script. `also`: what its policy allows beside its styles."""
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Content-Security-Policy", f"default-src 'none'; {also and also + '; '}style-src 'unsafe-inline'; "
                        f"base-uri 'none'; frame-ancestors {self._ancestors()}")
        self.finish(page)


class StaffPageHandler(PageHandler):
    """What stays open while citizens are shown the maintenance page."""

    def closes_for_maintenance(self) -> bool:
        return False


class Front(PageHandler):
    async def get(self) -> None:
        """The way in: the campaigns, and the simulated phone where there is one."""
        items = "".join(f'<li><a href="/c/{c["slug"]}">{html.escape(c["title"])}</a>{"　演示" if c["demo"] else ""}</li>'
                        for c in await self.services.campaigns.public_list(self.now()))
        phone = f'<p><a class="main" href="{self.sandbox_url}/">打开模拟手机，关注公众号</a></p>' if self.sandbox_url else ""
        self.send_own(FRONT_PAGE.replace("{phone}", phone).replace("{items}", items))


class CampaignShower(PageHandler):
    """Shows the citizens' page of a campaign as it is given."""

    async def show_to_guest(self, campaign: Campaign, now: float) -> None:
        """What is not public yet: nobody is known, nothing can be counted, no search engine keeps it."""
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Robots-Tag", "noindex")
        kind = CAMPAIGN_TYPES[campaign.kind]
        view = await view_of(self.services, campaign, now) | {"rules": kind.preview(kind.read(campaign.rules))}
        await self.show(campaign, view, {
            "counters": None, "me": {"signed_in": False, "who": "", "snapshot": False}, "in_wechat": False, "preview": True, "jweixin": "",
            "login": ""})

    async def show(self, campaign: Campaign, view: dict[str, Any], data: dict[str, Any], *, tells: bool = False) -> None:
        """`data`: what the page's script is told beside the campaign. `tells`: whether this page tells how it felt."""
        made = await self.services.page_blocks.of(campaign, view["media"], self.now())
        told = {"campaign": for_script(view), "simulated": bool(self.sandbox_url), **data}
        kind, styles = CAMPAIGN_TYPES[campaign.kind], self.services.page_blocks.style(campaign.theme)
        mourning = view["switches"]["mourning"] or ""
        scene = "flag" if campaign.theme.get("scene") == "flag" else kind.scene
        await self.send_page("campaign.html", {
            b'"__WENMING_DATA__"': msgspec.json.encode(told).replace(b"<", b"\\u003c").replace(b">", b"\\u003e"),
            b'data-scene="flag"': f'data-scene="{scene}"'.encode(),
            b"<!--wenming:head-->": (head(view, self.services.switches.base_url(), kind.poster) + styles).encode(),
            b"<!--wenming:noscript-->": (without_script(view, kind.how) + listed(kind.told(view["rules"]))).encode(),
            b"<!--wenming:before-->": made.before.encode(),
            b"<!--wenming:after-->": made.after.encode(), b"<!--wenming:privacy-->": privacy(view["theme"]).encode(),
            **(TELLS if tells else {}),
            b'class="page" id="page"': f'class="page{made.classes}{" mourning" if mourning else ""}" id="page"'.encode(),
            b'id="turned" role="status">': f'id="turned" role="status">{html.escape(mourning)}'.encode()})


class CampaignPage(CampaignShower):
    async def get(self, slug: str) -> None:
        """The citizens' page, with the campaign and its figures already in it."""
        now = self.now()
        if token := self.get_argument("preview", ""):
            await self._preview(slug, token, now)
            return
        campaign = await self.services.campaigns.get(slug)
        view = await view_of(self.services, campaign, now)
        await self.show(campaign, view, {
            "counters": await self._counters(slug, now), "me": self._me(), "in_wechat": self._in_wechat(), "preview": False,
            "jweixin": f"{self.sandbox_url}/sandbox/jweixin.js" if self.sandbox_url else JWEIXIN,
            "login": f"/auth/official?next=/c/{slug}"}, tells=random() < self.settings.get("experience_share", 0))

    async def _preview(self, slug: str, token: str, now: float) -> None:
        """A version of the draft, for a guest: nobody is known and no sign-in is offered, so that nothing can be counted."""
        campaign = await self.services.campaigns.get_any(slug)
        shown, preview, mark = await self.services.releases.previews.open(campaign, token, self.get_cookie(PREVIEW_COOKIE, ""), now)
        # HttpOnly: only this phone may load the page again.
        self.set_cookie(PREVIEW_COOKIE, mark, max_age=int(preview.expires_at - now) + 1, path=f"/c/{slug}", httponly=True, samesite="Lax",
                        secure=self.settings["secure_cookies"])
        await self.show_to_guest(shown, now)

    async def _counters(self, slug: str, now: float) -> dict[str, Any] | None:
        try:
            return await self.services.live.counters(slug, None, now)
        except WenmingError:
            return None  # the page opens without figures and asks for them itself

    def _me(self) -> dict[str, Any]:
        """`who`: a mark of the person who is signed in, or empty."""
        who = ""
        with suppress(NotAuthorised):
            who = self.services.tokens.mark(self.services.citizens.of_token(
                self.services.tokens.read(self.get_cookie(COOKIE, ""), self.now())))
        return {"signed_in": bool(who), "who": who, "snapshot": self.get_argument("guest", "") == "snapshot"}

    def _in_wechat(self) -> bool:
        """WeChat's browser by its name; in the simulation, the phone's, which shows pages in a frame."""
        framed = self.request.headers.get("Sec-Fetch-Dest") == "iframe"
        return WECHAT in self.request.headers.get("User-Agent", "") or bool(self.sandbox_url and framed)


class ShortLink(PageHandler):
    async def get(self, code: str) -> None:
        """Lead a printed or drawn code to where it points now."""
        self.set_header("Cache-Control", "no-store")
        opened = await self.services.short_links.opened(code)
        if opened.place:
            await self.services.visits.record_place(opened.campaign, opened.place, self.now())
        else:
            await self.services.visits.record(f"link:{code}", "link", self.now())
        self.redirect(opened.path)


class Console(StaffPageHandler):
    async def get(self) -> None:
        """The staff's console."""
        await self.send_page("console.html")


class Static(StaffPageHandler):
    async def get(self, name: str) -> None:
        """A built or drawn file. Built ones carry a hash in their name and may be kept for good."""
        file = await self.settings["static"].get(name)
        self.set_header("Content-Type", file.type)
        hashed = name.startswith("assets/")
        self.set_header("Cache-Control", "public, max-age=31536000, immutable" if hashed else "public, max-age=3600")
        self.set_header("Access-Control-Allow-Origin", "*")  # the same files stand on a CDN
        data = file.data
        if file.zipped and "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.set_header("Vary", "Accept-Encoding")
            data = file.zipped
        self.finish(data)

    head = get


def for_script(view: dict[str, Any]) -> dict[str, Any]:
    """Blocks, and media that they alone show, stand in the HTML already."""
    rest = {name: value for name, value in view.items() if name != "media"} | {"theme": without_blocks(view["theme"])}
    return rest | {"media": {name: view["media"][name] for name in media_ids(rest) if name in view["media"]} if view["media"] else {}}


def head(view: dict[str, Any], base_url: str, card: str) -> str:
    """Title, and what a chat shows of a bare link."""
    title, text = html.escape(view["title"]), html.escape(view["share"].get("desc", ""))
    image = html.escape(base_url + (view["share"].get("image") or f"/static/share/{card}.jpg"))
    return (f'<title>{title}</title><meta name="description" content="{text}"><meta property="og:title" content="{title}">'
            f'<meta property="og:image" content="{image}">')


def without_script(view: dict[str, Any], how: str) -> str:
    """What the page says where no script runs: title, time, organiser and what to do. The kind's scene stands above it."""
    opens, closes = (datetime.fromisoformat(view[name]) for name in ("opens_at", "closes_at"))
    return (f'<h1>{html.escape(view["title"])}</h1><p>{opens:%Y年%m月%d日 %H:%M} 至 {closes:%Y年%m月%d日 %H:%M}</p>'
            f'<p>主办：{html.escape(view["organiser"].get("name", ""))}</p>'
            f'<p>{html.escape(how)}</p>')


def privacy(theme: dict[str, Any]) -> str:
    """What an editor adds to the page's words about people's data; the product's own stay."""
    lines = [line.strip() for line in str(theme.get("privacy_text") or "").splitlines() if line.strip()]
    return "<h3>本次活动的说明</h3>" + "".join(f"<p>{html.escape(line)}</p>" for line in lines) if lines else ""


def listed(told: Iterable[tuple[str, str]]) -> str:
    """What else the kind tells where no script runs, such as the candidates of a vote."""
    items = [f"<li><b>{html.escape(heading)}</b> {html.escape(text)}</li>" for heading, text in told]
    return f"<ul>{''.join(items)}</ul>" if items else ""


def origin(url: str) -> str:
    """Scheme and host of an address, "" for none."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


STYLE = """
body { margin: 0; display: grid; min-height: 100vh; place-items: center; background: #0a1838; color: #f4ead5;
  font: 18px/1.7 -apple-system, 'PingFang SC', 'HarmonyOS Sans SC', 'Noto Sans SC', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif }
main { max-width: 34em; padding: 32px }
h1 { font-size: 32px; font-weight: 600; margin: 0 0 8px }
a { color: #ffd98a }
ul { padding-left: 1.2em }
a.main { display: inline-block; background: #de2910; color: #fff; padding: 12px 28px; border-radius: 28px; text-decoration: none }
"""
SHELL = f"""<!doctype html><html lang="zh-CN"><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>文明 Wenming</title><style>{STYLE}</style><main>"""
FRONT_PAGE = SHELL + """<h1>文明</h1><p>城市公众号的活动后台</p>{phone}<ul>{items}</ul>
<p><a href="/console">工作台</a>　<a href="/docs">接口文档</a></p></main></html>"""
ERROR_PAGE = SHELL + """<h1>没有打开</h1><p>{message}</p><p><a href="/">返回首页</a></p></main></html>"""
