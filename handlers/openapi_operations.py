"""Words and shapes of what operators measure: the list of processes, the table of metrics, how pages felt."""

from __future__ import annotations

from msgspec import Struct

from handlers.openapi_terms import NO_CAMPAIGN, NO_STAFF, STAFF, Answer, Words
from server.experience import Felt


class Target(Struct):
    targets: list[str]
    labels: dict[str, str]


class SeriesView(Struct):
    labels: dict[str, str]
    value: float


class Observed(Struct):
    """Of a histogram: how often, and where half and 99 of 100 lie; null where nothing was observed."""

    count: int
    p50: float | None
    p99: float | None


class MetricView(Struct):
    """`normal`, `limit` and `step`: what is to be expected, when it alarms, and what to do first."""

    name: str
    section: str
    kind: str
    title: str
    help: str
    unit: str
    normal: str
    limit: str
    step: str
    series: list[SeriesView]
    observed: Observed | None


class ProcessView(Struct):
    roles: list[str]
    address: str


class MetricTable(Struct):
    items: list[MetricView]
    next: str | None
    as_of: str
    processes: list[ProcessView]


class MeasureView(Struct):
    """Up to `good` it is good, past `poor` poor; `unit` ms or none."""

    code: str
    title: str
    unit: str
    good: float
    poor: float


class FigureView(Struct):
    """`told`: pages that could tell; `state`: good, fair, poor, few (too few told) or none."""

    told: int
    p75: float | None
    state: str


class GroupView(Struct):
    """`broken_share`: of pages with an error; null for fewer than `fewest` pages."""

    code: str
    name: str
    pages: int
    broken_share: float | None
    lcp: FigureView
    inp: FigureView
    cls: FigureView
    ready: FigureView


class ExperienceView(Struct):
    """All of it, by device, by region, and by day, the newest first."""

    measures: list[MeasureView]
    fewest: int
    all: GroupView
    devices: list[GroupView]
    regions: list[GroupView]
    days: list[GroupView]
    next: str | None


WORDS: dict[tuple[str, str], Words] = {
    ("get", "/metrics/targets"): Words(
        "运维", "各进程 /metrics 的地址，Prometheus http_sd 的格式；只给本机与可信网络", {200: Answer("列表", list[Target])},
        {404: ("NOT_FOUND",), 503: ("STORE_UNAVAILABLE",)}),
    ("get", "/api/v1/staff/metrics"): Words(
        "工作人员", "全部指标：所有进程合起来的值、正常范围与报警线，至多 10 秒前的", {200: Answer("列表", MetricTable)},
        {**NO_STAFF, 503: ("STORE_UNAVAILABLE",)}, needs=STAFF),
    ("post", "/api/v1/campaigns/{slug}/experience"): Words(
        "活动", "随机抽取的页面上报自己的快慢与出错数；不读 Cookie，不记地址，只并入按机型大类与区县的分布", {204: Answer("已记下")},
        {**NO_CAMPAIGN, 413: ("BODY_TOO_LARGE",), 422: ("INVALID_BODY",), 429: ("EXPERIENCES_TOO_MANY",)}, body=Felt),
    ("get", "/api/v1/staff/campaigns/{slug}/experience"): Words(
        "工作人员", "真实体验：页面在市民手机上的快慢与出错，按机型大类、区县与日", {200: Answer("统计", ExperienceView)},
        {**NO_STAFF, **NO_CAMPAIGN}, {"days": "最近几天，至多 31，默认 7"}, needs=STAFF),
}
