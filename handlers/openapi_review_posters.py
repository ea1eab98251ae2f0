"""The words and shapes of what reviewers see as pictures, as in `openapi_words.py` and `openapi_shapes.py`."""

from __future__ import annotations

from msgspec import Struct

from handlers.openapi_terms import NO_CAMPAIGN, NO_STAFF, STAFF, Answer, Words


class ComparedPosters(Struct):
    before: str
    after: str


LINK = {404: ("REVIEW_LINK_UNKNOWN",), 409: ("REVIEW_LINK_USED", "REVIEW_LINK_LATE", "REVIEW_LINK_OUTDATED")}
DRAWN = {503: ("POSTER_BUSY", "POSTER_UNAVAILABLE")}

WORDS: dict[tuple[str, str], Words] = {
    ("get", "/api/v1/staff/campaigns/{slug}/draft/posters"): Words(
        "工作人员", "草稿的海报与目前公开的海报，画好的图片（data: 地址，市民是虚构的）；还没有公开、或两张一样时 before 为空",
        {200: Answer("两张海报", ComparedPosters)}, {**NO_STAFF, **NO_CAMPAIGN, **DRAWN}, needs=STAFF),
    ("get", "/review/{ticket}/poster.jpg"): Words(
        "页面", "手机审核页上的海报，画好的图片", {200: Answer("海报", media="image/jpeg")}, {**LINK, **DRAWN},
        {"side": "before：目前公开的；其他：送审的"}),
    ("post", "/review/{ticket}/page"): Words(
        "页面", "从手机审核页打开送审版本的真实页面：只供这部手机，30 分钟有效，不计数，不算作决定",
        {303: Answer("去预览页")}, {**LINK, 422: ("INVALID_BODY", "PAGE_WRONG", "POSTER_DESIGN_WRONG")}),
}
