"""事件包: one item's whole life as one file, for whoever has to answer for it: what it says, what machines and people decided, from when
to when it was public, who reported what and which answer they got, and its source record where two people have opened it.

Owns nothing: it is put together from the others. Invariants: the source record is in it only for one of the two who let it, while it is
open; reporters are never named; every text in the HTML is escaped; the ZIP holds a list of digests of its files.
"""

from __future__ import annotations

import hashlib
import html
import io
import zipfile
from typing import Any

import msgspec

from server.clock import iso
from server.reviewing.complaints import Complaints
from server.reviewing.desk import Desk
from server.reviewing.events import Events, shown
from server.reviewing.records import Records
from server.staff import Member

e = html.escape


class CaseFiles:
    def __init__(self, desk: Desk, events: Events, complaints: Complaints, records: Records) -> None:
        self._desk = desk
        self._events = events
        self._complaints = complaints
        self._records = records

    async def of(self, campaign: str, kind: str, token: str, member: Member, now: float) -> dict[str, Any]:
        """Everything that is known, as far as this member may see it. Raises ItemNotFound."""
        item = await self._desk.sources.find(kind, campaign, token)
        (view,) = await self._desk.views([item], member.name, now)
        life, case = await self._events.of(token), await self._complaints.case(token)
        source = await self._records.opened_for(token, member, now)
        return {
            "campaign": campaign, "item": view, "made_by": member.name, "made_at": iso(now),
            "shown": [{"from": iso(since), "to": None if until is None else iso(until)} for since, until in shown(life)],
            "events": [event.view for event in life],
            "complaints": {"case": None if case is None else case.view, "items": await self._complaints.of_item(token)},
            "source_openings": [opening.view(now) for opening in await self._records.openings_of(token)],
            "source": None if source is None else source.view}


def zipped(case: dict[str, Any]) -> bytes:
    """case.json, case.html and SHA256SUMS.txt; some kilobytes. Made in a thread."""
    files = {"case.json": msgspec.json.format(msgspec.json.encode(case), indent=2), "case.html": page(case).encode()}
    files["SHA256SUMS.txt"] = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def page(case: dict[str, Any]) -> str:
    """The same to read and to print, without any script."""
    item = case["item"]
    facts = [("编号", item["id"]), ("活动", case["campaign"]), ("类别", item["kind_name"]), ("写于", _when(item["at"])),
             ("现在", item["state_name"]), ("最近一次决定", f"{item['decided_by']} {_when(item['decided_at'])}".strip() or "无"),
             ("理由", item["reason"] or "无"), ("命中词", "、".join(word["word"] for word in item["words"]) or "无"),
             ("公开时段", "；".join(f"{_when(span['from'])} 至 {_when(span['to']) or '现在'}" for span in case["shown"]) or "没有公开过")]
    texts = "".join(f"<tr><th>{e(part['label'])}</th><td class=text>{e(part['text'])}</td></tr>" for part in item["parts"])
    checks = "".join(f"<li>{e(check['text'])}</li>" for check in item["machine"].get("checks", [])) or "<li>没有</li>"
    life = "".join(f"<tr><td>{_when(one['at'])}</td><td>{e(one['text'])}</td><td>{e(one['by'])}</td><td>{e(one['detail'])}</td></tr>"
                   for one in case["events"])
    reported = "".join(f"<tr><td>{_when(one['at'])}</td><td>{e(one['reason'])}</td></tr>" for one in case["complaints"]["items"])
    answer = case["complaints"]["case"]
    body = (f"<h1>事件包</h1><table>{_rows(facts)}{texts}</table><h2>机器审核</h2><ul>{checks}</ul>"
            f"<h2>经过</h2><table><tr><th>时间</th><th>事情</th><th>谁</th><th>说明</th></tr>{life}</table>"
            f"<h2>举报</h2>{f'<table><tr><th>时间</th><th>原因</th></tr>{reported}</table>' if reported else '<p>没有</p>'}"
            + (f"<p>答复：{e(answer['answer'])}（{e(answer['answered_by'])}，{_when(answer['answered_at'])}）</p>"
               if answer and answer["answer"] else "")
            + f"<h2>来源记录</h2>{_source(case)}"
            f"<p class=quiet>{e(case['made_by'])} 于 {_when(case['made_at'])} 导出，已记入审计日志；不得外传</p>")
    return f"{HEAD}<main>{body}</main></html>"


def _source(case: dict[str, Any]) -> str:
    openings = "".join(f"<li>{e(one['asked_by'])} 于 {_when(one['asked_at'])} 申请：{e(one['reason'])}；{e(one['state_name'])}"
                       f"{'，' + e(one['decided_by']) if one['decided_by'] else ''}</li>" for one in case["source_openings"])
    found = case["source"]
    if found is None:
        return f"<p>未打开：须由两人同意</p><ul>{openings}</ul>"
    known = "；".join(f"{one['appid']} {one['openid_hash']}" for one in found["identities"])
    facts = [("市民编号", str(found["citizen"])), ("微信身份", known),
             ("地址", found["address"]), ("浏览器", found["user_agent"]), ("请求编号", found["request_id"]), ("时间", _when(found["at"])),
             ("内容摘要", found["digest"])]
    return f"<table>{_rows(facts)}</table><ul>{openings}</ul>"


def _rows(facts: list[tuple[str, str]]) -> str:
    return "".join(f"<tr><th>{e(name)}</th><td>{e(value)}</td></tr>" for name, value in facts)


def _when(moment: str | None) -> str:
    """2026-10-01 08:00:00, of an ISO text."""
    if not moment:
        return ""
    return e(f"{moment[:10]} {moment[11:19]}")


HEAD = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex"><title>事件包</title><style>
body { margin: 0; color: #222; background: #fff; overflow-wrap: anywhere;
  font: 15px/1.6 -apple-system, 'PingFang SC', 'HarmonyOS Sans SC', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif }
main { max-width: 48em; margin: 0 auto; padding: 20px 16px 40px }
h1 { font-size: 22px } h2 { font-size: 17px; margin: 20px 0 6px }
table { border-collapse: collapse; width: 100% } th, td { border: 1px solid #777; padding: 5px 8px; text-align: left; vertical-align: top }
th { white-space: nowrap; font-weight: 600 } .text { white-space: pre-wrap } .quiet { color: #555 }
@page { size: A4; margin: 16mm } @media print { main { padding: 0 } tr { break-inside: avoid } }
</style>"""
