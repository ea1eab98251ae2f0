"""The words and shapes of reports, exports and files of places, as in `openapi_words.py` and `openapi_shapes.py`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from handlers.openapi_terms import HTML, NO_CAMPAIGN, NO_STAFF, NO_STAFF_CHANGE, STAFF, Answer, Words
from handlers.streams import CSV, XLSX
from server.reports import ReportSettings
from server.reports.report import TableHead


class ReportView(Struct):
    number: str
    campaign: str
    title: str
    kind: str
    by: str
    at: str
    state: str
    state_name: str
    settings: ReportSettings
    first_day: str
    last_day: str
    corrects: str
    corrected_by: str
    reason: str
    as_of: str | None
    made_at: str | None
    persons: int
    times: int
    group_reported: int
    notes: list[str]
    tables: list[TableHead]
    problem: str


class ReportList(Struct):
    items: list[ReportView]
    next: str | None


class ReportTable(Struct):
    name: str
    title: str
    columns: list[str]
    rows: int
    items: list[list[str | int]]
    next: str | None


class UnitReport(Struct):
    unit: str
    name: str
    region: str
    period: str
    number: str
    as_of: str
    columns: list[str]
    rows: list[list[str | int]]
    notes: list[str]
    participants_now: int | None


class ExportView(Struct):
    id: str
    campaign: str
    format: str
    reason: str
    asked_by: str
    asked_at: str
    region: str
    first_day: str
    last_day: str
    state: str
    state_name: str
    decided_by: str
    decided_at: str | None
    rows: int
    rows_done: int
    size_bytes: int
    ready_at: str | None
    kept_until: str | None
    file_name: str
    problem: str


class ExportList(Struct):
    items: list[ExportView]
    next: str | None


class PlaceFileResult(Struct):
    rows: int
    errors: list[dict[str, Any]]
    errors_total: int
    imported: int
    headers: list[str]
    columns: dict[str, str]


CAMPAIGN = "/api/v1/staff/campaigns/{slug}"
REPORT, EXPORT = "/api/v1/staff/reports/{number}", "/api/v1/staff/exports/{id}"
CURSOR = {"cursor": "上一页的 next"}
NO_REPORT = {404: ("REPORT_NOT_FOUND",), 409: ("REPORT_NOT_MADE",)}
NO_WORKER = {503: ("REPORTS_BUSY", "REPORT_UNAVAILABLE")}
NO_UNIT = {404: ("CAMPAIGN_NOT_FOUND", "UNKNOWN_UNIT", "REPORT_NOT_FOUND"), 422: ("INVALID_BODY",)}
PERIOD = {"period": "all，或 20261001 这样的日期"}
EXPORT_STATE = Answer("导出", ExportView)

WORDS: dict[tuple[str, str], Words] = {
    ("post", f"{CAMPAIGN}/places/file"): Words(
        "工作人员",
        "导入区县或单位：CSV（UTF-8、GB18030）或 XLSX 文件作为请求正文，列名不同时用 code=学校标识码 这样的参数指定；有错误则一行也不导入",
        {200: Answer("导入结果：错误按行号、列名", PlaceFileResult)},
        {**NO_STAFF_CHANGE, **NO_CAMPAIGN, 413: ("BODY_TOO_LARGE",), 422: ("INVALID_BODY",), **NO_WORKER},
        {"kind": "regions 或 units", "dry_run": "1 只预演", "code": "代码列的列名", "name": "名称列的列名",
         "region": "单位所属区县列的列名（填代码或名称）", "initials": "拼音首字母列的列名", "parent": "上级代码列的列名",
         "order": "排序列的列名", "population": "人口列的列名"},
        needs=STAFF,
    ),
    ("get", f"{CAMPAIGN}/report-settings"): Words(
        "工作人员", "报表设置：填报单位、填表人、口径补充、每日生成时间、是否列出无人参与的单位（默认不列）",
        {200: Answer("设置", ReportSettings)}, {**NO_STAFF, **NO_CAMPAIGN}, needs=STAFF
    ),
    ("put", f"{CAMPAIGN}/report-settings"): Words(
        "工作人员",
        "替换报表设置；rev 是看到的版本，已生成的报表不变",
        {200: Answer("设置", ReportSettings)},
        {**NO_STAFF_CHANGE, **NO_CAMPAIGN, 409: ("REPORT_SETTINGS_CHANGED",), 422: ("INVALID_BODY",)},
        needs=STAFF,
    ),
    ("get", f"{CAMPAIGN}/reports"): Words(
        "工作人员", "统计报表，最新的在前", {200: Answer("列表", ReportList)}, {**NO_STAFF, **NO_CAMPAIGN}, CURSOR, needs=STAFF
    ),
    ("post", f"{CAMPAIGN}/reports"): Words(
        "工作人员",
        "申请一份统计报表，或更正一份；编号立即给出，数字由后台统计后固定不变",
        {202: Answer("报表", ReportView)},
        {**NO_STAFF_CHANGE, 404: ("CAMPAIGN_NOT_FOUND", "REPORT_NOT_FOUND"),
         409: ("REPORT_NOT_MADE", "REPORT_CORRECTED", "REPORTS_CONTENDED"), 422: ("INVALID_BODY", "REASON_MISSING")},
        needs=STAFF,
    ),
    ("get", REPORT): Words(
        "工作人员", "一份报表：状态、合计、有哪些表", {200: Answer("报表", ReportView)}, {**NO_STAFF, 404: ("REPORT_NOT_FOUND",)},
        needs=STAFF,
    ),
    ("get", f"{REPORT}/tables/{{table}}"): Words(
        "工作人员",
        "报表里的一张表（regions、units、hours、activities、channels），分部分取",
        {200: Answer("行", ReportTable)},
        {**NO_STAFF, 404: ("REPORT_NOT_FOUND", "REPORT_TABLE_NOT_FOUND"), 409: ("REPORT_NOT_MADE",), 422: ("INVALID_BODY",)},
        CURSOR,
        needs=STAFF,
    ),
    ("get", f"{REPORT}/print"): Words(
        "工作人员", "报表的打印页（A4）", {200: Answer("网页", media=HTML)}, {**NO_STAFF, **NO_REPORT}, needs=STAFF
    ),
    ("get", f"{REPORT}.xlsx"): Words(
        "工作人员", "报表的 XLSX 文件", {200: Answer("文件", media=XLSX)}, {**NO_STAFF, **NO_REPORT, **NO_WORKER}, needs=STAFF
    ),
    ("get", f"{CAMPAIGN}/units/{{unit}}/report"): Words(
        "工作人员", "一个单位自己的每日数字，取自最近一份报表", {200: Answer("数字", UnitReport)}, {**NO_STAFF, **NO_UNIT}, PERIOD,
        needs=STAFF,
    ),
    ("get", f"{CAMPAIGN}/units/{{unit}}/report.xlsx"): Words(
        "工作人员", "一个单位自己的每日数字，XLSX 文件", {200: Answer("文件", media=XLSX)}, {**NO_STAFF, **NO_UNIT, **NO_WORKER}, PERIOD,
        needs=STAFF,
    ),
    ("get", f"{CAMPAIGN}/exports"): Words(
        "工作人员", "明细导出，最新的在前", {200: Answer("列表", ExportList)}, {**NO_STAFF, **NO_CAMPAIGN}, CURSOR, needs=STAFF
    ),
    ("post", f"{CAMPAIGN}/exports"): Words(
        "工作人员",
        "申请导出参与明细并写明用途；须由另一位管理员或审计人员同意后才生成",
        {201: EXPORT_STATE},
        {**NO_STAFF_CHANGE, **NO_CAMPAIGN, 422: ("INVALID_BODY", "REASON_MISSING", "UNKNOWN_REGION")},
        needs=STAFF,
    ),
    ("get", EXPORT): Words(
        "工作人员", "导出进度：已写行数与总行数", {200: EXPORT_STATE}, {**NO_STAFF, 404: ("EXPORT_NOT_FOUND",)}, needs=STAFF
    ),
    ("put", f"{EXPORT}/consent"): Words(
        "工作人员",
        "第二人同意或不同意导出",
        {200: EXPORT_STATE},
        {401: ("STAFF_SESSION_MISSING",), 403: ("ROLE_REFUSED", "CSRF_REFUSED", "SECOND_PERSON_NEEDED"), 404: ("EXPORT_NOT_FOUND",),
         409: ("EXPORT_DECIDED",), 422: ("INVALID_BODY",)},
        needs=STAFF,
    ),
    ("get", f"{EXPORT}/file"): Words(
        "工作人员",
        "下载导出的文件（XLSX 或 CSV），保留七天；每次下载记入审计日志",
        {200: Answer("文件", media=CSV.partition(";")[0])},
        {401: ("STAFF_SESSION_MISSING",), 403: ("ROLE_REFUSED", "EXPORT_NOT_YOURS"), 404: ("EXPORT_NOT_FOUND",),
         409: ("EXPORT_NOT_READY",)},
        needs=STAFF,
    ),
}
