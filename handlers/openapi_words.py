"""What people need to know of every verb of the URL table: one line in Chinese, its answers and its refusals."""

from __future__ import annotations

from dataclasses import replace

from handlers import (
    openapi_articles,
    openapi_ballots,
    openapi_blocks,
    openapi_bulletins,
    openapi_desk,
    openapi_followers,
    openapi_health,
    openapi_media,
    openapi_messages,
    openapi_miniprogram,
    openapi_operations,
    openapi_promotion,
    openapi_quizzes,
    openapi_releases,
    openapi_reports,
    openapi_review_posters,
    openapi_reviewing,
    openapi_schools,
    openapi_staff,
    openapi_switches,
    openapi_walls,
)
from handlers.openapi_shapes import (
    AccountList,
    Alive,
    Build,
    CampaignList,
    CampaignTemplateList,
    CampaignView,
    Counters,
    FailedRequestView,
    HeldMenu,
    JournalList,
    JsSdkSignature,
    LinkList,
    LinkUse,
    LinkView,
    MenuVersion,
    MenuVersionList,
    MiniProgramToken,
    QuotaCleared,
    QuotaList,
    ReachabilityView,
    Readiness,
    ReplyRule,
    ReplyRuleList,
    SceneList,
    SceneUse,
    SceneView,
    StaffCampaign,
    StaffCampaignList,
    UnitPage,
)
from handlers.openapi_terms import (
    CITIZEN,
    HTML,
    NO_ACCOUNT,
    NO_CAMPAIGN,
    NO_STAFF,
    NO_STAFF_CHANGE,
    NO_STAFF_FRESH,
    NO_TOKEN,
    STAFF,
    Answer,
    Words,
)
from handlers.participations import ParticipationRecord
from server.counting import Ask
from server.words import WordList

RECORD = Answer("参与记录：序号与时间永远是第一次的", ParticipationRecord)
SIGNATURE = {403: ("CALLBACK_SIGNATURE_WRONG", "CALLBACK_STALE")}
MESSAGE = {
    400: ("CALLBACK_MALFORMED",),
    403: ("CALLBACK_SIGNATURE_WRONG", "CALLBACK_STALE", "CALLBACK_FOREIGN", "CALLBACK_NOT_ENCRYPTED", "CALLBACK_REPLAYED"),
    413: ("BODY_TOO_LARGE",),
}
LINK_USE = Answer("指向与每天的次数", LinkUse)
RULE_WRONG = ("INVALID_BODY", "EXPRESSION_WRONG", "EXPRESSIONS_TOO_LARGE", "UNKNOWN_ACCOUNT", "MATERIAL_UNKNOWN", "MATERIAL_TYPE_WRONG",
              "MATERIAL_TEMPORARY")
RULE = Answer("回复规则", ReplyRule)
STAFF_CAMPAIGN = Answer("活动，包括草稿", StaffCampaign)

WORDS: dict[tuple[str, str], Words] = {
    # 微信
    ("get", "/wechat/{role}"): Words(
        "微信", "主公众号、主小程序的服务器地址校验", {200: Answer("原样返回 echostr", media="text/plain")}, {**SIGNATURE, **NO_ACCOUNT}
    ),
    ("post", "/wechat/{role}"): Words(
        "微信",
        "消息与事件回调，XML 或 JSON（明文、兼容或安全模式以本系统设置为准）",
        {200: Answer("被动回复或 success", media="text/xml")},
        {**MESSAGE, **NO_ACCOUNT},
    ),
    ("get", "/wechat/{role}/{appid}"): Words(
        "微信", "其他账号的服务器地址校验", {200: Answer("原样返回 echostr", media="text/plain")}, {**SIGNATURE, **NO_ACCOUNT}
    ),
    ("post", "/wechat/{role}/{appid}"): Words(
        "微信",
        "其他账号的消息与事件回调",
        {200: Answer("被动回复或 success", media="text/xml")},
        {**MESSAGE, **NO_ACCOUNT},
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
            409: ("CAMPAIGN_NOT_OPEN", "CAMPAIGN_ENDED", "CAMPAIGN_PAUSED", "CAMPAIGN_FROZEN", "DELETED_BEFORE"),
            422: ("UNKNOWN_REGION", "UNKNOWN_ACTIVITY", "UNKNOWN_UNIT", "INVALID_BODY"),
            **NO_TOKEN,
            403: ("VOIDED",),
            **NO_CAMPAIGN,
            413: ("BODY_TOO_LARGE",),
            503: ("BUSY", "SHARD_NOT_READY", "MAINTENANCE"),
        },
        needs=CITIZEN,
        body=Ask,
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
    ("get", "/api/v1/staff/campaigns"): Words(
        "工作人员", "全部活动，包括草稿", {200: Answer("列表", StaffCampaignList)}, NO_STAFF, needs=STAFF
    ),
    ("post", "/api/v1/staff/campaigns"): Words(
        "工作人员",
        "新建活动草稿；template 写模板代码时，活动的内容照模板，只需代码、起止时间，标题与页脚可另写",
        {201: STAFF_CAMPAIGN},
        {**NO_STAFF_CHANGE, 409: ("SLUG_TAKEN",), 422: ("UNKNOWN_TEMPLATE", "RULES_WRONG", "INVALID_BODY")},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/campaign-templates"): Words(
        "工作人员", "新活动可以照着开始的模板，每种活动类型至少一个", {200: Answer("列表", CampaignTemplateList)}, NO_STAFF, needs=STAFF
    ),
    ("get", "/api/v1/staff/campaigns/{slug}"): Words(
        "工作人员", "一个活动，包括草稿", {200: STAFF_CAMPAIGN}, {**NO_STAFF, **NO_CAMPAIGN}, needs=STAFF
    ),
    ("put", "/api/v1/staff/campaigns/{slug}"): Words(
        "工作人员",
        "修改活动；发布后统计口径不能再改",
        {200: STAFF_CAMPAIGN},
        {**NO_STAFF_CHANGE, **NO_CAMPAIGN, 409: ("CAMPAIGN_FIXED", "CAMPAIGN_CHANGED", "REVIEW_REQUIRED"),
         422: ("RULES_WRONG", "INVALID_BODY")},
        needs=STAFF,
    ),
    ("put", "/api/v1/staff/campaigns/{slug}/state"): Words(
        "工作人员",
        "推进活动状态：发布、开始、暂停、截止、归档",
        {200: STAFF_CAMPAIGN},
        {
            **NO_STAFF_CHANGE,
            **NO_CAMPAIGN,
            409: ("CAMPAIGN_CHANGED", "NOT_READY_TO_OPEN", "REVIEW_REQUIRED", "STILL_COUNTING"),
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
    ("post", "/api/v1/staff/campaigns/{slug}/voids"): Words(
        "工作人员",
        "作废一次参与，写明原因；所有总数随之减少",
        {200: Answer("结果")},
        {**NO_STAFF_FRESH, 404: ("CAMPAIGN_NOT_FOUND", "PARTICIPATION_NOT_FOUND"), 422: ("REASON_MISSING",)},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/campaigns/{slug}/journals"): Words(
        "工作人员",
        "日志流：待入账的变更、入账速度、内存与告警；MongoDB 拒绝的变更与冲突",
        {200: Answer("各分片的日志流", JournalList)},
        {**NO_STAFF, **NO_CAMPAIGN},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts"): Words(
        "工作人员", "本系统接入的公众号与小程序，主账号在前", {200: Answer("账号", AccountList)}, NO_STAFF, needs=STAFF
    ),
    ("get", "/api/v1/staff/accounts/{appid}/menus"): Words(
        "工作人员", "公众号菜单的各个版本，最新的在前", {200: Answer("版本", MenuVersionList)}, {**NO_STAFF, **NO_ACCOUNT}, needs=STAFF
    ),
    ("post", "/api/v1/staff/accounts/{appid}/menus"): Words(
        "工作人员",
        "保存菜单的新版本；发布之前没有人看到",
        {201: Answer("版本", MenuVersion)},
        {**NO_STAFF_CHANGE, **NO_ACCOUNT, 409: ("MENU_BUSY",),
         422: ("INVALID_BODY", "TOO_MANY_BUTTONS", "NAME_MISSING", "NAME_TOO_LONG", "MATERIAL_UNKNOWN", "MATERIAL_TEMPORARY")},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts/{appid}/menus/held"): Words(
        "工作人员",
        "微信现在显示的菜单；给出 number 时，还有发布那个版本会带来的变化",
        {200: Answer("菜单与变化", HeldMenu)},
        {**NO_STAFF, 404: ("ACCOUNT_NOT_FOUND", "MENU_NOT_FOUND"), 422: ("INVALID_BODY",), 503: ("WECHAT_UNREACHABLE",)},
        {"number": "版本号"},
        needs=STAFF,
    ),
    ("put", "/api/v1/staff/accounts/{appid}/menus/held"): Words(
        "工作人员",
        "发布一个版本，也可以是旧版本（回退）",
        {200: Answer("已发布的版本", MenuVersion)},
        {**NO_STAFF_CHANGE, 404: ("ACCOUNT_NOT_FOUND", "MENU_NOT_FOUND"), 409: ("MENU_BUSY",), 503: ("WECHAT_UNREACHABLE",)},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts/{appid}/quotas"): Words(
        "工作人员",
        "各接口今天的调用额度；shut 表示额度用完、本系统已停止调用",
        {200: Answer("额度", QuotaList)},
        {**NO_STAFF, **NO_ACCOUNT, 503: ("WECHAT_UNREACHABLE", "WECHAT_MISCONFIGURED")},
        needs=STAFF,
    ),
    ("post", "/api/v1/staff/accounts/{appid}/quotas/clear"): Words(
        "工作人员",
        "手动清零全部接口的调用次数：每月只有 10 次，confirm 须再写一遍 AppID；系统从不自动清零",
        {200: Answer("已清零，用 access_token 或 AppSecret", QuotaCleared)},
        {
            **NO_STAFF_CHANGE,
            **NO_ACCOUNT,
            409: ("WECHAT_CLEARS_SPENT",),
            422: ("INVALID_BODY", "CONFIRMATION_MISSING"),
            503: ("WECHAT_UNREACHABLE", "WECHAT_MISCONFIGURED"),
        },
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts/{appid}/quotas/requests/{rid}"): Words(
        "工作人员",
        "微信拒绝的一次请求错在哪里（7 天内，按错误信息里的 rid）；openid、凭证与电话已遮盖",
        {200: Answer("请求", FailedRequestView)},
        {**NO_STAFF, **NO_ACCOUNT, 502: ("WECHAT_REFUSED",), 503: ("WECHAT_UNREACHABLE",)},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts/{appid}/reachability"): Words(
        "工作人员",
        "微信能否找到回调地址（域名解析与 ping），以及微信使用的地址",
        {200: Answer("连通", ReachabilityView)},
        {**NO_STAFF, **NO_ACCOUNT, 502: ("WECHAT_REFUSED",), 503: ("WECHAT_UNREACHABLE",)},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/words"): Words(
        "工作人员", "词库：禁止公开的词语，与需要审核员留意的词语", {200: Answer("词库", WordList)}, NO_STAFF, needs=STAFF
    ),
    ("put", "/api/v1/staff/words"): Words(
        "工作人员",
        "替换词库；rev 是看到的版本",
        {200: Answer("词库", WordList)},
        {**NO_STAFF_CHANGE, 409: ("WORDS_CHANGED",), 413: ("BODY_TOO_LARGE",), 422: ("INVALID_BODY", "TOO_MANY_WORDS", "WORD_WRONG")},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/links"): Words("工作人员", "短链接，按名称", {200: Answer("列表", LinkList)}, NO_STAFF, needs=STAFF),
    ("post", "/api/v1/staff/links"): Words(
        "工作人员",
        "新建短链接，指向本站的一个页面",
        {201: Answer("短链接", LinkView)},
        {**NO_STAFF_CHANGE, 409: ("TOO_MANY_LINKS",), 422: ("INVALID_BODY", "LINK_PATH_WRONG", "LINK_NAME_WRONG", "LINK_PAGE_MISSING")},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/links/{code}"): Words(
        "工作人员", "短链接指向哪里，每天被打开多少次", {200: LINK_USE}, {**NO_STAFF, 404: ("LINK_NOT_FOUND",)}, needs=STAFF
    ),
    ("put", "/api/v1/staff/links/{code}"): Words(
        "工作人员",
        "把短链接改指本站的另一个页面，或改名；已印出的二维码照样有效",
        {200: LINK_USE},
        {**NO_STAFF_CHANGE, 404: ("LINK_NOT_FOUND",), 409: ("LINK_IS_POSTERS",),
         422: ("INVALID_BODY", "LINK_UNCHANGED", "LINK_PATH_WRONG", "LINK_NAME_WRONG", "LINK_PAGE_MISSING")},
        needs=STAFF,
    ),
    ("delete", "/api/v1/staff/links/{code}"): Words(
        "工作人员",
        "删除没有人再打开的短链接",
        {204: Answer("已删除")},
        {**NO_STAFF_CHANGE, 404: ("LINK_NOT_FOUND",), 409: ("LINK_IN_USE",)},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/links/{code}.png"): Words(
        "工作人员", "短链接的二维码图片，可以印刷", {200: Answer("PNG", media="image/png")}, {**NO_STAFF, 404: ("LINK_NOT_FOUND",)},
        needs=STAFF
    ),
    ("get", "/api/v1/staff/accounts/{appid}/scenes"): Words(
        "工作人员", "公众号的场景二维码，按名称", {200: Answer("列表", SceneList)}, {**NO_STAFF, **NO_ACCOUNT}, needs=STAFF
    ),
    ("post", "/api/v1/staff/accounts/{appid}/scenes"): Words(
        "工作人员",
        "取得一个场景的二维码，第一次时生成",
        {201: Answer("二维码", SceneView)},
        {**NO_STAFF_CHANGE, **NO_ACCOUNT, 409: ("TOO_MANY_SCENES", "SCENE_BUSY"), 422: ("INVALID_BODY",), 503: ("WECHAT_UNREACHABLE",)},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts/{appid}/scenes/{scene}"): Words(
        "工作人员",
        "一个场景的二维码，每天多少人扫码、多少人由此关注",
        {200: Answer("二维码与人数", SceneUse)},
        {**NO_STAFF, 404: ("ACCOUNT_NOT_FOUND", "SCENE_NOT_FOUND")},
        needs=STAFF,
    ),
    ("put", "/api/v1/staff/accounts/{appid}/scenes/{scene}"): Words(
        "工作人员",
        "给场景二维码改名；已印出的照样有效",
        {200: Answer("二维码与人数", SceneUse)},
        {**NO_STAFF_CHANGE, 404: ("ACCOUNT_NOT_FOUND", "SCENE_NOT_FOUND"), 422: ("INVALID_BODY", "SCENE_NAME_WRONG")},
        needs=STAFF,
    ),
    ("delete", "/api/v1/staff/accounts/{appid}/scenes/{scene}"): Words(
        "工作人员",
        "从列表里删去没有人再扫的场景二维码",
        {204: Answer("已删除")},
        {**NO_STAFF_CHANGE, 404: ("ACCOUNT_NOT_FOUND", "SCENE_NOT_FOUND"), 409: ("SCENE_IN_USE",)},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts/{appid}/scenes/{scene}.png"): Words(
        "工作人员",
        "可以印刷的图片",
        {200: Answer("PNG", media="image/png")},
        {**NO_STAFF, 404: ("ACCOUNT_NOT_FOUND", "SCENE_NOT_FOUND")},
        needs=STAFF,
    ),
    ("post", "/api/v1/staff/notices"): Words(
        "工作人员",
        "发一批模板消息或订阅通知，给指定市民或所有同意过的人；每人一次，由后台任务发出",
        {201: Answer("新增的人数", openapi_desk.KeptBatch)},
        {**NO_STAFF_CHANGE, 409: ("BATCH_DIFFERS",), 422: ("INVALID_BODY", "UNKNOWN_ACCOUNT", "NOTICE_WOULD_BE_CUT")},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/notices/{slug}"): Words(
        "工作人员",
        "一批通知：各种状态的人数与含义，没有送达的原因",
        {200: Answer("批次", openapi_desk.NoticeProgress)},
        {**NO_STAFF, 404: ("NOTICE_BATCH_NOT_FOUND",)},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/reply-rules"): Words(
        "工作人员", "自动回复规则，按先后次序", {200: Answer("规则", ReplyRuleList)}, NO_STAFF, needs=STAFF
    ),
    ("post", "/api/v1/staff/reply-rules"): Words(
        "工作人员",
        "新建回复规则：关键词、关注、扫码、菜单、位置或默认；builtin 可为 campaign_card、my_ordinal、live_total 等",
        {201: RULE},
        {**NO_STAFF_CHANGE, 409: ("TOO_MANY_RULES",), 422: RULE_WRONG},
        needs=STAFF,
    ),
    ("put", "/api/v1/staff/reply-rules/{id}"): Words(
        "工作人员",
        "修改回复规则；rev 是看到的版本",
        {200: RULE},
        {
            **NO_STAFF_CHANGE,
            404: ("REPLY_RULE_NOT_FOUND",),
            409: ("RULE_CHANGED",),
            422: RULE_WRONG,
        },
        needs=STAFF,
    ),
    ("delete", "/api/v1/staff/reply-rules/{id}"): Words(
        "工作人员", "删除回复规则", {204: Answer("已删除")}, {**NO_STAFF_CHANGE, 404: ("REPLY_RULE_NOT_FOUND",)}, needs=STAFF
    ),
    ("post", "/api/v1/staff/reply-rules/trial"): Words(
        "工作人员",
        "试一试：一句话、一次关注、扫码或菜单点击会由哪条规则回复，说什么，为什么",
        {200: Answer("会回复的规则与内容，与被跳过的规则", openapi_desk.TrialAnswer)},
        {**NO_STAFF_CHANGE, 422: ("INVALID_BODY", "UNKNOWN_ACCOUNT")},
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
    ("get", "/c/{slug}"): Words("页面", "活动页", {200: Answer("网页", media=HTML)},
                                {404: ("CAMPAIGN_NOT_FOUND", "PREVIEW_GONE"), 409: ("PREVIEW_USED",)}, {"preview": "草稿预览的一次性凭证"}),
    ("get", "/s/{code}"): Words("页面", "短链接，海报二维码指向这里", {302: Answer("跳转")}, {404: ("NOT_FOUND",)}),
    ("get", "/screen/{slug}"): Words("页面", "活动大屏", {200: Answer("网页", media=HTML)}, NO_CAMPAIGN),
    ("get", "/console"): Words("页面", "工作人员控制台", {200: Answer("网页", media=HTML)}),
    ("get", "/static/{path}"): Words("页面", "脚本、样式与图片", {200: Answer("文件")}, {404: ("NOT_FOUND",)}),
}

WORDS |= openapi_reports.WORDS | openapi_schools.WORDS
WORDS |= openapi_blocks.WORDS | openapi_bulletins.WORDS | openapi_operations.WORDS
WORDS |= openapi_promotion.WORDS
WORDS |= openapi_review_posters.WORDS
WORDS |= openapi_walls.WORDS
WORDS |= openapi_miniprogram.WORDS | openapi_articles.WORDS | openapi_messages.WORDS | openapi_followers.WORDS | openapi_staff.WORDS
WORDS |= openapi_releases.WORDS | openapi_media.WORDS | openapi_quizzes.WORDS
WORDS |= openapi_switches.WORDS
WORDS |= openapi_ballots.WORDS | openapi_reviewing.WORDS | openapi_desk.WORDS
WORDS |= openapi_health.WORDS
WORDS = openapi_desk.with_platform(WORDS)
# What only an official account has refuses a mini-program's AppID.
OF_OFFICIAL = tuple(f"/api/v1/staff/accounts/{{appid}}/{name}" for name in (
    "blacklist", "drafts", "followers", "mass-sends", "materials", "menus", "publications", "scenes", "tags"))
WORDS |= {key: replace(words, refusals={**words.refusals, 409: ("NOT_AN_OFFICIAL_ACCOUNT", *words.refusals.get(409, ()))})
          for key, words in WORDS.items() if key[1].startswith(OF_OFFICIAL)}
