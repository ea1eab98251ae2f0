"""The pages of the sandbox: the phone, the authorise page, the way into the in-app browser, the simulated JS-SDK.

Owns: which citizen holds the phone (a cookie), her in-app browser's cookies of the product.
Does not own: how the phone looks (h5/src/phone); what a code is worth (oauth.py).
Invariants: every page says that it is a simulation; two citizens never share the product's cookie.

Cookies do not tell ports apart, so on one host the product's cookie also reaches the sandbox. That is what lets it keep one jar
for each citizen, as there would be one for each real phone: at a change of citizen the cookie goes into the jar of the one who
held the phone, and what the other one's jar holds (or nothing) is put back.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import tornado.web

from server.sandbox import menus, oauth
from server.sandbox.accounts import Account
from server.sandbox.control import COOKIE, Control, view_of
from server.sandbox.endpoints import Base
from server.sandbox.store import Citizen

STATIC = Path(__file__).parent / "static"
SNAPSHOT_COOKIE = "sandbox_snapshot"
# Cookies by which the product knows a citizen; swapped at a change of citizen.
JAR_COOKIES = ("wenming_citizen",)
COOKIE_DAYS = 30
# How many citizens the small page offers; the phone lists all.
LISTED = 8
NOTICE = "模拟环境，不是真实微信"

# The phone shows pictures of any host, as a chat does, and opens any page in a frame; it is itself framed by nobody.
POLICY = "default-src 'self'; img-src * data: blob:; style-src 'self' 'unsafe-inline'; frame-src *; frame-ancestors 'none'"

PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>
body{{margin:0;font:16px/1.6 -apple-system,"PingFang SC","Noto Sans CJK SC",sans-serif;background:#ededed;color:#111}}
.notice{{background:#fff6e0;color:#8a5a00;text-align:center;font-size:13px;padding:6px}}
main{{max-width:420px;margin:0 auto;padding:32px 20px;box-sizing:border-box}}h1{{font-size:20px;font-weight:600}}
a.b,button{{display:block;width:100%;box-sizing:border-box;margin:12px 0;padding:12px;border:0;border-radius:8px;
background:#07c160;color:#fff;font:inherit;text-align:center;text-decoration:none}}a.b.second{{background:#fff;color:#111}}p{{color:#555}}</style></head>
<body><div class="notice">{notice}</div><main><h1>{title}</h1>{body}</main></body></html>"""


def page(title: str, body: str) -> str:
    """A small page with the notice; `body` is HTML."""
    return PAGE.format(title=html.escape(title), body=body, notice=NOTICE)


class Page(Control):
    """What the pages share: the phone's citizen and the move to the product's host name."""

    def holder(self) -> Citizen | None:
        """Who holds the phone."""
        key = self.get_cookie(COOKIE)
        return self.platform.store.find_citizen(key) if key else None

    def hand_to(self, citizen: Citizen) -> None:
        """Give the phone to a citizen and swap the product's cookies with hers."""
        before = self.holder()
        if before is not None and before.key == citizen.key:
            return
        for name in JAR_COOKIES:
            if before is not None:
                self.platform.store.keep_in_jar(before.key, name, self.get_cookie(name))
            held = self.platform.store.from_jar(citizen.key, name)
            if held:
                self.set_cookie(name, held, path="/", httponly=True, samesite="Lax", expires_days=COOKIE_DAYS)
            else:
                self.clear_cookie(name, path="/")
        self.set_cookie(COOKIE, citizen.key, path="/", httponly=True, samesite="Lax", expires_days=COOKIE_DAYS)

    def fits_product_host(self) -> bool:
        """Whether the page stands under the product's host name, so that both are one site; else sends the browser there."""
        own = urlsplit(f"//{self.request.host}")
        wanted = urlsplit(self.platform.callback).hostname or ""
        if own.hostname == wanted or not oauth.loopback(own.hostname) or not oauth.loopback(wanted):
            return True
        host = f"[{wanted}]" if ":" in wanted else wanted
        self.redirect(urlunsplit(("http", f"{host}:{own.port or 80}", self.request.path, self.request.query, "")))
        return False

    def show(self, title: str, body: str, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.finish(page(title, body))


class Front(Page):
    """The phone, as Vite built it."""

    def get(self) -> None:
        if not self.fits_product_host():
            return None
        built = Path(self.settings["phone_static"]) / "phone.html"
        if not built.is_file():
            return self.show("手机页面尚未构建", "<p>请先构建 h5（make run 会自动完成）。接口 /sandbox/… 可照常使用。</p>", 503)
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header("Content-Security-Policy", POLICY)
        self.finish(built.read_bytes())
        return None


class State(Page):
    """Everything that the phone shows at its start; POST {"openid"} hands the phone over, {"snapshot"} sets the mode."""

    def get(self) -> None:
        self.write_json(self._view(self.holder()))

    def post(self) -> None:
        body, holder = self.body(), self.holder()
        if "openid" in body:
            holder = self.citizen(str(body["openid"]))
            self.hand_to(holder)
        snapshot = self.get_cookie(SNAPSHOT_COOKIE) == "1"
        if "snapshot" in body:
            snapshot = body["snapshot"] is True
            self.set_cookie(SNAPSHOT_COOKIE, "1" if snapshot else "0", path="/", httponly=True, samesite="Lax")
        self.write_json(self._view(holder) | {"snapshot": snapshot})

    def _view(self, holder: Citizen | None) -> dict[str, Any]:
        return {"notice": NOTICE, "product": self.platform.callback, "me": view_of(self.platform, holder) if holder else None,
                "snapshot": self.get_cookie(SNAPSHOT_COOKIE) == "1",
                "citizens": [view_of(self.platform, citizen) for citizen in self.platform.store.citizens()],
                "accounts": [self._account(account, holder) for account in self.platform.accounts.by_role.values()]}

    def _account(self, account: Account, holder: Citizen | None) -> dict[str, Any]:
        """An account as she sees it: whether she follows it, and the menu that is hers; as everybody does where nobody holds the phone."""
        store = self.platform.store
        return {"appid": account.appid, "role": account.role, "name": account.name, "kind": account.kind,
                "followed": holder is not None and store.followed_since(account.appid, holder.key) is not None,
                "menu": menus.menu_of(self.platform, account, holder) if holder else store.menu(account.appid)}


class Open(Page):
    """GET /sandbox/open?url=&openid=: hand the phone over (when openid is given) and go to a page of the product."""

    def get(self) -> None:
        query = self.query()
        url = query.get("url", "")
        if not self.fits_product_host():
            return None
        if urlsplit(url).scheme not in ("http", "https"):
            return self.show("无法打开", "<p>这不是一个网页地址。</p>", 400)
        if query.get("openid"):
            self.hand_to(self.citizen(query["openid"]))
        return self.redirect(url)


class Authorize(Page):
    """GET /connect/oauth2/authorize: goes back with a code for the citizen who holds the phone, else lets one be chosen."""

    def get(self) -> None:
        query = self.query()
        try:
            account = oauth.check_authorize(self.platform, query)
        except oauth.PageRefusal as refusal:
            return self.show("授权失败", f"<p>{html.escape(refusal.message)}</p><p>错误码 {refusal.code}</p>", 400)
        name = query.get("sandbox_citizen")
        citizen = self.platform.store.find_citizen(name) if name else self.holder()
        if name == "new":
            citizen = self.platform.new_citizen(None)
        if citizen is None:
            return self._choose(query)
        if name:
            self.hand_to(citizen)
        if query["scope"] == "snsapi_userinfo" and query.get("confirm") != "1":
            return self._ask(query, account.name)
        snapshot = query.get("snapshot", self.get_cookie(SNAPSHOT_COOKIE, "0")) == "1"
        code = oauth.web_code(self.platform, account, citizen, query["scope"], snapshot)
        return self.redirect(oauth.returned(query["redirect_uri"], code, query.get("state", "")))

    def _link(self, query: dict[str, str], text: str, style: str = "b", **more: str) -> str:
        href = html.escape("/connect/oauth2/authorize?" + urlencode(query | more))
        return f'<a class="{style}" href="{href}">{html.escape(text)}</a>'

    def _choose(self, query: dict[str, str]) -> None:
        links = [self._link(query, citizen.nickname, "b second", sandbox_citizen=citizen.key)
                 for citizen in self.platform.store.citizens()[-LISTED:]]
        new = self._link(query, "新建一位市民", sandbox_citizen="new")
        self.show("请选择模拟市民", f"<p>真实微信会直接知道是谁在打开网页；这里请选择一位。</p>{new}{''.join(links)}")

    def _ask(self, query: dict[str, str], name: str) -> None:
        self.show(name, "<p>申请获取你的昵称、头像</p>" + self._link(query, "允许", confirm="1")
                  + '<a class="b second" href="javascript:history.back()">拒绝</a>')


class Script(Page):
    """The simulated JS-SDK, loaded by the product's pages."""

    def get(self) -> None:
        self.set_header("Content-Type", "text/javascript; charset=UTF-8")
        self.set_header("Cross-Origin-Resource-Policy", "cross-origin")
        holder = self.holder()
        self.finish((STATIC / "jweixin.js").read_text("utf-8").replace("__HOLDER__", holder.key if holder else ""))


class Asset(tornado.web.StaticFileHandler):
    """The phone's built files. Their names carry a hash, so they may be kept."""

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Cache-Control", "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache")


ROUTES: list[tuple[str, type[Base]]] = [
    (r"/", Front),
    (r"/sandbox/phone", State),
    (r"/sandbox/open", Open),
    (r"/sandbox/jweixin\.js", Script),
    (r"/connect/oauth2/authorize", Authorize),
]
