"""The words and shapes of a draft's page, as in `openapi_words.py` and `openapi_shapes.py`."""

from __future__ import annotations

from msgspec import Struct

from handlers.openapi_terms import HTML, NO_CAMPAIGN, NO_STAFF, NO_STAFF_CHANGE, STAFF, Answer, Words
from server.blocks.weight import Row

CAMPAIGN = "/api/v1/staff/campaigns/{slug}"


class WeightView(Struct):
    rows: list[Row]
    first_view: int
    later: int
    films: int
    budget: int
    over: bool
    advice: list[str]


class CopiedPlaces(Struct):
    regions: int


WORDS: dict[tuple[str, str], Words] = {
    ("post", f"{CAMPAIGN}/places/copy"): Words(
        "工作人员", "沿用另一个活动的区县和单位（只用于还没有区县的活动）", {200: Answer("沿用了多少区县", CopiedPlaces)},
        {**NO_STAFF_CHANGE, **NO_CAMPAIGN, 409: ("PLACES_THERE", "PLACES_MISSING"), 422: ("INVALID_BODY",)}, needs=STAFF),
    ("get", f"{CAMPAIGN}/draft/page"): Words(
        "工作人员", "草稿的真实页面（表单旁的手机框用）：以访客身份打开，不计数；还缺什么时写明", {200: Answer("网页", media=HTML)},
        {**NO_STAFF, **NO_CAMPAIGN, 422: ("INVALID_BODY", "PAGE_WRONG")}, needs=STAFF),
    ("get", f"{CAMPAIGN}/draft/weight"): Words(
        "工作人员", "草稿页面在手机上的大小：每部分的字节数、首屏合计与预算、怎样变小", {200: Answer("大小", WeightView)},
        {**NO_STAFF, **NO_CAMPAIGN}, needs=STAFF),
}
