"""The words of the verbs over an account's followers, as in `openapi_words.py`, and the shapes that they answer."""

from __future__ import annotations

from msgspec import Struct

from handlers.openapi_terms import NO_ACCOUNT, NO_STAFF, NO_STAFF_CHANGE, STAFF, Answer, Words


class FollowerView(Struct):
    """A citizen by number; `since` is null where it is unknown, or where she left."""

    citizen: int
    subscribed: bool
    since: str | None
    scene: str
    channel: str
    tags: list[int]
    blacklisted: bool


class FollowerWithRemark(FollowerView):
    remark: str


class FollowerList(Struct):
    items: list[FollowerView]
    next: str | None


class TagView(Struct):
    id: int
    name: str
    count: int = 0


class TagList(Struct):
    items: list[TagView]
    next: str | None


class ChangedFollowers(Struct):
    """`unknown`: citizens whom this account does not know."""

    changed: int
    unknown: list[int]


class RefreshView(Struct):
    """`state`: never, running, done or failed. `found` and `left`: what lost events are repaired by."""

    state: str
    started_at: str | None
    by: str = ""
    errcode: int = 0
    listed: int = 0
    total: int = 0
    found: int = 0
    left: int = 0


class MoveView(Struct):
    """`state`: never, running, done or failed."""

    state: str
    started_at: str | None
    by: str = ""
    errcode: int = 0
    from_appid: str = ""
    moved: int = 0
    not_moved: int = 0


FOLLOWERS = Answer("一页关注者", FollowerList)
FOLLOWER = Answer("关注者", FollowerWithRemark)
CHANGED = Answer("改变的人数，与本账号不认识的编号", ChangedFollowers)
WECHAT = {503: ("WECHAT_UNREACHABLE",)}

WORDS: dict[tuple[str, str], Words] = {
    ("get", "/api/v1/staff/accounts/{appid}/followers"): Words(
        "工作人员",
        "公众号的关注者，按市民编号分页，含已取消关注的；没有 openid、昵称或头像",
        {200: FOLLOWERS},
        {**NO_STAFF, **NO_ACCOUNT, 422: ("INVALID_BODY",)},
        {"cursor": "上一页的 next"},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts/{appid}/followers/{citizen}"): Words(
        "工作人员", "一位关注者，含备注", {200: FOLLOWER}, {**NO_STAFF, 404: ("ACCOUNT_NOT_FOUND", "FOLLOWER_NOT_FOUND")}, needs=STAFF
    ),
    ("put", "/api/v1/staff/accounts/{appid}/followers/{citizen}"): Words(
        "工作人员",
        "修改备注；空的备注即清除",
        {200: FOLLOWER},
        {**NO_STAFF_CHANGE, 404: ("ACCOUNT_NOT_FOUND", "FOLLOWER_NOT_FOUND"), 422: ("INVALID_BODY", "REMARK_TOO_LONG"), **WECHAT},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts/{appid}/followers/refresh"): Words(
        "工作人员", "最近一次全量核对的进度", {200: Answer("进度", RefreshView)}, {**NO_STAFF, **NO_ACCOUNT}, needs=STAFF
    ),
    ("post", "/api/v1/staff/accounts/{appid}/followers/refresh"): Words(
        "工作人员",
        "向微信全量核对关注者与黑名单，补上丢失的关注与取消关注；由后台任务完成，中断后继续",
        {202: Answer("进度", RefreshView)},
        {**NO_STAFF_CHANGE, **NO_ACCOUNT, 409: ("JOB_RUNNING",)},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts/{appid}/followers/move"): Words(
        "工作人员", "最近一次账号迁移的进度", {200: Answer("进度", MoveView)}, {**NO_STAFF, **NO_ACCOUNT}, needs=STAFF
    ),
    ("post", "/api/v1/staff/accounts/{appid}/followers/move"): Words(
        "工作人员",
        "账号迁移后换取关注者的新 openid；市民编号不变，由后台任务完成，中断后继续",
        {202: Answer("进度", MoveView)},
        {**NO_STAFF_CHANGE, **NO_ACCOUNT, 409: ("JOB_RUNNING",), 422: ("INVALID_BODY",)},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts/{appid}/tags"): Words(
        "工作人员",
        "公众号的标签与人数；1 为黑名单，2 为星标",
        {200: Answer("标签", TagList)},
        {**NO_STAFF, **NO_ACCOUNT, **WECHAT},
        needs=STAFF,
    ),
    ("post", "/api/v1/staff/accounts/{appid}/tags"): Words(
        "工作人员",
        "新建标签，最多 100 个",
        {201: Answer("标签", TagView)},
        {
            **NO_STAFF_CHANGE,
            **NO_ACCOUNT,
            409: ("WECHAT_TAG_REFUSED", "WECHAT_TOO_MANY_TAGS"),
            422: ("INVALID_BODY", "TAG_NAME_WRONG"),
            **WECHAT,
        },
        needs=STAFF,
    ),
    ("put", "/api/v1/staff/accounts/{appid}/tags/{tag}"): Words(
        "工作人员",
        "标签改名",
        {200: Answer("标签", TagView)},
        {
            **NO_STAFF_CHANGE,
            404: ("ACCOUNT_NOT_FOUND", "WECHAT_TAG_UNKNOWN"),
            409: ("TAG_RESERVED", "WECHAT_TAG_REFUSED"),
            422: ("INVALID_BODY", "TAG_NAME_WRONG"),
            **WECHAT,
        },
        needs=STAFF,
    ),
    ("delete", "/api/v1/staff/accounts/{appid}/tags/{tag}"): Words(
        "工作人员",
        "删除标签，同时从所有人身上取消",
        {204: Answer("已删除")},
        {**NO_STAFF_CHANGE, 404: ("ACCOUNT_NOT_FOUND", "WECHAT_TAG_UNKNOWN"), 409: ("TAG_RESERVED", "WECHAT_TAG_TOO_LARGE"), **WECHAT},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts/{appid}/tags/{tag}/followers"): Words(
        "工作人员",
        "一个标签下的关注者，按市民编号分页",
        {200: FOLLOWERS},
        {**NO_STAFF, **NO_ACCOUNT, 422: ("INVALID_BODY",)},
        {"cursor": "上一页的 next"},
        needs=STAFF,
    ),
    ("put", "/api/v1/staff/accounts/{appid}/tags/{tag}/followers"): Words(
        "工作人员",
        "按市民编号打标签、取消标签，一次最多 500 人；每人最多 20 个标签",
        {200: CHANGED},
        {
            **NO_STAFF_CHANGE,
            404: ("ACCOUNT_NOT_FOUND", "WECHAT_TAG_UNKNOWN"),
            409: ("TAG_RESERVED", "WECHAT_TOO_MANY_TAGS_OF_ONE"),
            422: ("INVALID_BODY", "TOO_MANY_CITIZENS"),
            **WECHAT,
        },
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/accounts/{appid}/blacklist"): Words(
        "工作人员",
        "黑名单，按市民编号分页",
        {200: FOLLOWERS},
        {**NO_STAFF, **NO_ACCOUNT, 422: ("INVALID_BODY",)},
        {"cursor": "上一页的 next"},
        needs=STAFF,
    ),
    ("put", "/api/v1/staff/accounts/{appid}/blacklist"): Words(
        "工作人员",
        "按市民编号拉黑、取消拉黑；只影响她与公众号之间的消息，不影响参与和计数",
        {200: CHANGED},
        {**NO_STAFF_CHANGE, **NO_ACCOUNT, 422: ("INVALID_BODY", "TOO_MANY_CITIZENS"), **WECHAT},
        needs=STAFF,
    ),
}
