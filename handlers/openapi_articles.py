"""The words and shapes of materials and articles, as in `openapi_words.py` and `openapi_shapes.py`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from handlers.openapi_terms import NO_ACCOUNT, NO_STAFF, STAFF, Answer, Words


class MaterialView(Struct):
    appid: str
    media_id: str
    kind: str
    name: str
    size_bytes: int
    sha256: str
    by: str
    at: str
    url: str
    title: str
    expires_at: str | None


class MaterialList(Struct):
    items: list[MaterialView]
    next: str | None


class DraftState(Struct):
    media_id: str
    writers: list[str]
    rev: int | None
    use: str


class DraftItem(DraftState):
    titles: list[str]
    update_time: str


class DraftList(Struct):
    items: list[DraftItem]
    next: str | None


class WholeDraft(DraftState):
    digest: str
    articles: list[dict[str, Any]]


class PublicationView(Struct):
    appid: str
    media_id: str
    title: str
    by: str
    at: str
    state: str
    rev: int
    errcode: int
    publish_id: str
    status: int
    article_id: str
    urls: list[str]
    failed_indexes: list[int]
    words: str


class PublicationList(Struct):
    items: list[PublicationView]
    next: str | None


class MassSendView(Struct):
    appid: str
    media_id: str
    title: str
    by: str
    at: str
    state: str
    rev: int
    errcode: int
    tag_id: int
    msg_id: str
    status: str
    total: int
    sent: int
    failed: int
    urls: list[str]
    words: str


class MassSendList(Struct):
    items: list[MassSendView]
    next: str | None


class MassSendAllowance(Struct):
    """What the platform allows one kind of account in a month or a day, and what is left of it."""

    kind: str
    name: str
    period: str
    most: int
    left: int


class MassSendQuota(Struct):
    this_month: int
    today: int
    kinds: list[MassSendAllowance]


ACCOUNT = "/api/v1/staff/accounts/{appid}"
ONE_DRAFT = f"{ACCOUNT}/drafts/{{media_id}}"
CURSOR = {"cursor": "上一页的 next"}
KINDS = "image、voice、video、thumb，或正文用的 picture"
ASKED = {502: ("WECHAT_REFUSED",), 503: ("WECHAT_UNREACHABLE",)}
NO_STAFF_ASKED = {401: ("STAFF_SESSION_MISSING",), 403: ("ROLE_REFUSED", "WECHAT_NOT_PERMITTED")}
CHANGE_ASKED = {401: ("STAFF_SESSION_MISSING",), 403: ("ROLE_REFUSED", "CSRF_REFUSED", "WECHAT_NOT_PERMITTED")}
NO_DRAFT = {404: ("ACCOUNT_NOT_FOUND", "DRAFT_NOT_FOUND")}
WRONG_ARTICLE = ("INVALID_BODY", "ARTICLE_FIELD_WRONG", "THUMB_UNKNOWN", "WECHAT_ARTICLE_REFUSED")
MATERIAL = Answer("素材", MaterialView)
PUBLICATION = Answer("发布进度", PublicationView)
MASS_SEND = Answer("群发进度", MassSendView)

WORDS: dict[tuple[str, str], Words] = {
    ("get", f"{ACCOUNT}/materials"): Words(
        "工作人员", "一类素材，最新的在前", {200: Answer("列表", MaterialList)}, {**NO_STAFF, **NO_ACCOUNT, 422: ("INVALID_BODY",)},
        {"kind": KINDS, **CURSOR}, needs=STAFF
    ),
    ("post", f"{ACCOUNT}/materials"): Words(
        "工作人员",
        "上传素材：请求体就是文件；按内容认定类型；图片 10 MB、语音 2 MB、视频 10 MB、缩略图 64 KB、正文图片 1 MB；同一永久文件只上传一次",
        {201: MATERIAL, 200: Answer("已有同样的永久素材", MaterialView)},
        {
            **CHANGE_ASKED,
            404: ("ACCOUNT_NOT_FOUND",),
            409: ("TOO_MANY_MATERIALS", "MATERIAL_BUSY"),
            411: ("LENGTH_REQUIRED",),
            413: ("MATERIAL_TOO_LARGE",),
            422: ("INVALID_BODY", "MATERIAL_TYPE_WRONG", "MATERIAL_EMPTY", "MATERIAL_CUT_SHORT", "WECHAT_MEDIA_REFUSED"),
            502: ("WECHAT_REFUSED",),
            503: ("MATERIALS_BUSY", "MATERIAL_NOT_WRITTEN", "WECHAT_UNREACHABLE"),
        },
        {
            "kind": KINDS,
            "lasting": "permanent（默认）或 temporary（三天）",
            "name": "名称",
            "title": "永久视频的标题",
            "introduction": "永久视频的描述",
        },
        needs=STAFF,
    ),
    ("get", f"{ACCOUNT}/materials/{{media_id}}"): Words(
        "工作人员", "一个素材", {200: MATERIAL}, {**NO_STAFF, 404: ("ACCOUNT_NOT_FOUND", "MATERIAL_NOT_FOUND")}, needs=STAFF
    ),
    ("delete", f"{ACCOUNT}/materials/{{media_id}}"): Words(
        "工作人员",
        "从微信素材库删除一个永久素材",
        {204: Answer("已删除")},
        {**CHANGE_ASKED, 404: ("ACCOUNT_NOT_FOUND", "MATERIAL_NOT_FOUND"), 409: ("MATERIAL_STAYS",), **ASKED},
        needs=STAFF,
    ),
    ("get", f"{ACCOUNT}/drafts"): Words(
        "工作人员",
        "公众号的草稿箱，最新的在前",
        {200: Answer("列表", DraftList)},
        {**NO_STAFF_ASKED, **NO_ACCOUNT, **ASKED},
        CURSOR,
        needs=STAFF,
    ),
    ("post", f"{ACCOUNT}/drafts"): Words(
        "工作人员",
        "新建草稿，1 至 8 篇",
        {201: Answer("草稿", DraftState)},
        {**CHANGE_ASKED, **NO_ACCOUNT, 413: ("BODY_TOO_LARGE",), 422: ("TOO_MANY_ARTICLES", *WRONG_ARTICLE), **ASKED},
        needs=STAFF,
    ),
    ("get", ONE_DRAFT): Words(
        "工作人员",
        "一份草稿：微信保存的内容，谁写过，第几版",
        {200: Answer("草稿", WholeDraft)},
        {**NO_STAFF_ASKED, **NO_DRAFT, **ASKED},
        needs=STAFF,
    ),
    ("put", ONE_DRAFT): Words(
        "工作人员",
        "改写草稿中的一篇；rev 是看到的版本",
        {200: Answer("草稿", DraftState)},
        {**CHANGE_ASKED, **NO_DRAFT, 409: ("DRAFT_CHANGED", "DRAFT_IN_USE", "DRAFT_PUBLISHED", "DRAFT_SENT"), 413: ("BODY_TOO_LARGE",),
         422: ("INDEX_WRONG", *WRONG_ARTICLE), **ASKED},
        needs=STAFF,
    ),
    ("delete", ONE_DRAFT): Words(
        "工作人员",
        "删除草稿",
        {204: Answer("已删除")},
        {**CHANGE_ASKED, **NO_DRAFT, 409: ("DRAFT_CHANGED", "DRAFT_IN_USE", "DRAFT_PUBLISHED", "DRAFT_SENT"),
         422: ("INVALID_BODY",), **ASKED},
        {"rev": "看到的版本"},
        needs=STAFF,
    ),
    ("post", f"{ONE_DRAFT}/preview"): Words(
        "工作人员",
        "把草稿发给一位关注者预览",
        {204: Answer("已发出")},
        {**CHANGE_ASKED, 404: ("ACCOUNT_NOT_FOUND", "DRAFT_NOT_FOUND", "FOLLOWER_NOT_FOUND"), 422: ("INVALID_BODY",), **ASKED},
        needs=STAFF,
    ),
    ("get", f"{ONE_DRAFT}/publication"): Words(
        "工作人员", "草稿的发布进度", {200: PUBLICATION}, {**NO_STAFF, 404: ("ACCOUNT_NOT_FOUND", "PUBLICATION_NOT_FOUND")}, needs=STAFF
    ),
    ("put", f"{ONE_DRAFT}/publication"): Words(
        "工作人员",
        "发布草稿；重复请求只发布一次，结果由微信稍后告知",
        {200: PUBLICATION, 202: Answer("微信正在处理", PublicationView)},
        {
            **CHANGE_ASKED,
            404: ("ACCOUNT_NOT_FOUND", "DRAFT_NOT_FOUND", "WECHAT_MEDIA_UNKNOWN"),
            409: ("DRAFT_CHANGED", "DRAFT_IN_USE", "DRAFT_PUBLISHED", "DRAFT_SENT"),
            **ASKED,
        },
        needs=STAFF,
    ),
    ("get", f"{ONE_DRAFT}/mass-send"): Words(
        "工作人员", "草稿的群发进度", {200: MASS_SEND}, {**NO_STAFF, 404: ("ACCOUNT_NOT_FOUND", "MASS_SEND_NOT_FOUND")}, needs=STAFF
    ),
    ("put", f"{ONE_DRAFT}/mass-send"): Words(
        "工作人员",
        "审核员确认并群发草稿，须重复标题并带上所见内容的 digest，且不能是写稿的人；重复请求只群发一次",
        {200: MASS_SEND, 202: Answer("微信正在处理", MassSendView)},
        {
            401: ("STAFF_SESSION_MISSING",),
            403: ("ROLE_REFUSED", "CSRF_REFUSED", "FOUR_EYES", "WECHAT_NOT_PERMITTED"),
            404: ("ACCOUNT_NOT_FOUND", "DRAFT_NOT_FOUND", "WECHAT_MEDIA_UNKNOWN"),
            409: ("DRAFT_CHANGED", "DRAFT_IN_USE", "DRAFT_PUBLISHED", "DRAFT_SENT", "MASS_SEND_DIFFERS", "WECHAT_MASS_SENDS_SPENT"),
            422: ("INVALID_BODY", "TITLE_DIFFERS"),
            **ASKED,
        },
        needs=STAFF,
    ),
    ("delete", f"{ONE_DRAFT}/mass-send"): Words(
        "工作人员",
        "删除已群发的图文；打开的人会看到已删除",
        {200: MASS_SEND},
        {**CHANGE_ASKED, 404: ("ACCOUNT_NOT_FOUND", "MASS_SEND_NOT_FOUND"), 409: ("NOT_SENT",), **ASKED},
        needs=STAFF,
    ),
    ("get", f"{ACCOUNT}/publications"): Words(
        "工作人员",
        "从本系统发布的图文，最新的在前",
        {200: Answer("列表", PublicationList)},
        {**NO_STAFF, **NO_ACCOUNT},
        CURSOR,
        needs=STAFF,
    ),
    ("get", f"{ACCOUNT}/mass-sends"): Words(
        "工作人员", "从本系统群发的图文，最新的在前", {200: Answer("列表", MassSendList)}, {**NO_STAFF, **NO_ACCOUNT}, CURSOR, needs=STAFF
    ),
    ("get", f"{ACCOUNT}/mass-sends/quota"): Words(
        "工作人员",
        "本月与今天已群发几次（东八区日历，只含本系统）；服务号按月、订阅号按天，各允许几次，还剩几次",
        {200: Answer("次数", MassSendQuota)},
        {**NO_STAFF, **NO_ACCOUNT},
        needs=STAFF,
    ),
}
