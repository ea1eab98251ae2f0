"""What every handler stands on: who is calling, the JSON body, the answer, and the single error renderer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import tornado.web

from handlers.faults import fault, too_large_number, unreadable
from server import logs
from server.errors import BodyTooLarge, MethodNotAllowed, NotAuthorised, NotFound, Refusal, Unavailable, WenmingError
from server.stores import translate

if TYPE_CHECKING:
    from server.services import Services
    from server.tokens import Token

logger = logging.getLogger(__name__)
Body = TypeVar("Body")

# The largest JSON body of the API: a message of 200 characters with its fields is under 2 KB.
MAX_BODY_BYTES = 8 * 1024
COOKIE = "wenming_citizen"
# What is told to everybody alike may be kept in front of us for a second, shown while one asks for the next (two seconds more at most, so
# that a page's clock stays right within three), and while we are away for as long as a process takes to restart.
FOR_EVERYBODY = "public, max-age=1, stale-while-revalidate=2, stale-if-error=10"

_encoder = msgspec.json.Encoder()


def error_body(error: WenmingError, request_id: str) -> bytes:
    """The one shape of an error, used by every door."""
    inner: dict[str, Any] = {"code": error.code, "message": error.message, "request_id": request_id}
    if error.field:
        inner["field"] = error.field
    return _encoder.encode({"error": inner})


def token_from(authorization: str | None, cookie: str | None) -> str:
    """The citizen's token: Bearer wins over the cookie, a bad Bearer is not rescued by a good cookie. Raises NotAuthorised."""
    if authorization is not None:
        if authorization.startswith("Bearer "):  # as everybody writes it
            return authorization[7:].strip()
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "bearer" or not value.strip():
            raise NotAuthorised("TOKEN_INVALID", "登录凭证无效，请重新进入")
        return value.strip()
    if cookie:
        return cookie
    raise NotAuthorised()


class BaseHandler(tornado.web.RequestHandler):
    """Services, the clock and the error renderer. `allow_networks` etc. belong to the subclasses that need them.

    `error_code`: what was refused, for the figures; "" where nothing was.
    """

    error_code = ""

    def prepare(self) -> None:
        # The proxy's, so that its log and ours speak of one request; Tornado runs each request in a context of its own.
        self.request_id = logs.named(self.request.headers.get("X-Request-Id"))
        logs.request_id.set(self.request_id)
        self.set_header("X-Request-Id", self.request_id)
        if self.closes_for_maintenance():
            self.services.switches.admit(self.now())

    def closes_for_maintenance(self) -> bool:
        """Whether this answers 503 while citizens are shown the maintenance page: their pages, and whatever they change through the API.

        Staff, probes, what WeChat itself asks and what was drawn or built go on, and so does reading: pages that are open stay whole.
        """
        return False

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "same-origin")

    @property
    def services(self) -> Services:
        services: Services = self.settings["services"]
        return services

    def now(self) -> float:
        """Seconds since 1970, read once where a request enters."""
        return float(self.settings["clock"]())

    def compute_etag(self) -> str | None:
        return None  # a SHA-1 of every dynamic answer buys nothing

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = as_wenming_error(kwargs.get("exc_info", (None, None, None))[1], status_code)
        self.set_status(error.status)
        self.error_code = error.code
        self.set_header("X-Request-Id", getattr(self, "request_id", ""))  # Tornado has cleared what prepare() set
        if error.retry_after_seconds is not None:
            self.set_header("Retry-After", str(error.retry_after_seconds))
        if error.status == 405:
            self.set_header("Allow", ", ".join(verb for verb in self.SUPPORTED_METHODS if self._serves(verb)))
        self.render_error(error)

    def _serves(self, verb: str) -> bool:
        return getattr(type(self), verb.lower()) is not getattr(tornado.web.RequestHandler, verb.lower())

    def render_error(self, error: WenmingError) -> None:
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.finish(error_body(error, getattr(self, "request_id", "")))

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        if isinstance(value, (WenmingError, tornado.web.HTTPError)) or (value and translate(value)):
            logger.info("%s %s refused: %s", self.request.method, type(self).__name__, value)
        else:
            logger.error("%s %s failed", self.request.method, type(self).__name__, exc_info=value)


class ApiHandler(BaseHandler):
    """JSON in, JSON out."""

    def closes_for_maintenance(self) -> bool:
        return self.request.method not in ("GET", "HEAD", "OPTIONS")

    def token(self) -> Token:
        """The caller's verified token. Raises NotAuthorised."""
        text = token_from(self.request.headers.get("Authorization"), self.get_cookie(COOKIE))
        return self.services.tokens.read(text, self.now())

    def citizen(self) -> int:
        """The caller's citizen number, merged numbers resolved, deleted ones refused. Raises NotAuthorised."""
        return self.services.citizens.of_token(self.token())

    def body(self, shape: type[Body]) -> Body:
        """The JSON body as `shape`. Raises InvalidBody or BodyTooLarge."""
        return decode_body(self.request.body, shape)

    def reply(self, value: Any, status: int = 200, cached: str = "no-store") -> None:
        """`cached`: who else may keep it; FOR_EVERYBODY only where nothing but address and query is read."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.set_header("Cache-Control", cached)
        self.finish(_encoder.encode(value))


# One for each shape of the API: making a decoder costs more than decoding a salute.
_decoders: dict[type[Any], msgspec.json.Decoder[Any]] = {}


def decode_body(body: bytes, shape: type[Body], max_bytes: int = MAX_BODY_BYTES) -> Body:
    """A JSON body as `shape` (a msgspec.Struct). Raises InvalidBody naming the field and its rule, or BodyTooLarge."""
    if len(body) > max_bytes:
        raise BodyTooLarge(message=f"提交的内容过大，最多 {max_bytes >> 10} KB")
    try:
        decoder = _decoders.get(shape) or _decoders.setdefault(shape, msgspec.json.Decoder(shape))
        found: Body = decoder.decode(body)
        problem = too_large_number(body)
    except msgspec.ValidationError as error:
        raise fault(error, shape) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(error, body) from error
    if problem:
        raise problem
    return found


def as_wenming_error(error: BaseException | None, status: int) -> WenmingError:
    """Any failure as one of the tree: ours, a store's outage, Tornado's own refusals, else a bug."""
    if isinstance(error, WenmingError):
        return error
    if error is not None and (outage := translate(error)):
        return outage
    known = {404: NotFound, 405: MethodNotAllowed, 413: BodyTooLarge, 503: Unavailable}.get(status)
    if known:
        return known()
    return Refusal("BAD_REQUEST", "请求格式不对") if 400 <= status < 500 else WenmingError()


class NotFoundHandler(BaseHandler):
    """Whatever no route serves."""

    def prepare(self) -> None:
        super().prepare()
        raise NotFound()
