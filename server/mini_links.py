"""Links into the mini-program 小程序链接: URL links for texts and mails, URL schemes for web pages, short links inside WeChat.

Owns: `mini_links`, one document an account, kind and target: the newest link, its end, who asked for it.
Invariants: the same target gives the same link as long as it lasts a day more, so that the platform's quota of half a million a day is not
spent on repeats; nothing lasts longer than 30 days. A link may be opened by everybody: the rule of one person a link was lifted on
2023-12-19.
[miniprogram/dev/server/API/qrcode-link/url-link/api_generateurllink, .../url-scheme/api_generatescheme,
.../short-link/api_generateshortlink; mp.weixin.qq.com/debug/wxadoc/dev/framework/open-ability/url-link.html]

Failure policy: closed: a refusal of the platform is shown to the editor, and the link before stays.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from server.claims import WAIT_FOR_SAME_SECONDS, Claims
from server.errors import Conflict, InvalidBody
from server.mini_pages import EnvVersion, Target, check, refusal
from server.stores import Database
from server.wechat.answers import text_of
from server.wechat.client import Client
from server.wechat.errors import WeChatError

Kind = Literal["url_link", "url_scheme", "short_link"]

MAX_DAYS = 30
# A link that somebody sends today is opened tomorrow.
SPARE_SECONDS = 86400.0
# A city's texts and mails of some years; the console lists them whole.
MAX_LINKS = 2000
# Longer titles of short links are cut by the platform.
MAX_TITLE_CHARACTERS = 20


class MiniLinkBusy(Conflict):
    code = "MINI_LINK_BUSY"
    message = "别人正在生成同一个链接，请稍后再试"


class MiniLink(msgspec.Struct, frozen=True):
    """`by` asked for it at `made_at`, and it is good until `expires_at` (seconds since 1970)."""

    id: str
    appid: str
    kind: Kind
    name: str
    target: Target
    env_version: EnvVersion
    url: str
    by: str
    made_at: float
    expires_at: float


class MiniLinkStore:
    """The only code that touches `mini_links`."""

    def __init__(self, mongo: Database) -> None:
        self._links = mongo["mini_links"]
        self.claims = Claims(mongo)

    async def all(self, appid: str) -> list[MiniLink]:
        found = await self._links.find({"appid": appid}).limit(MAX_LINKS).to_list(None)
        return [msgspec.convert(d, MiniLink) for d in found]

    async def find(self, id_: str) -> MiniLink | None:
        found = await self._links.find_one({"_id": id_})
        return None if found is None else msgspec.convert(found, MiniLink)

    async def keep(self, link: MiniLink) -> None:
        """In place of the one before: that one ends by itself."""
        await self._links.update_one({"_id": link.id}, {"$set": msgspec.to_builtins(link)}, upsert=True)

    async def remove(self, ids: list[str]) -> None:
        await self._links.delete_many({"_id": {"$in": ids}})


class MiniLinks:
    def __init__(self, store: MiniLinkStore, client: Client) -> None:
        self._store = store
        self._client = client

    async def all(self) -> list[MiniLink]:
        """Every link of this account, the newest first."""
        return sorted(await self._store.all(self._client.appid), key=lambda link: (-link.made_at, link.id))

    async def get(self, kind: Kind, target: Target, name: str, by: str, now: float, *, days: int = MAX_DAYS,
                  env_version: EnvVersion = "release") -> tuple[MiniLink, bool]:
        """The link of a target, and whether it is new; one that lasts a day more is given again.

        Raises InvalidBody, MiniLinkBusy, Conflict, WeChatError.
        """
        check(target, name)
        if not 1 <= days <= MAX_DAYS or kind == "short_link" and days != MAX_DAYS:
            raise InvalidBody("DAYS_WRONG", f"有效期 1 至 {MAX_DAYS} 天；短链固定 {MAX_DAYS} 天", field="days")
        if kind == "short_link" and env_version != "release":
            raise InvalidBody(message="短链只能指向正式版 release", field="env_version")
        id_ = _id(self._client.appid, kind, target, env_version)
        known = await self._store.find(id_)
        if known is not None and now < known.expires_at - SPARE_SECONDS:
            return known, False
        async with self._store.claims.held(f"mini_link:{id_}", now, MiniLinkBusy(), wait_seconds=WAIT_FOR_SAME_SECONDS):
            known = await self._store.find(id_)  # what whoever was faster made
            if known is not None and now < known.expires_at - SPARE_SECONDS:
                return known, False
            if known is None:
                await self._make_room(now)
            url = await self._ask(kind, target, name.strip(), days, env_version)
            link = MiniLink(id_, self._client.appid, kind, name.strip(), target, env_version, url, by, now, now + days * 86400.0)
            await self._store.keep(link)
        return link, True

    async def _make_room(self, now: float) -> None:
        """Where the list is full, let go of those that have ended. Raises Conflict."""
        links = await self._store.all(self._client.appid)
        if len(links) < MAX_LINKS:
            return
        ended = [link.id for link in links if link.expires_at <= now]
        if not ended:
            raise Conflict("TOO_MANY_MINI_LINKS", f"小程序链接最多 {MAX_LINKS} 个")
        await self._store.remove(ended)

    async def _ask(self, kind: Kind, target: Target, name: str, days: int, env_version: EnvVersion) -> str:
        path, body, answered = _request(kind, target, name, days, env_version)
        try:
            # Not repeated: each one that is made counts.
            answer = await self._client.call("post", path, body, may_repeat=False)
        except WeChatError as error:
            raise refusal(error) from error
        return text_of(answer, answered)


def _request(kind: Kind, target: Target, name: str, days: int, env_version: EnvVersion) -> tuple[str, dict[str, Any], str]:
    """Path, body, and the name of the link in the answer."""
    page = {"path": target.page, "query": target.query_text, "env_version": env_version}
    end = {"expire_type": 1, "expire_interval": days}
    if kind == "url_link":
        return "wxa/generate_urllink", {**page, **end}, "url_link"
    if kind == "url_scheme":
        return "wxa/generatescheme", {"jump_wxa": page, **end}, "openlink"
    address = f"{target.page}?{target.query_text}" if target.query else target.page
    return "wxa/genwxashortlink", {"page_url": address, "page_title": name[:MAX_TITLE_CHARACTERS], "is_permanent": False}, "link"


def _id(appid: str, kind: Kind, target: Target, env_version: str) -> str:
    text = msgspec.json.encode((appid, kind, target.page, target.query_text, env_version))
    return hashlib.sha256(text).hexdigest()[:16]
