"""What `backup` and `restore` do, with what they print. The command line hands values down; nothing here reads settings."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from server.backups import restoring, taking
from server.backups.report import Report
from server.backups.restoring import Restoring
from server.backups.taking import BackupError, Manifest, Marks
from server.clock import Clock, iso
from server.health.rows import EVERY_SECONDS, RowStore
from server.services import Services

Opened = Callable[[], AbstractAsyncContextManager[Services]]
MONGODB = """用的是外部 MongoDB：本命令不复制它。现在执行下面的命令（或做一次快照），再执行 backup --to {folder} --finish
(MongoDB is not ours to copy: run this now, or take a snapshot, then finish)
  mongodump --config mongodump.yml --oplog --gzip --out {folder}/mongodump"""


async def marks_of(services: Services) -> Marks:
    """What the store has at this moment at the least."""
    shards: dict[str, int] = {}
    for campaign in await services.campaigns.all():
        shards |= {shard["_id"]: int(shard["ledger_seq"]) for shard in await services.epochs.of_campaign(campaign.slug)}
    newest = await services.staff.audit_log.newest()
    return Marks(shards, await services.citizens.issued_bound(), newest["seq"] if newest else 0)


async def take(services: Services, data_dir: Path, folder: Path, secret_key: bytes, now: float) -> Manifest:
    """A whole backup of an embedded store. Raises BackupError."""
    marks = await marks_of(services)
    await asyncio.to_thread(taking.begin, folder)
    await asyncio.to_thread(taking.copy_store, data_dir, folder)
    await asyncio.to_thread(taking.copy_files, data_dir, folder)
    return await asyncio.to_thread(taking.finish, folder, now, time.time(), "embedded", taking.key_mark(secret_key), marks)


async def begin_outside(services: Services, folder: Path, now: float) -> str:
    """Of a MongoDB of one's own: note the marks first, then its own tools copy it. Returns what to do."""
    await asyncio.to_thread(taking.begin, folder)
    await asyncio.to_thread(taking.note_begun, folder, now, await marks_of(services))
    return MONGODB.format(folder=folder)


def finish_outside(data_dir: Path, folder: Path, secret_key: bytes) -> Manifest:
    """After the dump or snapshot: the files beside it, and the manifest. Raises BackupError."""
    taken_at, marks = taking.begun(folder)
    taking.require_copy(folder)
    taking.copy_files(data_dir, folder)
    manifest = taking.finish(folder, taken_at, time.time(), "mongodb", taking.key_mark(secret_key), marks)
    taking.forget_begun(folder)
    return manifest


def lines_of(manifest: Manifest, folder: Path) -> list[str]:
    size = sum(kept.bytes for kept in manifest.files)
    seconds = manifest.finished_at - manifest.taken_at
    return [f"备份 backup: {folder}  {len(manifest.files)} 个文件 (files)  {size / 1e6:.1f} MB  {seconds:.1f} s",
            f"恢复点 recovery point: {iso(manifest.taken_at)}",
            "密钥 WENMING_SECRET_KEY 不在备份里，请另行保管：没有它，密封的内容读不出来 (the secret key is not in it: keep it elsewhere)"]


def prepare(folder: Path, data_dir: Path, embedded: bool, replace: bool, report: Report, now: float) -> Manifest:
    """Check the backup and put the embedded store's copy in place, once. Nothing of the product may run. Raises BackupError."""
    with report.step("check"):
        manifest = taking.open_backup(folder)
    report.taken_at = manifest.taken_at
    if embedded != (manifest.store == "embedded"):
        raise BackupError("备份与现在的设置不是同一种数据库 (the backup is of the other kind of store than the settings name)")
    state = {"from": str(folder.resolve()), "taken_at": manifest.taken_at, "placed": False}
    begun = restoring.unfinished(data_dir)
    if begun is not None and (begun["from"], begun["taken_at"]) != (state["from"], state["taken_at"]):
        raise BackupError(f"从 {begun['from']} 的恢复还没有完成，请先完成它 (a restore from another backup is unfinished)")
    if begun is None:
        if embedded and any((data_dir / taking.STORE).glob("*.db")) and not replace:
            raise BackupError("数据文件夹里已有数据库；要换掉它时加 --replace，原来的移到一边 (a store is there: --replace moves it aside)")
        restoring.note(data_dir, state)
    if embedded and not (begun and begun["placed"]):
        with report.step("store"):
            taking.place_store(folder, data_dir, f"before-{int(now)}")
    restoring.note(data_dir, state | {"placed": True})
    return manifest


async def still_running(rows: RowStore, clock: Clock, pause: float = EVERY_SECONDS + 1) -> list[str]:
    """Processes of the product, on whichever host, that tell of themselves while one waits. None where Redis was lost: there none can."""
    before = {row.process: row.at for row in await rows.all(clock()) if not row.is_silent(clock())}
    if not before:
        return []
    await asyncio.sleep(pause)
    return sorted(row.process for row in await rows.all(clock()) if row.at > before.get(row.process, row.at))


async def restore(opened: Opened, data_dir: Path, secret_key: bytes, manifest: Manifest, sources: Sequence[Path], report: Report,
                  now: float) -> None:
    """After `prepare`, with the stores up. Raises BackupError where the secret key is another."""
    if taking.key_mark(secret_key) != manifest.key_mark:
        raise BackupError("WENMING_SECRET_KEY 不是备份时的那一个：密封的内容会读不出来 (another secret key than the backup's)")
    async with opened() as services:
        if running := await still_running(RowStore(services.stores.redis), time.time):
            raise BackupError(f"这些进程还在运行，先停止它们 (these processes still run, stop them first): {', '.join(running)}")
        await Restoring(services, data_dir, secret_key, manifest, sources, report).run(now)
    # It has gone its whole way; what it found stands in the audit too.
    await asyncio.to_thread((data_dir / restoring.MARK).unlink, missing_ok=True)


def told(report: Report, as_json: bool) -> str:
    return json.dumps(report.as_json(), ensure_ascii=False) if as_json else "\n".join(report.lines())
