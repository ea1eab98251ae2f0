"""Articles: the draft box, publishing, mass sends, and the pages that come of them.

Owns: `/cgi-bin/draft/…`, `/cgi-bin/freepublish/…`, `/cgi-bin/message/mass/…`, the pages `/s/…`, `/sandbox/article-events`.
Does not own: pictures (library.py), sending (delivery.py).
Invariants: what was published or sent leaves the box; a mass send of one clientmsgid happens once a day; how something ended is told
by one signed event after a moment, and found by asking from then on.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from datetime import datetime, timedelta, timezone
from typing import Any

from server.sandbox import article_page, library
from server.sandbox.accounts import DRAFT, MASS, PUBLISH, Account
from server.sandbox.callbacks import build
from server.sandbox.control import Control
from server.sandbox.delivery import Delivery
from server.sandbox.endpoints import Base, Endpoint
from server.sandbox.errcodes import WeChatRefusal
from server.sandbox.phone import page
from server.sandbox.platform import Platform
from server.sandbox.store import BLACKLIST, Citizen, made_openid

SHANGHAI = timezone(timedelta(hours=8))
MAX_ARTICLES, MAX_TITLE, MAX_AUTHOR, MAX_DIGEST, MAX_CONTENT = 8, 32, 16, 128, 20_000
DIGEST_CHARACTERS = 54
MAX_PAGE = 20
# How long the platform looks at a draft, and sends.
MOMENT_SECONDS = 0.3
# Words in a title by which a publication fails: publish_status.
FAILS = {"抄袭": 2, "违规": 4}
REMEMBERED_SECONDS, MAX_NAME_BYTES = 86400, 64
# So soon a repeat of one clientmsgid is refused (45066).
REPEAT_SECONDS = 60
EVERYBODY = 1_000_000
SCRIPT = re.compile(r"<script\b.*?(?:</script>|$)", re.IGNORECASE | re.DOTALL)
OK = {"errcode": 0, "errmsg": "ok"}


class ArticleEndpoint(Endpoint):
    """What these share."""

    def draft(self, account: Account, media_id: Any) -> dict[str, Any]:
        """Raises WeChatRefusal."""
        found = self.platform.store.thing("draft", account.appid, str(media_id or ""))
        if found is None:
            raise WeChatRefusal(40007)
        return found

    def checked(self, account: Account, article: Any) -> dict[str, Any]:
        """An article as the platform keeps it. Raises WeChatRefusal."""
        if not isinstance(article, dict):
            raise WeChatRefusal(47001)
        texts = {name: str(article.get(name) or "") for name in ("title", "author", "digest", "content", "content_source_url")}
        for name, most, errcode in (("title", MAX_TITLE, 45003), ("author", MAX_AUTHOR, 45110), ("digest", MAX_DIGEST, 45004),
                                    ("content", MAX_CONTENT - 1, 45002)):
            if len(texts[name]) > most or name == "title" and not texts[name]:
                raise WeChatRefusal(errcode)
        if not texts["content"].strip():
            raise WeChatRefusal(44004)
        thumb = str(article.get("thumb_media_id") or "")
        if library.permanent(self.platform, account, thumb)["type"] not in ("image", "thumb"):
            raise WeChatRefusal(40007)
        texts["content"] = article_page.own_pictures(SCRIPT.sub("", texts["content"]), self.origin())
        texts["digest"] = texts["digest"] or re.sub(r"<[^>]+>|\s+", " ", texts["content"]).strip()[:DIGEST_CHARACTERS]
        return {**texts, "thumb_media_id": thumb, "thumb_url": f"{self.origin()}/mmbiz/{thumb}",
                **{name: int(article.get(name) == 1) for name in ("need_open_comment", "only_fans_can_comment")}}

    def origin(self) -> str:
        return f"{self.request.protocol}://{self.request.host}"

    def later(self, work: Any) -> None:
        """Do it after a moment."""

        async def done() -> None:
            await asyncio.sleep(MOMENT_SECONDS)
            await work()

        task = asyncio.get_running_loop().create_task(done())
        self.platform.tasks.add(task)
        task.add_done_callback(self.platform.tasks.discard)

    def pages(self, account: Account, articles: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The articles as pages with addresses."""
        made = []
        for article in articles:
            name = secrets.token_urlsafe(16)
            self.platform.store.keep_thing("page", account.appid, name, {**article, "at": self.platform.now()}, self.platform.now())
            made.append({**article, "url": f"{self.origin()}/s/{name}"})
        return made

    def page_of(self, kind: str, account: Account, id_name: str) -> dict[str, Any]:
        """A page of a list, as draft/batchget and freepublish/batchget give it. Raises WeChatRefusal."""
        body = self.body()
        offset, count = body.get("offset"), body.get("count")
        if not isinstance(offset, int) or not isinstance(count, int) or not 1 <= count <= MAX_PAGE or offset < 0:
            raise WeChatRefusal(40097)
        listed = [(name, at, thing) for name, at, thing in self.platform.store.things(kind, account.appid) if thing.get("shown", True)]
        hidden = {"content"} if body.get("no_content") == 1 else set()
        items = [{id_name: thing.get(id_name, name), "update_time": int(thing.get("at", at)), "content": {"news_item": [
            {key: value for key, value in article.items() if key not in hidden} for article in thing["articles"]]}}
            for name, at, thing in listed[offset:offset + count]]
        return {"total_count": len(listed), "item_count": len(items), "item": items}


class DraftAdd(ArticleEndpoint):
    def posted(self) -> dict[str, Any]:
        account, articles = self.account(DRAFT), self.body(raw_utf8=True).get("articles")
        if not isinstance(articles, list) or not 1 <= len(articles) <= MAX_ARTICLES:
            raise WeChatRefusal(45008)
        media_id, now = secrets.token_urlsafe(32), self.platform.now()
        self.platform.store.keep_thing("draft", account.appid, media_id, {
            "articles": [self.checked(account, article) for article in articles], "at": now}, now)
        return {"media_id": media_id}


class DraftUpdate(ArticleEndpoint):
    def posted(self) -> dict[str, Any]:
        account, body = self.account(DRAFT), self.body(raw_utf8=True)
        draft, index = self.draft(account, body.get("media_id")), body.get("index")
        if not isinstance(index, int) or not 0 <= index < len(draft["articles"]):
            raise WeChatRefusal(40114, "invalid index value")
        draft["articles"][index] = self.checked(account, body.get("articles"))
        draft["at"] = self.platform.now()
        self.platform.store.keep_thing("draft", account.appid, str(body["media_id"]), draft, draft["at"])
        return OK


class DraftGet(ArticleEndpoint):
    def posted(self) -> dict[str, Any]:
        account = self.account(DRAFT)
        return {"news_item": self.draft(account, self.body().get("media_id"))["articles"]}


class DraftDelete(ArticleEndpoint):
    def posted(self) -> dict[str, Any]:
        account, media_id = self.account(DRAFT), str(self.body().get("media_id", ""))
        if not self.platform.store.drop_thing("draft", account.appid, media_id):
            raise WeChatRefusal(40007)
        return OK


class DraftList(ArticleEndpoint):
    def posted(self) -> dict[str, Any]:
        return self.page_of("draft", self.account(DRAFT), "media_id")


class Submit(ArticleEndpoint):
    """POST /cgi-bin/freepublish/submit: taken, and after a moment published or not."""

    def posted(self) -> dict[str, Any]:
        account, media_id = self.account(PUBLISH), str(self.body().get("media_id", ""))
        draft = self.draft(account, media_id)
        publish_id = str(100_000_000 + secrets.randbelow(10**8))
        job = {"articles": draft["articles"], "status": 1, "shown": False, "publish_id": publish_id}
        self.platform.store.keep_thing("publication", account.appid, publish_id, job, self.platform.now())
        self.later(lambda: self.publish(account, media_id, publish_id, job))
        return {**OK, "publish_id": publish_id, "msg_data_id": secrets.randbelow(10**9)}

    async def publish(self, account: Account, media_id: str, publish_id: str, job: dict[str, Any]) -> None:
        failed = next((status for word, status in FAILS.items() if any(word in one["title"] for one in job["articles"])), 0)
        job |= {"status": failed, "at": self.platform.now(), "article_id": "" if failed else secrets.token_urlsafe(24), "shown": not failed}
        if not failed:
            job["articles"] = self.pages(account, job["articles"])
            self.platform.store.drop_thing("draft", account.appid, media_id)
        self.platform.store.keep_thing("publication", account.appid, publish_id, job, self.platform.now())
        await tell(self.platform, self.settings["delivery"], account, {"Event": "PUBLISHJOBFINISH", "PublishEventInfo": result_of(job)})


def result_of(job: dict[str, Any]) -> dict[str, Any]:
    """How a publication ended, in the fields of the event and of a poll."""
    told: dict[str, Any] = {"publish_id": job["publish_id"], "publish_status": job["status"]}
    if job["status"] == 0:
        told |= {"article_id": job["article_id"], "article_detail": {"count": len(job["articles"]), "item": [
            {"idx": n, "article_url": article["url"]} for n, article in enumerate(job["articles"], 1)]}}
    elif job["status"] > 1:
        told["fail_idx"] = list(range(1, len(job["articles"]) + 1))
    return told


class PublishGet(ArticleEndpoint):
    def posted(self) -> dict[str, Any]:
        account = self.account(PUBLISH)
        job = self.platform.store.thing("publication", account.appid, str(self.body().get("publish_id", "")))
        if job is None:
            raise WeChatRefusal(53600)
        return {"article_id": "", "article_detail": {"count": 0, "item": []}, "fail_idx": [], **result_of(job)}


class PublishList(ArticleEndpoint):
    def posted(self) -> dict[str, Any]:
        return self.page_of("publication", self.account(PUBLISH), "article_id")


class SendAll(ArticleEndpoint):
    """POST /cgi-bin/message/mass/sendall."""

    def posted(self) -> dict[str, Any]:
        account, body = self.account(MASS), self.body(raw_utf8=True)
        name, to = str(body.get("clientmsgid", "")), body.get("filter")
        if len(name.encode()) > MAX_NAME_BYTES:
            raise WeChatRefusal(45067)
        earlier = self.platform.store.thing("mass-name", account.appid, name) if name else None
        if earlier and self.platform.now() - earlier["at"] < REPEAT_SECONDS:
            raise WeChatRefusal(45066)
        if earlier and self.platform.now() - earlier["at"] < REMEMBERED_SECONDS:
            return {"errcode": 45065, "errmsg": "clientmsgid exist", "msg_id": earlier["msg_id"]}
        if body.get("msgtype") != "mpnews" or not isinstance(to, dict):
            raise WeChatRefusal(40008)
        media_id = str((body.get("mpnews") or {}).get("media_id", ""))
        draft = self.draft(account, media_id)
        people = self.people(account, to)
        self.spend(account)
        msg_id = 1_000_000_000 + secrets.randbelow(10**9)
        now = self.platform.now()
        job = {"status": "SENDING", "articles": self.pages(account, draft["articles"])}
        self.platform.store.keep_thing("mass", account.appid, str(msg_id), job, now)
        if name:
            self.platform.store.keep_thing("mass-name", account.appid, name, {"msg_id": msg_id, "at": now}, now)
        self.platform.store.drop_thing("draft", account.appid, media_id)
        self.later(lambda: self.send(account, msg_id, job, people))
        return {"errcode": 0, "errmsg": "send job submission success", "msg_id": msg_id, "msg_data_id": secrets.randbelow(10**9)}

    def people(self, account: Account, to: dict[str, Any]) -> list[str]:
        """Openids of those who get it. Raises WeChatRefusal."""
        store, tag = self.platform.store, to.get("tag_id")
        if to.get("is_to_all") is True:
            found = store.followers(account.appid, "", EVERYBODY)
        elif tag in dict(store.tags(account.appid)):
            found = store.with_tag(account.appid, int(tag or 0), "", EVERYBODY)
        else:
            raise WeChatRefusal(45159)
        unwanted = set(store.with_tag(account.appid, BLACKLIST, "", EVERYBODY))
        return [openid for openid in found if openid not in unwanted]

    def spend(self, account: Account) -> None:
        """One a day of a subscription account, four a month of a service account. Raises WeChatRefusal."""
        moment = datetime.fromtimestamp(self.platform.now(), SHANGHAI)
        monthly = account.kind == "certified_service"
        window, limit = (moment.year * 12 + moment.month, 4) if monthly else (moment.toordinal(), 1)
        if self.platform.store.counted(f"mass:{account.appid}", window) >= limit:
            raise WeChatRefusal(45028)
        self.platform.store.count(f"mass:{account.appid}", window)

    async def send(self, account: Account, msg_id: int, job: dict[str, Any], people: list[str]) -> None:
        for openid in people:
            citizen = self.platform.store.citizen_of(openid, account.appid)
            if citizen is not None:
                show(self.platform, account, citizen, job["articles"])
        self.platform.store.keep_thing("mass", account.appid, str(msg_id), job | {"status": "SEND_SUCCESS"}, self.platform.now())
        urls = [{"ArticleIdx": n, "ArticleUrl": article["url"]} for n, article in enumerate(job["articles"], 1)]
        await tell(self.platform, self.settings["delivery"], account, {
            "Event": "MASSSENDJOBFINISH", "MsgID": msg_id, "Status": "send success", "TotalCount": len(people), "FilterCount": len(people),
            "SentCount": len(people), "ErrorCount": 0, "ArticleUrlResult": {"Count": len(urls), "ResultList": {"item": urls}}})


class Preview(ArticleEndpoint):
    def posted(self) -> dict[str, Any]:
        account, body = self.account(MASS), self.body(raw_utf8=True)
        citizen = self.platform.store.citizen_of(str(body.get("touser", "")), account.appid)
        if citizen is None:
            raise WeChatRefusal(40003)
        if self.platform.store.followed_since(account.appid, citizen.key) is None:
            raise WeChatRefusal(43004)
        draft = self.draft(account, (body.get("mpnews") or {}).get("media_id"))
        show(self.platform, account, citizen, self.pages(account, draft["articles"]))
        return {"errcode": 0, "errmsg": "preview success", "msg_id": secrets.randbelow(10**9)}


class MassGet(ArticleEndpoint):
    def posted(self) -> dict[str, Any]:
        account, msg_id = self.account(MASS), str(self.body().get("msg_id", ""))
        job = self.platform.store.thing("mass", account.appid, msg_id)
        if job is None:
            raise WeChatRefusal(40007)
        return {"msg_id": int(msg_id), "msg_status": job["status"]}


class MassDelete(ArticleEndpoint):
    def posted(self) -> dict[str, Any]:
        account, msg_id = self.account(MASS), str(self.body().get("msg_id", ""))
        job = self.platform.store.thing("mass", account.appid, msg_id)
        if job is None:
            raise WeChatRefusal(40007)
        for article in job["articles"]:
            self.platform.store.drop_thing("page", account.appid, article["url"].rpartition("/")[2])
        self.platform.store.keep_thing("mass", account.appid, msg_id, job | {"status": "DELETE"}, self.platform.now())
        return OK


def show(platform: Platform, account: Account, citizen: Citizen, articles: list[dict[str, Any]]) -> None:
    """The articles in her chat, drawn as cards of a reply are."""
    platform.add_line(account, citizen, "notice", "news", {"articles": [
        {"title": one["title"], "description": one["digest"], "pic_url": one["thumb_url"], "url": one["url"]} for one in articles]})


async def tell(platform: Platform, delivery: Delivery, account: Account, fields: dict[str, Any]) -> None:
    """Send an event of the platform's own, signed and in the account's form, unless events get lost."""
    if platform.article_events_lost:
        return
    timestamp = int(platform.clock())
    head = {"ToUserName": account.original_id, "FromUserName": made_openid(), "CreateTime": timestamp, "MsgType": "event"}
    await delivery.send(build(platform.accounts.by_appid.get(account.appid, account), str(head["FromUserName"]), head | fields,
                              platform.callback, timestamp=timestamp))


class Page(Base):
    """GET /s/{name}: an article as a phone opens it."""

    def get(self, name: str) -> None:
        origin, nonce = f"{self.request.protocol}://{self.request.host}", secrets.token_urlsafe(16)
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header("Content-Security-Policy", article_page.policy(origin, nonce))
        for account in self.platform.accounts.by_appid.values():
            if found := self.platform.store.thing("page", account.appid, name):
                self.finish(article_page.written(found, account.name, origin, nonce))
                return
        self.set_status(404)
        self.finish(page("该内容已被发布者删除", ""))


class ArticleEvents(Control):
    """POST {"lost": true}: from now on events of publications and mass sends do not arrive."""

    def post(self) -> None:
        self.platform.article_events_lost = self.body().get("lost") is True
        self.write_json({"lost": self.platform.article_events_lost})


ROUTES: list[tuple[str, type[Base]]] = [
    (r"/cgi-bin/draft/add", DraftAdd),
    (r"/cgi-bin/draft/update", DraftUpdate),
    (r"/cgi-bin/draft/get", DraftGet),
    (r"/cgi-bin/draft/delete", DraftDelete),
    (r"/cgi-bin/draft/batchget", DraftList),
    (r"/cgi-bin/freepublish/submit", Submit),
    (r"/cgi-bin/freepublish/get", PublishGet),
    (r"/cgi-bin/freepublish/batchget", PublishList),
    (r"/cgi-bin/message/mass/sendall", SendAll),
    (r"/cgi-bin/message/mass/preview", Preview),
    (r"/cgi-bin/message/mass/get", MassGet),
    (r"/cgi-bin/message/mass/delete", MassDelete),
    (r"/s/([A-Za-z0-9_-]+)", Page),
    (r"/sandbox/article-events", ArticleEvents),
]
