"""The words and shapes of staff accounts, sessions and the audit log, as in `openapi_words.py` and `openapi_shapes.py`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from handlers.openapi_terms import CITIZEN, HTML, NO_STAFF, NO_STAFF_CHANGE, NO_STAFF_FRESH, STAFF, Answer, Words


class StaffSession(Struct):
    """`campaigns` null: all. `needs`: password or second_factor, to be set before anything else."""

    name: str
    role: str
    csrf: str
    campaigns: list[str] | None
    needs: list[str]
    expires_at: str


class SecondStepWanted(Struct):
    """`ways`: totp, recovery, wechat."""

    pending: str
    ways: list[str]


class PhoneCode(Struct):
    """`number`: what the person types on the phone. `picture`: `url` as a QR code, a data: address."""

    url: str
    number: str
    expires_at: str
    picture: str


class TotpSecret(Struct):
    secret: str
    url: str
    picture: str


class RecoveryCodeList(Struct):
    codes: list[str]


class OwnFactors(Struct):
    """`recovery`: how many codes are left."""

    totp: bool
    recovery: int
    wechat: bool


class OwnAccountView(Struct):
    name: str
    role: str
    campaigns: list[str] | None
    needs: list[str]
    signed_in_at: str | None
    second_factor_required: bool
    factors: OwnFactors


class SessionItem(Struct):
    id: str
    opened_at: str
    seen_at: str
    expires_at: str
    address: str
    browser: str
    current: bool


class SessionList(Struct):
    items: list[SessionItem]
    next: str | None


class MemberItem(Struct):
    name: str
    role: str
    campaigns: list[str] | None
    disabled: bool
    must_change_password: bool
    factors: list[str]
    rev: int
    created_at: str
    signed_in_at: str | None


class MemberView(MemberItem):
    locked_until: str | None


class MemberList(Struct):
    items: list[MemberItem]
    next: str | None


class NewMemberView(Struct):
    member: MemberItem
    password: str


class NewPassword(Struct):
    password: str


class FactorSettingView(Struct):
    required: bool


class AuditEntry(Struct):
    seq: int
    at: str
    who: str
    role: str
    action: str
    subject: str
    origin: str
    detail: dict[str, Any]
    before: Any
    after: Any
    hash: str


class AuditEntryList(Struct):
    items: list[AuditEntry]
    next: str | None


SESSION = Answer("账号、角色、CSRF 值、负责的活动，以及必须先完成的设置", StaffSession)
SECOND_STEP = Answer("需要第二验证方式，或手机还没有确认", SecondStepWanted)
NOT_HERS: dict[int, tuple[str, ...]] = {401: ("STAFF_SESSION_MISSING",)}
OWN_CHANGE: dict[int, tuple[str, ...]] = {401: ("STAFF_SESSION_MISSING",), 403: ("CSRF_REFUSED",)}
OWN_FRESH = {**OWN_CHANGE, 403: ("CSRF_REFUSED", "REAUTHENTICATION_NEEDED")}
NO_MEMBER = {404: ("MEMBER_NOT_FOUND",)}
DONE = Answer("已完成")
ME, MEMBERS, MEMBER = "/api/v1/staff/me", "/api/v1/staff/members", "/api/v1/staff/members/{name}"
LOG_QUERY = {"who": "账号", "action": "动作，如 campaign.update", "subject": "对象，如活动的 slug", "since": "起始时间（含），ISO 8601",
             "until": "结束时间（不含），ISO 8601"}


def staff(text: str, answers: dict[int, Answer], refusals: dict[int, tuple[str, ...]], query: dict[str, str] | None = None) -> Words:
    return Words("工作人员", text, answers, refusals, query or {}, needs=STAFF)


WORDS: dict[tuple[str, str], Words] = {
    ("get", "/api/v1/staff/session"): staff("谁已登录", {200: SESSION}, NOT_HERS),
    ("post", "/api/v1/staff/session"): Words(
        "工作人员",
        "登录；账号有第二验证方式时返回 202 与 pending；连续输错会暂停登录",
        {200: SESSION, 202: SECOND_STEP},
        {401: ("SIGN_IN_FAILED",), 422: ("INVALID_BODY",), 429: ("ACCOUNT_LOCKED",), 503: ("BUSY",)},
    ),
    ("delete", "/api/v1/staff/session"): staff("退出", {204: Answer("已退出")}, OWN_CHANGE),
    ("post", "/api/v1/staff/session/second-factor"): Words(
        "工作人员",
        "登录的第二步：验证器、恢复码，或等手机确认（未确认时 202，每 2 秒再问）",
        {200: SESSION, 202: SECOND_STEP},
        {401: ("SECOND_FACTOR_WRONG", "SIGN_IN_EXPIRED"), 422: ("INVALID_BODY",), 429: ("ACCOUNT_LOCKED",)},
    ),
    ("post", "/api/v1/staff/session/second-factor/wechat"): Words(
        "工作人员",
        "请绑定的微信确认这次登录：给出二维码与要在手机上输入的数字",
        {201: Answer("二维码与数字", PhoneCode)},
        {401: ("SIGN_IN_EXPIRED",), 422: ("INVALID_BODY",)},
    ),
    ("post", "/api/v1/staff/session/reauthentication"): staff(
        "再输一次密码；此后十分钟内可以做重要操作", {204: DONE}, {**OWN_CHANGE, 401: ("STAFF_SESSION_MISSING", "SIGN_IN_FAILED"),
                                            429: ("ACCOUNT_LOCKED",)}
    ),
    ("get", ME): staff("我的账号：角色、负责的活动、第二验证方式", {200: Answer("账号", OwnAccountView)}, NOT_HERS),
    ("put", f"{ME}/password"): staff(
        "修改密码；其他登录全部结束，本次登录换用新的 CSRF 值",
        {200: SESSION},
        {**OWN_CHANGE, 401: ("STAFF_SESSION_MISSING", "SIGN_IN_FAILED"), 422: ("WEAK_PASSWORD",), 429: ("ACCOUNT_LOCKED",)},
    ),
    ("post", f"{ME}/totp"): staff("开始设置验证器", {201: Answer("密钥与二维码", TotpSecret)}, OWN_FRESH),
    ("put", f"{ME}/totp"): staff(
        "输入验证器上的数字，验证器生效",
        {204: DONE},
        {**OWN_FRESH, 401: ("STAFF_SESSION_MISSING", "SECOND_FACTOR_WRONG"), 409: ("TOTP_NOT_BEGUN",)},
    ),
    ("delete", f"{ME}/totp"): staff("停用验证器", {204: DONE}, OWN_FRESH),
    ("post", f"{ME}/recovery-codes"): staff("十个新的恢复码，只显示这一次；旧的作废", {201: Answer("恢复码", RecoveryCodeList)}, OWN_FRESH),
    ("post", f"{ME}/wechat"): staff("绑定微信：给出二维码与要在手机上输入的数字", {201: Answer("二维码与数字", PhoneCode)}, OWN_FRESH),
    ("delete", f"{ME}/wechat"): staff("解除微信绑定", {204: DONE}, OWN_FRESH),
    ("get", f"{ME}/sessions"): staff("我在哪里登录着", {200: Answer("登录", SessionList)}, NOT_HERS),
    ("delete", f"{ME}/sessions"): staff("结束其他所有登录", {204: DONE}, OWN_CHANGE),
    ("delete", f"{ME}/sessions/{{id}}"): staff("结束一次登录", {204: DONE}, {**OWN_CHANGE, 404: ("SESSION_NOT_FOUND",)}),
    ("get", MEMBERS): staff("全部工作人员账号", {200: Answer("账号", MemberList)}, NO_STAFF),
    ("post", MEMBERS): staff(
        "新建账号；初始密码只显示这一次，首次登录须修改",
        {201: Answer("账号与初始密码", NewMemberView)},
        {**NO_STAFF_FRESH, 409: ("NAME_TAKEN", "TOO_MANY_MEMBERS"), 422: ("INVALID_BODY",)},
    ),
    ("get", MEMBER): staff("一个账号", {200: Answer("账号", MemberView)}, {**NO_STAFF, **NO_MEMBER}),
    ("put", MEMBER): staff(
        "修改角色、负责的活动，停用或启用；下一次请求即生效",
        {200: Answer("账号", MemberItem)},
        {**NO_STAFF_FRESH, **NO_MEMBER, 409: ("MEMBER_CHANGED", "LAST_ADMIN"), 422: ("INVALID_BODY",)},
    ),
    ("delete", MEMBER): staff("删除账号；审计日志保留", {204: DONE}, {**NO_STAFF_FRESH, **NO_MEMBER, 409: ("DISABLE_FIRST",)}),
    ("post", f"{MEMBER}/password"): staff(
        "重置密码，只显示这一次；所有登录结束", {201: Answer("新密码", NewPassword)}, {**NO_STAFF_FRESH, **NO_MEMBER}
    ),
    ("delete", f"{MEMBER}/second-factor"): staff("清除第二验证方式（手机或恢复码丢失时）", {204: DONE}, {**NO_STAFF_FRESH, **NO_MEMBER}),
    ("delete", f"{MEMBER}/lock"): staff("解除输错密码后的暂停", {204: DONE}, {**NO_STAFF_CHANGE, **NO_MEMBER}),
    ("get", f"{MEMBER}/sessions"): staff("一个账号在哪里登录着", {200: Answer("登录", SessionList)}, {**NO_STAFF, **NO_MEMBER}),
    ("delete", f"{MEMBER}/sessions"): staff("结束一个账号的所有登录", {204: DONE}, {**NO_STAFF_CHANGE, **NO_MEMBER}),
    ("get", "/api/v1/staff/second-factor"): staff(
        "是否要求管理员与审核员设置第二验证方式", {200: Answer("设置", FactorSettingView)}, NO_STAFF
    ),
    ("put", "/api/v1/staff/second-factor"): staff(
        "要求或不要求第二验证方式", {200: Answer("设置", FactorSettingView)}, {**NO_STAFF_FRESH, 422: ("INVALID_BODY",)}
    ),
    ("get", "/api/v1/staff/audit-log"): staff(
        "审计日志，最新的在前；任何人都不能修改。一页可能不满，以 next 为准",
        {200: Answer("一页", AuditEntryList)},
        {**NO_STAFF, 422: ("INVALID_BODY",)},
        {**LOG_QUERY, "cursor": "上一页的 next"},
    ),
    ("get", "/api/v1/staff/audit-log.csv"): staff(
        "导出审计日志（CSV，Excel 可直接打开），至多十万行；导出本身也会记录",
        {200: Answer("表格", media="text/csv")},
        {**NO_STAFF, 403: (*NO_STAFF[403], "REAUTHENTICATION_NEEDED"), 422: ("INVALID_BODY",)},
        LOG_QUERY,
    ),
    ("get", "/staff-phone/{ticket}"): Words(
        "页面", "工作人员用微信扫码后看到的确认页", {200: Answer("网页", media=HTML), 302: Answer("先用微信登录")},
        {403: ("NOT_YOUR_ACCOUNT",), 404: ("TICKET_SPENT",)}, needs=CITIZEN
    ),
    ("post", "/staff-phone/{ticket}"): Words(
        "页面", "确认（带两位数字）或拒绝", {200: Answer("网页", media=HTML)},
        {403: ("NOT_YOUR_ACCOUNT",), 404: ("TICKET_SPENT",), 409: ("NUMBER_WRONG", "WECHAT_BOUND")}, needs=CITIZEN
    ),
}
