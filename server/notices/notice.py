"""What a notice is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from server.errors import InvalidBody, NotFound

# `Citizens.numbers_of`: the number that counts for her, and those merged into it.
NumbersOf = Callable[[int], Sequence[int]]

Kind = Literal["template", "subscription", "miniprogram_subscription"]

# queued -> sending -> sent -> delivered | undelivered. What ends otherwise:
#   refused      she took her permission back, or it was used up (43101)
#   no_grant     she allowed it no more often
#   failed       the platform will never take it: a wrong field, page or template, somebody unknown
#   uncertain    it may have arrived: no answer came, or the process died in between; a second one would be worse than none
State = Literal["queued", "sending", "sent", "delivered", "undelivered", "refused", "no_grant", "failed", "uncertain"]

# Of these nobody may get a second one.
MAY_HAVE_ARRIVED: tuple[State, ...] = ("sending", "sent", "delivered", "undelivered", "uncertain")

ENDED_BADLY: tuple[State, ...] = ("failed", "undelivered", "refused")

BATCH_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
FIELD = re.compile(r"[a-z_]+[0-9]{0,2}")
MAX_FIELDS = 10
# [miniprogram subscribe-message: limits of each kind of field] In characters; what is longer is cut, a number or a date is not.
FIELD_CHARACTERS = {"thing": 20, "name": 10, "phrase": 5, "short_thing": 10}
# A number, date or letter field that is longer than this is an editor's slip.
MAX_VALUE_CHARACTERS = 32
MAX_TEMPLATE_CHARACTERS, MAX_VALUE_OF_TEMPLATE = 200, 200


# What each state means, for whoever looks at a batch: Chinese, English, and what to do.
STATE_WORDS: dict[State, str] = {
    "queued": "排队，等待发出 (queued)", "sending": "正在发 (sending)", "sent": "微信已接受，等待送达回报 (accepted)",
    "delivered": "已送达 (delivered)", "undelivered": "微信接受了，但没有送达：市民拒收或已离开 (not delivered)",
    "refused": "市民已拒收或许可已用完，不会再发 (declined)", "no_grant": "市民没有许可这个模板，请在页面上请她订阅 (no permission)",
    "failed": "微信不接受，不会再发，原因见 errors (failed)",
    "uncertain": "微信没有回答，可能已送达；为免重复，不再发送 (perhaps delivered, not sent again)",
}
# Of each reason, so many citizens are named: enough to look into it.
NAMED_CITIZENS = 20


class BatchNotFound(NotFound):
    code = "NOTICE_BATCH_NOT_FOUND"
    message = "没有这批通知"


class Batch(msgspec.Struct, frozen=True):
    """What is said to many. `data`: field -> text. `page`: an address, or a page of the mini-program."""

    id: str
    kind: Kind
    appid: str
    template_id: str
    data: dict[str, str]
    page: str = ""
    by: str = ""
    created_at: float = 0.0


class Errors(msgspec.Struct):
    """What the platform answered, and to how many; `citizens`: some of them, to look at. 0: it was not asked."""

    errcode: int
    count: int = 0
    citizens: list[int] = []


class Progress(msgspec.Struct):
    """How many notices of a batch are in each state, and why those ended that did not arrive."""

    states: dict[str, int]
    errors: dict[int, Errors]


class Notice(msgspec.Struct, frozen=True):
    """One citizen's. `due`: when it is to be looked at (seconds since 1970), as long as something is to be done.

    `tried_at`: the first try of which nobody knows what became, 0 where there is none. `name`: its id before a merge of numbers moved it.
    """

    id: str
    batch: str
    citizen: int
    state: State
    due: float
    tries: int = 0
    tried_at: float = 0.0
    name: str = ""


def at_home(batch: Batch, base_url: str) -> Batch:
    """An official account's notice opens a page of this site by its path alone; the platform wants the whole address."""
    is_path = batch.kind != "miniprogram_subscription" and batch.page.startswith("/") and not batch.page.startswith("//")
    return msgspec.structs.replace(batch, page=base_url + batch.page) if is_path and base_url else batch


def check(batch: Batch, base_url: str = "") -> None:
    """Raises InvalidBody, naming the field and its rule. `base_url`: pages of this site may be opened, whatever its scheme."""
    is_web = batch.kind != "miniprogram_subscription" and bool(batch.page)
    problems = (
        ("id", not BATCH_ID.fullmatch(batch.id), "批次号为 1 至 32 个小写字母、数字或短横线，不以短横线开头"),
        ("template_id", not 0 < len(batch.template_id) <= MAX_TEMPLATE_CHARACTERS or not batch.template_id.isprintable(),
         f"模板 ID 为 1 至 {MAX_TEMPLATE_CHARACTERS} 个字符，在微信后台的模板库中复制"),
        ("data", not 0 < len(batch.data) <= MAX_FIELDS, f"内容 1 至 {MAX_FIELDS} 个字段"),
        ("data", not all(map(FIELD.fullmatch, batch.data)), "字段名要与模板里的相同，如 thing1、time2：小写字母加数字"),
        ("data", not all(0 < len(text.strip()) <= MAX_VALUE_OF_TEMPLATE for text in batch.data.values()),
         f"每个字段 1 至 {MAX_VALUE_OF_TEMPLATE} 字"),
        ("page", len(batch.page) > 1024 or not batch.page.isprintable(), "页面地址最长 1024 个字符"),
        ("page", is_web and not batch.page.startswith("https://") and not (base_url and batch.page.startswith(f"{base_url}/")),
         "公众号通知点开的页面写本站路径，如 /c/salute-the-flag，或 https:// 开头的网址"),
    )
    for field, is_wrong, rule in problems:
        if is_wrong:
            raise InvalidBody(message=rule, field=field)
    for name, text in batch.data.items():
        if batch.kind != "template" and name.rstrip("0123456789") not in FIELD_CHARACTERS and len(text) > MAX_VALUE_CHARACTERS:
            raise InvalidBody(message=f"{name} 最多 {MAX_VALUE_CHARACTERS} 个字符", field=f"data.{name}")


class Cut(msgspec.Struct, frozen=True):
    """A field that is too long for its kind: how many characters it may have, and what citizens would read."""

    field: str
    most: int
    shown: str


def fitted(batch: Batch) -> dict[str, dict[str, str]]:
    """The fields as the platform takes them, words of a subscription notice cut to their length."""
    return {name: {"value": text if batch.kind == "template" else text[:_most(name)]} for name, text in batch.data.items()}


def would_be_cut(batch: Batch) -> list[Cut]:
    """What of a batch citizens would not read to its end."""
    return [Cut(name, _most(name), value["value"]) for name, value in fitted(batch).items() if value["value"] != batch.data[name]]


def _most(name: str) -> int:
    return FIELD_CHARACTERS.get(name.rstrip("0123456789"), MAX_VALUE_CHARACTERS)
