"""Where a plan goes beyond what was ever measured, and what it leaves out: a line each, Chinese first."""

from __future__ import annotations

from server.plan.sums import Sheet, number

# WENMING_JOURNAL_MAX_CHANGES as it is set by default.
JOURNAL_MAX_CHANGES = 4_000_000
# Weeks have 10,080 minutes; a busiest minute below an even spread is a slip.
EVEN = 1 / (7 * 24 * 60)
LEFT_OUT = (
    ("不含：nginx、TLS 与 TCP 的开销，操作系统，监控", "left out: nginx, TLS and TCP overhead, the system, monitoring"),
    ("不含：微信平台自己的限额与速度，见控制台的接口额度页", "left out: WeChat's own quotas and speed, see Quotas in the console"),
    ("按处理器时间推算，假定各核互不相让；请在真实机器上演练一次",
     "from processor time, as if cores did not get in each other's way: rehearse there"),
)


def warnings(sheet: Sheet) -> list[str]:
    """What is assumed without having been measured, most important first."""
    a, f, n = sheet.asked, sheet.figures, number
    found = list(sheet.warnings)

    def beyond(is_so: bool, zh: str, en: str) -> None:
        if is_so:
            found.append(f"{zh} ({en})")

    people, rate, masters, sockets = f("rehearsed_people"), f("rehearsed_per_second"), f("rehearsed_masters"), f("live_sockets")
    beyond(a.participants > people, f"最多演练过 {n(people)} 人，其余是推算", f"rehearsed with {n(people)} people at most")
    beyond(sheet["salutes_per_second"] > rate, f"最多每秒受理过 {n(rate)} 次，其余是推算", f"{n(rate)} salutes a second were seen at most")
    beyond(sheet["masters"] > masters, f"集群最多试过 {n(masters)} 个主节点", f"a cluster of {n(masters)} masters was tried at most")
    beyond(a.sockets > sockets, f"一个进程最多量过 {n(sockets)} 个连接，多个进程未一起量过",
           f"{n(sockets)} sockets were measured, in one process")
    beyond(not a.store_rate and sheet["backlog"] > 0, "写入速度是内置文档库的；真实 MongoDB 请量过后写 --store-rate",
           "writes are the embedded store's: measure your MongoDB, then --store-rate")
    beyond(a.store_rate > f("store_per_second"), f"--store-rate 是您给的，本机只量过 {n(f('store_per_second'))}",
           f"--store-rate is yours, {n(f('store_per_second'))} was measured here")
    shards = sheet["shards"]
    beyond(sheet["backlog"] / shards > JOURNAL_MAX_CHANGES / 2,
           f"一个分片会积压 {n(sheet['backlog'] / shards)} 条：调高 WENMING_JOURNAL_MAX_CHANGES",
           "raise WENMING_JOURNAL_MAX_CHANGES")
    beyond(a.peak_minute < EVEN, "最多的一分钟比一周平均还少，确定吗？", "the busiest minute is below an even week: is that so?")
    beyond(a.disk == "everysec", "everysec：宕机会丢一秒，靠回执找回，序号会跳",
           "a crash loses a second, which receipts bring back; ordinals jump")
    return found
