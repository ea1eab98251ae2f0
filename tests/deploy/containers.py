"""The services of compose.yaml as processes of this machine: their own commands, files, settings and health checks, changed in addresses
and folders alone. Other programs here: the embedded document store in the place of MongoDB, this machine's Redis and nginx.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.deploy import compose_files as files
from tests.deploy.nginx import PROGRAM

ROOT = files.ROOT
# A machine that has other things to do; nothing here is timed.
PATIENCE_SECONDS = 240
STORES = {name: shutil.which(name) for name in ("redis-server", "redis-cli")}


class Containers:
    """`folder` is below a path without spaces. `start` runs a service in the background, `once` one that ends."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.model = folder, files.laptop()
        self.here = files.Here({"/secrets": folder / "secrets"})
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def service(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.model["services"][name]
        return found

    def own(self, name: str) -> str:
        """Its address here; of one that shares another's network, that one's."""
        one = self.service(name)
        if str(one.get("network_mode", "")).startswith("service:"):
            return self.own(one["network_mode"].partition(":")[2])
        addresses = [told["ipv4_address"] for told in (one["networks"].values() if isinstance(one.get("networks"), dict) else []) if told]
        return self.here.address(addresses[0]) if addresses else ""

    def paths(self, name: str) -> dict[str, Path]:
        """Its folders, and its files as they hold here."""
        own = self.folder / name
        found = {"/data": own / "data", "/tmp": own / "tmp", "/etc/wenming": own / "etc", "/var/lib/wenming-nginx": own / "nginx"}
        for path in found.values():
            path.mkdir(parents=True, exist_ok=True)
        if name == "nginx":
            found |= {"/opt/wenming/assets": ROOT / "assets"}
            shutil.copytree(ROOT / "deploy" / "nginx", own / "etc" / "nginx", dirs_exist_ok=True)
        for target, source in files.mounts(self.model, self.service(name)):
            path = own / "etc" / target.removeprefix("/etc/wenming/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._file(name, source, found))
        return found

    def _file(self, name: str, source: Path, paths: dict[str, Path]) -> str:
        text = self.here.text(source.read_text("utf-8"), self.own(name) if name == "nginx" else "", paths)
        return text.replace("listen 80", f"listen {self.own(name)}:80") if source.name.endswith("servers.conf") else text

    def command(self, name: str) -> tuple[list[str], dict[str, str]]:
        """What to run and with which environment."""
        one, paths, own = self.service(name), self.paths(name), self.own(name)
        words = [*one.get("entrypoint", []), *one.get("command", [])]
        # The pages are found where browsers find them, which is nginx's address; whatever else a container calls itself is its own.
        browsers = self.own("nginx")
        words = [self.here.text(word, browsers if word.startswith("http://127.0.0.1:8080") else own, paths) for word in words]
        words = words if "entrypoint" in one else self._entrypoint(one) + words
        words[0] = {"python": sys.executable, **{key: value for key, value in STORES.items() if value}}.get(words[0], words[0])
        if words[0] == STORES["redis-server"]:
            words += ["--bind", own]
        environ = self.here.environ(one.get("environment", {}), own, paths)
        if "WENMING_PUBLIC_URL" in environ:
            environ["WENMING_PUBLIC_URL"] = self.here.text(one["environment"]["WENMING_PUBLIC_URL"], browsers)
        if name == "nginx":
            environ |= {"WENMING_NGINX_FOLDER": str(paths["/var/lib/wenming-nginx"]),
                        "WENMING_NGINX_CONFIGURATION": str(paths["/etc/wenming"] / "nginx" / "nginx.conf"),
                        "PATH": f"{Path(PROGRAM).parent}:{environ['PATH']}"}
            # Root's workers stay root here, since nobody may enter the folders of a test.
            words += ["-g", f"daemon off;{' user root;' if os.geteuid() == 0 else ''}"]
        return words, environ

    @staticmethod
    def _entrypoint(one: dict[str, Any]) -> list[str]:
        """That of the image."""
        if one["image"].startswith("wenming:"):
            return ["python", "-m", "server"]
        return ["/bin/sh", str(ROOT / "deploy" / "docker" / "edge.sh")] if one["image"].startswith("wenming-edge:") else []

    def once(self, name: str, *, wanted: int = 0) -> str:
        """Run a service that ends; what it said."""
        words, environ = self.command(name)
        done = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=2 * PATIENCE_SECONDS, check=False)
        assert done.returncode == wanted, f"{name}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def start(self, name: str) -> None:
        words, environ = self.command(name)
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(words, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def health(self, name: str) -> subprocess.CompletedProcess[str]:
        """Its health check, once."""
        test = self.service(name)["healthcheck"]["test"]
        own, paths = self.own(name), {"/data": self.folder / name / "data"}
        words = [self.here.text(word, own, paths) for word in test[1:]]
        if test[0] == "CMD-SHELL":
            words = ["/bin/sh", "-c", *words]
        words[0] = sys.executable if words[0] == "python" else words[0]
        return subprocess.run(words, cwd=ROOT, env=self.here.environ({}), capture_output=True, text=True, timeout=60, check=False)

    def wait_well(self, *names: str) -> None:
        """Until each says that it is well."""
        until = time.monotonic() + PATIENCE_SECONDS
        for name in names:
            while (told := self.health(name)).returncode != 0:
                assert self.processes[name].poll() is None, f"{name} ended: {self.log(name).read_text()}"
                assert time.monotonic() < until, f"{name} is not well: {told.stderr} {self.log(name).read_text()}"
                time.sleep(1)  # a check is a program, and costs those it waits for their time

    def stop(self, name: str) -> int:
        """As `docker stop`; how it ended."""
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(int(self.service(name)["stop_grace_period"].removesuffix("s")))

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait(10)

    def end(self) -> None:
        """Whatever still runs, in the order in which nothing asks for what is gone."""
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        self.processes.clear()
