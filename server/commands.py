"""The command line: one function a command.

Owns: words, exit codes and what is printed. 0 done, 1 a finding (audit, doctor), 2 it could not be done, with a line that says why.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import uvloop

from server import app, audit, embedded, rehearsal, seed
from server.clock import wall_clock
from server.counting import window_of
from server.embedded import ChildError
from server.errors import WenmingError
from server.services import Services
from server.staff import new_password
from server.stores import PyMongoError, RedisError
from settings import Settings, SettingsError, load

# One file of the log, and how many older ones are kept.
LOG_BYTES, LOG_FILES = 8 * 1024 * 1024, 3
# As the platform names them, and as the URL table serves them.
VERIFICATION_FILE = re.compile(r"MP_verify_([A-Za-z0-9]{1,64})\.txt")


def main(words: list[str] | None = None) -> int:
    options = _parser().parse_args(words)
    try:
        settings = load()
        return int(options.run(settings, options))
    except SettingsError as error:
        print("设置有误 (settings):", *error.problems, sep="\n  ", file=sys.stderr)
    except ChildError as error:
        print(error, file=sys.stderr)
    except WenmingError as error:
        print(f"{error.code}: {error.message}", file=sys.stderr)
    except (PyMongoError, RedisError) as error:
        print(f"存储没有应答，请执行 make doctor (a store does not answer): {type(error).__name__}", file=sys.stderr)
    except PermissionError as error:
        print(f"没有权限 (no permission): {error.filename}", file=sys.stderr)
    except FileNotFoundError as error:
        print(f"没有这个文件 (no such file): {error.filename}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m server", description="Wenming 文明")
    parser.set_defaults(run=everything)
    commands = parser.add_subparsers(title="commands")

    def command(name: str, run: Callable[[Settings, argparse.Namespace], int], about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about)
        added.set_defaults(run=run)
        return added

    served = command("serve", serve, "one role, or several, of many processes")
    served.add_argument("--role", action="append", choices=app.ROLES, required=True)
    command("seed", seed_demo, "demo data, once")
    command("doctor", doctor, "check this machine and the stores, and say what to do")
    audited = command("audit", audit_campaign, "prove that arrays = totals = documents")
    audited.add_argument("campaign")
    audited.add_argument("--json", action="store_true")
    command("rebuild", rebuild, "make a campaign's counters anew from its documents").add_argument("campaign")
    tokens_of = command("tokens", tokens, "citizens' tokens for a load tool, one a line (embedded stores only)")
    tokens_of.add_argument("--count", type=int, required=True)
    tokens_of.add_argument("--out", type=Path, required=True)
    played = command("rehearse", rehearse_week, "a city's week in minutes against the running product, with a report and a proof")
    for name, kind, default, about in REHEARSAL:
        played.add_argument(f"--{name}", type=kind, default=default, help=f"{about} (default {default})")
    played.add_argument("--kill", choices=rehearsal.KILLS, default="",
                        help="kill a process of this kind while it runs; of one process server and ledger are the whole product, "
                             "which then comes back in the background")
    played.add_argument("--every", type=_seconds, default=20.0, help="how often, such as 20s")
    played.add_argument("--out", type=Path, help="folder of the report; the data folder's rehearsals/ without it")
    command("staff-password", staff_password, "a new password for a staff account, printed once").add_argument("name")
    command("replay-deletions", replay_deletions, "after a restore: erase again who was deleted")
    verified = command("verification-text", verification_text, "serve a file MP_verify_….txt, by which WeChat believes that a host is ours")
    verified.add_argument("file", type=Path)
    return parser


def everything(settings: Settings, options: argparse.Namespace) -> int:
    """All roles in one process, with embedded stores where none are configured."""
    if not embedded.is_running(settings.data_dir.resolve()):  # then the folder's own refusal says more
        _check_ports(settings)
    with embedded.start(settings) as running:
        _log(running)

        async def announce(services: Services) -> None:
            print(_table(running, await seed.seed(services, wall_clock())), flush=True)

        return app.run(running, frozenset(app.ROLES), announce)


def _check_ports(settings: Settings) -> None:
    """Raises ChildError. Our ports may be shared by processes of one product (SO_REUSEPORT), so binding alone would not refuse."""
    ports = {"WENMING_PORT": settings.port, "WENMING_INTAKE_PORT": settings.intake_port}
    if settings.uses_sandbox:
        ports["WENMING_SANDBOX_PORT"] = settings.sandbox_port
    for name, port in ports.items():
        if not embedded.is_free(settings.host, port):
            raise ChildError(f"端口 {port} 被别的程序占用；停止它，或设置 {name} (port {port} is in use: stop its program, or set {name})")


def serve(settings: Settings, options: argparse.Namespace) -> int:
    """One process of many; the stores must be configured, or a product must be running here."""
    with embedded.join(settings) as joined:
        _log(joined)
        return app.run(joined, frozenset(options.role))


def seed_demo(settings: Settings, options: argparse.Namespace) -> int:
    async def run(services: Services) -> int:
        accounts = await seed.seed(services, wall_clock())
        print(_accounts(accounts) if accounts else "演示数据已经有了 (already seeded)")
        return 0

    return _with_services(settings, run)


def doctor(settings: Settings, options: argparse.Namespace) -> int:
    from server.doctor import examine

    return examine(settings)


def audit_campaign(settings: Settings, options: argparse.Namespace) -> int:
    async def run(services: Services) -> int:
        report = audit.report(await services.audit.campaign(await services.campaigns.get_any(options.campaign)))
        if options.json:
            print(json.dumps(report, ensure_ascii=False))
        else:
            print(f"{options.campaign}: {'一致 ok' if report['ok'] else '不一致 NOT ok'}  {report['participants']}  "
                  f"待入账 pending {report['pending']}  空号 gaps {report['gaps']}  冲突 conflicts {report['conflicts']}")
            for finding in report["findings"]:
                print(f"  {finding['shard']}: {finding['finding']}")
        return 0 if report["ok"] else 1

    return _with_services(settings, run)


def rebuild(settings: Settings, options: argparse.Namespace) -> int:
    async def run(services: Services) -> int:
        campaign = await services.campaigns.get(options.campaign)
        failed = 0
        for document in await services.epochs.of_campaign(campaign.slug):
            shard = services.counting.period(campaign, document["period"]).handles[document["shard"]].shard
            epoch = await services.keeper.recover(shard, campaign, window_of(campaign, document["period"]), from_documents=True)
            failed += epoch is None
            print(f"{shard.id}: {'另一进程正在恢复 (another process is at it)' if epoch is None else f'epoch {epoch}'}")
        return 1 if failed else 0

    return _with_services(settings, run)


def tokens(settings: Settings, options: argparse.Namespace) -> int:
    if not settings.uses_embedded_mongodb:
        print("tokens 只用于内置存储 (for embedded stores only)", file=sys.stderr)
        return 2

    async def run(services: Services) -> int:
        now = wall_clock()
        lines = [services.tokens.issue(citizen, now) for citizen in await services.citizens.reserve(options.count)]
        descriptor = os.open(options.out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)  # also where the file was there before
            file.write("\n".join(lines) + "\n")
        print(f"{len(lines)} tokens -> {options.out}")
        return 0

    return _with_services(settings, run)


def rehearse_week(settings: Settings, options: argparse.Namespace) -> int:
    plan = rehearsal.Plan(**{name: getattr(options, name) for name, *_ in REHEARSAL}, kill=options.kill, every_seconds=options.every)
    data_dir = settings.data_dir.resolve()
    if not embedded.is_running(data_dir) and settings.uses_embedded_mongodb:
        print("没有运行中的产品：先执行 make run (no product is running: make run first)", file=sys.stderr)
        return 2
    now = wall_clock()
    folder = (options.out or data_dir / "rehearsals" / str(int(now))).resolve()
    host = "127.0.0.1" if settings.host in ("", "0.0.0.0") else settings.host

    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        with embedded.join(settings) as joined:  # anew each time: a kill may have changed where the stores are
            async with app.open_services(joined) as services:
                yield services

    async def run() -> dict[str, Any]:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        with embedded.join(settings) as joined:
            where = rehearsal.Place(host, settings.port, settings.intake_port, joined.redis_url, joined.redis_cluster, data_dir)
            return await rehearsal.rehearse(plan, where, opened, folder, now)

    logging.basicConfig(level=logging.ERROR)
    killing = f"，每 {plan.every_seconds:g} 秒强制结束 {plan.kill} (killed)" if plan.kill else ""
    print(f"演练 {plan.participants:,} 人，{plan.minutes:g} 分钟，重发 {plan.duplicates:.0%}{killing}；Ctrl-C 中断 "
          f"({plan.participants:,} people in {plan.minutes:g} minutes; Ctrl-C ends it)", file=sys.stderr, flush=True)
    try:
        report = uvloop.run(run())
    except rehearsal.NotServing as error:
        print(f"{error} 没有应答：产品在运行吗？ (does not answer: is the product running?)", file=sys.stderr)
        return 2
    except rehearsal.NothingToKill as error:
        print(f"本机没有属于这个产品的 {error} 进程，无从强制结束 (no {error} process of this product runs here)", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\n已中断：没有报告，演练活动已结束 (interrupted: no report; its campaign is frozen)", file=sys.stderr)
        return 130
    print(rehearsal.summary(report), folder / "report.html", sep="\n")
    if options.kill in ("server", "ledger") and report["killed_at"]:
        print(f"服务被强制结束过，现在在后台运行；停止它 (it runs in the background now; stop it): kill {rehearsal.running_pid(data_dir)}")
    return 0 if report["ok"] else 1


def _option(read: Callable[[str], Any], least: float, most: float, like: str) -> Callable[[str], Any]:
    """A reader of one option's text. What cannot be read or lies outside is refused with a line that says what is wanted."""
    def take(text: str) -> Any:
        try:
            value = read(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:  # so is nan
            raise argparse.ArgumentTypeError(f"{text!r}，应为 {like} (wanted)")
        return value
    return take


# The most of each is far past what one machine can play, and short of what would fill its memory before it says so.
_share = _option(lambda text: float(text[:-1]) / 100 if text.endswith("%") else float(text), 0, 1, "0% … 100%")
_seconds = _option(lambda text: float(text.removesuffix("s")), 0.5, 3600, "1s … 3600s")
_minutes = _option(float, 0.05, 24 * 60, "0.05 … 1440")
_people = _option(lambda text: int(text.replace(",", "").replace("_", "")), 1, 20_000_000, "1 … 20000000")
_connections = _option(int, 1, 10_000, "1 … 10000")


_DEFAULT = rehearsal.Plan()
REHEARSAL: tuple[tuple[str, Callable[[str], Any], Any, str], ...] = (
    ("participants", _people, _DEFAULT.participants, "how many people come"),
    ("duplicates", _share, _DEFAULT.duplicates, "share of them who tap twice or come again, such as 20%%"),
    ("pages", _share, _DEFAULT.pages, "pages opened, as a share of the salutes"),
    ("counters", _share, _DEFAULT.counters, "counters read, as a share of the salutes"),
    ("posters", _share, _DEFAULT.posters, "posters asked for, as a share of the salutes"),
    ("minutes", _minutes, _DEFAULT.minutes, "length of the week; a slower machine takes longer"),
    ("connections", _connections, _DEFAULT.connections, "people who wait at once"),
    ("seed", int, _DEFAULT.seed, "of everything that is left to chance"))


def staff_password(settings: Settings, options: argparse.Namespace) -> int:
    async def run(services: Services) -> int:
        password = new_password()
        await services.staff.set_password(options.name, password, wall_clock())
        print(f"{options.name}  {password}")
        return 0

    return _with_services(settings, run)


def replay_deletions(settings: Settings, options: argparse.Namespace) -> int:
    async def run(services: Services) -> int:
        print(f"{await services.citizens.replay_deletions(wall_clock())} 人将重新删除 (will be erased again)")
        return 0

    return _with_services(settings, run)


def verification_text(settings: Settings, options: argparse.Namespace) -> int:
    named = VERIFICATION_FILE.fullmatch(options.file.name)
    if named is None:
        print("文件名应为 MP_verify_….txt，与公众平台下载的一致 (keep the name that the platform gave)", file=sys.stderr)
        return 2
    text = options.file.read_text("utf-8").strip()

    async def run(services: Services) -> int:
        await services.verification_texts.enter(named[1], text)
        print(f"{settings.base_url}/{options.file.name}")
        return 0

    return _with_services(settings, run)


def _with_services(settings: Settings, run: Callable[[Services], Awaitable[int]]) -> int:
    logging.basicConfig(level=logging.ERROR)

    async def inside(joined: Settings) -> int:
        async with app.open_services(joined) as services:
            return await run(services)

    with embedded.join(settings) as joined:
        return asyncio.run(inside(joined))


def _log(settings: Settings) -> None:
    """To the data folder, bounded in size; warnings to the screen too."""
    folder = settings.data_dir.resolve() / "logs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = RotatingFileHandler(folder / "server.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
    screen = logging.StreamHandler()
    screen.setLevel(logging.WARNING)
    logging.basicConfig(level=settings.log_level, handlers=[file, screen], format="%(asctime)s %(levelname)s %(name)s %(message)s")


def _table(settings: Settings, accounts: list[tuple[str, str, str]]) -> str:
    base = settings.base_url
    rows = [("活动页 campaign", f"{base}/c/salute-the-flag"), ("大屏 screen", f"{base}/screen/salute-the-flag"),
            ("工作台 console", f"{base}/console"), ("接口 docs", f"{base}/docs")]
    if settings.uses_sandbox:
        rows.insert(0, ("从这里开始：模拟手机 start here: phone", f"http://127.0.0.1:{settings.sandbox_port}/"))
    lines = [f"  {address:<48}{name}" for name, address in rows]
    shown = _accounts(accounts) if accounts else "  账号见首次启动时的输出；忘记密码：.venv/bin/python -m server staff-password admin"
    return "\n".join(["", "文明 Wenming 已启动（Ctrl-C 停止）", *lines, "", shown, ""])


def _accounts(accounts: list[tuple[str, str, str]]) -> str:
    return "\n".join(["  工作人员账号，密码只显示这一次 (staff accounts, passwords are shown once):",
                      *(f"  {name:<10}{password:<20}{role}" for name, role, password in accounts)])
