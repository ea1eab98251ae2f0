"""The arithmetic: from what is asked and what was measured to cores, shards, memory, documents and megabits, one line for each step.

Owns: the steps and their order. Every number in a formula is one that was asked for, one that was measured, or the result of a line above.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from server.counting.coalescer import GATHER_SECONDS, MAX_BATCH
from server.counting.shards import SHARDS_A_MASTER
from server.ledger import PULSE_SECONDS
from server.live.service import COUNTERS_AGE_SECONDS, TICK_SECONDS
from server.plan.asked import Asked
from server.plan.figures import Figures, PlanError

# A page without a socket reads /counters so often (h5/src/campaign/useLive.ts).
POLL_SECONDS = 5
# One process may be restarted or die while another serves.
LEAST_PROCESSES = 2
# A cluster needs so many masters to agree on one that is gone; a replica each.
LEAST_MASTERS = 3
# The ledger asks for a shard's figures and marks so often in a second.
LEDGER_POLLS = round(1 / PULSE_SECONDS)
# The comparison of counters with documents and the reconciling each read every new document once.
READERS = 2
MEGA, GIGA = 1e6, 1e9
# Redis Cluster's own advice is to stay below a thousand nodes.
MOST_MASTERS = 500
SECTIONS = {"demand": ("高峰", "the peak"), "cores": ("处理器", "processor"), "redis": ("Redis 与分片", "Redis and shards"),
            "memory": ("内存", "memory"), "mongodb": ("MongoDB", "documents"), "network": ("网络", "network")}


@dataclass(frozen=True)
class Line:
    """One step: what it is, the numbers that make it, and what comes out."""

    section: str
    key: str
    zh: str
    en: str
    formula: str
    value: float
    unit: str


@dataclass
class Sheet:
    asked: Asked
    figures: Figures
    lines: list[Line] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, section: str, key: str, names: tuple[str, str], formula: str, value: float, unit: str) -> float:
        self.lines.append(Line(section, key, *names, formula, value, unit))
        return value

    def __getitem__(self, key: str) -> float:
        return next(line.value for line in self.lines if line.key == key)


def number(value: float) -> str:
    """As people read it: thousands apart, three figures where it is small."""
    if value >= 1000 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 100 else f"{value:.3g}"


def share(value: float) -> str:
    return f"{100 * value:.6g}%"


def plan(asked: Asked, figures: Figures) -> Sheet:
    """Every line. Raises PlanError where no number of masters is enough."""
    sheet = Sheet(asked, figures)
    _demand(sheet)
    _cores(sheet)
    _redis(sheet)
    _memory(sheet)
    _mongodb(sheet)
    _network(sheet)
    return sheet


def _demand(sheet: Sheet) -> None:
    a = sheet.asked
    n = number
    new = sheet.add("demand", "new_per_second", ("新参与者", "new participants"), f"{n(a.participants)} x {share(a.peak_minute)} / 60 s",
                    a.participants * a.peak_minute / 60, "/s")
    sheet.add("demand", "salutes_per_second", ("敬礼请求，含重复", "salutes, repeats too"),
              f"{n(new)} x ({a.activities:g} + {share(a.repeats)})", new * (a.activities + a.repeats), "/s")
    sheet.add("demand", "changes_per_second", ("变更（每人每主题一条）", "changes"), f"{n(new)} x {a.activities:g}",
              new * a.activities, "/s")
    pages = sheet.add("demand", "pages_per_second", ("打开页面", "pages opened"), f"{n(new)} x {a.pages:g}", new * a.pages, "/s")
    sheet.add("demand", "logins_per_second", ("首次登录", "first logins"), f"{n(new)} x {share(a.logins)}", new * a.logins, "/s")
    sheet.add("demand", "posters_per_second", ("海报", "posters"), f"{n(new)} x {share(a.posters)}", new * a.posters, "/s")
    opened = sheet.add("demand", "open_pages", ("同时开着的页面", "pages open at once"), f"{n(pages)} x {a.stay:g} s", pages * a.stay, "")
    polling = max(0.0, opened - a.sockets)
    sheet.add("demand", "polls_per_second", ("轮询人数", "counters polled"), f"max(0, {n(opened)} - {n(a.sockets)}) / {POLL_SECONDS} s",
              polling / POLL_SECONDS, "/s")


def _cores_of(sheet: Sheet, key: str, names: tuple[str, str], rate: float, us: float, beside: float = 0.0, and_so: str = "") -> float:
    head = sheet.asked.headroom
    formula = f"{number(rate)} x {us:g} µs"
    return sheet.add("cores", key, names, (f"({formula}{and_so})" if and_so else formula) + f" x {head:g}",
                     (rate * us / MEGA + beside) * head, "核")


def _processes(sheet: Sheet, key: str, names: tuple[str, str], cores: float, least: int, also: tuple[str, float] | None = None) -> int:
    """As many as full cores, one core each."""
    formula, found = f"max({least}, {number(cores)}", max(least, math.ceil(cores - 1e-9))
    if also:
        formula, found = f"{formula}, {also[0]}", max(found, math.ceil(also[1] - 1e-9))
    return int(sheet.add("cores", key, names, formula + ")", found, "个"))


def _cores(sheet: Sheet) -> None:
    a, f = sheet.asked, sheet.figures
    intake = _cores_of(sheet, "intake_cores", ("受理", "intake"), sheet["salutes_per_second"], f(f"intake_us_{a.disk}"))
    _processes(sheet, "intakes", ("受理进程", "intake processes"), intake, LEAST_PROCESSES)
    logins, login_us = sheet["logins_per_second"], f("login_us")
    web = _cores_of(sheet, "web_cores", ("网页与登录", "web"), sheet["pages_per_second"], f("page_us"), logins * login_us / MEGA,
                    f" + {number(logins)} x {login_us:g} µs")
    _processes(sheet, "webs", ("网页进程", "web processes"), web, LEAST_PROCESSES)
    each, most = f("live_us"), f("live_sockets")
    live = _cores_of(sheet, "live_cores", ("实时推送", "live"), a.sockets / TICK_SECONDS, each)
    _processes(sheet, "lives", ("实时进程", "live processes"), live, 1, (f"{number(a.sockets)} / {number(most)}", a.sockets / most))
    rate = a.store_rate or f("store_per_second")
    changes = sheet["changes_per_second"]
    carried = sheet.add("cores", "carried_per_second", ("台账搬运", "carried to MongoDB"), f"min({number(changes)}, {number(rate)})",
                        min(changes, rate), "/s")
    ledger = _cores_of(sheet, "ledger_cores", ("台账", "ledger"), carried, f("ledger_us"))
    _processes(sheet, "ledgers", ("台账进程", "ledger processes"), ledger, LEAST_PROCESSES)
    jobs = _cores_of(sheet, "jobs_cores", ("任务：核对与补齐", "jobs: two readings"), carried * READERS, f("read_us"))
    _processes(sheet, "jobs", ("任务进程", "jobs processes"), jobs, LEAST_PROCESSES)
    posters, drawn = sheet["posters_per_second"], f("posters_per_second")
    cores = sheet.add("cores", "poster_cores", ("画海报", "posters"), f"{number(posters)} / {drawn:g} x {a.headroom:g}",
                      posters / drawn * a.headroom, "核")
    sheet.add("cores", "poster_workers", ("每个网页进程画海报的进程", "WENMING_POSTER_WORKERS"),
              f"max(1, {number(cores)} / {number(sheet['webs'])})", max(1, math.ceil(cores / sheet["webs"])), "个")
    named = [*(sheet[name] for name in ("intakes", "webs", "lives", "ledgers", "jobs")), math.ceil(cores)]
    sheet.add("cores", "app_cores", ("应用合计，一进程一核", "one core a process"), " + ".join(map(number, named)), sum(named), "核")


@dataclass(frozen=True)
class Load:
    """What one master has to do, as a share of its core, at so many masters. `batch`: people of a call."""

    shards: int
    batch: float
    counting: float
    polling: float

    @property
    def total(self) -> float:
        return self.counting + self.polling


def load_of(sheet: Sheet, masters: int, shards: int) -> Load:
    """Every intake talks to every shard; what comes while a call is on its way is the next batch."""
    f, disk = sheet.figures, sheet.asked.disk
    rate = sheet["salutes_per_second"]
    batch = min(MAX_BATCH, max(1.0, rate / sheet["intakes"] / shards * _gathered_ms(sheet) / 1000))
    counting = rate / masters * (f(f"redis_call_us_{disk}") / batch + f("redis_citizen_us")) / MEGA
    polls = sheet["webs"] / COUNTERS_AGE_SECONDS + sheet["lives"] / TICK_SECONDS + LEDGER_POLLS
    return Load(shards, batch, counting, shards / masters * polls * f("poll_redis_us") / MEGA)


def _gathered_ms(sheet: Sheet) -> float:
    """A shard is called again once the last call came back, but no sooner than this."""
    return max(1000 * GATHER_SECONDS, sheet.figures(f"redis_call_ms_{sheet.asked.disk}"))


def _masters(sheet: Sheet) -> tuple[int, Load]:
    a = sheet.asked
    if a.shards:
        masters = 1 if a.shards < SHARDS_A_MASTER * LEAST_MASTERS else math.ceil(a.shards / SHARDS_A_MASTER)
        return masters, load_of(sheet, masters, a.shards)
    loads = {masters: load_of(sheet, masters, 1 if masters == 1 else SHARDS_A_MASTER * masters)
             for masters in (1, *range(LEAST_MASTERS, MOST_MASTERS + 1))}
    # Reading the figures costs each master the same, however many there are: where that alone is too much, counting decides.
    found = ([masters for masters, load in loads.items() if load.total * a.headroom <= 1]
             or [masters for masters, load in loads.items() if load.counting * a.headroom <= 1 / 2])
    if found:
        return found[0], loads[found[0]]
    raise PlanError(f"{MOST_MASTERS} 个 Redis 主节点也不够，请把活动拆成几个 "
                    f"(even {MOST_MASTERS} masters are not enough: split the campaign)")


def _redis(sheet: Sheet) -> None:
    a, f, n = sheet.asked, sheet.figures, number
    masters, load = _masters(sheet)
    rate = sheet["salutes_per_second"]
    shards = "1" if load.shards == 1 else f"{SHARDS_A_MASTER} x {masters}"
    sheet.add("redis", "masters", ("主节点", "masters"), "指定 --shards" if a.shards else "下面的占用 <= 100% 的最少个数", masters, "个")
    sheet.add("redis", "shards", ("分片", "WENMING_SHARDS"), "指定 --shards" if a.shards else shards, load.shards, "片")
    sheet.add("redis", "batch", ("每次调用的人数", "people of a call"),
              f"{n(rate)} / {n(sheet['intakes'])} / {load.shards} x {_gathered_ms(sheet):g} ms, 1 - {MAX_BATCH}", load.batch, "人")
    counting = sheet.add("redis", "counting_share", ("每个主节点：计数", "a master: counting"),
                         f"{n(rate)} / {masters} x ({f(f'redis_call_us_{a.disk}'):g} µs / {n(load.batch)} + {f('redis_citizen_us'):g} µs)",
                         100 * load.counting, "%")
    polls = f"{n(sheet['webs'])} / {COUNTERS_AGE_SECONDS:g} s + {n(sheet['lives'])} / {TICK_SECONDS:g} s + {LEDGER_POLLS}"
    polling = sheet.add("redis", "polling_share", ("每个主节点：读数字", "a master: figures"),
                        f"{load.shards} / {masters} x ({polls}) x {f('poll_redis_us'):g} µs", 100 * load.polling, "%")
    total = sheet.add("redis", "master_share", ("每个主节点的占用，含余量", "of a master's core"),
                      f"({n(counting)} + {n(polling)}) x {a.headroom:g}", 100 * load.total * a.headroom, "%")
    sheet.add("redis", "redis_processes", ("主节点加备节点", "with a replica each"), f"{masters} x 2", masters * 2, "个")
    if total > 100:
        sheet.warnings.append(f"Redis 主节点不够：每个要占 {total:.0f}%，其中读数字 {polling * a.headroom:.0f}%；见 deploy/growing.md "
                              f"(masters are short: {total:.0f}% of a core each, {polling * a.headroom:.0f}% of it reading figures)")


def _memory(sheet: Sheet) -> None:
    a, f, n = sheet.asked, sheet.figures, number
    masters = sheet["masters"]
    array = sheet.add("memory", "array_mb", ("阵列", "arrays"), f"{n(a.participants)} x {f('array_bytes'):g} B",
                      a.participants * f("array_bytes") / MEGA, "MB")
    changes, all_changes = sheet["changes_per_second"], a.participants * a.activities
    rate = a.store_rate or f("store_per_second")
    backlog = sheet.add("memory", "backlog", ("积压最多（高峰不停直到所有人来过）", "backlog if the peak lasts"),
                        f"{n(a.participants)} x {a.activities:g} x (1 - {n(sheet['carried_per_second'])} / {n(changes)})",
                        all_changes * max(0.0, 1 - rate / changes), "条")
    each = f("journal_bytes")
    sheet.add("memory", "journal_mb", ("日志：这些积压", "journal: this backlog"), f"{n(backlog)} x {each:g} B",
              backlog * each / MEGA, "MB")
    journal = sheet.add("memory", "journal_most_mb", ("日志：MongoDB 一直不在", "journal: MongoDB is away"),
                        f"{n(a.participants)} x {a.activities:g} x {each:g} B", all_changes * each / MEGA, "MB")
    sheet.add("memory", "master_gb", ("每个主节点的 maxmemory", "maxmemory of each"),
              f"({n(array)} + {n(journal)}) MB x {a.headroom:g} / {masters:g}", (array + journal) * a.headroom / masters / 1000, "GB")
    processes = sum(sheet[name] for name in ("intakes", "webs", "lives", "ledgers", "jobs"))
    painters = (sheet["webs"] + sheet["lives"]) * sheet["poster_workers"]  # both roles start theirs
    sheet.add("memory", "app_gb", ("应用", "the product"),
              f"{n(processes)} x {f('process_mb'):g} + {n(painters)} x {f('poster_process_mb'):g} MB + "
              f"{n(a.sockets)} x {f('socket_kb'):g} KB",
              (processes * f("process_mb") + painters * f("poster_process_mb")) / 1000 + a.sockets * f("socket_kb") / MEGA, "GB")


def _mongodb(sheet: Sheet) -> None:
    a, f, n = sheet.asked, sheet.figures, number
    documents = sheet.add("mongodb", "documents", ("参与文档", "participations"), f"{n(a.participants)} x {a.activities:g}",
                          a.participants * a.activities, "份")
    data = sheet.add("mongodb", "data_gb", ("数据，压缩前", "data, not compressed"), f"{n(documents)} x {f('document_bytes'):g} B",
                     documents * f("document_bytes") / GIGA, "GB")
    keys = sheet.add("mongodb", "keys_gb", ("两个索引的键，压缩前", "keys of two indexes"), f"{n(documents)} x {f('keys_bytes'):g} B",
                     documents * f("keys_bytes") / GIGA, "GB")
    known = sheet.add("mongodb", "identities_gb", ("身份，每人一份", "identities, one each"),
                      f"{n(a.participants)} x {f('identity_bytes'):g} B", a.participants * f("identity_bytes") / GIGA, "GB")
    sheet.add("mongodb", "disk_gb", ("每个副本的磁盘", "disk of each member"), f"({n(data)} + {n(keys)} + {n(known)}) x {a.headroom:g}",
              (data + keys + known) * a.headroom, "GB")
    logins = sheet["logins_per_second"]
    sheet.add("mongodb", "wanted_per_second", ("不积压要每秒写入", "writes without a backlog"),
              f"{n(sheet['changes_per_second'])} + {n(logins)}", sheet["changes_per_second"] + logins, "/s")
    sheet.add("mongodb", "needed_per_second", ("积压时至少每秒写入", "writes with a backlog"),
              f"{n(sheet['carried_per_second'])} + {n(logins)}", sheet["carried_per_second"] + logins, "/s")
    rate = a.store_rate or f("store_per_second")
    sheet.add("mongodb", "drain_minutes", ("积压写完还要", "to carry the backlog"), f"{n(sheet['backlog'])} / {n(rate)} / 60 s",
              sheet["backlog"] / rate / 60, "分钟")


def _network(sheet: Sheet) -> None:
    a, f, n = sheet.asked, sheet.figures, number

    def out(key: str, names: tuple[str, str], rate: float, size: float, unit: str = "B", by: float = 1.0) -> float:
        return sheet.add("network", key, names, f"{n(rate)} x {n(size)} {unit} x 8", rate * size * by * 8 / MEGA, "Mbit/s")

    view = a.page_kb or f("first_view_kb")
    pages, salutes = sheet["pages_per_second"], sheet["salutes_per_second"]
    html = out("html_mbit", ("页面，静态文件在 CDN", "pages, static on a CDN"), pages, f("html_bytes"))
    whole = out("page_mbit", ("页面，没有 CDN", "pages, no CDN"), pages, view, "KB", 1024)
    rest = [out("salutes_mbit", ("敬礼的应答", "answers to salutes"), salutes, f("salute_out_bytes")),
            out("polls_mbit", ("轮询", "counters"), sheet["polls_per_second"], f("counters_bytes")),
            out("live_mbit", ("实时帧", "live frames"), a.sockets / TICK_SECONDS, f("frame_bytes")),
            out("posters_mbit", ("海报", "posters"), sheet["posters_per_second"], f("poster_kb"), "KB", 1024)]
    out("in_mbit", ("流入：敬礼的请求", "in: salutes"), salutes, f("salute_in_bytes"))
    for key, names, first in (("cdn_mbit", ("流出合计，有 CDN", "out, with a CDN"), html),
                              ("origin_mbit", ("流出合计，无 CDN", "out, no CDN"), whole)):
        parts = " + ".join(n(one) for one in (first, *rest))
        sheet.add("network", key, names, f"({parts}) x {a.headroom:g}", (first + sum(rest)) * a.headroom, "Mbit/s")
    sheet.add("network", "out_mbit", ("按本次选择", "as chosen"), f"--cdn {'yes' if a.cdn else 'no'}",
              sheet["cdn_mbit" if a.cdn else "origin_mbit"], "Mbit/s")
