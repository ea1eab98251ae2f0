"""Pages of the mini-program 小程序页面 with their parameters: what its codes and links lead to.

Owns: what the platform takes as a page and as parameters, and what its refusals of them mean to an editor.
[miniprogram/dev/server/API/qrcode-link/qr-code/api_getunlimitedqrcode, .../url-link/api_generateurllink]
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote, urlencode

import msgspec

from server.errors import Conflict, InvalidBody, WenmingError
from server.wechat.errors import WeChatError

EnvVersion = Literal["release", "trial", "develop"]

# Folders and names as developers write them, without a slash in front and without parameters.
PAGE = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")
MAX_PAGE_CHARACTERS = 128
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")
# The platform keeps it for itself.
RESERVED_NAME = "scancode_time"
# A link carries 1,024 characters at most; a code's parameters stay here, and are held to the same.
MAX_QUERY_CHARACTERS = 1024
MAX_NAME_CHARACTERS = 64


class Target(msgspec.Struct, frozen=True):
    """Where a code or link leads: `page` such as pages/campaign/campaign, `query` its parameters."""

    page: str
    query: dict[str, str] = {}

    @property
    def query_text(self) -> str:
        """As the platform takes it: ASCII, in one order, so that the same parameters are the same text."""
        return urlencode(sorted(self.query.items()), quote_via=quote)


def check(target: Target, name: str) -> None:
    """`name` is what the staff call it. Raises InvalidBody by the field."""
    if len(target.page) > MAX_PAGE_CHARACTERS or not PAGE.fullmatch(target.page):
        raise InvalidBody("PAGE_WRONG", "页面路径不以 / 开头，也不带参数，例如 pages/index/index", field="page")
    if any(not NAME.fullmatch(key) or key == RESERVED_NAME for key in target.query):
        raise InvalidBody(message=f"参数名以字母或 _ 开头，只用字母、数字和 _，不能是 {RESERVED_NAME}", field="query")
    if not "".join(target.query.values()).isprintable() or len(target.query_text) > MAX_QUERY_CHARACTERS:
        raise InvalidBody(message=f"参数合起来最多 {MAX_QUERY_CHARACTERS} 个字符，不能换行", field="query")
    if not 0 < len(name.strip()) <= MAX_NAME_CHARACTERS:
        raise InvalidBody(message=f"名称 1 至 {MAX_NAME_CHARACTERS} 字", field="name")


def refusal(error: WeChatError) -> WenmingError:
    """What the platform's refusal of a page is to an editor; anything else stays what it is."""
    if error.errcode in (41030, 40165, 40066):
        return InvalidBody("PAGE_NOT_PUBLISHED", "小程序的正式版里没有这个页面", field="page")
    if error.errcode == 85079:
        return Conflict("MINI_PROGRAM_NOT_RELEASED", "小程序还没有发布正式版")
    if error.errcode == 43104:
        return Conflict("SHORT_LINK_NOT_ALLOWED", "微信目前只向电商类目的小程序开放短链，请改用 URL Link")
    return error
