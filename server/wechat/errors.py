"""What the platform's refusals mean for us, by errcode.

WeChatError                     502: the platform answered with an errcode that has no policy of its own; never retried
├── TokenRejected               40001 40014 42001: renew the access_token if the stored one is the failed one, once
├── CodeRejected                40029: a sign-in code that is wrong or old; sign in again
│   └── CodeUsed                40163: the code was exchanged before; sign in again, once
├── PersonAtRisk                40226: the platform keeps this person out
├── NeverRetry                  40003 40032 41030 43004 43101 45015 45047 47003 49003: asking again cannot help
│   ├── NotPermitted            48001: accounts of this kind may not do it
│   └── NotVisited              61010: she has not opened this mini-program within two hours, so nothing is checked in her name
├── NoMenu                      46003: the account has no menu
├── TagRefused                  45157 45158: a name that is taken, too long or not allowed
│   ├── TooManyTags             45056: an account has a hundred at most
│   ├── TooManyTagsOfOne        45059: a person has twenty at most
│   ├── TagTooLarge             45057: more than 100,000 people have it, so it cannot be deleted at once
│   └── TagUnknown              45058 45159: no tag of the account's own
├── NotMoved                    63178 63182 63183: the accounts were not moved one into the other, or it is 15 days ago
├── MediaRefused                40004 40005 40006 40009 40010 40011 45001: not a file that the platform takes
├── MediaUnknown                40007 53600: no such material, draft or article any more
├── ArticleRefused              45002 45003 45004 45008 45110 45166: a field of an article is too long or not allowed
├── MassSendsSpent              45028: the account's mass sends of this day or month are used up
├── AlreadySent                 45065: a mass send of this clientmsgid was taken before; `msg_id` is its name
├── SessionEnded                87007 87009: the session_key is another one by now; she has to log in again
├── Misconfigured               40013 40125 40164: the account's settings are wrong; stop refreshing, tell the operators
├── ClearsSpent                 48006: the account's ten clears of the month are used up
├── AnswerUntrusted             the answer to a signed call is not the platform's; it may have been applied (`may_have_arrived`)
├── RateLimited                 45011 44990, and 45009 of MINUTE_PATHS: too many in this minute; wait, do not loop
├── QuotaSpent                  45009: nothing more today; the endpoint stays shut until the next Shanghai midnight
└── PlatformBusy                -1: may be tried again within bounds
    └── PlatformUnreachable     no answer in time, a broken connection, a redirect, a body that is no JSON (`may_have_arrived`)
        └── PlatformNotAsked    no connection, or no access_token to ask with: nothing has arrived

What to do after a refusal stands here once, for all who ask by themselves: `pause_seconds`, `may_have_arrived`, PASSING.
"""

from __future__ import annotations

import re

from server.errors import WenmingError

TOKEN_ERRCODES = frozenset({40001, 40014, 42001})
# 45011 counts calls of one minute.
RATE_WAIT_SECONDS = 60
# A busy platform has mostly recovered within seconds, and an outage ends unannounced: at 2, 4, 8, 16, 32 s, then each minute.
FIRST_BUSY_SECONDS, MOST_BUSY_SECONDS = 2.0, 60.0
# Wrong settings do not mend themselves in seconds: somebody has to, first.
SETTINGS_WAIT_SECONDS = 300.0
# Here 45009 means the minute, not the day. [miniprogram/dev/server/API/qrcode-link/qr-code/api_getunlimitedqrcode]
MINUTE_PATHS = frozenset({"wxa/getwxacodeunlimit"})
# All that is taken from the platform's words: the request's name, and the address that is to be let in (40164).
RID = re.compile(r"rid: ([0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8})")
REFUSED_ADDRESS = re.compile(r"invalid ip ([0-9a-f.:]{7,45})")


class WeChatError(WenmingError):
    """`errcode` is the platform's, 0 where there was none. The platform's own words stay out: they may quote an openid.

    `rid` is the request's name there, by which staff can ask what was wrong; `address` is ours as the platform saw it, where it refused it.
    """

    status = 502
    code = "WECHAT_REFUSED"
    message = "微信没有受理这次请求，请稍后再试"

    def __init__(self, errcode: int = 0, *, retry_after_seconds: int | None = None, rid: str = "", address: str = "") -> None:
        self.errcode = errcode
        self.rid = rid
        self.address = address
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


class NotVisited(NeverRetry):
    code = "WECHAT_NOT_VISITED"
    message = "她近两小时没有打开过小程序，微信不能检查"


class NotPermitted(NeverRetry):
    status = 403
    code = "WECHAT_NOT_PERMITTED"
    message = "这个账号没有这项接口权限；发布与群发等只开放给已认证的账号"


class NoMenu(WeChatError):
    status = 404
    code = "WECHAT_NO_MENU"
    message = "公众号还没有菜单"


class TagRefused(WeChatError):
    status = 409
    code = "WECHAT_TAG_REFUSED"
    message = "微信没有接受这个标签名：与已有标签重名、过长或不允许"


class TooManyTags(TagRefused):
    code = "WECHAT_TOO_MANY_TAGS"
    message = "公众号的标签已达 100 个"


class TooManyTagsOfOne(TagRefused):
    code = "WECHAT_TOO_MANY_TAGS_OF_ONE"
    message = "有粉丝的标签已达 20 个"


class TagTooLarge(TagRefused):
    code = "WECHAT_TAG_TOO_LARGE"
    message = "这个标签下超过 10 万人，请先取消部分粉丝的标签再删除"


class TagUnknown(TagRefused):
    status = 404
    code = "WECHAT_TAG_UNKNOWN"
    message = "公众号没有这个标签，或它是微信保留的标签"


class NotMoved(WeChatError):
    status = 409
    code = "WECHAT_NOT_MOVED"
    message = "两个账号之间没有迁移关系，或迁移已过 15 天"


class MediaRefused(WeChatError):
    status = 422
    code = "WECHAT_MEDIA_REFUSED"
    message = "微信没有接受这个文件：类型、大小或时长不合要求"


class MediaUnknown(WeChatError):
    status = 404
    code = "WECHAT_MEDIA_UNKNOWN"
    message = "微信那里没有这个素材或草稿，可能已删除、发布或过期"


class ArticleRefused(WeChatError):
    status = 422
    code = "WECHAT_ARTICLE_REFUSED"
    message = "微信没有接受这篇图文：标题、作者、摘要或正文过长，或含有不允许的内容"


class MassSendsSpent(WeChatError):
    status = 409
    code = "WECHAT_MASS_SENDS_SPENT"
    message = "群发次数已用完：订阅号每天一次，服务号每月四次"


class AlreadySent(WeChatError):
    """Not sent again: the platform remembers a clientmsgid for a day."""

    status = 409
    code = "WECHAT_ALREADY_SENT"
    message = "这次群发已经发出"
    msg_id = ""


class SessionEnded(WeChatError):
    status = 409
    code = "WECHAT_SESSION_ENDED"
    message = "登录状态已过期，请重新登录小程序"


class Misconfigured(WeChatError):
    status = 503
    code = "WECHAT_MISCONFIGURED"
    message = "微信账号的设置有误，工作人员正在处理；改好后一分钟内恢复"


class ClearsSpent(WeChatError):
    status = 409
    code = "WECHAT_CLEARS_SPENT"
    message = "本月的清零次数已用完"


class AnswerUntrusted(WeChatError):
    code = "WECHAT_ANSWER_UNTRUSTED"
    message = "微信的应答没有通过验签，结果不能采信"


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


class PlatformNotAsked(PlatformUnreachable):
    """To people the same; who asks by herself knows that nothing was done."""


BY_ERRCODE: dict[int, type[WeChatError]] = {
    **dict.fromkeys(TOKEN_ERRCODES, TokenRejected),
    40029: CodeRejected,
    40163: CodeUsed,
    40226: PersonAtRisk,
    **dict.fromkeys((40003, 40032, 41030, 43004, 43101, 45015, 45047, 47003, 49003), NeverRetry),
    48001: NotPermitted,
    61010: NotVisited,
    **dict.fromkeys((40013, 40125, 40164), Misconfigured),
    46003: NoMenu,
    **dict.fromkeys((45157, 45158), TagRefused),
    45056: TooManyTags,
    45057: TagTooLarge,
    **dict.fromkeys((45058, 45159), TagUnknown),
    45059: TooManyTagsOfOne,
    **dict.fromkeys((63178, 63182, 63183), NotMoved),
    **dict.fromkeys((40004, 40005, 40006, 40009, 40010, 40011, 45001), MediaRefused),
    **dict.fromkeys((40007, 53600), MediaUnknown),
    **dict.fromkeys((45002, 45003, 45004, 45008, 45110, 45166), ArticleRefused),
    45028: MassSendsSpent,
    45065: AlreadySent,
    48006: ClearsSpent,
    **dict.fromkeys((87007, 87009), SessionEnded),
    **dict.fromkeys((45011, 44990), RateLimited),
    45009: QuotaSpent,
    -1: PlatformBusy,
}


def error_of(errcode: int, said: str = "", path: str = "") -> WeChatError:
    """The error that an errcode of `path` means; `said` is the platform's errmsg."""
    kind = RateLimited if errcode == 45009 and path in MINUTE_PATHS else BY_ERRCODE.get(errcode, WeChatError)
    rid, address = RID.search(said), REFUSED_ADDRESS.search(said) if errcode == 40164 else None
    return kind(errcode, retry_after_seconds=RATE_WAIT_SECONDS if kind is RateLimited else None,
                rid=rid[1] if rid else "", address=address[1] if address else "")


# What passes by itself within minutes, or once the settings are mended; a spent quota is for whoever asks to judge.
PASSING = (PlatformBusy, RateLimited, TokenRejected, Misconfigured)


def pause_seconds(error: WeChatError, tries: int = 0) -> float | None:
    """How long to wait before the same is asked again, after so many failures before this one; None: asking again cannot help.

    How many tries there are at most, each caller says; and who may not ask twice looks at `may_have_arrived` first.
    """
    if isinstance(error, QuotaSpent):
        return float(error.retry_after_seconds or SETTINGS_WAIT_SECONDS)
    if isinstance(error, RateLimited):
        return float(RATE_WAIT_SECONDS)
    if isinstance(error, (Misconfigured, TokenRejected)):
        return SETTINGS_WAIT_SECONDS
    if isinstance(error, PlatformBusy):
        return MOST_BUSY_SECONDS if tries > 4 else min(FIRST_BUSY_SECONDS * float(1 << tries), MOST_BUSY_SECONDS)
    return None


def may_have_arrived(error: WeChatError) -> bool:
    """Whether what was asked may have been done all the same: no answer came, or none that can be believed."""
    return isinstance(error, (PlatformUnreachable, AnswerUntrusted)) and not isinstance(error, PlatformNotAsked)
