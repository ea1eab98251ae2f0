"""The units of deploy/systemd: what systemd's own checker says of them, and what they promise beside the numbers of the product."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from server.app import DRAIN_SECONDS, ROLES
from server.open_files import RESERVED_FILES
from settings import Settings
from tests.deploy.unit_files import Unit

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "deploy" / "systemd"
SERVICES = ("wenming-web@1", "wenming-intake@1", "wenming-live@1", "wenming-ledger@1", "wenming-jobs")
# systemd's own words for the bands: below 2 is OK, 9 is unsafe. In tenths, as its --threshold wants it.
MOST_EXPOSED = 15


def unit(name: str) -> Unit:
    return Unit(name, (UNITS,))


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A root folder with our units, the system's own, and a program where the product would be."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is missing (Debian: apt-get install systemd): the units were checked by our reader alone")
    root = tmp_path_factory.mktemp("machine")
    (root / "lib" / "systemd").mkdir(parents=True)
    shutil.copytree("/lib/systemd/system", root / "lib" / "systemd" / "system", symlinks=True)
    shutil.copytree(UNITS, root / "etc" / "systemd" / "system")
    python = root / "opt" / "wenming" / "current" / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    shutil.copy("/bin/true", python)
    return root


def analyzed(machine: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": ""}
    return subprocess.run(["systemd-analyze", *words, f"--root={machine}"], capture_output=True, text=True, timeout=60, env=environ,
                          check=False)


def told_of_ours(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if "wenming" in line]


@pytest.mark.parametrize("name", SERVICES)
class TestEveryService:
    def test_systemd_finds_nothing_wrong_with_it(self, machine, name):
        done = analyzed(machine, "verify", "--man=no", f"{name}.service")
        assert done.returncode == 0 and not told_of_ours(done), done.stderr

    def test_systemd_takes_it_for_well_confined(self, machine, name):
        done = analyzed(machine, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", f"{name}.service")
        assert done.returncode == 0 and "Overall exposure level" in done.stdout, done.stdout[-400:] + done.stderr

    def test_a_stop_is_given_longer_than_the_drain(self, name):
        # The web server's drain, then the ends of jobs, ledgers and what waits for MongoDB, which are bounded by as much each.
        assert unit(name).seconds("TimeoutStopSec") >= 4 * DRAIN_SECONDS

    def test_the_process_alone_is_told_to_stop_so_that_it_ends_its_workers_in_order(self, name):
        assert (unit(name).one("KillMode"), unit(name).one("KillSignal")) == ("mixed", "SIGTERM")

    def test_it_comes_back_however_it_ended_and_however_often(self, name):
        assert unit(name).one("Restart") == "always"
        assert unit(name).all("StartLimitIntervalSec", "Unit") == ["0"]

    def test_the_live_sockets_have_room_in_its_open_files(self, name):
        assert int(unit(name).one("LimitNOFILE")) > Settings().live_max_sockets + RESERVED_FILES

    def test_it_runs_as_nobody_who_may_write_outside_its_folder(self, name):
        one = unit(name)
        assert one.one("User") == "wenming" and one.one("ProtectSystem") == "strict" and one.one("NoNewPrivileges") == "yes"
        assert one.one("StateDirectory") == "wenming" and one.one("UMask") == "0077"

    def test_stopping_the_target_stops_it(self, name):
        assert unit(name).all("PartOf", "Unit") == ["wenming.target"]
        assert unit(name).all("WantedBy", "Install") == ["wenming.target"]

    def test_it_starts_behind_the_stores_of_the_paper_and_stops_before_them(self, name):
        paper = (ROOT / "deploy" / "three-hosts.md").read_text("utf-8")
        stores = [f"redis-server@{port}.service" for port in re.search(r"for PORT in ([\d ]+);", paper)[1].split()] + ["mongod.service"]
        assert set(stores) <= set(" ".join(unit(name).all("After", "Unit")).split())

    def test_no_secret_stands_in_it(self, name):
        assert not re.search(r"SECRET|PASSWORD|TOKEN|AES_KEY", "\n".join(path.read_text() for path in UNITS.rglob("*") if path.is_file()))


def test_a_misspelt_line_would_be_found(machine, tmp_path):
    root = tmp_path / "machine"
    shutil.copytree(machine, root, symlinks=True)
    shared = root / "etc" / "systemd" / "system" / "wenming-.service.d" / "wenming.conf"
    shared.write_text(shared.read_text().replace("KillMode=", "KillMod="))
    assert told_of_ours(analyzed(root, "verify", "--man=no", "wenming-web@1.service"))


def test_every_role_of_the_product_has_a_unit():
    roles = [unit(name).one("ExecStart").rpartition("--role ")[2] for name in SERVICES]
    assert sorted(roles) == sorted(ROLES)


def test_live_has_a_port_of_its_own():
    given = Settings()
    port = int(unit("wenming-live@1").environment["WENMING_PORT"])
    assert port not in (given.port, given.intake_port, given.sandbox_port)
    assert "WENMING_PORT" not in unit("wenming-web@1").environment


def test_the_reader_merges_dropins_as_systemd_does(tmp_path):
    (tmp_path / "a-b@.service").write_text("[Service]\nEnvironment=ONE=%i\nExecStart=/bin/echo %% %n\nUMask=0022\n")
    (tmp_path / "a-.service.d").mkdir()
    (tmp_path / "a-.service.d" / "x.conf").write_text("[Service]\nEnvironment=TWO=2\nUMask=\nUMask=0077\n")
    read = Unit("a-b@7", (tmp_path,))
    assert read.environment == {"ONE": "7", "TWO": "2"}
    assert read.one("UMask") == "0077" and read.one("ExecStart") == "/bin/echo % a-b@7.service"
    with pytest.raises(FileNotFoundError):
        Unit("b@7", (tmp_path,))
