"""What reviewers see without a console: the page behind a review link, made for a phone, and the 审签单 to print.

No script, and every text escaped.
"""

from __future__ import annotations

import html

from handlers.base import ApiHandler
from handlers.pages import PageHandler, StaffPageHandler
from handlers.releases import MAX_NUMBER_DIGITS
from handlers.staff import StaffHandler
from server.campaigns import Campaign
from server.clock import iso, spoken
from server.digits import whole
from server.errors import BodyTooLarge, InvalidBody
from server.releases.content import Change, Content, diff, flat, is_technical
from server.releases.posters import compared, compared_with
from server.releases.record import Draft, Review, Revision, verdict_of
from server.releases.review_links import ReviewLink
from server.releases.wording import Finding
from server.staff import Member

# A comment of 500 characters, percent-encoded.
MAX_FORM_BYTES = 8 * 1024
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def send(handler: ApiHandler | PageHandler, page: str) -> None:
    handler.set_header("Content-Type", "text/html; charset=UTF-8")
    handler.set_header("Cache-Control", "no-store")
    handler.set_header("Referrer-Policy", "no-referrer")  # the address is the key
    handler.set_header("Content-Security-Policy", POLICY)
    handler.finish(page)


class ReviewPage(StaffPageHandler):
    async def get(self, token: str) -> None:
        """What is to be decided, for whoever has the link. Opening it decides nothing."""
        link, draft = await self.services.releases.review_links.open(token, self.now())
        campaign = await self.services.campaigns.get_any(draft.campaign)
        findings = await self.services.releases.readiness.findings(draft.content)
        send(self, review_page(link, draft, campaign, findings, f"/review/{token}"))

    async def post(self, token: str) -> None:
        """Decide, once."""
        if len(self.request.body) > MAX_FORM_BYTES:
            raise BodyTooLarge()
        verdict = verdict_of(self.get_body_argument("verdict", ""))
        releases = self.services.releases
        link, draft = await releases.review_links.decide(token, verdict, self.get_body_argument("comment", ""), self.now())
        await self.services.staff.record(Member(link.person, "", ""), f"review.{verdict}", draft.campaign, {
            "revision": link.revision, "step": link.step, "by_link_of": link.issued_by}, self.now())
        await releases.corrections.decided(draft, self.now())
        send(self, PAGE.format(title="已提交", style=STYLE, body=f"<h1>已{WORDS[verdict]}</h1><p>审核意见已记录，链接不再有效。</p>"))


class SignOff(StaffHandler):
    async def get(self, slug: str) -> None:
        """The 审签单 of a version: who approved what and when, with the content's fingerprint."""
        await self.member(campaign=slug)
        number = whole(self.get_argument("revision", ""), MAX_NUMBER_DIGITS)
        if number is None:
            raise InvalidBody(message="revision 应为版本号，例如 3", field="revision")
        send(self, sign_off(await self.services.releases.drafts.revision(slug, number), iso(self.now())))


def review_page(link: ReviewLink, draft: Draft, campaign: Campaign, findings: list[Finding], here: str) -> str:
    review, content = draft.review, draft.content
    heading = "紧急更正" if draft.kind == "correction" else "活动发布"
    parts = [f"<p class=quiet>{heading}审核 · {e(review.steps[review.step].name)} · {e(link.person)}</p>"
             f"<h1>{e(content.title) or '（没有标题）'}</h1>",
             f"<p class=quiet>第 {review.revision} 版，{e(review.submitted_by)} 于 {spoken(review.submitted_at)} 送审；"
             f"链接 {spoken(link.expires_at)} 前有效，只能用一次</p>"]
    if draft.reason:
        parts.append(f"<h2>更正原因</h2><p>{e(draft.reason)}</p>")
    has_before = compared(draft, campaign)[0] is not None
    parts += [LOOK.format(here=here), _findings(findings), _diff(compared_with(draft, campaign), content),
              _posters(here, has_before=has_before), _preview(content), _earlier(review), FORM.format(revision=review.revision)]
    return PAGE.format(title="审核", style=STYLE, body="".join(parts))


def _findings(findings: list[Finding]) -> str:
    rows = "".join(f"<li><b>{'须修改' if f.level == 'error' else '请留意'}</b> {e(f.name)}：“{e(f.around)}” {e(f.why)}</li>"
                   for f in findings)
    return f"<h2>用语检查</h2><ul>{rows}</ul>" if rows else "<h2>用语检查</h2><p>没有发现问题</p>"


def _diff(before: Content, content: Content) -> str:
    """What people read first; what only the product reads, such as the layers of the poster that is shown below, is folded away."""
    changes = diff(before, content)
    technical = [change for change in changes if is_technical(change.field)]
    shown = _changed([change for change in changes if change not in technical])
    heading = f"海报图层与技术设置的改动（{len(technical)} 处）"
    folded = f"<details><summary>{heading}</summary>{_changed(technical)}</details>" if technical else ""
    title = "改动" if before != Content() else "全部内容（活动还没有公开过）"
    return f"<h2>{title}</h2>{shown}{folded}" if changes else f"<h2>{title}</h2><p>与目前的内容相同</p>"


def _changed(changes: list[Change]) -> str:
    rows = "".join(f"<dt>{e(c.name)}</dt><dd>{f'<del>{e(c.before)}</del>' if c.before else ''}<ins>{e(c.after) or '（删去）'}</ins></dd>"
                   for c in changes)
    return f"<dl>{rows}</dl>" if rows else ""


def _posters(here: str, *, has_before: bool) -> str:
    """The drawn posters, the public one first; one under the other on a phone."""
    sides = [("before", "目前公开的"), ("after", "送审的")] if has_before else [("after", "送审的")]
    rows = "".join(f'<figure><figcaption>{word}</figcaption><img src="{here}/poster.jpg?side={side}" alt="{word}海报" '
                   "width=750 height=1334></figure>" for side, word in sides)
    why = "" if has_before else "与目前公开的没有不同，或还没有公开过。"
    return f"<h2>海报</h2><p class=quiet>姓名和序号是虚构的。{why}</p><div class=posters>{rows}</div>"


def _preview(content: Content) -> str:
    """The page's words as citizens will read them, its picture, and its share card."""
    rows = "".join(f"<dt>{e(name)}</dt><dd>{e(value) or '（空）'}</dd>" for name, value in flat(content).values())
    own = content.share.get("image", "")
    card = f'<p><img src="{e(own)}" alt="分享图片" width=120></p>' if own.startswith("/") and not own.startswith("//") else ""
    return f"<h2>全部内容</h2>{card}<details><summary>展开全部 {len(flat(content))} 项</summary><dl>{rows}</dl></details>"


def _earlier(review: Review) -> str:
    rows = "".join(f"<li>{e(d.name)}：{e(d.by)} {WORDS[d.verdict]}，{spoken(d.at)} {e(d.comment)}</li>" for d in review.decisions)
    return f"<h2>前面的意见</h2><ul>{rows}</ul>" if rows else ""


def sign_off(revision: Revision, now: str) -> str:
    rounds = "".join(_round(review) for review in revision.reviews) or "<p>这一版没有经过审核。</p>"
    released = (f"{e(revision.released_by)}，{spoken(revision.released_at)}" if revision.released_at else "未发布")
    body = (f"<h1>审签单</h1><table><tr><th>标题</th><td>{e(revision.content.title)}</td></tr>"
            f"<tr><th>活动代码</th><td>{e(revision.campaign)}</td></tr><tr><th>版本</th><td>第 {revision.number} 版</td></tr>"
            f"<tr><th>编写</th><td>{e(revision.by)}，{spoken(revision.at)}</td></tr><tr><th>发布</th><td>{released}</td></tr>"
            f"<tr><th>确认的提醒</th><td>{len(revision.confirmed)} 项</td></tr>"
            f"<tr><th>内容指纹</th><td class=hash>SHA-256 {revision.hash}</td></tr></table>{rounds}<h2>内容</h2><table>"
            + "".join(f"<tr><th>{e(name)}</th><td>{e(value)}</td></tr>" for name, value in flat(revision.content).values())
            + f"</table><p class=quiet>打印时间 {e(now)}</p>")
    return PAGE.format(title="审签单", style=STYLE + PRINT, body=body)


def _round(review: Review) -> str:
    rows = "".join(f"<tr><td>{e(d.name)}</td><td>{e(d.by)}{f'（链接由 {e(d.issued_by)} 发出）' if d.issued_by else ''}</td>"
                   f"<td>{WORDS[d.verdict]}</td><td>{spoken(d.at)}</td><td>{e(d.comment)}</td></tr>" for d in review.decisions)
    left = "".join(f"<tr><td>{e(step.name)}</td><td></td><td>未审</td><td></td><td></td></tr>"
                   for step in review.steps[len(review.decisions):])
    return (f"<h2>第 {review.round} 次送审：{e(review.submitted_by)}，{spoken(review.submitted_at)}</h2>"
            f"<table><tr><th>步骤</th><th>审核人</th><th>意见</th><th>时间</th><th>说明</th></tr>{rows}{left}</table>")


WORDS = {"approve": "通过", "return": "退回"}
e = html.escape
STYLE = """
body { margin: 0; background: #f6f4ef; color: #222; overflow-wrap: anywhere;
  font: 17px/1.6 -apple-system, 'PingFang SC', 'HarmonyOS Sans SC', 'Noto Sans SC', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif }
main { max-width: 42em; margin: 0 auto; padding: 20px 16px 40px; background: #fff }
h1 { font-size: 24px; margin: 4px 0 } h2 { font-size: 18px; margin: 24px 0 8px; border-top: 1px solid #ddd; padding-top: 16px }
.quiet, dt { color: #5a5a5a; font-size: 15px; margin: 0 } dd { margin: 0 0 10px; white-space: pre-wrap }
del { display: block; color: #8a1c10; background: #fdeeec }
ins { display: block; color: #14532d; background: #ecf8ef; text-decoration: none }
ul { padding-left: 1.2em } textarea { box-sizing: border-box; width: 100%; min-height: 88px; font: inherit; padding: 8px }
button { font: inherit; min-height: 52px; width: 100%; margin-top: 12px; border-radius: 8px;
  border: 2px solid #b3200f; background: #fff; color: #b3200f }
button.main { background: #b3200f; color: #fff }
summary { min-height: 44px; line-height: 44px; cursor: pointer; color: #7c1a0c }
.posters { display: flex; flex-wrap: wrap; gap: 16px } figure { flex: 1 1 240px; max-width: 375px; margin: 0 }
figure img { display: block; width: 100%; height: auto; border-radius: 6px; background: #eee }
figcaption { color: #5a5a5a; font-size: 15px }
button.look { min-height: 44px; border-color: #555; color: #222 }
.decide { position: -webkit-sticky; position: sticky; bottom: 0; display: grid; grid-template-columns: 1fr 1fr; gap: 8px;
  margin: 24px -16px -40px; padding: 8px 16px calc(8px + env(safe-area-inset-bottom)); background: #fff; border-top: 1px solid #ccc }
.decide:has(details[open]) { grid-template-columns: 1fr } .decide details[open] { grid-column: 1 / -1 }
.decide summary { list-style: none; text-align: center; border: 2px solid #b3200f; border-radius: 8px; color: #b3200f }
.decide summary::-webkit-details-marker { display: none } .decide .yes summary { background: #b3200f; color: #fff }
"""
PRINT = """
table { border-collapse: collapse; width: 100%; margin: 8px 0 }
th, td { border: 1px solid #555; padding: 6px 8px; text-align: left; font-size: 15px }
th { white-space: nowrap; font-weight: 600 } .hash { font-family: monospace }
@page { size: A4; margin: 18mm } @media print { body, main { background: #fff; padding: 0 } tr { break-inside: avoid } }
"""
LOOK = """<form method=post action="{here}/page"><button class=look>在手机上看真实页面</button></form>
<p class=quiet>只供这部手机打开，30 分钟有效，不计数；看完返回这里决定。</p>"""
# Always in reach of a thumb, and two taps each: what is decided here cannot be taken back, and no script may ask.
FORM = """<section class=decide aria-label="审核意见">
<details class=yes name=decide><summary>通过</summary><form method=post><label for=agreed>意见（可不填，最多 500 字）</label>
<textarea id=agreed name=comment maxlength=500></textarea>
<button class=main name=verdict value=approve>确认通过第 {revision} 版</button></form></details>
<details name=decide><summary>退回</summary><form method=post><label for=comment>意见（必填，最多 500 字）</label>
<textarea id=comment name=comment maxlength=500 required></textarea>
<button name=verdict value=return>确认退回</button></form></details></section>"""
PAGE = ('<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="robots" content="noindex"><title>{title}</title><style>{style}</style><main>{body}</main></html>')
