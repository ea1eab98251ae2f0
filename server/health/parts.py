"""Every part of the product that is watched, as one table: its names, its unit, from where on it is yellow and red and why, how it is read.

Owns: PARTS, and what a value means. Each part has its section in deploy/runbook.md, under its code.
Where do I add a part: one line in PARTS, a function that reads it from a look (look.py), a section in the runbook.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from server.health.look import TOKEN_SECONDS, Seen
from server.health.rows import Row
from server.metrics import STORE_SECONDS
from server.quantiles import quantile

Level = Literal["green", "yellow", "red", "unknown"]
LEVEL_NAMES: dict[Level, str] = {"green": "正常", "yellow": "注意", "red": "故障", "unknown": "不明"}
# What is worse comes later; a minute's history keeps the worst of it.
RANKS: dict[Level, int] = {"green": 0, "unknown": 1, "yellow": 2, "red": 3}

# Of so few failures in a minute none says anything of the others.
FEW = 3
# A comparison that is older says nothing of now: the documents of a big campaign are being read for the first time.
COMPARED_SECONDS = 600
# A part's details are for people to read.
MAX_DETAILS = 40
ROLES_NEEDED: tuple[tuple[str, ...], ...] = (("web", "live"), ("intake",), ("ledger",), ("jobs",))
ROLE_NAMES = {"web": "网页", "intake": "接收", "ledger": "台账", "jobs": "任务"}


@dataclass(frozen=True)
class Reading:
    """What a part is just now. `value` None: not known. `level`: where the value alone does not say it. `note`: one line for people."""

    value: float | None
    note: str = ""
    details: tuple[str, ...] = ()
    level: Level | None = None


# What an outage mostly is, in words for whoever is on duty; anything else keeps the name that the logs have.
PROBLEMS = {"TimeoutError": "超时", "ConnectionError": "连不上", "ConnectionRefusedError": "连不上", "AutoReconnect": "连接断开",
            "ServerSelectionTimeoutError": "找不到可用的节点"}
UNKNOWN_ROWS = Reading(None, "没有进程在报告")


@dataclass(frozen=True)
class Part:
    """`yellow` and `red` are the first values that are; None: it never is. `why`: the reason for these numbers."""

    code: str
    zh: str
    en: str
    unit: str
    yellow: float | None
    red: float | None
    why: str
    means: str
    read: Callable[[Seen], Reading]
    falling: bool = False  # less is worse

    def level(self, reading: Reading) -> Level:
        if reading.level is not None:
            return reading.level
        if reading.value is None:
            return "unknown"
        for level, bound in (("red", self.red), ("yellow", self.yellow)):
            if bound is not None and (reading.value <= bound if self.falling else reading.value >= bound):
                return level  # type: ignore[return-value]
        return "green"


def _fresh(seen: Seen) -> list[Row]:
    return [row for row in seen.rows or () if not row.is_silent(seen.at)]


def _store(name: str) -> Callable[[Seen], Reading]:
    def read(seen: Seen) -> Reading:
        answer = seen.stores.get(name)
        if answer is None:
            return Reading(None, "还没有查看")
        if answer.ok:
            return Reading(answer.milliseconds)
        return Reading(None, f"没有应答（{PROBLEMS.get(answer.problem, answer.problem)}）", level="red")

    return read


def _shards(seen: Seen) -> Reading:
    shards = seen.shards
    if shards is None:
        return Reading(None, "还没有查看")
    wrong = [shard for shard in shards if not shard.ready]
    details = tuple(f"{shard.id}：{shard.state}，第 {shard.epoch} 纪元，{shard.server}"
                    for shard in [*wrong, *(shard for shard in shards if shard.ready)])
    if not shards and not seen.missing_shards:
        return Reading(0, "没有进行中的活动")
    note = f"{len(shards) - len(wrong)} 个就绪，共 {len(shards) + seen.missing_shards} 个"
    return Reading(len(wrong) + seen.missing_shards, note, details)


def _epochs(seen: Seen) -> Reading:
    if seen.shards is None:
        return Reading(None, "还没有查看")
    return Reading(seen.raised, "最近一小时重新打开的次数", tuple(f"{shard.id}：第 {shard.epoch} 纪元" for shard in seen.shards))


def _ledger(of: str) -> Callable[[Seen], Reading]:
    def read(seen: Seen) -> Reading:
        heard = [shard for shard in seen.shards or () if shard.figures is not None]
        if seen.shards is None or len(heard) < len(seen.shards):
            return Reading(None, "有分片没有应答，积压不明")
        details = tuple(f"{shard.id}：水位 {shard.figures.watermark}，已计 {shard.figures.seq}" for shard in heard if shard.figures)
        values: dict[str, list[float]] = {
            "changes": [shard.figures.backlog for shard in heard if shard.figures], "seconds": [shard.lag_seconds for shard in heard],
            "still": [shard.still_seconds for shard in heard],
            "share": [100 * shard.figures.backlog / seen.max_changes for shard in heard if shard.figures],
            "megabytes": [shard.journal_bytes / 1e6 for shard in heard]}
        together = sum if of in ("changes", "megabytes") else max
        return Reading(round(float(together(values[of] or [0.0])), 1), "" if heard else "没有进行中的活动", details)

    return read


def _queue_age(seen: Seen) -> Reading:
    rows = _fresh(seen)
    if not rows:
        return UNKNOWN_ROWS
    oldest = max(rows, key=lambda row: row.queue_age_ms)
    return Reading(oldest.queue_age_ms, "", tuple(f"{row.process}：{row.queue_age_ms:g} 毫秒" for row in rows))


def _percentile(share: float) -> Callable[[Seen], Reading]:
    def read(seen: Seen) -> Reading:
        rows = [row for row in _fresh(seen) if len(row.served) == len(STORE_SECONDS) + 1]
        if not rows:
            return UNKNOWN_ROWS
        found = quantile(STORE_SECONDS, [sum(counts) for counts in zip(*(row.served for row in rows), strict=True)], share)
        many = sum(sum(row.served) for row in rows)
        return Reading(None, "最近一分钟没有请求") if found is None else Reading(round(found * 1000, 1), f"最近一分钟 {many} 个请求")

    return read


def _share(of: Literal["failed", "unavailable"]) -> Callable[[Seen], Reading]:
    def read(seen: Seen) -> Reading:
        rows = _fresh(seen)
        if not rows:
            return UNKNOWN_ROWS
        bad, answered = sum(getattr(row, of) for row in rows), sum(row.answered for row in rows)
        note = f"最近一分钟 {answered} 个应答，其中 {bad} 个"
        if not answered:
            return Reading(None, "最近一分钟没有请求")
        return Reading(0.0 if bad < FEW else round(100 * bad / answered, 2), note)

    return read


def _filled(of: str, most: str) -> Callable[[Seen], Reading]:
    def read(seen: Seen) -> Reading:
        rows = [row for row in _fresh(seen) if {"web", "live"} & set(row.roles)]
        if not rows:
            return UNKNOWN_ROWS
        details = tuple(f"{row.process}：{getattr(row, of)}，上限 {getattr(row, most)}" for row in rows)
        return Reading(round(max(100 * getattr(row, of) / max(1, getattr(row, most)) for row in rows), 1),
                       f"共 {sum(getattr(row, of) for row in rows)}", details)

    return read


def _token(seen: Seen) -> Reading:
    if not seen.tokens:
        return Reading(None, "没有接入账号")
    stopped = [f"{name}：微信拒绝（{why}）" for name, (_, why) in seen.tokens.items() if why]
    ages = [age for age, _ in seen.tokens.values() if age is not None]
    details = tuple(f"{name}：{'没有凭证' if age is None else f'{age:.0f} 秒前换取'}" for name, (age, _) in seen.tokens.items())
    if stopped:
        return Reading(max(ages, default=None), "；".join(stopped), details, level="red")
    return Reading(max(ages), "", details) if ages else Reading(None, "还没有人用过凭证，或 Redis 没有应答", details)


def _quotas(seen: Seen) -> Reading:
    redis = seen.stores.get("redis")
    if seen.shut is None or redis is None or not redis.ok:
        return Reading(None, "Redis 没有应答，停用的接口不明")
    details = tuple(f"{name}：{path}" for name, paths in seen.shut.items() for path in paths)
    return Reading(len(details), "今天额度已用完、停用到零点的接口" if details else "没有停用的接口", details)


def _poison(seen: Seen) -> Reading:
    return Reading(None, "MongoDB 没有应答") if seen.poison is None else Reading(
        seen.poison, "在活动的“日志”里看是哪一条" if seen.poison else "")


def _agreement(seen: Seen) -> Reading:
    found = seen.comparisons
    if found is None:
        return Reading(None, "MongoDB 没有应答，无法核对")
    if not found:
        return Reading(0, "没有进行中的活动") if seen.shards == [] else Reading(None, "分片没有应答，无法核对")
    details = tuple(f"{one.shard}：{one.words}" for one in found if one.differs)
    if details:
        return Reading(sum(one.differs for one in found), "计数器与台账不一致", details)
    late = [one for one in found if seen.at - one.compared_at > COMPARED_SECONDS]
    return Reading(None, f"{len(late)} 个分片正在核对") if late else Reading(0, "一致")


def _certificate(seen: Seen) -> Reading:
    found = seen.certificate
    return Reading(found.days, found.problem, level="red" if found.refused else None)


def _processes(seen: Seen) -> Reading:
    if not seen.rows:
        return UNKNOWN_ROWS
    silent = [row for row in seen.rows if row.is_silent(seen.at)]
    details = tuple(f"{row.process}（{'、'.join(row.roles)}）：{seen.at - row.at:.0f} 秒前" for row in [*silent, *_fresh(seen)])
    return Reading(len(silent), f"{len(seen.rows) - len(silent)} 个在报告", details)


def _roles(seen: Seen) -> Reading:
    rows = _fresh(seen)
    if not rows:
        return UNKNOWN_ROWS
    served = {role for row in rows for role in row.roles}
    missing = [ROLE_NAMES[names[0]] for names in ROLES_NEEDED if not served & set(names)]
    return Reading(len(missing), f"没有进程担任：{'、'.join(missing)}" if missing else "都有进程担任")


def _channels(seen: Seen) -> Reading:
    if not seen.robots_total:
        return Reading(None, "没有配置告警渠道，故障不会有人知道")
    if seen.robots is None:
        return Reading(None, "MongoDB 没有应答")
    failing = sum(1 for state in seen.robots.values() if state.failures)
    return Reading(round(100 * failing / seen.robots_total), f"{failing} 个送不到，共 {seen.robots_total} 个")


PARTS: tuple[Part, ...] = (
    Part("shards", "未就绪分片", "Shards not ready", "个", None, 1,
         "每个分片各管一部分市民，有一个没有就绪，那一部分人的参与就要等。",
         "没有就绪的分片数。", _shards),
    Part("epochs", "分片重开", "Recoveries", "次", 1, 3,
         "Redis 重启或换主一次就要重开一次，偶尔一次会自己恢复；一小时三次说明它一直在重启。",
         "最近一小时里分片换到新纪元的次数。", _epochs),
    Part("redis", "Redis 应答", "Redis", "毫秒", 100, 500,
         "平时不到 1 毫秒，一次慢的落盘几十毫秒；半秒时参与要等到超时。",
         "一次 PING 的时间。", _store("redis")),
    Part("mongodb", "MongoDB 应答", "MongoDB", "毫秒", 100, 500,
         "平时几毫秒；半秒一次的写入赶不上高峰，台账会积压。",
         "一次 PING 的时间。", _store("mongodb")),
    Part("ledger_changes", "台账积压", "Ledger backlog", "条", 50_000, 500_000,
         "台账每秒搬运几千条：5 万条约十秒，50 万条约两分钟，再多就追不上高峰了。",
         "已计数、MongoDB 还没有的变更。", _ledger("changes")),
    Part("ledger_seconds", "台账延迟", "Ledger lag", "秒", 15, 120,
         "平时一秒以内；15 秒说明 MongoDB 慢了，两分钟说明停了。",
         "最早一条还没有写入 MongoDB 的变更等了多久。", _ledger("seconds")),
    Part("watermark", "持久水位", "Durable watermark", "秒", 10, 60,
         "有积压时水位每秒都在前进；停一分钟说明没有进程在搬运，或 MongoDB 拒绝写入。",
         "有变更等着写入、而水位没有前进的时间。", _ledger("still")),
    Part("journal", "日志占用", "Journal", "%", 25, 50,
         "到一半时告警：从一半到满，和从空到一半一样久，满了就要拒绝参与。",
         "最满的一个分片的日志占它上限的比例。", _ledger("share")),
    Part("journal_memory", "日志内存", "Journal memory", "MB", 100, 500,
         "一百万条变更约占 50 MB；500 MB 约一千万条，Redis 的内存该加了。",
         "所有日志在 Redis 里占的内存。", _ledger("megabytes")),
    Part("queue_age", "排队时间", "Queue age", "毫秒", 100, 1000,
         "超过 100 毫秒的排队开始让新来的人稍候；一秒时已接近两秒的期限。",
         "等着计数的参与中，最早一个等了多久。", _queue_age),
    Part("p50", "应答中位数", "p50", "毫秒", 50, 250,
         "平时几毫秒；一半的人等 250 毫秒，说明进程忙不过来。",
         "最近一分钟一半的请求快于它。", _percentile(0.5)),
    Part("p99", "应答 p99", "p99", "毫秒", 250, 1000,
         "参与的目标是 99% 在 250 毫秒内；一秒是市民觉得卡住的时候。",
         "最近一分钟 99% 的请求快于它。", _percentile(0.99)),
    Part("errors", "出错率", "Error rate", "%", 0.1, 1,
         "500 是程序错误，一次也不该有；百分之一说明一个功能坏了。不到 3 次不算。",
         "最近一分钟的应答里，503 以外的 5xx。", _share("failed")),
    Part("unavailable", "稍候率", "503 rate", "%", 1, 10,
         "高峰的一瞬让百分之几的人稍候是设计如此，页面会自己再试；十分之一说明容量不够。",
         "最近一分钟的应答里的 503。", _share("unavailable")),
    Part("sockets", "实时连接", "Live sockets", "%", 80, 95,
         "到上限以后的页面改为轮询，仍能看到数字；到 95% 就该多开一个进程。",
         "最满的一个进程的实时连接占上限的比例。", _filled("sockets", "max_sockets")),
    Part("posters", "海报排队", "Poster queue", "%", 50, 90,
         "一张海报 30 毫秒，排到一半是一秒；满了就请市民稍后再点。",
         "最满的一个进程的海报队列占上限的比例。", _filled("posters_waiting", "posters_queue")),
    Part("token", "微信凭证", "Platform token", "秒", TOKEN_SECONDS - 240, TOKEN_SECONDS - 60,
         "凭证有效 7,200 秒，最后 300 秒里会换新的；剩 240 秒还没换说明换不到，剩一分钟时调用将要失败。",
         "最旧的 access_token 换取了多久。", _token),
    Part("quotas", "停用的微信接口", "Shut platform calls", "个", 1, 3,
         "一个接口用完，一项功能停到零点；三个说明整个账号的额度在耗尽。",
         "今天额度用完、已停用的接口数。", _quotas),
    Part("poison", "写不进的变更", "Poison entries", "条", None, 1,
         "一条写不进的变更就是一个人的参与没有台账，审计会不通过，直到有人处理。",
         "MongoDB 拒绝、放在一边的变更。", _poison),
    Part("agreement", "账实差异", "Counters against ledger", "处", None, 1,
         "计数器与台账必须一模一样，差一个也是错。",
         "计数器与台账相差多少（人数与各主题相加）。", _agreement),
    Part("certificate", "公网证书", "Certificate", "天", 21, 7,
         "证书通常提前 30 天自动更换；剩三周还没换要看一看，剩一周必须人工换。",
         "公网域名的证书还有多少天到期。", _certificate, falling=True),
    Part("processes", "失联进程", "Silent processes", "个", 1, 3,
         "进程每 5 秒报告一次，停下时会告辞；一个没告辞就没声音，是被杀了或卡住了。",
         "没有告辞就不再报告的进程。", _processes),
    Part("roles", "无人担任的分工", "Roles not served", "种", None, 1,
         "网页、接收、台账、任务缺一不可。",
         "没有进程担任的分工。", _roles),
    Part("channels", "告警渠道", "Alarm channels", "%", 1, 100,
         "一个渠道送不到时还有别的；全都送不到时，只有这个页面知道。",
         "最近一条没有送到的渠道占的比例。", _channels),
)
BY_CODE = {part.code: part for part in PARTS}
