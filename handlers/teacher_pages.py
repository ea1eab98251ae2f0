"""The words and shapes of the pages that teachers see on their phones: large, quiet, without any script, every text escaped."""

from __future__ import annotations

import html
from dataclasses import dataclass

from server.campaigns import Campaign
from server.clock import day_of, spoken
from server.errors import WenmingError
from server.places import Unit
from server.schools.classes import GRADES, MAX_CLASS_NUMBER, class_name, class_order
from server.schools.own import NOTES, Own, history_rows, reported_rows, spoken_day
from server.schools.record import LATE_DAYS, MAX_PEOPLE, SchoolDay

e = html.escape

STYLE = """
*{box-sizing:border-box}
html{font-size:18px;color-scheme:light only;-webkit-text-size-adjust:100%}
body{margin:0;background:#f4f2ec;color:#1b2540;overflow-wrap:anywhere;
font:1rem/1.6 -apple-system,'PingFang SC','HarmonyOS Sans SC','Noto Sans SC','Noto Sans CJK SC','Microsoft YaHei',sans-serif}
main{max-width:34rem;margin:0 auto;padding:20px 16px 40px}
h1{font-size:1.45rem;line-height:1.35;margin:0 0 2px}h2{font-size:1.12rem;margin:0 0 10px}
p{margin:0 0 10px}.quiet{color:#565d70;font-size:.88rem}.card{background:#fff;border-radius:14px;padding:18px 16px;margin:14px 0}
label,.label{display:block;margin:0 0 12px;font-size:.94rem}
input,select{display:block;width:100%;min-height:54px;margin-top:4px;padding:8px 12px;font:inherit;font-size:1.15rem;color:inherit;
background:#fff;border:1.5px solid #8b90a0;border-radius:10px;-webkit-appearance:none;appearance:none}
select{background-image:linear-gradient(45deg,transparent 50%,#1b2540 50%),linear-gradient(135deg,#1b2540 50%,transparent 50%);
background-position:calc(100% - 22px) 50%,calc(100% - 15px) 50%;background-size:7px 7px;background-repeat:no-repeat;padding-right:38px}
.code{font-family:'Courier New','DejaVu Sans Mono',monospace;font-size:1.5rem;letter-spacing:2px;text-transform:uppercase}
.two{display:flex}.two>*{flex:1;min-width:0}.two>*+*{margin-left:12px}
button,.button{display:block;width:100%;min-height:56px;padding:12px 18px;font:inherit;font-size:1.08rem;text-align:center;
text-decoration:none;border-radius:12px;border:1.5px solid #1b2540;background:#fff;color:#1b2540;cursor:pointer}
button.main,.button.main{background:#b3200f;border-color:#b3200f;color:#fff;font-weight:600}
.button+.button{margin-top:10px}
:focus{outline:3px solid #c99a3c;outline-offset:2px}
.problem{border-left:5px solid #b3200f;background:#fdf0ee;padding:12px 14px;border-radius:8px;margin:14px 0}
.done{border-left:5px solid #2c6e49;background:#eef7f0;padding:12px 14px;border-radius:8px;margin:14px 0}
.figure{display:flex;justify-content:space-between;align-items:baseline;padding:6px 0;border-bottom:1px solid #e4e1d8}
.figure b{font-size:1.5rem;font-variant-numeric:tabular-nums}.figure:last-of-type{border:0}
.row{display:flex;justify-content:space-between;align-items:baseline;padding:10px 0;border-top:1px solid #e4e1d8}
.row b{font-variant-numeric:tabular-nums}
details{padding:0 0 10px}summary{min-height:44px;line-height:44px;color:#7a3c00;cursor:pointer}
.address{font-size:.86rem;word-break:break-all}.pic{display:block;width:190px;height:190px;margin:6px auto}
footer{color:#565d70;font-size:.82rem;margin-top:24px}
"""
PRINT = """
@page{size:A4;margin:18mm}*{box-sizing:border-box}html{color-scheme:light}
body{margin:0;background:#fff;color:#000;font:11pt/1.5 "Songti SC","SimSun","Noto Serif CJK SC","Noto Serif SC",serif}
main{max-width:190mm;margin:0 auto;padding:6mm}h1{font-size:17pt;text-align:center;margin:0 0 4mm}h2{font-size:12.5pt;margin:6mm 0 2mm}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}thead{display:table-header-group}tr{break-inside:avoid}
th,td{border:.5pt solid #000;padding:1mm 2mm;text-align:left}td.n{text-align:right}ol{margin:0;padding-left:6mm}
.facts{list-style:none;padding:0;margin:0;display:flex;flex-wrap:wrap}.facts li{margin-right:10mm}
@media print{main{padding:0;max-width:none}}
"""


@dataclass(frozen=True)
class Typed:
    """What she sent, so that a refusal loses nothing of it."""

    grade: str = ""
    number: str = ""
    people: str = ""
    day: str = ""


@dataclass(frozen=True)
class Links:
    """`picture`: the school's own link as a QR code."""

    citizen: str
    class_mode: str
    picture: str


def page(title: str, body: str, campaign: Campaign | None = None) -> str:
    return (f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
            f'<meta name="robots" content="noindex"><meta name="format-detection" content="telephone=no"><title>{e(title)}</title>'
            f"<style>{STYLE}</style><main>{body}{_footer(campaign) if campaign else ''}</main></html>")


def told(problem: WenmingError | None, done: str = "") -> str:
    if problem is not None:
        return f'<p class="problem" role="alert" data-testid="problem">{e(problem.message)}</p>'
    return f'<p class="done" role="status" data-testid="done">{e(done)}</p>' if done else ""


def outside(campaign: Campaign) -> str:
    """Whoever cannot be known here."""
    return page("老师上报", "<h1>请用微信打开</h1><p class=card>老师上报要用微信登录，请用微信扫学校收到的信中的二维码。已经在微信里的，"
                            f"请点右上角“···”刷新再试。</p><p><a class=button href='/class/{campaign.slug}'>打开课堂升旗</a></p>", campaign)


def entry(campaign: Campaign, unit: Unit | None, code: str, mine: list[Unit], problem: WenmingError | None) -> str:
    """The first time: school and code; and the schools that let her in already."""
    parts = [f"<p class=quiet>{e(campaign.title)}</p><h1>老师上报</h1>", told(problem)]
    parts += [f'<p><a class="button main" href="/teacher/{campaign.slug}/{e(own.code)}">{e(own.name)}</a></p>' for own in mine]
    if unit:
        school = (f'<p class=label>学校<br><b data-testid="school">{e(unit.name)}</b></p>'
                  f'<input type=hidden name=unit value="{e(unit.code)}">')
    else:
        school = ('<label>学校代码（信中授权码旁边）<input name=unit required maxlength=32 autocapitalize=none autocomplete=off '
                  f'value="{e(code)}"></label>')
    parts.append(f'<form method=post class=card autocomplete=off><h2>{"再加一所学校" if mine else "输入学校的授权码"}</h2>{school}'
                 '<label>授权码（信中 8 位字母和数字）<input class=code name=code required maxlength=16 autocapitalize=characters '
                 'autocomplete=off spellcheck=false placeholder="ABCD-2345" data-testid="code"></label>'
                 '<button class=main data-testid="enter">进入</button></form>'
                 "<p class=quiet>授权码在寄给学校的信里，只需输入一次。系统只记下您的匿名编号，不保存姓名和电话。</p>")
    return page("老师上报", "".join(parts), campaign)


def school_page(campaign: Campaign, own: Own, days: list[str], links: Links, marks: tuple[str, ...], typed: Typed, *,
                problem: WenmingError | None = None, closed: WenmingError | None = None, done: str = "") -> str:
    """A school's own page: report, what was reported, her figures, her links."""
    here = f"/teacher/{campaign.slug}/{e(own.unit.code)}"
    parts = [f'<p class=quiet>{e(campaign.title)}</p><h1 data-testid="school">{e(own.unit.name)}</h1>', told(problem, done)]
    parts.append(f'<p class="card" data-testid="closed">{e(closed.message)}</p>' if closed else _form(days, typed))
    parts += [_reported(own, marks, days[0] if days else "", closed is None), _figures(campaign, own, here), _links(links)]
    return page(own.unit.name, "".join(parts), campaign)


def _form(days: list[str], typed: Typed) -> str:
    grades = "".join(f'<option value="{code}"{" selected" if code == typed.grade else ""}>{name}</option>' for code, name in GRADES.items())
    names = ["今天", "昨天", "前天"]
    chosen = "".join(f'<option value="{day}"{" selected" if day == typed.day else ""}>{name} {int(day[6:])}日</option>'
                     for day, name in zip(days, names, strict=False))
    return ('<form method=post class=card autocomplete=off><h2>上报一个班</h2><div class=two>'
            f'<label>年级<select name=grade required data-testid="grade"><option value="">请选择</option>{grades}</select></label>'
            f'<label>班号<input name=number required inputmode=numeric pattern="[0-9]*" maxlength=2 placeholder="1–{MAX_CLASS_NUMBER}" '
            f'value="{e(typed.number)}" data-testid="number"></label></div><div class=two>'
            f'<label>人数<input name=people required inputmode=numeric pattern="[0-9]*" maxlength=3 placeholder="1–{MAX_PEOPLE}" '
            f'value="{e(typed.people)}" data-testid="people"></label>'
            f'<label>日期<select name=day data-testid="day">{chosen}</select></label></div>'
            '<button class=main data-testid="report">提交</button>'
            f'<p class=quiet style="margin:10px 0 0">一个班一天报一次，可补报前 {LATE_DAYS} 天。网络不好时可以再点一次，不会重复计算。'
            "只填人数，不填姓名。</p></form>")


def _reported(own: Own, marks: tuple[str, ...], today: str, may_correct: bool) -> str:
    """What stands, by day; her own of today may be corrected."""
    if not any(day.standing for day in own.days):
        return '<section class=card><h2>已上报</h2><p class=quiet style="margin:0">还没有上报的班级。</p></section>'
    days = "".join(_day(day, marks, may_correct, today) for day in own.days if day.standing)
    return f"<section class=card><h2>已上报</h2>{days}</section>"


def _day(day: SchoolDay, marks: tuple[str, ...], may_correct: bool, today: str) -> str:
    rows = "".join(
        f'<div class=row data-testid="row-{code}"><span>{class_name(code)}</span><b>{one.people} 人</b></div>'
        + (_correction(day.day, code, one.no, one.people) if may_correct and one.by in marks and day_of(one.at) == today else "")
        for code, one in sorted(day.standing.items(), key=lambda item: class_order(item[0])))
    return f"<p class=quiet style='margin:8px 0 4px'>{spoken_day(day.day)}，共 {day.people} 人</p>{rows}"


def _correction(day: str, code: str, no: int, people: int) -> str:
    grade, _, number = code.partition("-")
    return (f'<details data-testid="correct-{code}"><summary>人数不对，更正</summary><form method=post autocomplete=off>'
            f'<input type=hidden name=grade value="{grade}"><input type=hidden name=number value="{number}">'
            f'<input type=hidden name=day value="{day}"><input type=hidden name=corrects value="{no}">'
            f'<label>应为多少人<input name=people required inputmode=numeric pattern="[0-9]*" maxlength=3 value="{people}"></label>'
            "<button>改为这个人数</button></form></details>")


def _figures(campaign: Campaign, own: Own, here: str) -> str:
    today = "（今天）" if campaign.period_rule == "daily" else ""
    participants = f"{own.participants:,}" if own.participants is not None else "暂时读不到"
    return (f'<section class=card><h2>本校数字</h2><div class=figure><span>集体上报</span>'
            f'<b data-testid="group">{own.group_people:,}</b></div>'
            f'<div class=figure><span>自己敬礼{today}</span><b>{participants}</b></div>'
            f'<p class=quiet>两个数字各算各的，不相加。截至 {spoken(own.as_of)}</p>'
            f'<a class=button href="{here}/print">打印（A4）</a><a class=button href="{here}/figures.xlsx">导出表格（XLSX）</a></section>')


def _links(links: Links) -> str:
    return (f'<section class=card><h2>给学生和家长</h2><p>回家以后自己敬礼，用本校的码，学校已经填好：</p>'
            f'<img class=pic src="{links.picture}" alt="本校二维码"><p class=address>{e(links.citizen)}</p>'
            "<p class=quiet>由这个码进来的敬礼不留姓名、留言和照片。是否参加由学生和家长决定，请不要统计谁没有参加，不要求截图。</p>"
            f'<h2>课堂升旗</h2><p>在教室的大屏打开，点一下开始：</p><p class=address>{e(links.class_mode)}</p>'
            f'<a class=button href="{e(links.class_mode)}">打开课堂升旗</a></section>')


def _footer(campaign: Campaign) -> str:
    organiser = campaign.organiser
    lines = [f"主办单位：{e(organiser['name'])}" if organiser.get("name") else "",
             f"联系电话：{e(organiser['telephone'])}" if organiser.get("telephone") else "", e(organiser.get("icp", "")),
             e(organiser.get("police", "")), "演示活动，数字不代表真实参与。" if campaign.demo else ""]
    return f"<footer>{'<br>'.join(line for line in lines if line)}<br><a href='/c/{campaign.slug}'>隐私说明、举报见活动页</a></footer>"


def printed(campaign: Campaign, own: Own) -> str:
    """A school's own figures for A4 paper."""
    reported = "".join(f"<tr><td>{spoken_day(day)}</td><td>{klass}</td><td class=n>{people}</td><td>{when}</td></tr>"
                       for day, klass, people, when in reported_rows(own.days))
    history = "".join("<tr>" + "".join(f"<td>{e(str(cell))}</td>" for cell in row) + "</tr>" for row in history_rows(own.days))
    by_day = "".join(f"<tr><td>{e(str(day))}</td><td class=n>{people}</td><td class=n>{times}</td></tr>"
                     for day, people, times, *_ in own.by_day)
    participants = f"<li>自己敬礼：{own.participants:,} 人</li>" if own.participants is not None else ""
    table = f"<table><thead><tr><th>日期<th>班级<th>人数<th>上报时间</tr></thead>{reported}</table>" if reported else "<p>没有上报。</p>"
    tables = f"<h2>集体上报</h2>{table}"
    if by_day:
        heads = "<tr><th>日期<th>人数<th>人次</tr>"
        tables += f"<h2>自己敬礼</h2><p>截至 {e(own.by_day_as_of)}</p><table><thead>{heads}</thead>{by_day}</table>"
    if len(history_rows(own.days)) > len(reported_rows(own.days)):  # something was corrected or voided
        heads = "<tr><th>日期<th>班级<th>类型<th>人数<th>时间</tr>"
        tables += f"<h2>上报记录</h2><table><thead>{heads}</thead>{history}</table>"
    notes = "".join(f"<li>{note}</li>" for note in NOTES)
    return (f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>{e(own.unit.name)}</title><style>{PRINT}</style><main>'
            f"<h1>{e(own.unit.name)}参加“{e(campaign.title)}”情况</h1><ul class=facts><li>截至：{spoken(own.as_of)}</li>"
            f"<li>集体上报：{own.group_people:,} 人</li>{participants}</ul>{tables}<h2>口径说明</h2><ol>{notes}</ol></main></html>")
