"""What was measured, with the command, the day and the machine that each figure came from: figures.json.

Owns: the names of the figures and their file. Nobody invents one: a benchmark writes what it measured with `--figures FILE`
(`make bench`, `make bench-live`, `make bench-plan`, tests.bench.bench_page, tests.bench.bench_rehearsed), each figure one of them, and
the plan refuses a file that lacks one.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import msgspec

HERE = Path(__file__).with_name("figures.json")

# Name -> (unit, Chinese, English).
NAMES: dict[str, tuple[str, str, str]] = {
    "intake_us_always": ("µs", "受理一次敬礼的 CPU，每批落盘", "an intake: a salute, appendfsync always"),
    "intake_us_everysec": ("µs", "受理一次敬礼的 CPU，每秒落盘", "an intake: a salute, appendfsync everysec"),
    "redis_call_us_always": ("µs", "一次计数脚本调用，每批落盘", "Redis: a call, its people left out, always"),
    "redis_call_us_everysec": ("µs", "一次计数脚本调用，每秒落盘", "Redis: a call, its people left out, everysec"),
    "redis_citizen_us": ("µs", "脚本里每一个人", "Redis: each citizen of a call"),
    "redis_call_ms_always": ("ms", "一次调用往返，每批落盘", "a call there and back, always"),
    "redis_call_ms_everysec": ("ms", "一次调用往返，每秒落盘", "a call there and back, everysec"),
    "array_bytes": ("B", "每人在阵列中的内存", "Redis: memory of a citizen in the array"),
    "journal_bytes": ("B", "每条变更在日志中的内存", "Redis: memory of a change in the journal"),
    "poll_redis_us": ("µs", "读一个分片的数字，Redis", "Redis: reading one shard's figures"),
    "ledger_us": ("µs", "台账搬运一条变更的 CPU", "the ledger: a change"),
    "store_per_second": ("/s", "文档库每秒收下的变更", "changes a second that the document store took"),
    "document_bytes": ("B", "一次参与的文档", "a participation's document"),
    "keys_bytes": ("B", "它在两个索引中的键", "its keys in two indexes"),
    "identity_bytes": ("B", "一个身份的文档与索引键", "an identity's document and keys"),
    "read_us": ("µs", "任务进程读一份文档", "a document read by the jobs"),
    "page_us": ("µs", "打开一次活动页的 CPU", "web: a campaign page"),
    "html_bytes": ("B", "活动页的 HTML，压缩后", "the page's HTML, compressed"),
    "first_view_kb": ("KB", "首屏全部", "the whole first view"),
    "counters_bytes": ("B", "人多时读一次人数的应答，压缩后", "an answer of /counters in a crowd, compressed"),
    "login_us": ("µs", "第一次登录的 CPU", "web: a first login"),
    "salute_in_bytes": ("B", "一次敬礼的请求", "a salute's request"),
    "salute_out_bytes": ("B", "一次敬礼的应答", "a salute's answer"),
    "frame_bytes": ("B", "实时的一帧", "a frame of the live figures"),
    "live_us": ("µs", "一帧送到一个连接", "a frame to one socket"),
    "live_sockets": ("", "一个进程量过的连接数", "sockets that one process was measured with"),
    "socket_kb": ("KB", "一个连接的内存", "memory of a socket"),
    "posters_per_second": ("/s", "一个核每秒画的海报", "posters a second of one core"),
    "poster_kb": ("KB", "一张海报", "a poster"),
    "process_mb": ("MB", "一个进程的内存", "memory of a server process"),
    "poster_process_mb": ("MB", "一个画海报进程的内存", "memory of a process that draws posters"),
    "rehearsed_people": ("", "演练过的人数", "people of the largest rehearsal"),
    "rehearsed_per_second": ("/s", "演练中最高的一秒", "the best second of a rehearsal"),
    "rehearsed_masters": ("", "试过的集群主节点数", "masters of the largest cluster that was tried"),
}


class PlanError(ValueError):
    """What was asked cannot be planned for; the text is one line for people."""


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`command` and `date` say where it came from, `note` how it follows from what the command prints, where it does not say it itself."""

    value: float
    command: str
    date: str
    machine: str
    note: str = ""


class Figures:
    """Every figure of a file; `used` are the names that were asked for, in the order of asking."""

    def __init__(self, found: Mapping[str, Figure]) -> None:
        self._found = dict(found)
        self.used: list[str] = []

    def __call__(self, name: str) -> float:
        if name not in self.used:
            self.used.append(name)
        return self._found[name].value

    def figure(self, name: str) -> Figure:
        return self._found[name]


def read(path: Path = HERE) -> Figures:
    """Raises PlanError where the file is not whole."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Figure])
    except OSError as error:
        raise PlanError(f"读不到 {path}：{error.strerror} (cannot be read)") from error
    except msgspec.DecodeError as error:
        raise PlanError(f"{path} 不是实测数据文件 (no file of figures): {error}") from error
    if missing := [name for name in NAMES if name not in found]:
        raise PlanError(f"{path} 缺少 (lacks): {', '.join(missing)}")
    if wrong := [name for name, figure in found.items() if name not in NAMES or not 0 < figure.value < 1e12]:
        raise PlanError(f"{path} 有误 (wrong): {', '.join(wrong)}")
    return Figures(found)


def note(path: Path, measured: Mapping[str, float], command: str, day: date, notes: Mapping[str, str] | None = None) -> None:
    """Put what a benchmark measured on this machine into a file, beside what others put there; each stands for its older self."""
    if unknown := set(measured) - set(NAMES):
        raise PlanError(f"没有这些数 (no such figures): {', '.join(sorted(unknown))}")
    kept = msgspec.json.decode(path.read_bytes(), type=dict[str, Figure]) if path.exists() else {}
    for name, value in measured.items():
        kept[name] = Figure(value, command, str(day), machine(), (notes or {}).get(name, ""))
    lines = [f" {json.dumps(name)}: {json.dumps(_told(kept[name]), ensure_ascii=False)}" for name in NAMES if name in kept]
    beside = path.with_name(path.name + ".new")
    beside.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    os.replace(beside, path)


def _told(figure: Figure) -> dict[str, float | str]:
    told: dict[str, float | str] = {"value": figure.value, "command": figure.command, "date": figure.date, "machine": figure.machine}
    return told | ({"note": figure.note} if figure.note else {})


def machine() -> str:
    """This one, as the tables of the README name theirs."""
    known = Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in known if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"
