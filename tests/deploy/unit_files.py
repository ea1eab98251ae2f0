"""Unit files of systemd as a machine without systemd can read and run them: the stand-in `systemctl` of the deployment tests.

Owns: merging a unit with its drop-ins, its specifiers, and starting and stopping what it says, with its user, folder, limits, umask,
environment, read-only file system and refusal of writable code. Does not own: restarts after a crash, ordering, cgroups, seccomp; those
are systemd's, and what is said of them is checked by `systemd-analyze` alone.

Standard library only, so that it also runs as a program inside a host of the test: unit_files.py start wenming-web@1
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

FOLDERS = (Path("/etc/systemd/system"), Path("/lib/systemd/system"))
STATE = Path("/run/unit-files")
READY_SECONDS = 60.0
# In a unit 0 and infinity mean: for ever. No test waits for that.
PATIENCE_SECONDS = 90.0
MDWE = "import ctypes, os, sys; assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0; os.execv(sys.argv[1], sys.argv[1:])"


class Unit:
    """`sections[section][key]`: every value, in order; an empty one forgets those before it, as systemd has it."""

    def __init__(self, name: str, folders: tuple[Path, ...] = FOLDERS) -> None:
        self.name = name if "." in name else f"{name}.service"
        stem, _, self.kind = self.name.rpartition(".")
        self.prefix, at, self.instance = stem.partition("@")
        template = f"{self.prefix}{at}.{self.kind}"
        file = next((folder / one for folder in folders for one in (self.name, template) if (folder / one).is_file()), None)
        if file is None:
            raise FileNotFoundError(f"Unit {self.name} not found.")
        self.sections: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        self._read(file)
        for dropin in self._dropins(folders, template):
            self._read(dropin)

    def _dropins(self, folders: tuple[Path, ...], template: str) -> list[Path]:
        """Of the unit, its template, and each prefix of its name that ends with a dash."""
        words = self.prefix.split("-")
        prefixes = ["-".join(words[:n]) + f"-.{self.kind}" for n in range(1, len(words))]
        found = {path.name: path for name in (*prefixes, template, self.name) for folder in reversed(folders)
                 for path in sorted((folder / f"{name}.d").glob("*.conf"))}
        return [found[name] for name in sorted(found)]

    def _read(self, file: Path) -> None:
        section = ""
        for line in file.read_text("utf-8").replace("\\\n", " ").splitlines():
            line = line.strip()
            if not line or line[0] in "#;":
                continue
            if line[0] == "[":
                section = line[1:-1]
                continue
            key, _, value = line.partition("=")
            if value.strip():
                self.sections[section][key.strip()].append(self._filled(value.strip()))
            else:
                self.sections[section][key.strip()].clear()

    def _filled(self, value: str) -> str:
        marks = {"%i": self.instance, "%I": self.instance, "%n": self.name, "%p": self.prefix, "%S": "/var/lib", "%t": "/run"}
        return "".join(marks.get(part, part) if part[:1] == "%" else part for part in _specifiers(value)).replace("%%", "%")

    def all(self, key: str, section: str = "Service") -> list[str]:
        return self.sections[section][key]

    def one(self, key: str, otherwise: str = "") -> str:
        return (self.all(key) or [otherwise])[-1]

    def seconds(self, key: str) -> float:
        return float(self.one(key, "0"))

    @property
    def environment(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for value in self.all("Environment") for pair in shlex.split(value))


def _specifiers(text: str) -> list[str]:
    parts, at = [], 0
    while at < len(text):
        size = 2 if text[at] == "%" else 1
        parts.append(text[at:at + size])
        at += size
    return parts


def start(unit: Unit) -> None:
    """As `systemctl start`: returns when it runs, when it says that it is ready (notify), or when it is in the background (forking)."""
    if is_active(unit):
        return
    for path in unit.all("AssertPathExists", "Unit"):
        if not Path(path).exists():
            raise SystemExit(f"Assertion failed on job for {unit.name}: {path} does not exist.")
    folders = _made_folders(unit)
    for line in unit.all("ExecStartPre"):
        subprocess.run(shlex.split(line.lstrip("-")), check=not line.startswith("-"))
    STATE.mkdir(parents=True, exist_ok=True)
    command = shlex.split(unit.one("ExecStart"))
    if unit.one("Type") == "forking":
        subprocess.run(command, check=True)
        _wait(lambda: Path(unit.one("PIDFile")).exists(), unit)
        _pid_file(unit).write_text(Path(unit.one("PIDFile")).read_text().strip())
        return
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LANG": "C.UTF-8", **unit.environment}
    with (STATE / f"{unit.name}.log").open("ab") as log, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        if unit.one("Type") == "notify":
            address = STATE / f"{unit.name}.notify"
            address.unlink(missing_ok=True)
            notified.bind(str(address))
            address.chmod(0o666)
            notified.settimeout(READY_SECONDS)
            environment["NOTIFY_SOCKET"] = str(address)
        process = subprocess.Popen(_confined(unit, folders, command), env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, cwd="/", start_new_session=True)
        _pid_file(unit).write_text(str(process.pid))
        while unit.one("Type") == "notify" and b"READY=1" not in notified.recv(4096):
            pass


def _made_folders(unit: Unit) -> list[str]:
    """The state and runtime folders that systemd makes, and what may be written beside them."""
    writable = [path.removeprefix("-") for key in ("ReadWritePaths", "ReadWriteDirectories") for path in unit.all(key)]
    for kind, base in (("State", "/var/lib"), ("Runtime", "/run"), ("Logs", "/var/log")):
        for name in unit.one(f"{kind}Directory").split():
            path, owner = Path(base) / name, pwd.getpwnam(unit.one("User", "root"))
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(int(unit.one(f"{kind}DirectoryMode", "755"), 8))
            os.chown(path, owner.pw_uid, owner.pw_gid)
            writable.append(str(path))
    return [path for path in writable if Path(path).exists()]


def _confined(unit: Unit, writable: list[str], command: list[str]) -> list[str]:
    """The command as a shell line inside a mount namespace of its own."""
    lines = ["set -e", "mount --make-rprivate /"]
    if unit.one("ProtectSystem") == "strict":
        lines += [f"mount --bind {path} {path}" for path in map(shlex.quote, sorted(set(writable)))]
        lines += ["mount -o remount,bind,ro /"]
    if unit.one("ProtectHome") in ("yes", "true"):
        lines += ["mount -t tmpfs -o mode=000,ro tmpfs /root", "mount -t tmpfs -o mode=000,ro tmpfs /home"]
    if unit.one("PrivateTmp") in ("yes", "true"):
        lines += ["mount -t tmpfs -o mode=1777 tmpfs /tmp", "mount -t tmpfs -o mode=1777 tmpfs /var/tmp"]
    # As far as this machine's own limit goes, which not even root may raise everywhere.
    lines += [f"umask {unit.one('UMask', '0022')}", f"ulimit -n {unit.one('LimitNOFILE', '1024')} 2>/dev/null || ulimit -n $(ulimit -Hn)"]
    lines += [f"cd {shlex.quote(unit.one('WorkingDirectory', '/'))}"]
    user = unit.one("User", "root")
    who = ["setpriv", f"--reuid={user}", f"--regid={unit.one('Group', user)}", "--init-groups"] if user != "root" else ["setpriv"]
    if unit.one("NoNewPrivileges") in ("yes", "true"):
        who += ["--no-new-privs"]
    if "CapabilityBoundingSet" in unit.sections["Service"]:
        who += ["--bounding-set=-all", "--inh-caps=-all"]
    if unit.one("MemoryDenyWriteExecute") in ("yes", "true"):
        who += ["/usr/bin/python3", "-c", MDWE]
    lines.append("exec " + shlex.join([*who, *command]))
    return ["unshare", "--mount", "bash", "-c", "\n".join(lines)]


def _pid_file(unit: Unit) -> Path:
    return STATE / f"{unit.name}.pid"


def main_pid(unit: Unit) -> int:
    """0 where it does not run."""
    try:
        pid = int(_pid_file(unit).read_text())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return 0
    return 0 if state == "Z" else pid


def is_active(unit: Unit) -> bool:
    return main_pid(unit) > 0


def stop(unit: Unit) -> None:
    """The stop signal to the process alone (mixed) or to all of them; what is left after TimeoutStopSec is killed."""
    pid = main_pid(unit)
    if not pid:
        return
    number = getattr(signal, unit.one("KillSignal", "SIGTERM"))
    for line in unit.all("ExecStop"):
        subprocess.run(shlex.split(line.lstrip("-")), check=False)
    if is_active(unit):
        (os.kill if unit.one("KillMode") == "mixed" else os.killpg)(pid, number)
    _wait(lambda: not is_active(unit), unit, unit.seconds("TimeoutStopSec") or PATIENCE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # what its main process left
    _pid_file(unit).unlink(missing_ok=True)


def _wait(is_so: object, unit: Unit, seconds: float = READY_SECONDS) -> None:
    until = time.monotonic() + seconds
    while not is_so():  # type: ignore[operator]
        if time.monotonic() > until:
            raise SystemExit(f"{unit.name}: not in {seconds:g} s")
        time.sleep(0.05)


def members(unit: Unit) -> list[Unit]:
    """What a target starts, which is what was enabled in it, and what it stops: what says so (PartOf)."""
    wanted = sorted(path.name for path in Path("/etc/systemd/system", f"{unit.name}.wants").glob("*"))
    return [Unit(name) for name in wanted]


def act(word: str, unit: Unit) -> int:
    """One word of systemctl. Returns its status."""
    together = members(unit) if unit.kind == "target" else [unit]
    if unit.kind == "target" and word in ("stop", "restart"):
        together = [one for one in together if unit.name in one.all("PartOf", "Unit")]
    if word in ("stop", "restart"):
        for one in together:
            stop(one)
    if word in ("start", "restart"):
        for one in together:
            start(one)
    if word == "reload":
        for line in unit.all("ExecReload"):
            subprocess.run(shlex.split(line), check=True)
    if word == "is-active":
        up = all(is_active(one) for one in together)
        print("active" if up else "inactive")
        return 0 if up else 3
    return 0


def main(words: list[str]) -> int:
    flags = {word for word in words if word.startswith("-")}
    word, *names = [one for one in words if one not in flags]
    if word == "daemon-reload":
        return 0
    status = 0
    for name in names:
        unit = Unit(name)
        if word in ("enable", "disable"):
            for target in unit.all("WantedBy", "Install"):
                link = Path("/etc/systemd/system", f"{target}.wants", unit.name)
                link.parent.mkdir(exist_ok=True)
                link.unlink(missing_ok=True)
                if word == "enable":
                    link.symlink_to(f"/etc/systemd/system/{unit.name}")
            if "--now" in flags:
                act("start" if word == "enable" else "stop", unit)
        elif word in ("start", "stop", "restart", "reload", "is-active"):
            status = max(status, act(word, unit))
        else:
            raise SystemExit(f"systemctl {word}: unknown here")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
