"""The words and shapes of poster designs and kits, as in `openapi_words.py` and `openapi_shapes.py`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from handlers.kits import ZIP
from handlers.openapi_terms import NO_CAMPAIGN, NO_STAFF, NO_STAFF_CHANGE, STAFF, Answer, Words
from server.posters.design import Design


class PaletteColour(Struct):
    color: str
    name: str


class SceneName(Struct):
    code: str
    name: str
    look: list[tuple[float, str]]


class DesignBeginning(Struct):
    design: Design
    width: int
    height: int
    palette: list[PaletteColour]
    scenes: list[SceneName]
    words: list[str]


class DesignPreview(Struct):
    picture: str
    bytes: int
    problems: list[str]
    warnings: list[str]


class KitView(Struct):
    """`state` none: there was never one, and nothing else is said."""

    state: str
    state_name: str
    campaign: str = ""
    asked_by: str = ""
    asked_at: str | None = None
    region: str = ""
    done: int = 0
    total: int = 0
    problem: str = ""
    size_bytes: int = 0
    ready_at: str | None = None
    regions: int = 0
    units: int = 0
    has_file: bool = False
    outdated: bool = False


class KitText(Struct):
    name: str
    text: str


class KitTexts(Struct):
    items: list[KitText]
    next: str | None


class PlaceOpened(Struct):
    place: str
    name: str
    opened: int


class PlacesOpened(Struct):
    items: list[PlaceOpened]
    next: str | None


CAMPAIGN = "/api/v1/staff/campaigns/{slug}"


def staff(text: str, answer: Answer, refusals: dict[int, tuple[str, ...]] | None = None, *, changes: bool = False, status: int = 200,
          query: dict[str, str] | None = None) -> Words:
    base: dict[Any, Any] = NO_STAFF_CHANGE if changes else NO_STAFF
    return Words("工作人员", text, {status: answer}, {**base, **NO_CAMPAIGN, **(refusals or {})}, query or {}, needs=STAFF)


WORDS: dict[tuple[str, str], Words] = {
    ("get", f"{CAMPAIGN}/poster-design"): staff(
        "海报设计的起点：草稿所属活动类型的内置模板拆成图层，以及调色板、场景（自上而下的颜色）和可用的占位符",
        Answer("起点", DesignBeginning)),
    ("post", f"{CAMPAIGN}/poster-design/preview"): staff(
        "按一份还没保存的设计画出真实海报（文字取自草稿，市民是虚构的），并列出违反的规则和需要留意之处；有频率限制",
        Answer("海报与问题", DesignPreview),
        {413: ("BODY_TOO_LARGE",), 422: ("INVALID_BODY", "POSTER_DESIGN_WRONG"), 503: ("POSTER_BUSY",)}, changes=True),
    ("get", f"{CAMPAIGN}/kit"): staff("宣传物料包：进度、内容、是否已过时", Answer("物料包", KitView)),
    ("post", f"{CAMPAIGN}/kit"): staff(
        "制作或重新制作宣传物料包；由后台制作，期间旧包仍可下载", Answer("物料包", KitView),
        {409: ("KIT_NOT_PUBLISHED", "KIT_WORDING", "KIT_IN_WORK"), 422: ("INVALID_BODY", "UNKNOWN_REGION", "KIT_TOO_LARGE")},
        changes=True, status=202),
    ("get", f"{CAMPAIGN}/kit/file"): staff(
        "下载宣传物料包（ZIP）；每次下载记入审计日志", Answer("文件", media=ZIP),
        {404: ("CAMPAIGN_NOT_FOUND", "KIT_NOT_FOUND"), 409: ("KIT_NOT_READY",)}),
    ("get", f"{CAMPAIGN}/kit/texts"): staff("分享文案：标题、描述和三种长度的群发文案", Answer("文案", KitTexts)),
    ("get", f"{CAMPAIGN}/kit/visits"): staff(
        "各区县、各单位二维码被打开的次数，只供工作参考，按区县顺序而不按多少", Answer("次数", PlacesOpened),
        query={"region": "区县代码：列出它的单位；不填列各区县"}),
}
