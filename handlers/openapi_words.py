"""What people need to know of every verb of the URL table: one line in Chinese, its answers and its refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers.openapi_shapes import (
    Alive,
    Build,
    CampaignList,
    CampaignView,
    Counters,
    JournalList,
    JsSdkSignature,
    Member,
    MiniProgramToken,
    ParticipationRecord,
    Readiness,
    StaffCampaign,
    StaffCampaignList,
    UnitPage,
)
from handlers.participations import SaluteBody

TAGS = {
    "参与": "市民登录、参与活动、查看自己的记录",
    "活动": "活动的公开信息、计数、留言与海报",
    "实时": "大屏与控制台的实时计数",
    "微信": "微信平台回调与网页授权",
    "工作人员": "控制台：编辑、审核、值守、管理",
    "页面": "市民与工作人员看到的网页",
    "运维": "健康检查、版本、指标与接口文档",
}
AUTHORITIES = {
    "citizenToken": {"type": "http", "scheme": "bearer", "description": "市民凭证（小程序）；优先于 Cookie"},
    "citizenCookie": {"type": "apiKey", "in": "cookie", "name": "wenming_citizen", "description": "市民凭证（H5）"},
    "staffCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "wenming_staff",
        "description": "工作人员会话；写操作另需 CSRF 头",
    },
}
CITIZEN = ("citizenToken", "citizenCookie")
STAFF = ("staffCookie",)


@dataclass(frozen=True)
class Answer:
    """A good answer: its meaning and its JSON shape, or the media type of something else."""

    text: str
    shape: Any = None
    media: str = ""


@dataclass(frozen=True)
class Words:
    """One verb of one path. `refusals`: status -> codes. `body`: the request, where the verb does not read it itself."""

    tag: str
    text: str
    answers: dict[int, Answer]
    refusals: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    body: Any = None


HTML = "text/html"
NO_CAMPAIGN = {404: ("CAMPAIGN_NOT_FOUND",)}
NO_TOKEN = {401: ("TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED")}
RECORD = Answer("参与记录：序号与时间永远是第一次的", ParticipationRecord)
SIGNATURE = {403: ("CALLBACK_SIGNATURE_WRONG", "CALLBACK_STALE")}
MESSAGE = {
    400: ("CALLBACK_MALFORMED",),
    403: ("CALLBACK_SIGNATURE_WRONG", "CALLBACK_STALE", "CALLBACK_FOREIGN", "CALLBACK_NOT_ENCRYPTED", "CALLBACK_REPLAYED"),
    413: ("BODY_TOO_LARGE",),
}
NO_STAFF = {401: ("STAFF_SESSION_MISSING",), 403: ("ROLE_REFUSED",)}
NO_STAFF_CHANGE = {401: ("STAFF_SESSION_MISSING",), 403: ("ROLE_REFUSED", "CSRF_REFUSED")}
MEMBER = Answer("账号、角色与 CSRF 值", Member)
STAFF_CAMPAIGN = Answer("活动，包括草稿", StaffCampaign)

WORDS: dict[tuple[str, str], Words] = {
    # 微信
    ("get", "/wechat/official"): Words(
        "微信", "公众号服务器地址校验", {200: Answer("原样返回 echostr", media="text/plain")}, SIGNATURE
    ),
    ("post", "/wechat/official"): Words(
        "微信",
        "公众号消息与事件回调（明文、兼容或安全模式以本系统设置为准）",
        {200: Answer("被动回复或 success", media="text/xml")},
        MESSAGE,
    ),
    ("get", "/wechat/miniprogram"): Words(
        "微信", "小程序服务器地址校验", {200: Answer("原样返回 echostr", media="text/plain")}, SIGNATURE
    ),
    ("post", "/wechat/miniprogram"): Words(
        "微信",
        "小程序消息与事件回调，XML 或 JSON",
        {200: Answer("success", media="text/plain")},
        MESSAGE,
    ),
    ("get", "/MP_verify_{code}.txt"): Words(
        "微信", "业务域名校验文件", {200: Answer("校验内容", media="text/plain")}, {404: ("NOT_FOUND",)}
    ),
    # 参与
    ("get", "/auth/official"): Words(
        "参与",
        "开始网页授权，跳转到微信",
        {302: Answer("跳转")},
        {422: ("INVALID_NEXT", "INVALID_SCOPE")},
        query={"next": "授权后回到的本站地址", "scope": "base 或 userinfo"},
    ),
    ("get", "/auth/official/callback"): Words(
        "参与",
        "授权返回：写入市民 Cookie，跳回不带参数的本站地址",
        {302: Answer("跳转")},
        {401: ("SIGN_IN_FAILED",), 403: ("SIGN_IN_FORBIDDEN",), 503: ("IDENTITY_UNAVAILABLE",)},
        query={"code": "一次性授权码", "state": "与会话绑定的随机值"},
    ),
    ("post", "/api/v1/session/miniprogram"): Words(
        "参与",
        "小程序登录：用 wx.login 的 code 换取凭证",
        {200: Answer("凭证", MiniProgramToken)},
        {401: ("SIGN_IN_FAILED",), 403: ("SIGN_IN_FORBIDDEN",), 422: ("INVALID_BODY",), 503: ("IDENTITY_UNAVAILABLE",)},
    ),
    ("get", "/api/v1/jssdk"): Words(
        "参与",
        "JS-SDK 签名，只为本站地址签名",
        {200: Answer("签名", JsSdkSignature)},
        {403: ("FOREIGN_PAGE",)},
        {"url": "页面完整地址，不含 #"},
    ),
    ("delete", "/api/v1/citizens/me"): Words(
        "参与", "删除我的信息；活动总数不变", {204: Answer("已删除")}, NO_TOKEN, needs=CITIZEN
    ),
    ("post", "/api/v1/campaigns/{slug}/participations"): Words(
        "参与",
        "参与活动；重复提交得到第一次的结果",
        {201: Answer("新参与或新的主题活动", ParticipationRecord), 200: RECORD},
        {
            409: ("CAMPAIGN_NOT_OPEN", "CAMPAIGN_ENDED", "CAMPAIGN_PAUSED", "CAMPAIGN_FROZEN"),
            422: ("UNKNOWN_REGION", "UNKNOWN_ACTIVITY", "UNKNOWN_UNIT", "INVALID_BODY"),
            **NO_TOKEN,
            403: ("VOIDED",),
            **NO_CAMPAIGN,
            413: ("BODY_TOO_LARGE",),
            503: ("BUSY", "SHARD_NOT_READY"),
        },
        needs=CITIZEN,
        body=SaluteBody,
    ),
    ("get", "/api/v1/campaigns/{slug}/participations/me"): Words(
        "参与",
        "我的参与记录；未参与时 404",
        {200: RECORD},
        {**NO_TOKEN, 404: ("CAMPAIGN_NOT_FOUND", "PARTICIPATION_NOT_FOUND")},
        needs=CITIZEN,
    ),
    # 活动
    ("get", "/api/v1/campaigns"): Words("活动", "公开的活动", {200: Answer("列表", CampaignList)}),
    ("get", "/api/v1/campaigns/{slug}"): Words(
        "活动", "一个活动的公开信息；草稿为 404", {200: Answer("活动", CampaignView)}, NO_CAMPAIGN
    ),
    ("get", "/api/v1/campaigns/{slug}/units"): Words(
        "活动",
        "一个区县的单位和学校，分页",
        {200: Answer("一页", UnitPage)},
        NO_CAMPAIGN,
        {"region": "区县代码", "cursor": "上一页的 next"},
    ),
    ("get", "/api/v1/campaigns/{slug}/counters"): Words(
        "活动",
        "计数：总数、主题活动、区县、每分钟；至多晚一秒",
        {200: Answer("计数", Counters)},
        {**NO_CAMPAIGN, 422: ("UNKNOWN_PERIOD", "INVALID_BODY"), 503: ("STORE_UNAVAILABLE",)},
        {"period": "期，all 或 YYYYMMDD；默认当前一期", "from": "起始分钟（含）", "to": "结束分钟（不含）"},
    ),
    ("get", "/api/v1/campaigns/{slug}/messages"): Words(
        "活动", "已审核的留言", {200: Answer("列表")}, NO_CAMPAIGN, {"cursor": "上一页的 next"}
    ),
    ("post", "/api/v1/campaigns/{slug}/messages"): Words(
        "活动",
        "留言：预设寄语立即通过，自己的话等待审核；每人每期一条",
        {201: Answer("已通过"), 202: Answer("等待审核")},
        {
            **NO_TOKEN,
            **NO_CAMPAIGN,
            409: ("MESSAGE_ALREADY_LEFT", "NOT_A_PARTICIPANT", "MESSAGE_NOT_TAKEN", "MESSAGES_CLOSED", "OWN_WORDS_OFF"),
            422: ("INVALID_BODY", "UNKNOWN_PRESET"),
        },
        needs=CITIZEN,
    ),
    ("post", "/api/v1/campaigns/{slug}/visits"): Words("活动", "记一次访问，按渠道", {204: Answer("已记")}, NO_CAMPAIGN),
    ("get", "/api/v1/campaigns/{slug}/posters/me.jpg"): Words(
        "活动",
        "我的纪念证书，750×1334",
        {200: Answer("海报", media="image/jpeg")},
        {**NO_TOKEN, 404: ("CAMPAIGN_NOT_FOUND", "PARTICIPATION_NOT_FOUND"), 503: ("POSTER_BUSY",)},
        needs=CITIZEN,
    ),
    # 实时
    ("get", "/live/campaigns/{slug}"): Words(
        "实时",
        "WebSocket：先发 snapshot，之后是编号的 delta（变化项的新绝对值），无变化时每 10 秒一次 heartbeat",
        {101: Answer("升级为 WebSocket")},
        {400: ("UPGRADE_REQUIRED",), 403: ("ORIGIN_REFUSED",), **NO_CAMPAIGN, 503: ("LIVE_FULL",)},
    ),
    # 工作人员
    ("get", "/api/v1/staff/session"): Words("工作人员", "谁已登录", {200: MEMBER}, NO_STAFF, needs=STAFF),
    ("post", "/api/v1/staff/session"): Words(
        "工作人员",
        "登录；连续输错会锁定账号",
        {200: MEMBER},
        {401: ("SIGN_IN_FAILED",), 422: ("INVALID_BODY",), 429: ("ACCOUNT_LOCKED",)},
    ),
    ("delete", "/api/v1/staff/session"): Words("工作人员", "退出", {204: Answer("已退出")}, NO_STAFF_CHANGE, needs=STAFF),
    ("get", "/api/v1/staff/campaigns"): Words(
        "工作人员", "全部活动，包括草稿", {200: Answer("列表", StaffCampaignList)}, NO_STAFF, needs=STAFF
    ),
    ("post", "/api/v1/staff/campaigns"): Words(
        "工作人员",
        "新建活动草稿",
        {201: STAFF_CAMPAIGN},
        {**NO_STAFF_CHANGE, 409: ("SLUG_TAKEN",), 422: ("INVALID_BODY",)},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/campaigns/{slug}"): Words(
        "工作人员", "一个活动，包括草稿", {200: STAFF_CAMPAIGN}, {**NO_STAFF, **NO_CAMPAIGN}, needs=STAFF
    ),
    ("put", "/api/v1/staff/campaigns/{slug}"): Words(
        "工作人员",
        "修改活动；发布后统计口径不能再改",
        {200: STAFF_CAMPAIGN},
        {**NO_STAFF_CHANGE, **NO_CAMPAIGN, 409: ("CAMPAIGN_FIXED", "CAMPAIGN_CHANGED"), 422: ("INVALID_BODY",)},
        needs=STAFF,
    ),
    ("put", "/api/v1/staff/campaigns/{slug}/state"): Words(
        "工作人员",
        "推进活动状态：发布、开始、暂停、截止、归档",
        {200: STAFF_CAMPAIGN},
        {
            **NO_STAFF_CHANGE,
            **NO_CAMPAIGN,
            409: ("CAMPAIGN_CHANGED", "NOT_READY_TO_OPEN", "STILL_COUNTING"),
            422: ("UNKNOWN_STATE",),
        },
        needs=STAFF,
    ),
    ("post", "/api/v1/staff/campaigns/{slug}/places"): Words(
        "工作人员",
        "导入区县或单位（CSV），也可以只预演",
        {200: Answer("导入结果")},
        {**NO_STAFF_CHANGE, **NO_CAMPAIGN, 413: ("BODY_TOO_LARGE",), 422: ("INVALID_BODY",)},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/campaigns/{slug}/messages"): Words(
        "工作人员",
        "等待审核的留言，最早的在前",
        {200: Answer("列表")},
        {**NO_STAFF, **NO_CAMPAIGN},
        {"cursor": "上一页的 next"},
        needs=STAFF,
    ),
    ("put", "/api/v1/staff/campaigns/{slug}/messages/{id}"): Words(
        "工作人员",
        "通过或退回一条留言",
        {200: Answer("结果")},
        {**NO_STAFF_CHANGE, 404: ("CAMPAIGN_NOT_FOUND", "MESSAGE_NOT_FOUND")},
        needs=STAFF,
    ),
    ("post", "/api/v1/staff/campaigns/{slug}/voids"): Words(
        "工作人员",
        "作废一次参与，写明原因；所有总数随之减少",
        {200: Answer("结果")},
        {**NO_STAFF_CHANGE, 404: ("CAMPAIGN_NOT_FOUND", "PARTICIPATION_NOT_FOUND"), 422: ("REASON_MISSING",)},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/campaigns/{slug}/journals"): Words(
        "工作人员",
        "日志流：待入账的变更、入账速度、内存与告警；MongoDB 拒绝的变更与冲突",
        {200: Answer("各分片的日志流", JournalList)},
        {**NO_STAFF, **NO_CAMPAIGN},
        needs=STAFF,
    ),
    # 运维
    ("get", "/healthz"): Words("运维", "进程存活；不访问任何存储", {200: Answer("存活", Alive)}),
    ("get", "/readyz"): Words(
        "运维", "存储可用；细节只给本机与可信网络", {200: Answer("可用", Readiness), 503: Answer("不可用", Readiness)}
    ),
    ("get", "/version"): Words("运维", "版本与提交", {200: Answer("版本", Build)}),
    ("get", "/metrics"): Words(
        "运维", "Prometheus 指标，只给本机与可信网络", {200: Answer("指标", media="text/plain")}, {404: ("NOT_FOUND",)}
    ),
    ("get", "/openapi.json"): Words(
        "运维", "本文档的机器可读形式（OpenAPI 3.1）", {200: Answer("文档", media="application/json")}
    ),
    ("get", "/docs"): Words("运维", "接口文档", {200: Answer("网页", media=HTML)}),
    # 页面
    ("get", "/"): Words("页面", "首页", {200: Answer("网页", media=HTML)}),
    ("get", "/c/{slug}"): Words("页面", "活动页", {200: Answer("网页", media=HTML)}, NO_CAMPAIGN),
    ("get", "/s/{code}"): Words("页面", "短链接，海报二维码指向这里", {302: Answer("跳转")}, {404: ("NOT_FOUND",)}),
    ("get", "/screen/{slug}"): Words("页面", "活动大屏", {200: Answer("网页", media=HTML)}, NO_CAMPAIGN),
    ("get", "/console"): Words("页面", "工作人员控制台", {200: Answer("网页", media=HTML)}),
    ("get", "/static/{path}"): Words("页面", "脚本、样式与图片", {200: Answer("文件")}, {404: ("NOT_FOUND",)}),
}
