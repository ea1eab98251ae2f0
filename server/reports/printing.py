"""A report as a page for A4 paper: head, tables, what the figures mean, and who answers for them. No scripts, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from html import escape

from server.reports.head import corrections, report_facts, signatures
from server.reports.report import Report, TableHead
from server.spreadsheets.wire import Cell

RowsOf = Callable[[Report, TableHead], AsyncIterator[list[list[Cell]]]]

STYLE = """
@page{size:A4 landscape;margin:14mm 12mm}
*{box-sizing:border-box}html{color-scheme:light}body{margin:0;background:#fff;color:#000;
font:10.5pt/1.5 "Songti SC","SimSun","Noto Serif CJK SC","Noto Serif SC",serif}
main{max-width:273mm;margin:0 auto;padding:8mm 4mm}h1{font-size:18pt;text-align:center;margin:0 0 4mm;font-weight:700}
h2{font-size:12pt;margin:7mm 0 2mm;break-after:avoid}
.head{display:flex;flex-wrap:wrap;gap:1mm 8mm;margin:0 0 3mm;padding:0;list-style:none}.head b{font-weight:700}
.note{border:1px solid #000;padding:1mm 2mm}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}thead{display:table-header-group}
tr{break-inside:avoid}th,td{border:.5pt solid #000;padding:.6mm 1.6mm;text-align:left;overflow-wrap:anywhere}
th{background:#eee;print-color-adjust:exact;-webkit-print-color-adjust:exact}td.n{text-align:right;white-space:nowrap}
ol{padding-left:6mm;margin:0}.sign{display:flex;gap:10mm;margin-top:10mm;break-inside:avoid}.sign span{flex:1;border-bottom:.5pt solid #000;
padding-bottom:1mm}.none{margin:0}
@media print{main{max-width:none;padding:0}}
"""


async def page(report: Report, rows_of: RowsOf) -> AsyncGenerator[str, None]:
    """The page in pieces, a few hundred rows each."""
    yield _head(report)
    for table in report.tables:
        yield f"<h2>{escape(table.title)}</h2>"
        if not table.rows:
            yield '<p class="none">没有记录。</p>'
            continue
        yield f"<table><thead><tr>{''.join(f'<th>{escape(name)}</th>' for name in table.columns)}</tr></thead><tbody>"
        async for rows in rows_of(report, table):
            yield "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)
        yield "</tbody></table>"
    yield _foot(report)


def _cell(cell: Cell) -> str:
    return f'<td class="n">{cell:,}</td>' if isinstance(cell, int) else f"<td>{escape(cell)}</td>"


def _head(report: Report) -> str:
    facts = "".join(f"<li><b>{escape(name)}：</b>{escape(f'{value:,}' if isinstance(value, int) else value)}</li>"
                    for name, value in report_facts(report))
    marks = "".join(f'<p class="note">{escape(text)}</p>' for text in corrections(report))
    return (f'<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{escape(report.number)} {escape(report.title)}</title>'
            f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body><main>'
            f'<h1>{escape(report.title)}</h1><ul class="head">{facts}</ul>{marks}')


def _foot(report: Report) -> str:
    people = "".join(f"<span>{name}：{escape(who)}</span>" for name, who in signatures(report))
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    return f'<h2>口径说明</h2><ol>{notes}</ol><div class="sign">{people}</div></main></body></html>'
