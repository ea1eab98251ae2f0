"""What the platform's refusals mean for us, by errcode.

WeChatError                     502: the platform answered with an errcode that has no policy of its own; never retried
├── TokenRejected               40001 40014 42001: renew the access_token if the stored one is the failed one, once
├── CodeRejected                40029: a sign-in code that is wrong or old; sign in again
│   └── CodeUsed                40163: the code was exchanged before; sign in again, once
├── PersonAtRisk                40226: the platform keeps this person out
├── NeverRetry                  40003 41030 43004 43101 45015 45047 47003 48001 61010: asking again cannot help
├── Misconfigured               40013 40125 40164: the account's settings are wrong; stop refreshing, tell the operators
├── RateLimited                 45011: too many in this minute; wait, do not loop
├── QuotaSpent                  45009: nothing more today; the endpoint stays shut until the next Shanghai midnight
└── PlatformBusy                -1: may be tried again within bounds
    └── PlatformUnreachable     no answer in time, a broken connection, a redirect, a body that is no JSON
"""

from __future__ import annotations

from server.errors import WenmingError

TOKEN_ERRCODES = frozenset({40001, 40014, 42001})
# 45011 counts calls of one minute.
RATE_WAIT_SECONDS = 60


class WeChatError(WenmingError):
    """`errcode` is the platform's, 0 where there was none. The platform's own words stay out: they may quote an openid."""

    status = 502
    code = "WECHAT_REFUSED"
    message = "微信没有受理这次请求，请稍后再试"

    def __init__(self, errcode: int = 0, *, retry_after_seconds: int | None = None) -> None:
        self.errcode = errcode
        super().__init__(retry_after_seconds=retry_after_seconds)
        self.args = (f"{self.code} (errcode {errcode})",)


class TokenRejected(WeChatError):
    code = "WECHAT_TOKEN_REJECTED"
    message = "与微信的连接正在恢复，请稍后再试"


class CodeRejected(WeChatError):
    status = 401
    code = "WECHAT_CODE_REJECTED"
    message = "登录没有成功，请重新进入本页"


class CodeUsed(CodeRejected):
    code = "WECHAT_CODE_USED"


class PersonAtRisk(WeChatError):
    status = 403
    code = "WECHAT_PERSON_AT_RISK"
    message = "微信提示此账号存在风险"


class NeverRetry(WeChatError):
    code = "WECHAT_NOT_ALLOWED"
    message = "微信不允许这次操作"


class Misconfigured(WeChatError):
    status = 503
    code = "WECHAT_MISCONFIGURED"
    message = "微信账号的设置有误，工作人员正在处理"


class RateLimited(WeChatError):
    status = 503
    code = "WECHAT_RATE_LIMITED"
    message = "操作太频繁，请一分钟后再试"


class QuotaSpent(WeChatError):
    status = 503
    code = "WECHAT_QUOTA_SPENT"
    message = "今天的微信调用次数已用完，请明天再试"


class PlatformBusy(WeChatError):
    status = 503
    code = "WECHAT_BUSY"
    message = "微信现在很忙，请稍后再试"


class PlatformUnreachable(PlatformBusy):
    code = "WECHAT_UNREACHABLE"
    message = "暂时连不上微信，请稍后再试"


BY_ERRCODE: dict[int, type[WeChatError]] = {
    **dict.fromkeys(TOKEN_ERRCODES, TokenRejected),
    40029: CodeRejected,
    40163: CodeUsed,
    40226: PersonAtRisk,
    **dict.fromkeys((40003, 41030, 43004, 43101, 45015, 45047, 47003, 48001, 61010), NeverRetry),
    **dict.fromkeys((40013, 40125, 40164), Misconfigured),
    45011: RateLimited,
    45009: QuotaSpent,
    -1: PlatformBusy,
}


def error_of(errcode: int) -> WeChatError:
    """The error that an errcode means."""
    kind = BY_ERRCODE.get(errcode, WeChatError)
    return kind(errcode, retry_after_seconds=RATE_WAIT_SECONDS if kind is RateLimited else None)
