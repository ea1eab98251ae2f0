"""The words and shapes of schools, teachers and group reports, as in `openapi_words.py` and `openapi_shapes.py`."""

from __future__ import annotations

from msgspec import Struct, field

from handlers.openapi_terms import HTML, NO_CAMPAIGN, NO_STAFF, NO_STAFF_CHANGE, NO_STAFF_FRESH, STAFF, Answer, Words
from handlers.streams import XLSX


class SchoolView(Struct):
    unit: str
    name: str
    region: str
    url: str
    teacher_url: str
    class_mode_url: str
    turn: int
    code_changed_at: str | None
    code_expires_at: str


class SchoolList(Struct):
    items: list[SchoolView]
    next: str | None


class TeacherView(Struct):
    id: str
    citizen: str
    authorised_at: str
    revoked_at: str | None
    in_force: bool


class GroupEntryView(Struct):
    no: int
    kind: str
    kind_name: str
    people: int
    at: str
    by: str
    reason: str


class GroupReportView(Struct):
    unit: str
    name: str
    region: str
    day: str
    klass: str = field(name="class")
    class_name: str = ""
    people: int = 0
    void: bool = False
    at: str = ""
    no: int = 0
    history: list[GroupEntryView] = []


class GroupReportList(Struct):
    items: list[GroupReportView]
    next: str | None


class OneSchoolView(SchoolView):
    picture: str
    teacher_picture: str
    teachers: list[TeacherView]
    participants: int | None
    group_reported: int
    grades: dict[str, str]
    reports: list[GroupReportView]


class ClassLinkView(Struct):
    klass: str = field(name="class")
    class_name: str = ""
    url: str = ""
    picture: str = ""


class GroupVoided(Struct):
    voided: int


_ONE = "/api/v1/staff/campaigns/{slug}"
_SCHOOL = f"{_ONE}/schools/{{unit}}"
_TEACHER = "/teacher/{slug}/{unit}"
_NO_UNIT = {404: ("CAMPAIGN_NOT_FOUND", "UNKNOWN_UNIT")}
_NO_TEACHER = {401: ("TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED"), 403: ("NOT_YOUR_SCHOOL",), **_NO_UNIT}
_LIST = {"region": "区县代码", "q": "名称、拼音首字母或代码的一部分", "cursor": "上一页给出的 next"}

WORDS: dict[tuple[str, str], Words] = {
    ("get", f"{_ONE}/schools"): Words("工作人员", "学校和单位及其链接，按区县和名称", {200: Answer("一页学校", SchoolList)},
                                      {**NO_STAFF, 404: ("CAMPAIGN_NOT_FOUND", "UNKNOWN_REGION"), 422: ("QUERY_TOO_LONG",)}, _LIST, STAFF),
    ("get", _SCHOOL): Words("工作人员", "一所学校：链接与二维码、授权的老师（编号已遮盖）、本校数字", {200: Answer("学校", OneSchoolView)},
                            {**NO_STAFF, **_NO_UNIT}, needs=STAFF),
    ("get", f"{_SCHOOL}/classes/{{class}}"): Words(
        "工作人员", "班级链接与二维码；班级只有年级和班号，如 p3-2", {200: Answer("班级链接", ClassLinkView)},
        {**NO_STAFF, **_NO_UNIT, 422: ("UNKNOWN_CLASS",)}, needs=STAFF),
    ("post", f"{_SCHOOL}/code"): Words("工作人员", "换一个授权码，旧信作废；可同时请出用旧码进来的老师", {200: Answer("学校", SchoolView)},
                                       {**NO_STAFF_FRESH, **_NO_UNIT, 409: ("SCHOOL_CODE_CHANGED",), 422: ("INVALID_BODY",)}, needs=STAFF),
    ("delete", f"{_SCHOOL}/teachers/{{id}}"): Words("工作人员", "撤销一位老师的授权；她报过的人数不变", {204: Answer("已撤销")},
                                                    {**NO_STAFF_CHANGE, 404: (*_NO_UNIT[404], "TEACHER_NOT_FOUND")}, needs=STAFF),
    ("get", f"{_ONE}/school-letters"): Words(
        "工作人员", "致学校的信，含授权码，每封一页 A4，一次最多 100 封", {200: Answer("网页", media=HTML)},
        {**NO_STAFF, 404: ("CAMPAIGN_NOT_FOUND", "UNKNOWN_REGION", "UNKNOWN_UNIT"), 422: ("QUERY_TOO_LONG",)},
        {**_LIST, "unit": "只要这一所学校"}, STAFF),
    ("get", f"{_ONE}/group-reports"): Words(
        "工作人员", "集体上报，日期新的在前，含更正与作废的经过", {200: Answer("一页上报", GroupReportList)}, {**NO_STAFF, **_NO_UNIT},
        {"unit": "只看一所学校", "cursor": "上一页给出的 next"}, STAFF),
    ("post", f"{_ONE}/group-reports/voids"): Words(
        "工作人员", "作废一个班一天的上报，写明原因；之后这个班可以重新上报", {200: Answer("作废的人数", GroupVoided)},
        {**NO_STAFF_FRESH, 404: ("CAMPAIGN_NOT_FOUND", "GROUP_REPORT_NOT_FOUND"),
         422: ("INVALID_BODY", "REASON_MISSING", "UNKNOWN_CLASS"), 503: ("GROUP_REPORT_BUSY",)}, needs=STAFF),
    ("get", "/s/{link}"): Words("页面", "学校的链接：打开活动页并填好学校", {302: Answer("跳转")},
                                {404: ("LINK_NOT_FOUND", "UNKNOWN_UNIT")}),
    ("get", "/s/{link}/{class}"): Words("页面", "班级的链接，不留姓名、留言和照片", {302: Answer("跳转")},
                                        {404: ("LINK_NOT_FOUND", "UNKNOWN_UNIT"), 422: ("UNKNOWN_CLASS",)}),
    ("get", "/class/{slug}"): Words("页面", "课堂升旗，给教室大屏，不用登录，打开以后断网可用", {200: Answer("网页", media=HTML)},
                                    NO_CAMPAIGN, {"u": "学校代码"}),
    ("get", "/teacher/{slug}"): Words(
        "页面", "老师上报的入口：微信登录，输入学校的授权码", {200: Answer("网页", media=HTML), 302: Answer("去登录或本校")}, NO_CAMPAIGN,
        {"u": "学校代码"}),
    ("post", "/teacher/{slug}"): Words(
        "页面", "用学校的授权码取得上报和查看本校数字的授权", {303: Answer("本校的页面")},
        {401: ("TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED"),
         403: ("SCHOOL_CODE_WRONG", "SCHOOL_CODE_EXPIRED", "TEACHER_REVOKED"), **_NO_UNIT, 409: ("TOO_MANY_TEACHERS",),
         413: ("BODY_TOO_LARGE",), 429: ("SCHOOL_CODE_TRIED_TOO_OFTEN", "SCHOOL_CODE_BUSY")}),
    ("get", _TEACHER): Words("页面", "本校的页面：上报、更正、本校数字", {200: Answer("网页", media=HTML), 302: Answer("去登录")},
                             _NO_TEACHER),
    ("post", _TEACHER): Words(
        "页面", "上报或更正一个班的人数，重复提交不会重复计算", {303: Answer("本校的页面")},
        {**_NO_TEACHER, 409: ("CLASS_REPORTED", "CLASS_REPORTED_BY_YOU", "CORRECTION_LATE", "GROUP_REPORT_CHANGED", "SCHOOL_DAY_FULL",
                              "CAMPAIGN_NOT_OPEN", "CAMPAIGN_PAUSED", "CAMPAIGN_ENDED"), 413: ("BODY_TOO_LARGE",),
         422: ("UNKNOWN_CLASS", "PEOPLE_OUT_OF_BOUNDS", "DAY_OUT_OF_BOUNDS"), 503: ("GROUP_REPORT_BUSY",)}),
    ("get", f"{_TEACHER}/print"): Words("页面", "本校数字，打印用 A4", {200: Answer("网页", media=HTML)}, _NO_TEACHER),
    ("get", f"{_TEACHER}/figures.xlsx"): Words("页面", "本校数字的表格", {200: Answer("文件", media=XLSX)},
                                               {**_NO_TEACHER, 503: ("REPORTS_BUSY", "REPORT_UNAVAILABLE")}),
}
