"""Encrypted text in, one of a thousand rules matched, encrypted answer out: ours beside Flask with wechatpy, in one run.

The measured server has core 0 for itself; load tool and Redis share the other. Every request is a message of its own, so that ours does
the whole of its work: marks of repeats and replays included, which the other does not keep.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from server.embedded import free_port
from server.rehearsal.kills import cpu_seconds
from server.reply_rules import Rule, Trigger
from server.reply_rules.service import ReplyRuleStore
from server.sandbox import accounts
from server.sandbox.callbacks import build
from server.stores import open_stores
from server.wechat.messages import Reply
from tests.bench.compare.__main__ import OTHER_CORE, SERVER_CORE, Contender, machine, pin, wait_for
from tests.product import ROOT, Product

HERE = Path(__file__).parent
# More than two servers answer in all rounds: a message that came before would be a repeat.
CALLBACKS = 160_000
GOAL = 2.0


def thousand_rules() -> list[Rule]:
    """Six hundred words, two hundred expressions, two hundred whole texts."""
    made = [("contain", f"词{n}号") for n in range(600)] + [("regex", f"第{n}[名位]") for n in range(200)]
    made += [("equal", f"口令{n}") for n in range(200)]
    return [Rule(f"{n:016x}", f"规则 {n}", Trigger(kind, (word,)), (Reply("text", f"回答 {n}：欢迎参加向国旗敬礼活动"),), position=n)
            for n, (kind, word) in enumerate(made)]


async def keep(product: Product, rules: list[Rule]) -> None:
    stores = open_stores(product.run["mongodb_uri"], product.run["redis_url"])
    store = ReplyRuleStore(stores.mongo)
    for rule in rules:
        await store.create(rule)
    await store.revision.rise()
    await stores.close()


def write_callbacks(path: Path, product: Product, count: int) -> None:
    """Texts of people, some of which every kind of rule answers, signed and encrypted as the platform does."""
    account = accounts.build("official", {name: product.run[f"official_{name}"] for name in ("appid", "secret", "token", "aes_key")}
                             | {"mode": "safe"})
    now = int(time.time())
    with path.open("wb") as file:
        for n in range(count):
            words = (f"请问词{n % 600}号在哪里", f"我是第{n % 200}位吗", f"口令{n % 200}")[n % 3]
            fields = {"ToUserName": account.original_id, "FromUserName": f"o{n % 5000:027d}", "CreateTime": now, "MsgType": "text",
                      "Content": words, "MsgId": 23_000_000_000_000_000 + n}
            made = build(account, fields["FromUserName"], fields, "http://x", timestamp=now, nonce=str(n))
            parts = urlsplit(made.url)
            file.write(f"{parts.path}?{parts.query}\t".encode() + made.body.replace(b"\n", b"") + b"\n")


def load(port: int, callbacks: Path, start: int, asked: argparse.Namespace) -> dict[str, Any]:
    done = subprocess.run(
        ["taskset", "-c", str(OTHER_CORE), "wrk", "-t1", f"-c{asked.connections}", f"-d{asked.seconds}s", "-s", str(HERE / "callback.lua"),
         f"http://127.0.0.1:{port}"],
        env={**os.environ, "BENCH_CALLBACKS": str(callbacks), "BENCH_START": str(start)}, capture_output=True, text=True,
        timeout=asked.seconds + 60, check=True)
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.bench.callback", description=__doc__)
    options.add_argument("--seconds", type=int, default=3)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--connections", type=int, default=32, help="the platform's own servers at once")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="wenming-bench-") as name:
        folder = Path(name)
        product = Product(folder / "data", WENMING_LOG_LEVEL="WARNING")
        product.start()
        started: list[subprocess.Popen[bytes]] = []
        try:
            rules = thousand_rules()
            asyncio.run(keep(product, rules))
            (folder / "rules.json").write_bytes(msgspec.json.encode(rules))
            write_callbacks(folder / "callbacks", product, CALLBACKS)
            contenders = start(product, folder, started)
            report = measure(contenders, folder, asked)
        finally:
            for process in started:
                process.kill()
            for process in started:
                process.wait(10)
            product.kill()
    print(report)
    return 0


def start(product: Product, folder: Path, started: list[subprocess.Popen[bytes]]) -> list[Contender]:
    ports = free_port(), free_port()
    account = {name: product.run[f"official_{name}"] for name in ("appid", "token", "aes_key")}
    ours = [sys.executable, "-m", "server", "serve", "--role", "intake"]
    theirs = [sys.executable, "-m", "gunicorn", "-w", "1", "-k", "gthread", "--threads", "8", "--keep-alive", "60",
              "--log-level", "warning", "-b", f"127.0.0.1:{ports[1]}", "tests.bench.callback.flask_job:app"]
    log = folder / "bench.log"
    for command, environ in ((ours, {"WENMING_PORT": str(free_port()), "WENMING_INTAKE_PORT": str(ports[0])}),
                             (theirs, {"PEER_ACCOUNT": json.dumps(account), "PEER_RULES": str(folder / "rules.json")})):
        with log.open("ab") as file:
            started.append(subprocess.Popen(command, cwd=ROOT, env={**product.environ, **environ}, stdin=subprocess.DEVNULL, stdout=file,
                                            stderr=file))
    for port in ports:
        wait_for(port, log)
    time.sleep(1)  # gunicorn's worker
    children = subprocess.run(["pgrep", "-P", str(started[1].pid)], capture_output=True, text=True, check=True).stdout.split()
    made = [Contender("ours", ports[0], [started[0].pid]), Contender("flask with wechatpy", ports[1], [int(pid) for pid in children])]
    for pid in (pid for one in made for pid in one.pids):
        pin(pid, SERVER_CORE)
    for pid in (product.process.pid, product.pid_of("redis-server"), product.pid_of("nx-27017")):
        pin(pid, OTHER_CORE)
    return made


def measure(contenders: list[Contender], folder: Path, asked: argparse.Namespace) -> str:
    at = dict.fromkeys((one.name for one in contenders), 0)
    for number in range(asked.runs):
        for one in contenders:
            before = sum(map(cpu_seconds, one.pids))
            said = load(one.port, folder / "callbacks", at[one.name], asked)
            at[one.name] += said["requests"] + asked.connections
            assert at[one.name] < CALLBACKS, "repeats would be measured"
            one.rates.append(said["requests"] / said["seconds"])
            one.cpu_us.append(1e6 * (sum(map(cpu_seconds, one.pids)) - before) / said["requests"])
            one.p99_ms.append(said["p99_ms"])
            one.refused += said["refused"] + said["failed"]
            print(f"  {number + 1}/{asked.runs}  {one.name:<22}{one.rates[-1]:>8.0f}/s", file=sys.stderr, flush=True)
    where, (ours, theirs) = machine(folder), contenders
    rows = [one.row() for one in contenders]
    by_rate = statistics.median(a / b for a, b in zip(ours.rates, theirs.rates, strict=True))
    by_cpu = statistics.median(b / a for a, b in zip(ours.cpu_us, theirs.cpu_us, strict=True))
    return "\n".join([
        f"{where['cpu']}, {where['cores']} cores, Python {where['python']}, {date.today()}",
        f"medians of {asked.runs} alternating runs of {asked.seconds} s, one server core, {asked.connections} connections, 1,000 rules", "",
        f"{'':<22}{'callbacks/s':>12}{'CPU µs each':>14}{'p99 ms':>9}{'not 2xx':>9}",
        *(f"{row['name']:<22}{row['requests_per_second']:>12,}{row['cpu_us_per_request']:>14}{row['p99_ms']:>9}{row['refused']:>9}"
          for row in rows),
        "", f"ours / flask with wechatpy: {by_rate:.2f} by rate, {by_cpu:.2f} by CPU, goal {GOAL}"])


if __name__ == "__main__":
    sys.exit(main())
