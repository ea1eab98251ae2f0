"""A staff account, who is signed in with it, and what a role may do where."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from server.campaigns.campaign import SLUG
from server.errors import Conflict, Forbidden, InvalidBody, NotAuthorised, NotFound, Refusal
from server.stores import Document

ROLES = {"admin": "管理员", "editor": "编辑", "reviewer": "审核员", "operator": "值守", "auditor": "审计"}
NAME = re.compile(r"[a-z][a-z0-9_.-]{1,31}")
# Roles that must have a second factor where the instance asks for one: who can change accounts, and who lets words into public.
FACTOR_ROLES = ("admin", "reviewer")
# A city runs some dozens of campaigns at once; whoever has more of them has them all.
MAX_CAMPAIGNS = 50
# A dangerous act needs a password that was given within this: long enough for a task, too short for a stranger at a screen left open.
FRESH_SECONDS = 10 * 60


@dataclass(frozen=True)
class Account:
    """`campaigns` None: all. `temporary`: the password must be changed first. `totp`: sealed. `recovery`: digests of unspent codes.

    `wechat`: the citizen number that may approve. `rev` rises with every change by an admin.
    """

    name: str
    role: str
    password: str
    campaigns: tuple[str, ...] | None = None
    disabled: bool = False
    temporary: bool = False
    rev: int = 0
    created_at: float = 0.0
    sessions_from: float = 0.0
    signed_in_at: float | None = None
    totp: bytes | None = None
    recovery: frozenset[str] = frozenset()
    wechat: int | None = None

    @property
    def factors(self) -> list[str]:
        """Which second factors it has; any of them will do."""
        has = {"totp": self.totp is not None, "recovery": bool(self.recovery), "wechat": self.wechat is not None}
        return [name for name, is_there in has.items() if is_there]

    @classmethod
    def of(cls, document: Document) -> Account:
        campaigns = document.get("campaigns")
        wechat = document.get("wechat")
        return cls(
            document["_id"], document["role"], document["password"], None if campaigns is None else tuple(campaigns),
            bool(document.get("disabled")), bool(document.get("temporary")), int(document.get("rev", 0)),
            float(document.get("created_at", 0.0)), float(document.get("sessions_from", 0.0)), document.get("signed_in_at"),
            document.get("totp"), frozenset(document.get("recovery", {})), None if wechat is None else int(wechat))


@dataclass(frozen=True)
class Member:
    """A staff member who is signed in. `csrf` goes with every change, in X-CSRF-Token.

    `campaigns` None: all. `needs`: what must be done before anything else, `password` or `second_factor`. `session`: its id in lists.
    `origin`: from where, shortened. `expires_at`: when the session ends whatever she does.
    """

    name: str
    role: str
    csrf: str
    campaigns: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()
    session: str = ""
    authenticated_at: float = field(default=0.0, compare=False)
    origin: str = ""
    expires_at: float = field(default=0.0, compare=False)

    def sees(self, campaign: str) -> bool:
        return self.campaigns is None or campaign in self.campaigns


# Who the log names for what a command on the host or the product itself does.
SYSTEM = Member("system", "admin", "")


@dataclass(frozen=True)
class Wish:
    """What a route asks of a member. `campaign`: whose it is; "": of the whole instance.

    `anywhere`: also for who has named campaigns only. `unfinished`: also for who must set a password or second factor first.
    `fresh`: the password was given lately. `csrf` None: reading.
    """

    roles: tuple[str, ...] = ()
    campaign: str = ""
    anywhere: bool = False
    unfinished: bool = False
    fresh: bool = False
    csrf: str | None = None


class SignInFailed(NotAuthorised):
    code = "SIGN_IN_FAILED"
    message = "账号或密码不对"


class SecondFactorWrong(NotAuthorised):
    code = "SECOND_FACTOR_WRONG"
    message = "验证码不对，或已经用过"


class SignInExpired(NotAuthorised):
    code = "SIGN_IN_EXPIRED"
    message = "登录已超时，请重新输入账号和密码"


class SessionMissing(NotAuthorised):
    code = "STAFF_SESSION_MISSING"
    message = "请先登录"


class AccountLocked(Refusal):
    status = 429
    code = "ACCOUNT_LOCKED"
    message = "连续输错，已暂停登录；请过一会儿再试，或请管理员解锁"


class MemberNotFound(NotFound):
    code = "MEMBER_NOT_FOUND"
    message = "没有这个账号"


def last_admin() -> Conflict:
    return Conflict("LAST_ADMIN", "至少要留一个可以登录的管理员")


def changed_meanwhile() -> Conflict:
    return Conflict("MEMBER_CHANGED", "这个账号刚被别人改过，请刷新后再改")


def refusal_of(member: Member, wish: Wish, now: float) -> Forbidden | None:
    """Why the member may not do this, if she may not."""
    if wish.csrf is not None and not hmac.compare_digest(wish.csrf.encode(), member.csrf.encode()):
        return Forbidden("CSRF_REFUSED", "页面已过期，请刷新后再试；用接口提交时，请带请求头 X-CSRF-Token，值为登录应答里的 csrf")
    if member.needs and not wish.unfinished:
        return (Forbidden("PASSWORD_CHANGE_NEEDED", "请先修改初始密码") if "password" in member.needs
                else Forbidden("SECOND_FACTOR_NEEDED", "请先设置第二验证方式"))
    if member.role != "admin" and member.role not in wish.roles:
        return Forbidden("ROLE_REFUSED", f"需要的角色：{'、'.join(ROLES[role] for role in wish.roles if role in ROLES) or '管理员'}")
    if not wish.anywhere and not member.sees(wish.campaign):
        return Forbidden("SCOPE_REFUSED", "您的账号只负责指定的活动")
    if wish.fresh and now - member.authenticated_at > FRESH_SECONDS:
        return Forbidden("REAUTHENTICATION_NEEDED", "这一步很重要，请再输入一次密码")
    return None


def checked(name: str, role: str, campaigns: Sequence[str] | None) -> tuple[str, ...] | None:
    """The scope as it is kept. Raises InvalidBody for a name, role or scope that cannot be."""
    if not NAME.fullmatch(name):
        raise InvalidBody(message="用户名为 2 至 32 个小写字母、数字、_、. 或 -，以字母开头", field="name")
    if role not in ROLES:
        raise InvalidBody(message=f"角色只能是 {'、'.join(ROLES)}", field="role")
    if campaigns is None:
        return None
    if role == "admin" or not 0 < len(campaigns) <= MAX_CAMPAIGNS or not all(SLUG.fullmatch(slug) for slug in campaigns):
        raise InvalidBody(message=f"指定活动 1 至 {MAX_CAMPAIGNS} 个，写活动代码；管理员不能限定活动", field="campaigns")
    return tuple(dict.fromkeys(campaigns))


def logged_view(account: Account) -> dict[str, Any]:
    """What of an account the audit log compares."""
    return {"role": account.role, "campaigns": None if account.campaigns is None else list(account.campaigns), "disabled": account.disabled}
