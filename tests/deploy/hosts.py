"""Three hosts on one machine, and a paper that is followed on them word for word.

`Hosts(folder)` gives wenming-a, wenming-b and wenming-c: files, processes, name, network card each (hosts.sh). `blocks(paper)` reads what a
person would type; `LACKING` is everything that this machine lacks and what stands in for it. Whatever is not named there is the real thing.
Needs root; `why_not()` says why it cannot be had.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("wenming-a", "wenming-b", "wenming-c")
ADDRESSES = {name: f"10.88.0.{n}" for n, name in enumerate(NAMES, 1)}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
READY_SECONDS = 60
# A release is installed in half a minute where nobody else wants the machine.
BLOCK_SECONDS = 600

# What this machine lacks: program -> why, and the shell lines that stand in for it.
LACKING: dict[str, tuple[str, str]] = {
    "systemctl": ("no systemd runs here: units are read and run by tests/deploy/unit_files.py",
                  'exec /usr/bin/python3 /usr/local/lib/unit_files.py "$@"'),
    "apt-get": ("no package source: the packages were installed by make test; chrony has no clock of its own to set",
                'shift; for one in "$@"; do case $one in -*|chrony) ;; *) dpkg -s "$one" >/dev/null || exit 1 ;; esac; done'),
    "sysctl": ("vm.* is the whole machine's: it is looked at, not set; net.* is set for the host",
               'while read -r name _ value; do test -e "/proc/sys/${name//./\\/}" || exit 1; '
               '[[ $name != net.* ]] || /usr/sbin/sysctl -q -w "$name=$value"; done <"${!#}"'),
    "systemd-tmpfiles": ("huge pages are the whole machine's: the file that would be written must exist",
                         'while read -r _ path _; do test -e "$path" || exit 1; done <"$2"'),
    "mongosh": ("no mongod here: the embedded wire server needs no replica set and no account", "exit 0"),
    "scp": ("hosts have no sshd: files are put into an outbox, which the test carries over",
            'words=(); for one in "$@"; do [[ $one == -* ]] || words+=("$one"); done; to=${words[-1]}; unset "words[-1]"; to=${to#root@}; '
            'box=${OUTBOX:-/var/outbox}/${to%%:*}/${to#*:}; mkdir -p "$box"; cp "${words[@]}" "$box"'),
}
# The same for words of the paper itself: what stands there -> what is done.
EMBEDDED_URI = "mongodb://wenming-a:27017/wenming?appName=wenming-embedded"
MONGODB_HOSTS = "wenming-a:27017,wenming-b:27017,wenming-c:27017"
REWORDED = {f"mongodb://wenming:$(cat mongodb_password)@{MONGODB_HOSTS}/wenming?replicaSet=wenming&authSource=wenming": EMBEDDED_URI}
# mongod of a: the embedded wire server, from the installed release; of b and c: something that runs.
MONGOD = "[Service]\nType=exec\nUser=mongodb\nExecStart={}\n[Install]\nWantedBy=multi-user.target\n"
WIRE = ("/opt/wenming/current/.venv/bin/nx-27017 --data-dir /var/lib/mongodb --host 10.88.0.1 -p 27017 -j WAL --pid-file /tmp/nx-27017.pid "
        "--log-file /dev/null")


@dataclass(frozen=True)
class Block:
    """What is typed in one go. `where`: build, a or every; `section`: number of the heading above it."""

    section: int
    where: str
    text: str


def blocks(paper: Path) -> list[Block]:
    """Every fenced block of shell, in order. Each says in its first line where it runs."""
    found, section = [], 0
    for part in re.finditer(r"^## (\d+)\.|^```bash\n(.*?)^```$", paper.read_text("utf-8"), re.M | re.S):
        if part[1]:
            section = int(part[1])
            continue
        said = re.match(r"# \[(build|a|every)\]", part[2])
        assert said, f"a block does not say where it runs: {part[2][:60]}"
        found.append(Block(section, said[1], part[2]))
    return found


def reworded(text: str) -> str:
    for old, new in REWORDED.items():
        text = text.replace(old, new)
    return text


def why_not() -> str:
    """Why there can be no hosts here; empty where there can."""
    if os.getuid() != 0:
        return "three hosts need root (network namespaces, overlays)"
    missing = [name for name in ("ip", "unshare", "nsenter", "nginx", "redis-server", "openssl", "curl", "setpriv")
               if not shutil.which(name, path=PATH)]
    if missing:
        return f"three hosts need {', '.join(missing)}"
    tried = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True, text=True, check=False)
    return f"this kernel gives no namespaces: {tried.stderr.strip()}" if tried.returncode else ""


class Hosts:
    """As a context: three hosts, gone afterwards with everything that ran on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outbox = folder / "outbox"

    def __enter__(self) -> Hosts:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._world = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "bash", str(Path(__file__).with_name("hosts.sh")),
             str(self.folder)], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        until = time.monotonic() + READY_SECONDS
        while not (self.folder / "ready").exists():
            if self._world.poll() is not None or time.monotonic() > until:
                self._world.kill()
                raise AssertionError(self._world.stderr.read().decode() if self._world.stderr else "")
            time.sleep(0.05)
        self._inside = Path(f"/proc/{self._world.pid}/task/{self._world.pid}/children").read_text().split()[0]
        for name in NAMES:
            self._furnish(name)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._world.stdin is not None and self._world.stderr is not None
        self._world.stdin.close()
        self._world.kill()  # and with it, by --kill-child, every process of every host, and their mounts and cards
        self._world.wait(20)
        self._world.stderr.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _furnish(self, name: str) -> None:
        """What LACKING names, and the account that MongoDB's package would make."""
        self.put(name, "/usr/local/lib/unit_files.py", Path(__file__).with_name("unit_files.py").read_bytes())
        for program, (_, lines) in LACKING.items():
            self.put(name, f"/usr/local/sbin/{program}", f"#!/bin/bash\n{lines}\n".encode(), 0o755)
        self.put(name, "/lib/systemd/system/mongod.service", MONGOD.format(WIRE if name == NAMES[0] else "/bin/sleep infinity").encode())
        self.run(name, "id mongodb >/dev/null 2>&1 || useradd --system --user-group mongodb\n"
                       "install -d -o mongodb -g mongodb -m 700 /var/lib/mongodb /var/log/mongodb")

    def root_of(self, name: str) -> Path:
        """The host's files, as the world sees them."""
        return self.folder / name / "root"

    def put(self, name: str, path: str, data: bytes, mode: int = 0o644) -> None:
        at = shlex.quote(f"{self.root_of(name)}{path}")
        self.outside(f"mkdir -p $(dirname {at}) && cat >{at} && chmod {mode:o} {at}", data, "--mount")

    def outside(self, lines: str, data: bytes = b"", *namespaces: str) -> bytes:
        """Shell lines as the world: its mounts, or (`--net`) its network alone."""
        done = subprocess.run(["nsenter", "--target", self._inside, *namespaces, "bash", "-euo", "pipefail", "-c", lines], input=data,
                              capture_output=True, timeout=BLOCK_SECONDS, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def command(self, name: str, lines: str) -> list[str]:
        """How to run shell lines on a host as root, in a fresh environment."""
        first = (self.folder / f"{name}.pid").read_text().strip()
        environment = [f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8", "CURL_CA_BUNDLE=/root/tls/fullchain.pem"]
        host = ["nsenter", "--target", first, "--mount", "--net", "--pid", "--uts", "--ipc", "--root"]
        return ["nsenter", "--target", self._inside, "--mount", "--net", "--pid", *host, "env", "-i", *environment,
                "bash", "-euo", "pipefail", "-c", f"cd /\n{lines}"]

    def run(self, name: str, lines: str, typed: str = "") -> str:
        """What it printed. What fails shows everything that it said."""
        done = subprocess.run(self.command(name, lines), input=typed, capture_output=True, text=True, timeout=BLOCK_SECONDS, check=False)
        assert done.returncode == 0, f"{name}: {lines}\n--- said {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.logs(name)}"
        return done.stdout

    def logs(self, name: str) -> str:
        """The ends of what the services of a host printed."""
        lines = "for f in /run/unit-files/*.log /var/lib/wenming/logs/*.log /var/lib/wenming-nginx/logs/error.log; do " \
                '[ ! -f "$f" ] || { echo "== $f"; tail -n 8 "$f"; }; done'
        return subprocess.run(self.command(name, lines), capture_output=True, text=True, timeout=60, check=False).stdout

    def follow(self, block: Block, typed: str = "") -> dict[str, str]:
        """Do a block where it says, then carry over what it sent. What each host printed."""
        text = reworded(block.text)
        said = {name: self.run(name, text, typed) for name in (NAMES if block.where == "every" else NAMES[:1])}
        for name in NAMES:
            self._carry(f"{self.root_of(NAMES[0])}/var/outbox", name)
        return said

    def build(self, block: Block) -> None:
        """Do a block of the machine that has the network, which is this one, in this checkout."""
        programs = self.folder / "programs"
        programs.mkdir(exist_ok=True)
        (programs / "scp").write_text(f"#!/bin/bash\n{LACKING['scp'][1]}\n")
        (programs / "scp").chmod(0o755)
        environ = {**os.environ, "OUTBOX": str(self.outbox), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", block.text], cwd=ROOT, env=environ, capture_output=True, text=True,
                              timeout=2 * BLOCK_SECONDS, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        for name in NAMES:
            self._carry(str(self.outbox), name)

    def _carry(self, box: str, name: str) -> None:
        self.outside(f"if [ -d {shlex.quote(box)}/{name} ]; then cp -r {shlex.quote(box)}/{name}/. {self.root_of(name)}/; "
                     f"rm -rf {shlex.quote(box)}/{name}; fi", b"", "--mount")
