"""The doctor: what it finds on this machine, and what it says where something is wrong."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from server import doctor
from server.embedded import free_port
from settings import Settings, load


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a socket's has at most 108 bytes."""
    made = Path(tempfile.mkdtemp(prefix="wenming-test-"))
    yield made
    shutil.rmtree(made)


def settings_for(folder: Path, **changes: str) -> Settings:
    ports = {f"WENMING_{name}PORT": str(free_port()) for name in ("", "INTAKE_", "SANDBOX_")}
    return load({"WENMING_DATA_DIR": str(folder), **ports, **changes}, env_file=None)


def lines_of(capsys: pytest.CaptureFixture[str], mark: str) -> list[str]:
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"  [{doctor.MARKS[mark]}")]


def test_it_looks_at_both_stores_and_leaves_nothing_running(folder, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "_programs", lambda: iter(()))  # pages may not be built where tests run
    assert doctor.examine(settings_for(folder)) == 0
    shown = "\n".join(lines_of(capsys, "ok"))
    for word in ("Python", "packages", "fonts", "disk", "port", "Redis", "clock", "MongoDB"):
        assert word in shown, word
    assert not (folder / "run.json").exists()


def test_a_port_in_use_is_named_with_its_setting(folder, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = settings_for(folder, WENMING_PORT=str(taken.getsockname()[1]))
        findings = list(doctor._ports(settings))
    assert [f.mark for f in findings] == ["fail", "ok", "ok"]
    assert "WENMING_PORT" in findings[0].do


def test_stores_that_do_not_answer_fail_and_name_their_settings(folder, capsys):
    port = free_port()
    settings = settings_for(folder, WENMING_REDIS_URL=f"redis://127.0.0.1:{port}", WENMING_MONGODB_URI=f"mongodb://127.0.0.1:{port}/w")
    findings = list(doctor._stores(settings))
    assert [f.mark for f in findings] == ["fail", "fail"]
    assert ["WENMING_REDIS_URL" in findings[0].do, "WENMING_MONGODB_URI" in findings[1].do] == [True, True]


def test_a_data_folder_open_to_others_is_noted_and_an_open_secret_fails(folder):
    folder.chmod(0o755)
    (folder / "secret_key").write_text("k" * 64)
    (folder / "secret_key").chmod(0o644)
    assert [f.mark for f in doctor._folder(folder)][:2] == ["note", "fail"]


def test_a_full_disk_fails(folder, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(1 << 40, 1 << 40, 1 << 20))
    assert [f.mark for f in doctor._folder(folder)] == ["ok", "fail"]


def test_every_finding_that_is_not_well_says_what_to_do(folder, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *words, **more: None)
    monkeypatch.setattr(doctor, "ROOT", folder)
    (folder / "requirements.txt").write_text("tornado==0.1\nno-such-package==1.0\n")
    findings = [*doctor._programs(), *doctor._packages()]
    assert {f.mark for f in findings} == {"note", "fail"}
    assert all(f.do for f in findings)
