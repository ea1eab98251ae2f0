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
from pathlib import Path
from typing import Any

import uvloop

from server import app, audit, dashboards, embedded, logs, plan, rehearsal, seed, tracing
from server.audit_log import Anchor
from server.backups import commands as backups
from server.backups.report import Report as RestoreReport
from server.backups.restoring import unfinished
from server.backups.taking import BackupError, open_backup
from server.clock import wall_clock
from server.counting import window_of
from server.embedded import ChildError
from server.errors import WenmingError
from server.services import Services
from server.staff import ROLES, SYSTEM, new_password
from server.stores import PyMongoError, RedisError
from settings import Settings, SettingsError, load

# As the platform names them, and as the URL table serves them.
VERIFICATION_FILE = re.compile(r"MP_verify_([A-Za-z0-9]{1,64})\.txt")


def main(words: list[str] | None = None) -> int:
    options = _parser().parse_args(words)
    try:
        settings = load()
        return int(options.run(settings, options))
    except SettingsError as error:
        print("设置有误 (settings):", *error.problems, sep="\n  ", file=sys.stderr)
    except (ChildError, BackupError) as error:
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
    checked = command("doctor", doctor, "check this machine and the stores, and say what to do")
    checked.add_argument("--wechat", action="store_true", help="ask WeChat about each account instead, and say what to do")
    audited = command("audit", audit_campaign, "prove that arrays = totals = documents")
    audited.add_argument("campaign")
    audited.add_argument("--json", action="store_true")
    command("rebuild", rebuild, "make a campaign's counters anew from its documents").add_argument("campaign")
    tokens_of = command("tokens", tokens, "citizens' tokens for a load tool, one a line (embedded stores only)")
    tokens_of.add_argument("--count", type=int, required=True)
    tokens_of.add_argument("--out", type=Path, required=True)
    played = command("rehearse", rehearse_week, "a city's week in minutes against the running product, with a report and a proof")
    # By name alone: two million people are nothing to send at a running product by a slip of the hand.
    played.add_argument("--participants", type=_people, required=True, help="how many people come")
    for name, kind, default, about in REHEARSAL:
        played.add_argument(f"--{name}", type=kind, default=default, help=f"{about} (default {default})")
    played.add_argument("--kill", choices=rehearsal.KILLS, default="",
                        help="kill a process of this kind while it runs; of one process server and ledger are the whole product, "
                             "which then comes back in the background")
    played.add_argument("--every", type=_seconds, help="how often, such as 20s, which it is without this")
    played.add_argument("--through", type=_doors, metavar="URL", help="one address for everything, as citizens have it: that of nginx; "
                        "without it the web and intake ports of the settings (SSL_CERT_FILE: certificates to believe)")
    played.add_argument("--out", type=Path, help="folder of the report; the data folder's rehearsals/ without it")
    plan.add_options(command("plan", plan_capacity, "what a campaign takes: cores, shards, memory, network, with the arithmetic"))
    given = command("staff-password", staff_account, "a new password for a staff account, printed once; as staff reset")
    given.set_defaults(act="reset", second_factor=False)
    given.add_argument("name")
    kept = command("staff", staff_account, "staff accounts on this host: add one, give a new password, let somebody try again")
    kept.add_argument("act", choices=("add", "reset", "unlock"))
    kept.add_argument("name")
    kept.add_argument("--role", choices=tuple(ROLES), default="admin", help="of a new account (default admin)")
    kept.add_argument("--second-factor", action="store_true", help="with reset: also forget app, paper codes and phone")
    logged = command("audit-log", audit_log, "prove that nothing was removed from the audit log or changed in it")
    logged.add_argument("--check", action="store_true", required=True)
    logged.add_argument("--noted", type=_anchor, action="append", default=[], metavar="NUMBER:DIGEST",
                        help="an end of the log that was written down at an earlier check")
    kept_copy = command("backup", backup, "a backup while the product runs: the embedded store, archive files, checksums")
    kept_copy.add_argument("--to", type=Path, required=True, help="a new folder")
    kept_copy.add_argument("--finish", action="store_true", help="of a MongoDB of one's own: after mongodump or a snapshot")
    kept_copy.add_argument("--check", action="store_true", help="only compare a backup that is there with its checksums")
    restored = command("restore", restore, "after the document store was lost: from a backup, archive files and what Redis still holds")
    restored.add_argument("--from", type=Path, required=True, dest="backup", help="a folder that backup wrote")
    restored.add_argument("--archive", type=Path, action="append", default=[], metavar="FOLDER",
                          help="data folder of another ledger host, or a copy of it; may be repeated")
    restored.add_argument("--replace", action="store_true", help="move an embedded store that is there aside")
    restored.add_argument("--json", action="store_true")
    command("replay-deletions", replay_deletions, "after a restore: erase again who was deleted")
    verified = command("verification-text", verification_text, "serve a file MP_verify_….txt, by which WeChat believes that a host is ours")
    verified.add_argument("file", type=Path)
    command("trace", trace_request, "what became of a request, by its name in the proxy's log or in an error").add_argument("name")
    told = command("metrics", metrics_told, "what Grafana and Prometheus are told of our metrics, made from their table")
    told.add_argument("--dashboard", action="store_true", help="Grafana's dashboard")
    told.add_argument("--alarms", action="store_true", help="Prometheus' alarm rules")
    told.add_argument("--write", action="store_true", help="write both to deploy/ instead")
    return parser


def plan_capacity(settings: Settings, options: argparse.Namespace) -> int:
    """From what was measured; no store is asked."""
    return plan.run(options)


def trace_request(settings: Settings, options: argparse.Namespace) -> int:
    """Reads log and archive of this machine; 1 where neither knows the name."""
    lines = tracing.trace(settings.data_dir.resolve(), options.name)
    unknown = "日志里没有这个请求：成功的敬礼 256 次记 1 次，WENMING_LOG_LEVEL=DEBUG 时全记 (not in the log: of salutes one in 256 is)"
    print(*lines or [unknown], sep="\n")
    return 0 if lines else 1


def metrics_told(settings: Settings, options: argparse.Namespace) -> int:
    """The committed files come from here."""
    made = {app.ROOT / "deploy" / "grafana" / "wenming.json": (dashboards.dashboard(), options.dashboard),
            app.ROOT / "deploy" / "prometheus" / "alarms.yml": (dashboards.alarms(), options.alarms)}
    for path, (text, is_wanted) in made.items():
        if options.write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(path)
        elif is_wanted or not (options.dashboard or options.alarms):
            print(text, end="")
    return 0


def everything(settings: Settings, options: argparse.Namespace) -> int:
    """All roles in one process, with embedded stores where none are configured."""
    _refuse_half_restored(settings)
    if not embedded.is_running(settings.data_dir.resolve()):  # then the folder's own refusal says more
        _check_ports(settings)
    with embedded.start(settings) as running:
        logs.write(running.data_dir.resolve() / "logs", running.log_level, running.log_format)

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
    _refuse_half_restored(settings)
    with embedded.join(settings) as joined:
        logs.write(joined.data_dir.resolve() / "logs", joined.log_level, joined.log_format)
        return app.run(joined, frozenset(options.role))


def seed_demo(settings: Settings, options: argparse.Namespace) -> int:
    async def run(services: Services) -> int:
        accounts = await seed.seed(services, wall_clock())
        print(_accounts(accounts) if accounts else "演示数据已经有了 (already seeded)")
        return 0

    return _with_services(settings, run)


def doctor(settings: Settings, options: argparse.Namespace) -> int:
    from server import doctor_wechat
    from server.doctor import examine

    async def ask_wechat(services: Services) -> int:
        here = doctor_wechat.Instance(settings.base_url, settings.is_public, settings.official_identity)
        return await doctor_wechat.examine(services.accounts, services.verification_texts, here, wall_clock)

    return _with_services(settings, ask_wechat, sandbox=True) if options.wechat else examine(settings)


def audit_campaign(settings: Settings, options: argparse.Namespace) -> int:
    async def run(services: Services) -> int:
        print("正在核对，每百万人约一分钟 (comparing; some minute for a million people)", file=sys.stderr, flush=True)
        campaign = await services.campaigns.get_any(options.campaign)
        report = audit.report(await services.audit.campaign(campaign))
        if campaign.kind == "vote":
            votes = report["votes"] = await services.ballots.audit(campaign.slug)
            report["ok"] = report["ok"] and votes["ok"]
            report["findings"] += [{"shard": "选票 votes", "finding": finding} for finding in votes["findings"]]
        people, findings = await services.group_reports.audit(campaign)
        report |= {"group_reported": people, "ok": report["ok"] and not findings,
                   "findings": [*report["findings"], *({"shard": "group reports", "finding": text} for text in findings)]}
        if options.json:
            print(json.dumps(report, ensure_ascii=False))
        else:
            print(f"{options.campaign}: {'一致 ok' if report['ok'] else '不一致 NOT ok'}  {report['participants']}  "
                  f"待入账 pending {report['pending']}  空号 gaps {report['gaps']}  冲突 conflicts {report['conflicts']}  "
                  f"集体上报 group reports {people}")
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
    if options.every and not options.kill:
        print("--every 要与 --kill 一起用 (--every goes with --kill)", file=sys.stderr)
        return 2
    plan = rehearsal.Plan(participants=options.participants, **{name: getattr(options, name) for name, *_ in REHEARSAL}, kill=options.kill,
                          every_seconds=options.every or KILL_EVERY_SECONDS)
    data_dir = settings.data_dir.resolve()
    if not embedded.is_running(data_dir) and settings.uses_embedded_mongodb:
        print("没有运行中的产品：先执行 make run (no product is running: make run first)", file=sys.stderr)
        return 2
    now = wall_clock()
    folder = (options.out or data_dir / "rehearsals" / str(int(now))).resolve()
    host = "127.0.0.1" if settings.host in ("", "0.0.0.0") else settings.host
    doors = options.through or rehearsal.Doors(host, settings.port, settings.intake_port, host)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        with embedded.join(settings) as joined:  # anew each time: a kill may have changed where the stores are
            async with app.open_services(joined) as services:
                yield services

    async def run() -> dict[str, Any]:
        task = asyncio.current_task()
        assert task is not None
        for asked in (signal.SIGTERM, signal.SIGINT):  # raised in the middle of a callback, an interrupt would be swallowed
            if signal.getsignal(asked) is not signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(asked, task.cancel)
        with embedded.join(settings) as joined:
            where = rehearsal.Place(doors, joined.redis_url, joined.redis_cluster, data_dir)
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


def _doors(text: str) -> rehearsal.Doors:
    try:
        return rehearsal.Doors.through(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}，应为 https://h5.example.cn 这样的地址 (wanted: an address)") from None


def _anchor(text: str) -> Anchor:
    try:
        return Anchor.read(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}，应为上次核对打印的 序号:校验值 (wanted: what the last check printed)") from None


_DEFAULT = rehearsal.Plan()
KILL_EVERY_SECONDS = 20.0
REHEARSAL: tuple[tuple[str, Callable[[str], Any], Any, str], ...] = (
    ("duplicates", _share, _DEFAULT.duplicates, "share of them who tap twice or come again, such as 20%%"),
    ("pages", _share, _DEFAULT.pages, "pages opened, as a share of the salutes"),
    ("counters", _share, _DEFAULT.counters, "counters read, as a share of the salutes"),
    ("posters", _share, _DEFAULT.posters, "posters asked for, as a share of the salutes"),
    ("minutes", _minutes, _DEFAULT.minutes, "length of the week; a slower machine takes longer"),
    ("connections", _connections, _DEFAULT.connections, "people who wait at once"),
    ("seed", int, _DEFAULT.seed, "of everything that is left to chance"))


def staff_account(settings: Settings, options: argparse.Namespace) -> int:
    """Whoever runs this holds the host; it is logged as `system`. On a public address the password must be changed at once."""

    async def run(services: Services) -> int:
        now, password = wall_clock(), new_password()
        if options.act == "unlock":
            await services.staff_members.unlock(SYSTEM, options.name, now)
            print(f"{options.name} 可以再次登录 (may try again)")
            return 0
        if options.act == "add":
            await services.staff.create(options.name, options.role, password, now, temporary=settings.is_public)
            await services.staff.record(SYSTEM, "staff.create", options.name, {"after": {"role": options.role}}, now)
        else:
            await services.staff.set_password(options.name, password, now, temporary=settings.is_public)
            if options.second_factor:
                await services.staff_members.reset_factors(SYSTEM, options.name, now)
        print(f"{options.name}  {password}")
        return 0

    return _with_services(settings, run)


def audit_log(settings: Settings, options: argparse.Namespace) -> int:
    async def run(services: Services) -> int:
        report = await services.staff.audit_log.check(options.noted)
        print(f"审计日志 audit log: {'完整 whole' if report.ok else '不完整 NOT whole'}  {report.entries} 条 (entries)")
        for problem in report.problems:
            print(f"  {problem}")
        if report.ok and report.entries:
            print(f"记下末尾校验值，下次用 --noted 核对 (write this down for the next --noted):\n  {report.end}")
        return 0 if report.ok else 1

    return _with_services(settings, run)


def replay_deletions(settings: Settings, options: argparse.Namespace) -> int:
    async def run(services: Services) -> int:
        print(f"{await services.citizens.replay_deletions(wall_clock())} 人将重新删除 (will be erased again)")
        return 0

    return _with_services(settings, run)


def backup(settings: Settings, options: argparse.Namespace) -> int:
    """Checking needs no store; neither does what comes after a dump of somebody else's MongoDB."""
    data_dir, folder, now = settings.data_dir.resolve(), options.to.resolve(), wall_clock()
    if options.check:
        print(*backups.lines_of(open_backup(folder), folder), "校验值一致 (as it was written)", sep="\n")
        return 0
    with embedded.join(settings) as joined:
        secret = joined.secret_key.encode()
        if options.finish:
            print(*backups.lines_of(backups.finish_outside(data_dir, folder, secret), folder), sep="\n")
            return 0

        async def run() -> None:
            async with app.open_services(joined) as services:
                if settings.uses_embedded_mongodb:
                    print(*backups.lines_of(await backups.take(services, data_dir, folder, secret, now), folder), sep="\n")
                else:
                    print(await backups.begin_outside(services, folder, now))

        asyncio.run(run())
    return 0


def restore(settings: Settings, options: argparse.Namespace) -> int:
    """0 where everything is there and the audit is clean, 1 with findings."""
    data_dir, folder, now, report = settings.data_dir.resolve(), options.backup.resolve(), wall_clock(), RestoreReport()
    if embedded.is_running(data_dir):
        print("产品正在运行：先在每台机器上停止它 (the product runs: stop it first, on every host)", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.ERROR)
    manifest = backups.prepare(folder, data_dir, settings.uses_embedded_mongodb, options.replace, report, now)
    with embedded.start(settings, sandbox=False) as joined:
        sources = [folder, data_dir, *(path.resolve() for path in options.archive)]
        secret = joined.secret_key.encode()
        asyncio.run(backups.restore(lambda: app.open_services(joined), data_dir, secret, manifest, sources, report, now))
    print(backups.told(report, options.json))
    return 0 if report.ok else 1


def _refuse_half_restored(settings: Settings) -> None:
    """Raises BackupError: a store that lacks what came after its backup must count nobody."""
    if begun := unfinished(settings.data_dir.resolve()):
        raise BackupError(f"恢复没有完成，请再执行一次 restore --from {begun['from']} (a restore did not end: run it again)")


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


def _with_services(settings: Settings, run: Callable[[Services], Awaitable[int]], *, sandbox: bool = False) -> int:
    logging.basicConfig(level=logging.ERROR)

    async def inside(joined: Settings) -> int:
        async with app.open_services(joined) as services:
            return await run(services)

    with embedded.join(settings, sandbox=sandbox) as joined:
        return asyncio.run(inside(joined))


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
