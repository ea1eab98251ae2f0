"""The terms that the words of the interface's document are written in: tags, who may ask, a verb's answers and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TAGS = {
    "参与": "市民登录、参与活动、查看自己的记录",
    "活动": "活动的公开信息、计数、留言与海报",
    "实时": "大屏与控制台的实时计数",
    "微信": "微信平台回调与网页授权",
    "工作人员": "控制台：编辑、审核、值守、管理。先 POST /api/v1/staff/session {\"name\", \"password\"}，保存应答的 Cookie 与 csrf；"
                "此后 POST、PUT、DELETE 都带请求头 X-CSRF-Token: csrf 的值。公众号、小程序的接口经微信时，除列出的以外还可能是 403 "
                "WECHAT_NOT_PERMITTED、502 WECHAT_REFUSED、503 WECHAT_BUSY、WECHAT_QUOTA_SPENT、WECHAT_MISCONFIGURED、WECHAT_UNREACHABLE",
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
        "description": "工作人员会话；写操作另带请求头 X-CSRF-Token，值为登录应答里的 csrf",
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
NO_ACCOUNT = {404: ("ACCOUNT_NOT_FOUND",)}
NO_CAMPAIGN = {404: ("CAMPAIGN_NOT_FOUND",)}
NO_TOKEN = {401: ("TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED")}
_NOT_YET = ("PASSWORD_CHANGE_NEEDED", "SECOND_FACTOR_NEEDED")
NO_STAFF = {401: ("STAFF_SESSION_MISSING",), 403: ("ROLE_REFUSED", "SCOPE_REFUSED", *_NOT_YET)}
NO_STAFF_CHANGE = {401: ("STAFF_SESSION_MISSING",), 403: ("ROLE_REFUSED", "SCOPE_REFUSED", "CSRF_REFUSED", *_NOT_YET)}
# What a dangerous act is refused with beside.
NO_STAFF_FRESH = {**NO_STAFF_CHANGE, 403: (*NO_STAFF_CHANGE[403], "REAUTHENTICATION_NEEDED")}
