"""Quotas 调用额度 of one account: what is left today, which endpoints are shut, a clear by hand, and what was wrong with a request.

Owns: the table of the calls that this product makes, with their names for people; the order of steps of a clear.
Does not own: shutting an endpoint when its quota is spent (wechat/transport.py), who may clear (handlers/quotas.py).
Invariants: the account has ten clears a month, shared with whoever else clears it, so one is spent only by `clear_by_hand`, which nothing
but the admins' route calls; a clear that may have been applied is not tried a second time; what a request carried is shown without
openids, tokens, secrets and telephone numbers.
[doc/service/api/apimanage/api_getapiquota, api_clearquota, api_clearquotabyappsecret, api_getridinfo]

Failure policy: closed: a refusal of the platform is shown. An endpoint whose quota the platform will not tell stands in the view without
figures. One that is shut and, as the platform says, has calls left is opened again, whoever cleared it.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any, Literal

import msgspec

from server.digits import whole
from server.errors import InvalidBody
from server.wechat import Role
from server.wechat.client import Client
from server.wechat.errors import AnswerUntrusted, Misconfigured, QuotaSpent, TokenRejected, WeChatError

logger = logging.getLogger(__name__)

# One question for each call of the table; this many at once keep the view under a second without a burst at the platform.
ASKED_AT_ONCE = 8
# What is left then is what a busy campaign uses up in hours.
NEARLY_SPENT_SHARE = 0.8
# The longest body that is of use to a person who looks for a mistake.
MAX_SHOWN_CHARACTERS = 2000
# More than any count of calls, or a time, has.
MAX_DIGITS = 15
RID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}")


class Call(msgspec.Struct, frozen=True):
    """A call that this product makes. `roles`: whose it is."""

    path: str
    name: str
    roles: tuple[Role, ...] = ("official",)


BOTH: tuple[Role, ...] = ("official", "miniprogram")
MINIPROGRAM: tuple[Role, ...] = ("miniprogram",)

# sns/… is not here: the platform tells no quota of it (76022).
CALLS: tuple[Call, ...] = (
    Call("cgi-bin/stable_token", "换取 access_token", BOTH),
    Call("cgi-bin/ticket/getticket", "网页 JS-SDK 票据"),
    Call("cgi-bin/message/custom/send", "客服消息", BOTH),
    Call("cgi-bin/message/template/send", "模板消息"),
    Call("cgi-bin/message/subscribe/bizsend", "公众号订阅通知"),
    Call("cgi-bin/message/subscribe/send", "小程序订阅消息", MINIPROGRAM),
    Call("cgi-bin/menu/create", "发布菜单"),
    Call("cgi-bin/menu/get", "查询菜单"),
    Call("cgi-bin/menu/addconditional", "发布个性化菜单"),
    Call("cgi-bin/menu/delconditional", "删除个性化菜单"),
    Call("cgi-bin/qrcode/create", "场景二维码"),
    Call("cgi-bin/user/info", "查询粉丝"),
    Call("cgi-bin/user/info/batchget", "批量查询粉丝"),
    Call("cgi-bin/user/info/updateremark", "粉丝备注名"),
    Call("cgi-bin/user/get", "粉丝列表"),
    Call("cgi-bin/tags/get", "标签列表"),
    Call("cgi-bin/tags/create", "新建标签"),
    Call("cgi-bin/tags/update", "修改标签"),
    Call("cgi-bin/tags/delete", "删除标签"),
    Call("cgi-bin/tags/members/batchtagging", "给粉丝加标签"),
    Call("cgi-bin/tags/members/batchuntagging", "取消粉丝标签"),
    Call("cgi-bin/tags/members/getblacklist", "黑名单"),
    Call("cgi-bin/tags/members/batchblacklist", "拉黑"),
    Call("cgi-bin/tags/members/batchunblacklist", "取消拉黑"),
    Call("cgi-bin/changeopenid", "账号迁移后的 openid"),
    Call("cgi-bin/material/add_material", "上传永久素材"),
    Call("cgi-bin/material/del_material", "删除永久素材"),
    Call("cgi-bin/material/get_material", "查询永久素材"),
    Call("cgi-bin/material/get_materialcount", "素材数量"),
    Call("cgi-bin/media/upload", "上传临时素材"),
    Call("cgi-bin/media/uploadimg", "上传正文图片"),
    Call("cgi-bin/draft/add", "新建草稿"),
    Call("cgi-bin/draft/update", "修改草稿"),
    Call("cgi-bin/draft/get", "查询草稿"),
    Call("cgi-bin/draft/batchget", "草稿列表"),
    Call("cgi-bin/draft/delete", "删除草稿"),
    Call("cgi-bin/freepublish/submit", "发布文章"),
    Call("cgi-bin/freepublish/get", "发布状态"),
    Call("cgi-bin/freepublish/batchget", "已发布文章"),
    Call("cgi-bin/message/mass/sendall", "群发"),
    Call("cgi-bin/message/mass/preview", "群发预览"),
    Call("cgi-bin/message/mass/get", "群发状态"),
    Call("cgi-bin/message/mass/delete", "删除群发"),
    Call("wxa/business/getuserphonenumber", "手机号", MINIPROGRAM),
    Call("wxa/checksession", "校验登录态", MINIPROGRAM),
    Call("wxa/resetusersessionkey", "重置登录态", MINIPROGRAM),
    Call("wxa/getwxacodeunlimit", "小程序码", MINIPROGRAM),
    Call("wxa/generate_urllink", "小程序 URL Link", MINIPROGRAM),
    Call("wxa/generatescheme", "小程序 URL Scheme", MINIPROGRAM),
    Call("wxa/genwxashortlink", "小程序短链接", MINIPROGRAM),
    Call("wxa/msg_sec_check", "文字内容检测", MINIPROGRAM),
    Call("wxa/media_check_async", "图片内容检测", MINIPROGRAM),
    Call("cgi-bin/message/custom/typing", "“正在输入”"),
    Call("cgi-bin/message/custom/business/typing", "小程序“正在输入”", MINIPROGRAM),
    Call("cgi-bin/template/get_all_private_template", "查询模板"),
    Call("cgi-bin/callback/check", "网络检测", BOTH),
    Call("cgi-bin/get_api_domain_ip", "微信接口地址", BOTH),
    Call("cgi-bin/getcallbackip", "微信推送地址", BOTH),
    Call("cgi-bin/openapi/quota/get", "查询额度", BOTH),
    Call("cgi-bin/openapi/rid/get", "查询出错请求", BOTH),
)
NAMES = {call.path: call.name for call in CALLS}


class Quota(msgspec.Struct, frozen=True):
    """One call today. The figures are None, with the platform's errcode, where it does not tell them; `shut`: we no longer call it."""

    path: str
    name: str
    shut: bool
    daily_limit: int | None = None
    used: int | None = None
    remain: int | None = None
    errcode: int = 0

    @property
    def nearly_spent(self) -> bool:
        return bool(self.daily_limit) and (self.used or 0) > NEARLY_SPENT_SHARE * (self.daily_limit or 0)


class FailedRequest(msgspec.Struct, frozen=True):
    """A request that the platform refused, as it remembers it for seven days. `invoked_at`: seconds since 1970."""

    rid: str
    invoked_at: float
    took_ms: int
    query: str
    body: str
    answer: str
    address: str


class Quotas:
    def __init__(self, client: Client, role: Role) -> None:
        self._client = client
        self._calls = tuple(call for call in CALLS if role in call.roles)

    async def view(self) -> list[Quota]:
        """Every call of the account's kind, and whatever else is shut. Raises WeChatError when the platform cannot be asked at all."""
        shut = await self._client.shut_paths()
        calls = [*self._calls, *(Call(path, NAMES.get(path, path)) for path in sorted(shut - {call.path for call in self._calls}))]
        turns = asyncio.Semaphore(ASKED_AT_ONCE)

        async def ask(call: Call) -> Quota:
            async with turns:
                return await self._quota(call, call.path in shut)

        answers = await asyncio.gather(*map(ask, calls), return_exceptions=True)  # none goes on behind our back when another failed
        found = [answer for answer in answers if isinstance(answer, Quota)]
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        cleared = {quota.path for quota in found if quota.shut and quota.remain}
        await self._client.open_again(cleared)
        return [msgspec.structs.replace(quota, shut=quota.shut and quota.path not in cleared) for quota in found]

    async def clear_by_hand(self) -> Literal["token", "secret"]:
        """Set every call's count back to nothing; says by which key. Raises ClearsSpent, WeChatError."""
        shut = await self._client.shut_paths()
        # The clear itself may be shut too, and must be tried all the same.
        await self._client.open_again(shut & {"cgi-bin/clear_quota", "cgi-bin/clear_quota/v2"})
        by: Literal["token", "secret"] = "token"
        try:
            await self._client.call("post", "cgi-bin/clear_quota", {"appid": self._client.appid}, may_repeat=False)
        except (QuotaSpent, TokenRejected):  # no token is left to ask with; nothing was cleared
            by = "secret"
            await self._client.clear_quota_by_secret()
        await self._client.open_again(shut)
        logger.warning("the quotas of %s were cleared by hand, by its %s", self._client.appid, by)
        return by

    async def failed_request(self, rid: str) -> FailedRequest:
        """What was wrong with a request of the last seven days. Raises InvalidBody, WeChatError."""
        if not RID.fullmatch(rid):
            raise InvalidBody("RID_WRONG", "rid 形如 61725984-6126f6f9-040f19c4，可在日志与错误信息中找到", field="rid")
        answer = await self._client.call("post", "cgi-bin/openapi/rid/get", {"rid": rid}, may_repeat=True)
        told = answer.get("request")
        request: dict[str, Any] = told if isinstance(told, dict) else {}
        query, body, said = (masked(str(request.get(name) or "")) for name in ("request_url", "request_body", "response_body"))
        invoked_at, took_ms = (_number(request.get(name)) or 0 for name in ("invoke_time", "cost_in_ms"))
        return FailedRequest(rid, float(invoked_at), took_ms, query, body, said, str(request.get("client_ip") or "")[:64])

    async def _quota(self, call: Call, shut: bool) -> Quota:
        try:
            answer = await self._client.call("post", "cgi-bin/openapi/quota/get", {"cgi_path": "/" + call.path}, may_repeat=True)
        except (AnswerUntrusted, Misconfigured, TokenRejected):
            raise  # every other one would say the same
        except WeChatError as error:
            return Quota(call.path, call.name, shut, errcode=error.errcode or -1)
        told = answer.get("quota")
        limit, used, remain = (_number(told.get(name)) if isinstance(told, dict) else None for name in ("daily_limit", "used", "remain"))
        return Quota(call.path, call.name, shut, limit, used, remain)


_SECRETS = re.compile(r"""((?<![a-z])(?:access_token|secret|appsecret|session_key|code|js_code|ticket)"""
                      r"""["']?\s*[=:]\s*["']?)[^"'&\s,}]+""", re.I)
_OPENID = re.compile(r"\bo[A-Za-z0-9_-]{27}(?![A-Za-z0-9_-])")
# With or without a country code; in an address + is written as %2B.
_TELEPHONE = re.compile(r"(?<!\d)(?:(?:\+|%2B|00)?86[ -]?)?1\d{10}(?!\d)", re.I)


def masked(text: str) -> str:
    """A request's text without what names or lets in anybody."""
    return _TELEPHONE.sub("1**********", _OPENID.sub("o***", _SECRETS.sub(r"\1***", text)))[:MAX_SHOWN_CHARACTERS]


def _number(value: Any) -> int | None:
    if isinstance(value, str):
        return whole(value, MAX_DIGITS)
    return int(value) if isinstance(value, (int, float)) else None
