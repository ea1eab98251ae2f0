"""The page that citizens see while there is maintenance: one file, no script, the flag whole and in its own colours above the words."""

from __future__ import annotations

import html
import random
import re
from collections.abc import Mapping
from datetime import datetime

from server.clock import SHANGHAI, day_of
from server.switches import Maintenance

# A page looks again by itself; apart from each other, so that a city does not come back in one second.
AGAIN_SECONDS = (30, 90)

PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta http-equiv="refresh" content="{again}">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">
<title>系统维护中</title><style>
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #0a1838; color: #f4ead5; color-scheme: only dark;
  font: 18px/1.7 -apple-system, 'PingFang SC', 'HarmonyOS Sans SC', 'Noto Sans SC', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif }
main { max-width: 21em; padding: 32px 24px; text-align: center }
img { display: block; width: 168px; height: 112px; margin: 0 auto 32px }
h1 { font-size: 28px; font-weight: 600; line-height: 1.3; margin: 0 0 12px }
p { margin: 0 0 12px; overflow-wrap: anywhere }
.quiet { font-size: 16px; color: #c9c2ae }
</style><main><img src="/static/flag.svg" alt="中华人民共和国国旗"><h1>系统维护中</h1><p>{text}</p>{until}
<p class="quiet">恢复后本页会自动打开。没有送达的，仍保存在您的手机上，会自动续传。</p>{footer}</main></html>"""
# What stands below every public page, in its order.
FOOTER = {"name": "主办单位：", "icp": "", "police": "", "telephone": "联系电话："}


def maintenance_page(closed: Maintenance, organiser: Mapping[str, str], now: float) -> str:
    """`organiser`: of the campaign whose page was asked for, empty where it is not known."""
    lines = [html.escape(before + organiser[name]) for name, before in FOOTER.items() if organiser.get(name)]
    parts = {"{again}": str(random.randint(*AGAIN_SECONDS)), "{until}": _until(closed.until, now), "{text}": html.escape(closed.message),
             "{footer}": f'<p class="quiet">{"<br>".join(lines)}</p>' if lines else ""}
    return re.sub("|".join(map(re.escape, parts)), lambda mark: parts[mark[0]], PAGE)


def _until(until: float, now: float) -> str:
    if not until:
        return ""
    moment, is_today = datetime.fromtimestamp(until, SHANGHAI), day_of(until) == day_of(now)
    return f"<p>预计 {moment:%H:%M} 恢复</p>" if is_today else f"<p>预计 {moment.month}月{moment.day}日 {moment:%H:%M} 恢复</p>"
