"""The words of the mini-program's verbs, as in `openapi_words.py`."""

from __future__ import annotations

from handlers.openapi_shapes import (
    MiniCodeList,
    MiniCodeUse,
    MiniCodeView,
    MiniLinkList,
    MiniLinkView,
    MiniTarget,
    OpenedData,
    PhoneView,
)
from handlers.openapi_terms import CITIZEN, NO_ACCOUNT, NO_STAFF, NO_STAFF_CHANGE, NO_TOKEN, STAFF, Answer, Words

NO_MINI_PROGRAM = {**NO_ACCOUNT, 409: ("NOT_A_MINI_PROGRAM",)}

WORDS: dict[tuple[str, str], Words] = {
    ("delete", "/api/v1/session/miniprogram"): Words(
        "参与", "退出小程序会话：会话密钥作废，凭证照旧", {204: Answer("已退出")}, NO_TOKEN, needs=CITIZEN
    ),
    ("post", "/api/v1/session/miniprogram/data"): Words(
        "参与",
        "解开手机用会话密钥加密的数据：分享到的群、微信运动步数；会话过期须重新登录",
        {200: Answer("允许给出的字段", OpenedData)},
        {
            **NO_TOKEN,
            404: ("ACCOUNT_NOT_CONFIGURED",),
            409: ("SESSION_STALE",),
            422: ("INVALID_BODY", "DATA_REFUSED"),
            503: ("STORE_UNAVAILABLE", "WECHAT_UNREACHABLE"),
        },
        needs=CITIZEN,
    ),
    ("post", "/api/v1/miniprograms/{appid}/scenes/{scene}/visits"): Words(
        "参与",
        "扫小程序码进入：场景值对应的页面与参数，并记一次访问",
        {200: Answer("页面与参数", MiniTarget)},
        {404: ("ACCOUNT_NOT_FOUND", "MINI_CODE_NOT_FOUND"), 409: ("NOT_A_MINI_PROGRAM",)},
    ),
    ("get", "/api/v1/citizens/me/phone"): Words(
        "参与",
        "我留下的手机号（中间四位隐去）与用途",
        {200: Answer("手机号", PhoneView)},
        {**NO_TOKEN, 404: ("PHONE_NOT_FOUND",)},
        needs=CITIZEN,
    ),
    ("post", "/api/v1/citizens/me/phone"): Words(
        "参与",
        "用小程序手机号按钮给出的一次性 code 留下手机号；未满14周岁不收集",
        {201: Answer("手机号", PhoneView)},
        {
            401: (*NO_TOKEN[401], "PHONE_CODE_REJECTED"),
            404: ("ACCOUNT_NOT_CONFIGURED",),
            409: ("PHONE_NOT_TAKEN", "SESSION_STALE"),
            422: ("INVALID_BODY",),
            429: ("PHONE_ASKED_TOO_OFTEN",),
            503: ("STORE_UNAVAILABLE", "WECHAT_UNREACHABLE"),
        },
        needs=CITIZEN,
    ),
    ("delete", "/api/v1/citizens/me/phone"): Words("参与", "收回我的手机号", {204: Answer("已收回")}, NO_TOKEN, needs=CITIZEN),
    ("get", "/api/v1/staff/accounts/{appid}/mini-codes"): Words(
        "工作人员", "小程序码，按名称", {200: Answer("列表", MiniCodeList)}, {**NO_STAFF, **NO_MINI_PROGRAM}, needs=STAFF
    ),
    ("post", "/api/v1/staff/accounts/{appid}/mini-codes"): Words(
        "工作人员",
        "取得一个页面（含参数）的小程序码，第一次时生成；数量不限，长参数由短场景值代表",
        {201: Answer("小程序码", MiniCodeView)},
        {
            **NO_STAFF_CHANGE,
            **NO_ACCOUNT,
            409: ("NOT_A_MINI_PROGRAM", "SCENE_TAKEN", "TOO_MANY_MINI_CODES"),
            422: ("INVALID_BODY", "PAGE_WRONG", "PAGE_NOT_PUBLISHED", "SCENE_WRONG"),
            503: ("WECHAT_UNREACHABLE",),
        },
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts/{appid}/mini-codes/{scene}"): Words(
        "工作人员",
        "一个小程序码，每天多少人扫码进入",
        {200: Answer("小程序码与人数", MiniCodeUse)},
        {**NO_STAFF, 404: ("ACCOUNT_NOT_FOUND", "MINI_CODE_NOT_FOUND"), 409: ("NOT_A_MINI_PROGRAM",)},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts/{appid}/mini-codes/{scene}.jpg"): Words(
        "工作人员",
        "可以印刷的图片，每种宽度与版本只向微信取一次",
        {200: Answer("JPEG", media="image/jpeg")},
        {
            **NO_STAFF,
            404: ("ACCOUNT_NOT_FOUND", "MINI_CODE_NOT_FOUND"),
            409: ("NOT_A_MINI_PROGRAM",),
            422: ("INVALID_BODY", "PAGE_NOT_PUBLISHED"),
            503: ("WECHAT_UNREACHABLE",),
        },
        {"width": "像素：280、430、860 或 1280，默认 430", "env_version": "release、trial 或 develop，默认 release"},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts/{appid}/mini-links"): Words(
        "工作人员",
        "打开小程序的链接：URL Link、URL Scheme、短链，最新的在前",
        {200: Answer("列表", MiniLinkList)},
        {**NO_STAFF, **NO_MINI_PROGRAM},
        needs=STAFF,
    ),
    ("post", "/api/v1/staff/accounts/{appid}/mini-links"): Words(
        "工作人员",
        "取得打开小程序页面的链接，至多 30 天；同一目标的链接还有一天以上有效时，给出原来的",
        {201: Answer("新的链接", MiniLinkView), 200: Answer("还有效的链接", MiniLinkView)},
        {
            **NO_STAFF_CHANGE,
            **NO_ACCOUNT,
            409: ("NOT_A_MINI_PROGRAM", "TOO_MANY_MINI_LINKS", "MINI_LINK_BUSY", "MINI_PROGRAM_NOT_RELEASED", "SHORT_LINK_NOT_ALLOWED"),
            422: ("INVALID_BODY", "PAGE_WRONG", "PAGE_NOT_PUBLISHED", "DAYS_WRONG"),
            503: ("WECHAT_UNREACHABLE",),
        },
        needs=STAFF,
    ),
}
