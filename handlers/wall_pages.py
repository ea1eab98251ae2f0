"""What citizens see of the wall without any script: the wall itself, 举报 on each thing, and what became of one's own words and reports."""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import quote

import msgspec

from handlers.base import COOKIE, ApiHandler, token_from
from handlers.pages import PageHandler
from server.clock import iso
from server.errors import BodyTooLarge, Conflict, NotAuthorised, NotFound
from server.reviewing.bans import BannedFromWriting
from server.reviewing.item import STATES

# Own words of 200 characters, percent-encoded.
MAX_FORM_BYTES = 8 * 1024
# One person leaves one a day at most.
MOST_OWN = 20
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors "


class ComplaintBody(msgspec.Struct):
    """`reason` a code of the table; `words` more about it, needed with `other`."""

    kind: str
    id: str
    reason: str = ""
    words: str = ""


class Own(ApiHandler):
    async def get(self, slug: str) -> None:
        """What became of her own words, whether she may write, and the answers to what she reported."""
        citizen, now = self.citizen(), self.now()
        campaign, reviewing = await self.services.campaigns.get(slug), self.services.reviewing
        self.reply(await own_view(reviewing, campaign.slug, citizen, now))


class Complaints(ApiHandler):
    async def get(self, slug: str) -> None:
        """The reasons that something may be reported for."""
        await self.services.campaigns.get(slug)
        reasons = (await self.services.reviewing.reasons.current()).complaint
        self.reply({"items": [msgspec.to_builtins(reason) for reason in reasons], "next": None})

    async def post(self, slug: str) -> None:
        """Report something public, with a reason; once on each thing."""
        citizen, body = self.citizen(), self.body(ComplaintBody)
        campaign = await self.services.campaigns.get(slug)
        await self.services.reviewing.desk.report(campaign.slug, body.kind, body.id, citizen, body.reason, body.words, self.now())
        self.reply({"state": "waiting"}, 201)


async def own_view(reviewing: Any, slug: str, citizen: int, now: float) -> dict[str, Any]:
    ban = ""
    try:
        await reviewing.bans.admit(slug, citizen, now)
    except BannedFromWriting as error:
        ban = error.message
    items = [item for source in reviewing.sources.some("") for item in await source.of_citizen(slug, citizen, MOST_OWN)]
    return {"items": [{"kind_name": reviewing.sources.names[item.kind], "text": next(iter(item.parts.values()), ""), "at": iso(item.at),
                       "state": item.state, "state_name": STATES.get(item.state, item.state),
                       "reason": item.reason if item.state in ("rejected", "taken_down") else ""} for item in items],
            "complaints": await reviewing.complaints.mine(slug, citizen), "ban": ban}


class WallPage(PageHandler):
    async def get(self, slug: str) -> None:
        """The approved words, newest first, each with its 举报."""
        campaign, cursor, now = await self.services.campaigns.get(slug), self.get_query_argument("cursor", ""), self.now()
        found = await self.services.reviewing.wall.page(campaign, cursor, now)
        rows = "".join(f"<li><p class=words>{e(item['message'])}</p><p class=quiet>{e(item['name'])} · {_day(item['at'])}"
                       f" · <a href=\"/c/{slug}/report/message/{item['id']}\" rel=nofollow>举报</a></p></li>" for item in found["items"])
        more = f'<p><a href="?cursor={quote(found["next"])}">更早的寄语</a></p>' if found["next"] else ""
        body = f"<ul>{rows}</ul>{more}" if rows else "<p>还没有公开的寄语。</p>"
        self.send_form(f"{e(campaign.title)} · 寄语墙", f"<h1>寄语墙</h1><p class=quiet>{e(campaign.title)}</p>{body}{_ways(campaign)}")

    def send_form(self, title: str, body: str) -> None:
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", POLICY + self._ancestors())
        self.finish(f"{HEAD}<title>{title}</title><main>{body}</main></html>")

    def signed_in(self) -> int:
        """The citizen of the cookie. Raises NotAuthorised."""
        token = self.services.tokens.read(token_from(None, self.get_cookie(COOKIE)), self.now())
        return self.services.citizens.of_token(token)

    def known(self) -> int | None:
        """Her number, or None once the browser was sent to sign in. Raises NotAuthorised where it came back as a guest."""
        try:
            return self.signed_in()
        except NotAuthorised:
            if self.get_query_argument("guest", ""):
                raise
            self.redirect(f"/auth/official?scope=base&next={quote(self.request.path)}")
            return None


class ReportPage(WallPage):
    async def get(self, slug: str, kind: str = "", token: str = "") -> None:
        """Why she reports this: one of the reasons, and own words if she likes."""
        if self.known() is None:
            return
        campaign, reviewing = await self.services.campaigns.get(slug), self.services.reviewing
        item = await reviewing.sources.find(kind, campaign.slug, token)
        if not item.is_public:
            raise NotFound("ITEM_NOT_FOUND", "这一条已不在公开的内容里，不需要再举报")
        reasons = "".join(f'<label class=choice><input type=radio name=reason value="{e(reason.code)}" required> {e(reason.text)}</label>'
                          for reason in (await reviewing.reasons.current()).complaint)
        picture = f'<p><img src="{e(item.tile)}" alt="被举报的照片"></p>' if item.tile else ""
        text = next(iter(item.parts.values()), "")
        self.send_form("举报", f"<h1>举报</h1>{picture}<blockquote class=words>{e(text)}</blockquote>" + FORM.replace("{reasons}", reasons)
                       + _ways(campaign))

    async def post(self, slug: str, kind: str, token: str) -> None:
        """Keep it, once on each thing."""
        if len(self.request.body) > MAX_FORM_BYTES:
            raise BodyTooLarge()
        citizen, campaign = self.signed_in(), await self.services.campaigns.get(slug)
        text = "我们会尽快核实。处理结果可在“我的寄语与举报”里查看。"
        try:
            await self.services.reviewing.desk.report(campaign.slug, kind, token, citizen, self.get_body_argument("reason", ""),
                                                      self.get_body_argument("words", ""), self.now())
        except Conflict as error:
            text = error.message
        self.send_form("举报", f"<h1>已收到</h1><p>{e(text)}</p>{_ways(campaign)}")


class OwnPage(WallPage):
    async def get(self, slug: str) -> None:
        """What became of her words and of what she reported."""
        citizen = self.known()
        if citizen is None:
            return
        campaign = await self.services.campaigns.get(slug)
        found = await own_view(self.services.reviewing, campaign.slug, citizen, self.now())
        self.send_form("我的寄语与举报", own_page(found) + _ways(campaign))


def own_page(found: dict[str, Any]) -> str:
    items = "".join(f"<li><p class=words>{e(item['text'])}</p><p class=quiet>{_day(item['at'])} · {e(item['state_name'])}</p>"
                    f"{'<p>原因：' + e(item['reason']) + '</p>' if item['reason'] else ''}</li>" for item in found["items"])
    reported = "".join(f"<li><p>{e(one['reason'])}</p><p class=quiet>{_day(one['at'])} · {'已答复' if one['answered'] else '正在核实'}</p>"
                       f"{'<p>答复：' + e(one['answer']) + '</p>' if one['answer'] else ''}</li>" for one in found["complaints"])
    ban = f"<p class=note>{e(found['ban'])}</p>" if found["ban"] else ""
    return (f"<h1>我的寄语与举报</h1>{ban}<h2>我的寄语</h2>{f'<ul>{items}</ul>' if items else '<p>还没有留下寄语。</p>'}"
            f"<h2>我的举报</h2>{f'<ul>{reported}</ul>' if reported else '<p>没有举报过。</p>'}")


def _ways(campaign: Any) -> str:
    """Back, and the footer that every public page ends with."""
    foot = campaign.organiser
    tel = foot.get("telephone", "")
    lines = [f"主办单位：{e(foot['name'])}" if foot.get("name") else "", f'联系电话：<a href="tel:{e(tel)}">{e(tel)}</a>' if tel else "",
             e(foot.get("icp", "")), e(foot.get("police", ""))]
    report = foot.get("report_url", "")
    if report.startswith(("https://", "/", "mailto:")):
        lines.append(f'<a href="{e(report)}">举报</a>')
    return (f'<nav><a href="/c/{campaign.slug}">返回活动</a><a href="/c/{campaign.slug}/wall">寄语墙</a>'
            f'<a href="/c/{campaign.slug}/mine">我的寄语与举报</a></nav><footer class=quiet>{"<br>".join(filter(None, lines))}</footer>')


def _day(moment: str) -> str:
    return f"{int(moment[5:7])}月{int(moment[8:10])}日"


e = html.escape
FORM = """<form method=post><p>请选择举报的原因</p>{reasons}
<label>补充说明（选“其他”时必填，最多 200 字）<textarea name=words maxlength=200></textarea></label>
<button>提交举报</button></form>"""
HEAD = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex"><style>
body { margin: 0; background: #0a1838; color: #f4ead5; overflow-wrap: anywhere;
  font: 18px/1.7 -apple-system, 'PingFang SC', 'HarmonyOS Sans SC', 'Noto Sans SC', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif }
main { max-width: 34em; margin: 0 auto; padding: 24px 18px 40px }
h1 { font-size: 26px; margin: 0 } h2 { font-size: 20px; margin: 24px 0 4px } p { margin: 4px 0 }
ul { list-style: none; margin: 12px 0; padding: 0 } li { padding: 12px 0; border-top: 1px solid #2a3b6b }
.words { white-space: pre-wrap } .quiet { color: #c3bda9; font-size: 16px }
blockquote { margin: 12px 0; padding: 10px 14px; border-left: 3px solid #ffd98a; background: #13244d }
a { color: #ffd98a; display: inline-block; min-height: 44px; line-height: 44px }
.choice { display: flex; align-items: center; gap: 10px; min-height: 48px } input { width: 22px; height: 22px; flex: none }
img { max-width: 100% }
textarea { box-sizing: border-box; display: block; width: 100%; min-height: 96px; margin-top: 6px; padding: 10px; font: inherit;
  border-radius: 8px; border: 1px solid #6d7ba8; background: #13244d; color: inherit }
button { width: 100%; min-height: 52px; margin-top: 16px; font: inherit; color: #fff; background: #de2910; border: 0; border-radius: 26px }
.note { padding: 10px 14px; border-radius: 8px; background: #13244d } nav { margin-top: 24px }
nav a { margin-right: 20px } footer { margin-top: 12px }
</style>"""
