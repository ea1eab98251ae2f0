"""The bundle of `make bundle`: what it refuses, that it is whole, and that it installs and serves where there is no network."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FINISH = ROOT / "deploy" / "bundle" / "finish.py"
INSTALL = ROOT / "deploy" / "bundle" / "install.sh"
TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}-{platform.machine()}"
# Starts the product on loopback and asks it, inside a network of its own that has nothing else. $1: the installed folder.
CUT_OFF = """
set -euo pipefail
[ "$(ls /sys/class/net)" = lo ] || [ "$(ip -o link show up | wc -l)" = 0 ]
! timeout 3 bash -c '</dev/tcp/192.0.2.1/80' 2>/dev/null
PYTHON="$2" "$3/install.sh" "$1"
ip link set lo up
cd "$1"
export WENMING_DATA_DIR="$1/state"
.venv/bin/python -m server doctor
.venv/bin/python -m server >serve.log 2>&1 &
pid=$!
trap 'kill $pid; wait $pid || true' EXIT
for _ in $(seq 600); do
  grep -q 已启动 serve.log && break
  kill -0 $pid || { cat serve.log; exit 1; }
  sleep 0.2
done
.venv/bin/python - <<'END'
import json, urllib.request
for path in ("/readyz", "/version", "/c/salute-the-flag"):
    with urllib.request.urlopen("http://127.0.0.1:8888" + path, timeout=20) as answer:
        print(path, answer.status, answer.read()[:300].decode("utf-8", "replace").replace("\\n", " "))
END
.venv/bin/python -m server audit salute-the-flag
"""


def finish(root: Path, listed: Path, tag: str = TAG) -> None:
    subprocess.run([sys.executable, FINISH, root, listed, "1700000000", tag], check=True)


@pytest.fixture
def small(tmp_path):
    """A bundle with one file, made as the real one."""
    root = tmp_path / "small"
    root.mkdir()
    (root / "settings.py").write_text("ONE = 1\n")
    for name in ("server", "handlers", "wheels"):
        (root / name).mkdir()
    (root / "server" / "__init__.py").touch()
    (root / "handlers" / "__init__.py").touch()
    (root / "requirements.txt").write_text("# nothing\n")
    (root / "COMMIT").write_text("0123456789abcdef\n")
    shutil.copy(INSTALL, root / "install.sh")
    listed = tmp_path / "h5.json"
    references = [{"type": "distribution", "url": "https://where.it/came/from"}, {"type": "vcs", "url": "x"}]
    tool = {"name": "vite", "bom-ref": "vite@8", "properties": [{"name": "cdx:npm:package:development", "value": "true"}]}
    listed.write_text(json.dumps({
        "serialNumber": "by chance", "metadata": {"timestamp": "now", "component": {"bom-ref": "h5@0"}},
        "components": [{"name": "vue", "bom-ref": "vue@3", "externalReferences": references}, tool],
        "dependencies": [{"ref": "h5@0", "dependsOn": ["vue@3", "vite@8"]}, {"ref": "vite@8", "dependsOn": []}]}))
    finish(root, listed)
    return root


def install(root: Path, target: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([root / "install.sh", target], env={**os.environ, "PYTHON": sys.executable, **environ}, capture_output=True,
                          text=True, timeout=110, check=False)


class TestInstalling:
    def test_what_is_whole_is_installed_and_its_wheels_stay_behind(self, small, tmp_path):
        done = install(small, tmp_path / "target")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "target" / "settings.py").is_file() and not (tmp_path / "target" / "wheels").exists()
        assert subprocess.run([tmp_path / "target" / ".venv" / "bin" / "python", "-c", "import settings; print(settings.ONE)"],
                              cwd=tmp_path / "target", capture_output=True, check=True).stdout == b"1\n"

    def test_a_changed_file_is_refused_before_anything_is_written(self, small, tmp_path):
        (small / "settings.py").write_text("ONE = 2\n")
        done = install(small, tmp_path / "target")
        assert done.returncode == 2 and "damaged" in done.stderr and not (tmp_path / "target").exists()

    def test_a_missing_file_is_refused(self, small, tmp_path):
        (small / "server" / "__init__.py").unlink()
        assert install(small, tmp_path / "target").returncode == 2 and not (tmp_path / "target").exists()

    def test_a_file_that_was_added_is_refused_and_named(self, small, tmp_path):
        (small / "server" / "guest.py").touch()
        done = install(small, tmp_path / "target")
        assert done.returncode == 2 and "server/guest.py" in done.stderr and not (tmp_path / "target").exists()

    def test_another_python_or_machine_is_refused(self, small, tmp_path):
        finish(small, tmp_path / "h5.json", "cp311-riscv64")
        done = install(small, tmp_path / "target")
        assert done.returncode == 2 and "cp311-riscv64" in done.stderr and TAG in done.stderr and not (tmp_path / "target").exists()

    def test_a_folder_with_something_in_it_is_left_alone(self, small, tmp_path):
        (tmp_path / "target").mkdir()
        (tmp_path / "target" / "mine").touch()
        assert install(small, tmp_path / "target").returncode == 2
        assert [path.name for path in (tmp_path / "target").iterdir()] == ["mine"]


class TestWhatIsWritten:
    def test_every_file_has_its_checksum_in_the_order_of_names(self, small):
        lines = [line.split("  ") for line in (small / "SHA256SUMS").read_text().splitlines()]
        assert [name for _, name in lines] == sorted(name for _, name in lines)
        assert all(hashlib.sha256((small / name).read_bytes()).hexdigest() == digest for digest, name in lines)
        assert {name for _, name in lines} >= {"settings.py", "install.sh", "sbom-h5.json", "TAG"}

    def test_the_list_of_components_says_neither_when_nor_where_from(self, small):
        listed = json.loads((small / "sbom-h5.json").read_text())
        assert "serialNumber" not in listed and listed["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
        assert [one["type"] for one in listed["components"][0]["externalReferences"]] == ["vcs"]


    def test_the_list_of_components_has_no_tools_of_the_build(self, small):
        listed = json.loads((small / "sbom-h5.json").read_text())
        assert [one["name"] for one in listed["components"]] == ["vue"]
        assert listed["dependencies"] == [{"ref": "h5@0", "dependsOn": ["vue@3"]}]


class TestSettingUp:
    """deploy/scripts/setup.sh makes .venv and h5/node_modules anew where they do not fit: never what is not its own."""

    @pytest.fixture
    def folder(self, tmp_path):
        """A folder with setup.sh, and somebody else's packages beside it, with a Python that works."""
        (tmp_path / "here" / "deploy" / "scripts").mkdir(parents=True)
        shutil.copy(ROOT / "deploy" / "scripts" / "setup.sh", tmp_path / "here" / "deploy" / "scripts")
        (tmp_path / "other" / "bin").mkdir(parents=True)
        (tmp_path / "other" / "bin" / "python").symlink_to(sys.executable)
        return tmp_path / "here"

    def doing(self, folder: Path, function: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", f"source deploy/scripts/setup.sh && {function}"], cwd=folder, capture_output=True, text=True,
                              timeout=110, check=False)

    def test_a_linked_venv_stays_as_it_is(self, folder):
        (folder / ".venv").symlink_to(folder.parent / "other")
        assert self.doing(folder, "make_venv").returncode == 0
        assert [path.name for path in (folder.parent / "other").iterdir()] == ["bin"]

    def test_the_venv_of_an_installed_bundle_stays_as_it_is(self, folder):
        (folder / "COMMIT").write_text("0123456789abcdef\n")
        (folder.parent / "other").rename(folder / ".venv")
        assert self.doing(folder, "make_venv").returncode == 0
        assert [path.name for path in (folder / ".venv").iterdir()] == ["bin"]

    def test_linked_packages_of_the_pages_are_refused_where_others_are_wanted(self, folder):
        (folder / "h5").mkdir()
        for name in ("package.json", "package-lock.json"):
            (folder / "h5" / name).write_text("{}")
        (folder / "h5" / "node_modules").symlink_to(folder.parent / "other")
        done = self.doing(folder, "install_h5")
        assert done.returncode == 2 and "rm h5/node_modules" in done.stderr
        assert [path.name for path in (folder.parent / "other").iterdir()] == ["bin"]


def test_scripts_of_deployment_are_good_shell():
    scripts = [*sorted((ROOT / "deploy").rglob("*.sh")), ROOT / "deploy" / "systemd" / "wenming", ROOT / "tests" / "deploy" / "hosts.sh"]
    checker = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([checker, "--external-sources", f"--source-path={ROOT / 'deploy' / 'scripts'}", "--exclude=SC2016", *scripts],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def made(out: Path, **environ: str) -> Path:
    done = subprocess.run([ROOT / "deploy" / "scripts" / "bundle.sh"], cwd=ROOT, env={**os.environ, "BUNDLE_OUT": str(out), **environ},
                          capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("wenming-*.tar.gz"))


def pip_words() -> list[str]:
    """Hosts and folders that this machine's pip is told to fetch from."""
    told = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False).stdout
    told += " ".join(value for name, value in os.environ.items() if name.startswith(("PIP_", "npm_config_")))
    return [host for host in re.findall(r"(?:https?|file)://(?:[^/@\s']*@)?([\w./:-]{4,})", told) if host.rstrip("/") != "pypi.org/simple"]


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_bundle_is_whole_names_no_index_and_serves_with_the_network_cut(tmp_path):
    if os.getuid() != 0 or subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode:
        pytest.skip("cutting the network needs root: the bundle was not installed without it")
    archive = made(tmp_path / "dist")
    name = archive.name.removesuffix(".tar.gz")
    with tarfile.open(archive) as packed:
        names = packed.getnames()
        assert names == sorted(names, key=lambda path: path.split("/")) and len({member.mtime for member in packed.getmembers()}) == 1
        assert {(member.uid, member.gid, member.uname) for member in packed.getmembers()} == {(0, 0, "")}
        packed.extractall(tmp_path, filter="data")
    root = tmp_path / name
    for listed, wanted in (("sbom-python.json", "tornado"), ("sbom-h5.json", "vue")):
        found = json.loads((root / listed).read_text())
        assert found["bomFormat"] == "CycloneDX" and wanted in {one["name"] for one in found["components"]}
    lock = json.loads((ROOT / "h5" / "package-lock.json").read_text())["packages"]
    pages = {path.rpartition("node_modules/")[2] for path, one in lock.items()
             if path and not one.get("dev") and not one.get("devOptional")}
    assert pages <= {(f"{one['group']}/" if one.get("group") else "") + one["name"] for one in found["components"]}
    wheels = {re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower() for path in (root / "wheels").glob("*.whl")}
    bom = {re.sub(r"[-_.]+", "-", one["name"]).lower() for one in json.loads((root / "sbom-python.json").read_text())["components"]}
    assert bom and bom <= wheels, "the list has what the bundle has not"
    for words in pip_words():
        grep = subprocess.run(["grep", "-rlF", words, root], capture_output=True, text=True, check=False)
        assert grep.returncode == 1, f"the bundle names an index: {grep.stdout}"

    again = made(tmp_path / "again", BUNDLE_WHEELS=str(root / "wheels"))
    assert (again.name, again.read_bytes()) == (archive.name, archive.read_bytes()), "the same commit and packages gave other bytes"

    target = tmp_path / "installed"
    done = subprocess.run(["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", CUT_OFF, "cut-off", target,
                           sys.executable, root], capture_output=True, text=True, timeout=1200,
                          env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(tmp_path)}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    commit = (root / "COMMIT").read_text().strip()
    assert "一切正常" in done.stdout and "/readyz 200" in done.stdout and commit in done.stdout
    assert "NotoS" in done.stdout, "the fonts came with it"
    assert "一致 ok" in done.stdout
