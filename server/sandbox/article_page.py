"""An article as a phone shows it: title, account and date, the text with its pictures, 阅读原文.

Owns: how it looks; which pictures of a text stay.
Does not own: drafts and publishing (articles.py).
Invariants: it says that it is a simulation; nothing of the text runs; it tells nobody but the phone around it; no picture is wider
than the screen.
"""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

from server.sandbox import oauth
from server.sandbox.phone import NOTICE

SHANGHAI = timezone(timedelta(hours=8))
PICTURE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
SOURCE = re.compile(r"(?<![\w-])src\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)
# Where the platform keeps the pictures that were uploaded for articles.
PICTURE_HOST, PICTURE_PATH = "mmbiz.qpic.cn", "/mmbiz/"

PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>
body{{margin:0;font:17px/1.75 -apple-system,"PingFang SC","HarmonyOS Sans SC","Noto Sans CJK SC",sans-serif;background:#fff;color:#1f1f1f}}
.notice{{background:#fff6e0;color:#8a5a00;text-align:center;font-size:13px;padding:6px}}
main{{max-width:677px;margin:0 auto;padding:20px 16px 40px;box-sizing:border-box;overflow-wrap:anywhere}}
h1{{margin:0 0 12px;font-size:22px;line-height:1.4;font-weight:600}}
.by{{margin:0 0 24px;font-size:15px;color:#767676}}.by b{{margin-right:10px;font-weight:400;color:#3f5c8f}}.by span{{margin-right:10px}}
.text{{overflow-x:auto}}.text img,.text video{{max-width:100%!important;height:auto!important}}.text table{{max-width:100%}}
.text pre{{white-space:pre-wrap}}.source{{margin:28px 0 0;font-size:16px}}.source a{{color:#3f5c8f;text-decoration:none}}</style></head>
<body><div class="notice">{notice}</div><main><h1>{title}</h1><p class="by">{author}<b>{account}</b>{date}</p>
<div class="text">{content}</div>{source}</main>
<script nonce="{nonce}" src="{origin}/sandbox/jweixin.js" data-links="all"></script></body></html>"""


def policy(origin: str, nonce: str) -> str:
    """Of the scripts only the phone's own runs; the page has no origin, and reaches nothing but pictures."""
    return (f"default-src 'none'; img-src * data:; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; connect-src {origin}; "
            "sandbox allow-scripts")


def written(article: dict[str, Any], account: str, origin: str, nonce: str) -> str:
    """The page of an article."""
    link = str(article.get("content_source_url") or "")
    source = f'<p class="source"><a href="{html.escape(link)}">阅读原文</a></p>' if link.startswith(("http://", "https://")) else ""
    author = f"<span>{html.escape(article['author'])}</span>" if article.get("author") else ""
    return PAGE.format(title=html.escape(article["title"]), notice=NOTICE, author=author, account=html.escape(account),
                       date=_date(article.get("at")), content=article["content"], source=source, origin=html.escape(origin), nonce=nonce)


def own_pictures(content: str, origin: str) -> str:
    """The text without the pictures that were not uploaded to the platform, which it drops."""
    return PICTURE.sub(lambda found: found[0] if _is_own(found[0], origin) else "", content)


def _is_own(tag: str, origin: str) -> bool:
    found = SOURCE.search(tag)
    if found is None:
        return False
    url = urlsplit(html.unescape(found[1] or found[2] or found[3] or "").strip())
    if url.hostname == PICTURE_HOST:
        return True
    own = url.hostname == urlsplit(origin).hostname or oauth.loopback(url.hostname)
    return own and url.path.startswith(PICTURE_PATH)


def _date(at: Any) -> str:
    if not isinstance(at, (int, float)):
        return ""
    moment = datetime.fromtimestamp(at, SHANGHAI)
    return f"{moment.year}年{moment.month}月{moment.day}日 {moment:%H:%M}"
