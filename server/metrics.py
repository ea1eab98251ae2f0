"""What the product measures of itself, as one table, and the registry that keeps it.

Owns: the names, kinds, label values and words of every metric with what is normal and when somebody must look, and the text of `/metrics`.
What else is made of the table: the page in /docs, the dashboard and the alarms (server/dashboards.py), the staff's list.
Does not own: the moments when something is measured; each service records its own.
Invariants: names read `<noun>_<verb>_<unit>` behind the prefix `wenming_`; every label has a closed list
of values, written here, so that no person and no path can grow the table; every series exists from the
start with 0, so that a rate never begins at a gap.

Where do I add a metric: one line in METRICS below its section, then `metrics.record(...)`, `observe(...)` or `hold(...)`.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import prometheus_client.core as prometheus
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from server.version import VERSION, commit

PREFIX = "wenming_"
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

Kind = Literal["counter", "gauge", "histogram"]

# A store answers within a millisecond, a stalled disk within a second; most steps lie where people begin to feel it.
STORE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
# A poster takes about 0.03 s of one core, behind at most 64 others.
DRAWING_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

# A loop that is not loaded is late by less than a millisecond; past 50 ms salutes are refused.
LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
COMMIT = commit()[:12] or "unknown"
# A batch holds 1 to 512 participations.
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
REFUSALS = ("not_open", "ended", "paused", "frozen", "voided", "busy")


# What an alarm compares: what holds now, the most of it in a process, how often a second, how often in five minutes, the 99th of a
# hundred, or the labelled part of the whole.
Measure = Literal["value", "rate", "increase", "p99", "share"]


@dataclass(frozen=True)
class Section:
    """A group of metrics: a row of the dashboard, a heading of the page."""

    name: str = ""
    title: str = ""


@dataclass(frozen=True)
class Alarm:
    """When somebody must look: `measure` is over `over` for `minutes`. `labels`: of which series, else all. `step`: what to do first."""

    measure: Measure
    over: float
    minutes: int
    step: str
    severity: Literal["warning", "critical"] = "warning"
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Metric:
    """One metric: `labels` maps each label to all values that it may have. `title` and `normal` (what is to be expected) are for people."""

    name: str
    kind: Kind
    help: str
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    title: str = ""
    normal: str = ""
    alarm: Alarm | None = None
    # How a gauge of several processes becomes one figure, where not by its unit: an age is the longest, a number is all together.
    across: Literal["", "sum", "max", "min"] = ""
    section: Section = Section()

    @property
    def joined(self) -> Literal["sum", "max", "min"]:
        """How the figures of several processes become one."""
        return self.across or ("max" if self.kind == "gauge" and self.unit == "seconds" else "sum")

    @property
    def unit(self) -> str:
        """seconds, bytes, participations, or "" for a mere number: what is measured, which a name ends with."""
        last = self.name.rpartition("_")[2]
        return last if last in ("seconds", "bytes", "participations") else ""

    def series(self) -> Iterator[tuple[str, ...]]:
        """The label values of each series."""
        yield from itertools.product(*self.labels.values())


def in_sections(*lines: Section | Metric) -> tuple[Metric, ...]:
    """Each metric with the section that it stands below."""
    section, found = Section(), []
    for line in lines:
        if isinstance(line, Section):
            section = line
        else:
            found.append(replace(line, section=section))
    return tuple(found)


# Why somebody was sent away for the moment, by the code of the refusal; the codes of WeChat stand as one.
TURNED_AWAY = {"BUSY": "busy", "SHARD_NOT_READY": "shard_not_ready", "STORE_UNAVAILABLE": "store", "IDENTITY_UNAVAILABLE": "identity",
               "POSTER_BUSY": "posters", "POSTER_UNAVAILABLE": "posters", "LIVE_FULL": "sockets"}
MONGODB_STEP = "先看 MongoDB 是否可达、磁盘是否变慢；敬礼仍在接收，积压会自己写完。"

METRICS: tuple[Metric, ...] = in_sections(
    Section("requests", "请求"),
    Metric("requests_answered_total", "counter", "HTTP requests answered, by class of status.",
           {"status": ("1xx", "2xx", "3xx", "4xx", "5xx")},
           title="应答的请求", normal="5xx 不到千分之一；4xx 多是重复提交与过期登录",
           alarm=Alarm("share", 0.01, 5, "看 503 的原因一格与 server.log 里 WARNING 以上的行。", "critical", {"status": "5xx"})),
    Metric("requests_served_seconds", "histogram", "Time from a request's headers to its answer.", buckets=STORE_SECONDS,
           title="请求用时", normal="一半在 10 毫秒内，p99 不到 250 毫秒",
           alarm=Alarm("p99", 1.0, 5, "看事件循环延迟与计数脚本用时，哪一个先变慢。")),
    Metric("requests_refused_total", "counter", "Requests told to come again later (503), by reason.",
           {"reason": (*dict.fromkeys(TURNED_AWAY.values()), "platform", "other")},
           title="请稍后再试的请求（503）", normal="平时为 0；高峰的头几秒可以有 busy，页面会自己重送",
           alarm=Alarm("rate", 5.0, 5, "busy：加 intake 进程；shard_not_ready：看 Redis；store：看 MongoDB。")),
    Section("review", "审核"),
    Metric("items_reviewed_total", "counter", "Things of citizens that people decided on, by verdict.",
           {"verdict": ("approved", "rejected")}, title="人工审核的条数", normal="随留言与照片多少"),
    Section("counting", "计数"),
    Metric("participations_accepted_total", "counter", "Participations accepted, by what was new.",
           {"outcome": ("participant", "activity", "repeat")}, title="收下的参与", normal="participant 之和就是人数的增长"),
    Metric("participations_refused_total", "counter", "Participations refused by the counting script.", {"reason": REFUSALS},
           title="脚本拒绝的参与", normal="活动开始前后与暂停时才有"),
    Metric("receipts_honoured_total", "counter", "Lost cells restored from a receipt.",
           title="凭回执找回的记录", normal="0；Redis 丢过数据后才会增加"),
    Metric("batches_sent_participations", "histogram", "Participations of one script call.", buckets=BATCH_SIZES,
           title="每批的参与数", normal="空闲时 1，高峰时几百"),
    Metric("batches_answered_seconds", "histogram", "Time of one call of the counting script.", buckets=STORE_SECONDS,
           title="计数脚本用时", normal="p99 不到 50 毫秒", alarm=Alarm("p99", 0.25, 3, "看 Redis 的磁盘（appendfsync）与 CPU。")),
    Metric("queues_aged_seconds", "gauge", "How long the oldest participation in this process has been waiting for its shard.",
           title="排队最久的参与", normal="不到 0.1 秒", alarm=Alarm("value", 1.0, 1, "Redis 没有应答或太慢：先看 Redis。", "critical")),
    Section("votes", "投票与照片"),
    Metric("ballots_written_count", "histogram", "Ballots written at once.", buckets=BATCH_SIZES,
           title="每批写下的选票", normal="空闲时 1，高峰时几百"),
    Section("ledger", "落库"),
    Metric("changes_written_total", "counter", "Changes of the journals written to MongoDB.",
           title="写入 MongoDB 的变更", normal="跟得上收下的参与"),
    Metric("changes_poisoned_total", "counter", "Changes set aside because MongoDB refused them; audit fails until settled.",
           title="写不进去的变更", normal="0",
           alarm=Alarm("increase", 0, 0, "执行 python -m server audit 活动，按它列出的条目处理。", "critical")),
    Metric("conflicts_found_total", "counter", "Documents that disagreed with the journal.",
           title="与记录不一致的变更", normal="0",
           alarm=Alarm("increase", 0, 0, "执行 python -m server audit 活动；以 MongoDB 的记录为准。")),
    Metric("ledgers_lagged_seconds", "gauge", "Age of the oldest change that MongoDB lacks, of the journals that this process carries.",
           title="落库延迟", normal="不到 2 秒", alarm=Alarm("value", 30.0, 2, MONGODB_STEP, "critical")),
    Metric("journals_waiting_count", "gauge", "Changes of all running campaigns that MongoDB does not have yet.",
           title="还没落库的变更", normal="几千以内，停下来几秒后为 0", across="max"),
    Metric("journals_held_bytes", "gauge", "Memory that the journals of running campaigns take in Redis.",
           title="日志占用的 Redis 内存", normal="几 MB 以内", across="max"),
    Metric("journals_alarmed_count", "gauge", "Journals that are half full or fuller: MongoDB is slow or away.",
           title="过半的日志", normal="0", across="max", alarm=Alarm("value", 0, 0, MONGODB_STEP, "critical")),
    Section("callbacks", "微信回调"),
    Metric("callbacks_answered_total", "counter", "Callbacks of WeChat answered.",
           {"outcome": ("replied", "empty", "repeat", "late", "refused", "failed", "unknown")},
           title="应答的回调", normal="failed 为 0；repeat 很少",
           alarm=Alarm("increase", 10, 5, "看 server.log 里 server.replies 的 ERROR 行。", labels={"outcome": "failed"})),
    Metric("effects_owed_total", "counter", "Changes by events that met an outage: owed, and paid or lost later.",
           {"outcome": ("owed", "paid", "lost")}, title="欠下的改动", normal="owed 与 paid 相等，lost 为 0"),
    Metric("typing_shown_total", "counter", "Chats that were told that a late answer is being written.", {"outcome": ("shown", "failed")},
           title="“正在输入”提示", normal="很少"),
    Section("notices", "通知"),
    Metric("notices_settled_total", "counter", "Notices that were looked at, by what became of them.",
           {"outcome": ("sent", "postponed", "refused", "no_grant", "failed", "uncertain")},
           title="处理过的通知", normal="多为 sent；no_grant 是市民没有授权"),
    Section("moderation", "机器审核"),
    Metric("verdicts_given_total", "counter", "Verdicts of machines on parts of what citizens wrote, by who gave them.",
           {"result": ("pass", "review", "block", "skipped", "none"), "source": ("words", "wechat", "provider")},
           title="机器给出的结论", normal="none 很少：它表示没有等到结论，交人工"),
    Metric("media_checks_settled_total", "counter", "Pictures and sound that the platform was asked about, by what it said in time.",
           {"result": ("pass", "review", "risky", "failed", "expired")}, title="图片与声音的检查", normal="expired 很少"),
    Section("reports", "报表与导出"),
    Metric("reports_settled_total", "counter", "Statistical reports, by how they ended.", {"outcome": ("made", "failed")},
           title="统计报表", normal="failed 为 0"),
    Metric("exports_settled_total", "counter", "Exports of rows, by how they ended.", {"outcome": ("ready", "failed")},
           title="明细导出", normal="failed 为 0"),
    Section("bulletins", "战报"),
    Metric("bulletins_made_total", "counter", "Bulletins made, by what made them; missed: hours that have none.",
           {"kind": ("hand", "hourly", "missed")}, title="战报", normal="missed 为 0"),
    Section("schools", "学校"),
    Metric("school_codes_tried_total", "counter", "Codes of schools that teachers entered.", {"outcome": ("right", "wrong", "refused")},
           title="输入的学校码", normal="wrong 突然增多是有人在猜码"),
    Metric("group_reports_taken_total", "counter", "Group reports, by what was written.",
           {"outcome": ("report", "correction", "void", "repeat")}, title="集体上报", normal="上课日为主"),
    Section("media", "媒体库"),
    Metric("media_made_total", "counter", "Uploads that were looked at, by what became of them.",
           {"outcome": ("made", "known", "refused")}, title="处理过的上传", normal="多为 made"),
    Section("followers", "关注者"),
    Metric("followers_changed_total", "counter", "Follows and leavings told by events; stale ones were older than what is known.",
           {"outcome": ("followed", "left", "stale", "failed")}, title="关注与取关", normal="failed 为 0"),
    Metric("profiles_asked_total", "counter", "Followers whom the platform was asked about.",
           {"outcome": ("known", "gone", "postponed", "refused")}, title="查询的关注者", normal="多为 known"),
    Section("platform", "微信平台"),
    Metric("platform_called_total", "counter", "Calls to WeChat, by how they ended.", {"outcome": ("ok", "refused", "unreachable")},
           title="对微信的调用", normal="多为 ok",
           alarm=Alarm("share", 0.2, 10, "执行 make doctor，看网络与接口额度；计数不受影响。", labels={"outcome": "unreachable"})),
    Metric("platform_answered_seconds", "histogram", "Time that WeChat took to answer.", buckets=STORE_SECONDS,
           title="微信应答用时", normal="p99 不到 1 秒"),
    Metric("tokens_held_seconds", "gauge", "For how long the access token that this process saw still holds, the shortest of a role.",
           {"account": ("official", "miniprogram")}, title="调用凭证剩余时间", normal="300 到 7200 秒；没有调用时可以为 0", across="max"),
    Section("live", "实时"),
    Metric("sockets_connected_count", "gauge", "Live sockets open in this process.",
           title="实时连接", normal="不超过 WENMING_LIVE_MAX_SOCKETS"),
    Metric("sockets_refused_total", "counter", "Upgrades refused because the process was full or closing.",
           title="拒绝的实时连接", normal="0；满了以后页面改为轮询"),
    Metric("frames_built_total", "counter", "Live frames built.", {"type": ("snapshot", "delta", "heartbeat")},
           title="做出的数据帧", normal="每活动每秒至多 2 帧"),
    Metric("frames_sent_total", "counter", "Live frames handed to sockets.", title="发出的数据帧", normal="连接数乘以帧数"),
    Metric("frames_skipped_total", "counter", "Live frames that slow readers did not get.",
           title="慢连接跳过的帧", normal="比发出的少得多"),
    Metric("figures_read_seconds", "histogram", "Time to read the figures of one campaign.", buckets=STORE_SECONDS,
           title="读取计数用时", normal="p99 不到 50 毫秒"),
    Metric("figures_failed_total", "counter", "Reads of figures that failed; the last known figures stayed.",
           title="没有读到的计数", normal="0", alarm=Alarm("rate", 0.5, 2, "大屏停在旧数字上：看 Redis。")),
    Section("posters", "海报"),
    Metric("posters_drawn_seconds", "histogram", "Time to draw one poster.", buckets=DRAWING_SECONDS,
           title="画一张海报用时", normal="30 毫秒左右，排队时更长"),
    Metric("posters_waiting_count", "gauge", "Posters that wait in this process to be drawn.",
           title="等着画的海报", normal="几张以内；上限是 WENMING_POSTER_QUEUE"),
    Metric("posters_refused_total", "counter", "Posters refused because the queue was full.",
           title="排满而婉拒的海报", normal="0", alarm=Alarm("rate", 1.0, 5, "调大 WENMING_POSTER_WORKERS，或在别的机器上加 web 进程。")),
    Section("experience", "真实体验"),
    Metric("experiences_told_total", "counter", "Pages that told how they felt, by what became of it.",
           {"outcome": ("kept", "refused", "dropped")}, title="页面体验上报", normal="多为 kept；dropped 是超过限速"),
    Section("process", "进程"),
    Metric("loops_delayed_seconds", "histogram", "How late the event loop was, looked at twice a second.", buckets=LAG_SECONDS,
           title="事件循环延迟", normal="p99 不到 10 毫秒", alarm=Alarm("p99", 0.1, 5, "这个进程忙不过来：加进程，或看是谁占着循环。")),
    Metric("lines_logged_total", "counter", "Lines of the log that somebody should read.", {"level": ("warning", "error")},
           title="日志里的警告与错误", normal="error 为 0",
           alarm=Alarm("increase", 20, 5, "看 server.log 里的 ERROR 行。", labels={"level": "error"})),
    Metric("build_info", "gauge", "Which build this process runs; always 1.", {"version": (VERSION,), "commit": (COMMIT,)},
           title="版本", normal="所有进程相同"),
)


class Series:
    """One counter or gauge: its value."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class Buckets:
    """One histogram: how many fell into each bucket, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds_or_size: float) -> None:
        self.counts[bisect_left(self.bounds, seconds_or_size)] += 1
        self.total += seconds_or_size


class Metrics:
    """The series of one process, all written by its loop. prometheus_client writes the text; its own counters take a lock and two
    calls for each of the three figures of a salute, which is a tenth of its whole time, so the figures are kept here."""

    def __init__(self, table: tuple[Metric, ...] = METRICS) -> None:
        self._table = table
        # Called before each look: quick, without waiting, and raising nothing.
        self.probes: list[Callable[[], None]] = []
        self._series: dict[tuple[str, ...], Series] = {}
        self._buckets: dict[tuple[str, ...], Buckets] = {}
        for metric in table:
            for values in metric.series():
                if metric.kind == "histogram":
                    self._buckets[metric.name, *values] = Buckets(metric.buckets)
                else:
                    self._series[metric.name, *values] = Series()
        for metric in table:
            if metric.name == "build_info":  # which build answers never changes: its labels say it
                self._series[metric.name, VERSION, COMMIT].value = 1.0
        self._registry = CollectorRegistry()
        ProcessCollector(namespace=PREFIX.rstrip("_"), registry=self._registry)
        self._registry.register(self)

    def record(self, name: str, *values: str, amount: float = 1) -> None:
        """Add to a counter. `values` are the label values in the order of METRICS. Raises KeyError for one outside the table."""
        self._series[(name, *values)].value += amount

    def observe(self, name: str, seconds_or_size: float, *values: str) -> None:
        """Add one observation to a histogram."""
        self._buckets[(name, *values)].add(seconds_or_size)

    def series(self, name: str, *values: str) -> Series:
        """One counter or gauge, for who adds to it too often to find it anew. Raises KeyError for one outside the table."""
        return self._series[(name, *values)]

    def buckets(self, name: str, *values: str) -> Buckets:
        """One histogram, likewise."""
        return self._buckets[(name, *values)]

    def value(self, name: str, *values: str) -> float:
        """Where one counter or gauge stands, for who only reads it. Raises KeyError for one outside the table."""
        return self._series[(name, *values)].value

    def hold(self, name: str, amount: float, *values: str) -> None:
        """Set a gauge to what holds now."""
        self._series[(name, *values)].value = amount

    def figures(self) -> dict[str, list[float]]:
        """What holds now, for people who look without Prometheus: of each metric a value for each series in the order of `series()`;
        of a histogram how many, their sum, and those in each bucket, of its one series."""
        self.look()
        return {metric.name: self._kept(metric) for metric in self._table}

    def _kept(self, metric: Metric) -> list[float]:
        if metric.kind == "histogram":
            kept = self._buckets[metric.name,]
            return [sum(kept.counts), kept.total, *kept.counts]
        return [self._series[metric.name, *values].value for values in metric.series()]

    def look(self) -> None:
        """Have those who know something that changes by itself, such as an age, say it now."""
        for probe in self.probes:
            probe()

    def snapshot(self) -> bytes:
        """Everything in Prometheus' text format."""
        self.look()
        return generate_latest(self._registry)

    def collect(self) -> Iterator[prometheus.Metric]:
        """What prometheus_client asks of a collector."""
        for metric in self._table:
            name, names = PREFIX + metric.name, tuple(metric.labels)
            if metric.kind == "histogram":
                histogram = HistogramMetricFamily(name, metric.help, labels=names)
                for values in metric.series():
                    kept = self._buckets[metric.name, *values]
                    bounds = [*(str(float(bound)) for bound in kept.bounds), "+Inf"]
                    histogram.add_metric(values, list(zip(bounds, itertools.accumulate(kept.counts), strict=True)), kept.total)
                yield histogram
                continue
            family = (CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily)(name, metric.help, labels=names)
            for values in metric.series():
                family.add_metric(values, self._series[metric.name, *values].value)
            yield family
