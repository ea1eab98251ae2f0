"""The whole error tree. Raise anywhere under `server/`; `handlers/base.py` renders all of it in one shape.

WenmingError
├── Refusal                  an expected 4xx: the person or program can do something about it
│   ├── InvalidBody          422 INVALID_BODY (and its named kinds UNKNOWN_*)
│   ├── BodyTooLarge         413 BODY_TOO_LARGE
│   ├── NotAuthorised        401 TOKEN_MISSING | TOKEN_INVALID | TOKEN_EXPIRED | SIGN_IN_FAILED
│   ├── Forbidden            403
│   ├── NotFound             404
│   ├── MethodNotAllowed     405
│   └── Conflict             409
├── Unavailable              503 with Retry-After: try again, nothing was decided (MAINTENANCE: server/switches)
│   └── StoreUnavailable     503 a store did not answer in time
└── WeChatError              the platform refused or did not answer (see server/wechat/errors.py)

Each aggregate names its own errors beside its service, as subclasses or ready instances of these.
`message` is Chinese text for people; `code` is the word that programs switch on.
"""

from __future__ import annotations


class WenmingError(Exception):
    """Base: `status` for HTTP, `code` for programs, `message` for people, `field` where one is at fault."""

    status = 500
    code = "INTERNAL"
    message = "系统出了点问题，请稍后再试"

    def __init__(self, code: str | None = None, message: str | None = None, *, field: str | None = None,
                 retry_after_seconds: int | None = None) -> None:
        self.code = code or self.code
        self.message = message or self.message
        self.field = field
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"{self.code}: {self.message}")


class Refusal(WenmingError):
    status = 400
    code = "REFUSED"
    message = "请求无法处理"


class InvalidBody(Refusal):
    status = 422
    code = "INVALID_BODY"
    message = "提交的内容格式不对"


class BodyTooLarge(Refusal):
    status = 413
    code = "BODY_TOO_LARGE"
    message = "提交的内容过大"


class NotAuthorised(Refusal):
    status = 401
    code = "TOKEN_MISSING"
    message = "请先在微信中打开本页"


class Forbidden(Refusal):
    status = 403
    code = "FORBIDDEN"
    message = "没有权限进行此操作"


class NotFound(Refusal):
    status = 404
    code = "NOT_FOUND"
    message = "没有找到"


class MethodNotAllowed(Refusal):
    status = 405
    code = "METHOD_NOT_ALLOWED"
    message = "不支持这种请求方式"


class Conflict(Refusal):
    status = 409
    code = "CONFLICT"
    message = "当前状态不允许此操作"


class Unavailable(WenmingError):
    status = 503
    code = "BUSY"
    message = "现在人很多，请稍候，系统会自动再试"

    def __init__(self, code: str | None = None, message: str | None = None, *, field: str | None = None,
                 retry_after_seconds: int = 2) -> None:
        super().__init__(code, message, field=field, retry_after_seconds=retry_after_seconds)


class StoreUnavailable(Unavailable):
    code = "STORE_UNAVAILABLE"
    message = "数据服务暂时没有响应，请稍后再试"
