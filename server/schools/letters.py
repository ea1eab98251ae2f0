"""Letters to schools: A4 pages, one for each, with the school's code, her links as QR codes and what to do. No scripts, nothing from
elsewhere, and no word about what other schools do."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape as e

from server.campaigns import Campaign
from server.clock import spoken
from server.schools.record import LATE_DAYS

# As many letters are printed in one go; the next ones by the page's own link.
LETTERS_AT_ONCE = 100


@dataclass(frozen=True)
class Letter:
    """`teacher_code` and `citizen_code`: QR codes as data: addresses."""

    name: str
    unit: str
    code: str
    teacher_address: str
    teacher_code: str
    citizen_address: str
    citizen_code: str
    class_mode_address: str


STYLE = """
@page{size:A4;margin:18mm 20mm}
*{box-sizing:border-box}html{color-scheme:light}
body{margin:0;background:#e9e7e2;color:#111;font:12pt/1.7 "Songti SC","SimSun","Noto Serif CJK SC","Noto Serif SC",serif}
article{width:210mm;min-height:297mm;margin:8mm auto;padding:20mm 22mm;background:#fff;break-after:page}
article:last-of-type{break-after:auto}
h1{font-size:20pt;margin:0 0 8mm;text-align:center}h2{font-size:13pt;margin:6mm 0 1mm}
p{margin:0 0 2mm;text-align:justify}.to{font-weight:700}
.code{display:flex;align-items:center;justify-content:space-between;border:1.2pt solid #111;padding:4mm 6mm;margin:4mm 0 5mm}
.code b{font:700 26pt/1.2 "Courier New","DejaVu Sans Mono",monospace;letter-spacing:1.5pt;white-space:nowrap}.code span{font-size:11pt}
.two{display:flex;gap:10mm;margin:3mm 0}.two div{flex:1;border:.5pt solid #777;padding:4mm;text-align:center;break-inside:avoid}
.two img{width:38mm;height:38mm;display:block;margin:0 auto 2mm}.two strong{display:block}
.address{font:9pt/1.4 "Courier New","DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
ol{margin:0;padding-left:7mm}li{margin:0 0 1mm}.sign{text-align:right;margin-top:9mm}
.bar{max-width:210mm;margin:6mm auto 0;padding:0 4mm;font:15px/1.6 system-ui,"Noto Sans CJK SC",sans-serif}
@media print{body{background:#fff}article{width:auto;min-height:0;margin:0;padding:0}.bar{display:none}}
"""


def head(count: int) -> str:
    return (f'<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>致学校的信</title>'
            f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body>'
            f'<p class="bar">共 {count} 封，每封一页 A4。用浏览器的“打印”可以打印或另存为 PDF。信中有授权码，请装信封或当面交给学校。</p>')


def foot(next_address: str) -> str:
    more = f'<p class="bar"><a href="{e(next_address)}">后面的 {LETTERS_AT_ONCE} 封</a></p>' if next_address else ""
    return f"{more}</body></html>"


def letter(campaign: Campaign, about: Letter, expires_at: float) -> str:
    organiser, telephone = campaign.organiser.get("name", ""), campaign.organiser.get("telephone", "")
    call = f"，有问题请打电话 {e(telephone)}" if telephone else ""
    return (
        f"<article><h1>关于参加“{e(campaign.title)}”的说明</h1><p class=to>{e(about.name)}：</p>"
        f"<p>“{e(campaign.title)}”于 {spoken(campaign.opens_at)} 至 {spoken(campaign.closes_at)} 举行。学校可以在课堂上一起升旗"
        f"敬礼，由老师按班上报人数；学生和家长也可以回家后用微信自己敬礼。是否参加由学校和家庭自己决定。</p>"
        f"<div class=code><span>本校授权码<br>学校代码 {e(about.unit)}</span><b>{e(about.code)}</b></div>"
        f'<div class=two><div><img src="{about.teacher_code}" alt=""><strong>老师：上报人数，看本校数字</strong>'
        f"<span class=address>{e(about.teacher_address)}</span></div>"
        f'<div><img src="{about.citizen_code}" alt=""><strong>学生和家长：自己敬礼</strong>'
        f"<span class=address>{e(about.citizen_address)}</span></div></div>"
        "<h2>老师怎样上报</h2><ol><li>用微信扫左边的码，第一次输入上面的授权码。</li>"
        f"<li>选班级，填人数，提交。一个班一天报一次；当天可以更正，最迟补报前 {LATE_DAYS} 天。</li>"
        "<li>集体上报单独列示，不和自己敬礼的人数相加，不影响学生和家长自己敬礼。</li></ol>"
        f"<h2>课堂升旗</h2><p>在教室的大屏打开 <span class=address>{e(about.class_mode_address)}</span>，点一下开始。"
        "打开以后断网也能用。</p>"
        "<h2>保护学生</h2><p>不收集学生的姓名、照片和留言，不要求截图或转发，不评比。班级只写年级和班号，请不要写人名。</p>"
        f"<h2>授权码</h2><p>只交给需要上报的老师，不要贴在公开的地方。有效期到 {spoken(expires_at)}。"
        f"遗失或外传请告诉我们，换一个新码{call}。</p>"
        f"<p class=sign>{e(organiser)}</p></article>")
