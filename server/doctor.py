"""The doctor: looks at this machine and at both stores, and says what to do about each finding. Changes nothing of its own.

Owns: what this product needs of a machine, with the reason for each number. Does not own: mending; each line says who can.
The stores of a running product are asked where it runs; otherwise they are started for the look.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from server import embedded
from server.campaigns import CampaignStore
from server.counting.epochs import EpochStore
from server.posters.fonts import font_names, font_report
from server.stores import PyMongoError, RedisError, Stores, open_stores

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ((3, 11), (3, 13))
# The append-only file, the documents and a day's archive of two million participations are about 2 GB.
DISK_WANTED_BYTES = 4 << 30
# Redis must be able to rewrite its append-only file once more; below this it soon refuses to write.
DISK_NEEDED_BYTES = 512 << 20
# Windows and "late" are decided by the Redis server's clock, tokens and receipts by ours.
CLOCK_APART_SECONDS = 2.0
# A healthy one answers in a millisecond or two.
SLOW_PING_MS = 200
# Half a minute of a slow document store: less is an ordinary minute of a campaign.
MANY_WAITING = 100_000
# The scripts are tried on this release and newer ones.
OLDEST_REDIS = (6, 2)
PROGRAM_SECONDS = 20
MARKS = {"ok": "正常", "note": "注意", "fail": "失败"}


class Machine(embedded.Configuration, Protocol):
    """The settings that matter here."""

    @property
    def intake_port(self) -> int: ...
    @property
    def redis_cluster(self) -> bool: ...


Settings = TypeVar("Settings", bound=Machine)


@dataclass(frozen=True)
class Finding:
    """`mark`: ok, note (works, but look at it) or fail. Text in Chinese, then in English; `do`: what to do about it."""

    mark: str
    what: str
    do: str = ""

    def __str__(self) -> str:
        return f"  [{MARKS[self.mark]} {self.mark:<4}] {self.what}" + (f"\n               → {self.do}" if self.do else "")


def examine(settings: Settings) -> int:
    """Print every finding. Returns 0, or 1 where something failed."""
    failed = 0
    for look in (_python, _packages, _programs, _fonts):
        failed += _print(look())
    failed += _print(_folder(settings.data_dir.resolve()))
    failed += _print(_ports(settings))
    failed += _print(_stores(settings))
    print(f"\n{failed} 项失败 (failed)" if failed else "\n一切正常 (all is well)")
    return 1 if failed else 0


def _print(findings: Iterator[Finding]) -> int:
    failed = 0
    for finding in findings:
        print(finding, flush=True)
        failed += finding.mark == "fail"
    return failed


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        yield Finding("ok", f"Python {version}")
    else:
        yield Finding("fail", f"Python {version} 不受支持 (not supported)", "换用 3.11 至 3.13，再执行 make run (use 3.11 to 3.13)")


def _packages() -> Iterator[Finding]:
    """Whether what is installed is what requirements.txt pins."""
    wrong = []
    for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines():
        pinned = re.match(r"([A-Za-z0-9._-]+)==([^;\s]+)\s*(;.*)?$", line)
        if not pinned:
            continue
        try:
            installed = importlib.metadata.version(pinned[1])
        except importlib.metadata.PackageNotFoundError:
            if not pinned[3]:  # one with a condition may not be for this machine
                wrong.append(f"{pinned[1]} 缺少 (missing)")
            continue
        if installed != pinned[2]:
            wrong.append(f"{pinned[1]} {installed}，应为 (wanted) {pinned[2]}")
    if wrong:
        yield Finding("fail", "依赖 packages: " + "; ".join(wrong), "执行 make run (install them with make run)")
    else:
        yield Finding("ok", "依赖 packages: requirements.txt")


def _programs() -> Iterator[Finding]:
    """Node builds the pages, Chromium tests them: neither is needed while the product runs."""
    for name, path, job in (("Node", shutil.which("node", path=_with_venv()), "构建页面时会装入 .venv (make run brings it when it builds)"),
                            ("Chromium", shutil.which("chromium"), "浏览器测试需要：apt-get install chromium (for browser tests)")):
        version = _answer([path, "--version"]) if path else ""
        yield Finding("ok", f"{name}: {version}") if version else Finding("note", f"{name}: 没有 (none)", job)
    pages = ("campaign.html", "screen.html", "console.html")
    missing = [page for page in pages if not (ROOT / "assets" / "h5" / page).is_file()]
    if missing:
        yield Finding("fail", f"页面没有构建 (pages are not built): {', '.join(missing)}", "make h5")


def _with_venv() -> str:
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def _answer(command: list[str]) -> str:
    """What a program prints first; empty where it does not run. Fails open: the finding says that there is none."""
    try:
        output = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROGRAM_SECONDS,
                                check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return output.strip().partition("\n")[0]


def _fonts() -> Iterator[Finding]:
    problems = font_report()
    for problem in problems:
        yield Finding("fail", f"字体 fonts: {problem}")
    if not problems:
        yield Finding("ok", f"字体 fonts: {Path(font_names()[0]).name}")


def _folder(folder: Path) -> Iterator[Finding]:
    """The data folder: rights, room."""
    if folder.exists():
        mode, owner = stat.S_IMODE(folder.stat().st_mode), folder.stat().st_uid
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            yield Finding("fail", f"数据文件夹不可写 (not writable): {folder}", f"chown -R {os.getuid()} {folder}")
        elif mode & 0o077 or owner != os.getuid():
            yield Finding("note", f"数据文件夹可被他人读取或属于他人 (open to others): {folder} {mode:o}", f"chmod 700 {folder}")
        else:
            yield Finding("ok", f"数据文件夹 data folder: {folder}")
        open_to_others = [name for name in ("secret_key", "sandbox.json", "run.json", "redis/password")
                          if (folder / name).exists() and (folder / name).stat().st_mode & 0o077]
        if open_to_others:
            names = " ".join(open_to_others)
            yield Finding("fail", f"密钥文件可被他人读取 (secrets open to others): {names}", f"cd {folder} && chmod 600 {names}")
    else:
        yield Finding("ok", f"数据文件夹将在首次启动时建立 (made at the first start): {folder}")
    place = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(place).free
    text = f"磁盘剩余 (disk) {free / (1 << 30):.1f} GB"
    if free < DISK_NEEDED_BYTES:
        yield Finding("fail", text, "清理磁盘或换 WENMING_DATA_DIR；写满后参与会被拒绝 (free some; a full disk refuses participations)")
    elif free < DISK_WANTED_BYTES:
        yield Finding("note", text, f"两百万人的活动需要 {DISK_WANTED_BYTES >> 30} GB (wanted for a campaign of two million)")
    else:
        yield Finding("ok", text)


def _ports(settings: Machine) -> Iterator[Finding]:
    running = embedded.is_running(settings.data_dir.resolve())
    wanted = [("WENMING_PORT", settings.port), ("WENMING_INTAKE_PORT", settings.intake_port)]
    if settings.uses_sandbox:
        wanted.append(("WENMING_SANDBOX_PORT", settings.sandbox_port))
    for name, port in wanted:
        if embedded.is_free(settings.host, port):
            yield Finding("ok", f"端口 port {port}: 空闲 (free)")
        elif running or embedded.is_shared(settings.host, port):
            yield Finding("ok", f"端口 port {port}: 正在运行的本系统 (the running product)")
        else:
            yield Finding("fail", f"端口 port {port}: 被别的程序占用 (in use)", f"停止它，或设置 {name} (stop it, or set {name})")


def _stores(settings: Settings) -> Iterator[Finding]:
    try:
        with embedded.join(settings) as joined:
            yield from asyncio.run(_ask_stores(joined))
    except embedded.ChildError as error:
        yield Finding("fail", f"内置存储 embedded stores: {error}")


async def _ask_stores(settings: Machine) -> list[Finding]:
    stores = open_stores(settings.mongodb_uri, settings.redis_url, redis_cluster=settings.redis_cluster)
    try:
        return [*await _ask("Redis", "WENMING_REDIS_URL", lambda: _redis(stores)),
                *await _ask("MongoDB", "WENMING_MONGODB_URI", lambda: _mongodb(stores))]
    finally:
        await stores.close()


async def _ask(name: str, setting: str, look: Callable[[], Any]) -> list[Finding]:
    try:
        found: list[Finding] = await look()
        return found
    except (RedisError, PyMongoError, OSError, TimeoutError) as error:
        return [Finding("fail", f"{name} 没有应答 (does not answer): {type(error).__name__}",
                        f"检查 {setting}、网络和它的日志 (check the setting, the network and its log)")]


async def _redis(stores: Stores) -> list[Finding]:
    redis: Any = stores.redis
    if hasattr(redis, "initialize"):
        await redis.initialize()  # a cluster's client knows no server before
    node = {"target_nodes": redis.get_random_primary_node()} if hasattr(redis, "get_random_primary_node") else {}
    server, persistence, memory = [await redis.info(section, **node) for section in ("server", "persistence", "memory")]
    version = str(server["redis_version"])
    findings = [Finding("ok", f"Redis {version}")]
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        findings = [Finding("fail", f"Redis {version} 过旧 (too old)", "需要 6.2 以上，最好 7 (6.2 or newer is needed)")]
    if not int(persistence["aof_enabled"]):
        findings.append(Finding("note", "Redis 没有开启 AOF (appendonly is off)",
                                "设置 appendonly yes 和 appendfsync always (turn it on)"))
    if memory.get("maxmemory_policy") != "noeviction":
        findings.append(Finding("fail", f"Redis 会淘汰数据 (maxmemory-policy {memory.get('maxmemory_policy')})",
                                "设置 maxmemory-policy noeviction (counters must not be evicted)"))
    before = time.time()
    seconds, microseconds = await redis.time(**node)
    apart = seconds + microseconds / 1e6 - (before + time.time()) / 2
    if abs(apart) > CLOCK_APART_SECONDS:
        findings.append(Finding("fail", f"时钟 clock: 与 Redis 相差 {apart:.1f} 秒 (apart)",
                                "两台机器都开启时间同步，如 chrony (synchronise both)"))
    else:
        findings.append(Finding("ok", f"时钟 clock: 与 Redis 相差 {apart:.2f} 秒，{time.strftime('%Y-%m-%d %H:%M:%S %z')}"))
    return findings


async def _mongodb(stores: Stores) -> list[Finding]:
    started = time.monotonic()
    await stores.mongo.command("ping")
    took_ms = (time.monotonic() - started) * 1000
    version = (await stores.mongo.command("buildInfo")).get("version", "?")
    findings = [Finding("ok", f"MongoDB {version}: {took_ms:.0f} ms")]
    if took_ms > SLOW_PING_MS:
        findings = [Finding("note", f"MongoDB {version} 很慢 (slow): {took_ms:.0f} ms", "看它的磁盘和负载 (look at its disk and load)")]
    waiting = 0
    for campaign in await CampaignStore(stores.mongo).all():
        waiting += sum(max(0, d["high_seq"] - d["ledger_seq"]) for d in await EpochStore(stores.mongo).of_campaign(campaign.slug)
                       if not d.get("archived"))
    if waiting > MANY_WAITING:
        findings.append(Finding("note", f"{waiting:,} 条变更待入账 (changes wait for MongoDB)",
                                "计数不受影响；等账本写完再做审计 (counting goes on; let the ledger catch up before an audit)"))
    return findings
