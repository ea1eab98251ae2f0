"""The distribution's nginx with the files of deploy/nginx: what differs between places is put in, everything else is read as committed.

`Nginx(folder, web=[8888], intake=[8889], live=[8888])` starts it; `.url` is its address, `.port` and `.plain_port` its ports; clients trust
`.certificate`. Files of place/ are copied, and the values of the example in them are replaced, each of which must be there.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server.embedded import free_port

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "deploy" / "nginx"
READY_SECONDS = 20
# Folders below -p; nginx makes the temporary ones, but not what these lie in.
WRITTEN = ("run", "logs", "cache", "tmp", "challenge")
PROGRAM = next((found for found in (shutil.which("nginx"), "/usr/sbin/nginx") if found and os.access(found, os.X_OK)), "")


def make_certificate(folder: Path, names: Iterable[str]) -> Path:
    """Signed by itself, for these hosts and loopback: `fullchain.pem` and `privkey.pem` in a new folder."""
    folder.mkdir(parents=True)
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wenming test")])
    now = datetime.datetime.now(datetime.UTC)
    known = [*map(x509.DNSName, dict.fromkeys([*names, "localhost"])), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (x509.CertificateBuilder().subject_name(own).issuer_name(own).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2)).add_extension(x509.SubjectAlternativeName(known), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256()))
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    (folder / "privkey.pem").chmod(0o600)
    return folder / "fullchain.pem"


def replaced(text: str, old: str, new: str) -> str:
    """As str.replace, of what must be there."""
    assert old in text, f"{old!r} does not stand in the committed file any more"
    return text.replace(old, new)


class Nginx:
    """One nginx in a folder of its own. `hosts`: our names, the current one first. `fronts`: networks whose X-Forwarded-For is believed.

    `exempt`: whether loopback is exempt from limits by address, as committed. `changes`: further texts to replace, by file, for what a test
    cannot reach with the committed numbers. `assets`: the folder that stands for the product's.
    """

    def __init__(self, folder: Path, *, web: Sequence[int], intake: Sequence[int], live: Sequence[int] = (),
                 hosts: Sequence[str] = ("localhost", "127.0.0.1"), fronts: Sequence[str] = (), exempt: bool = True,
                 assets: Path = ROOT / "assets", changes: dict[str, list[tuple[str, str]]] | None = None, start: bool = True) -> None:
        self.folder, self.hosts = folder, tuple(hosts)
        self.port, self.plain_port = free_port(), free_port()
        self.url = f"https://{hosts[0]}:{self.port}"
        self.upstreams = {"web": list(web), "intake": list(intake), "live": list(live or web)}
        self.maintenance_file = folder / "maintenance"
        self.process: subprocess.Popen[bytes] | None = None
        self._fronts, self._exempt, self._assets, self._changes = fronts, exempt, assets, changes or {}
        for name in WRITTEN:
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._copy_files()
        self.certificate = make_certificate(folder / "etc" / "tls", [host for host in hosts if not host[0].isdigit()])
        if start:
            self.start()

    # the files

    def _copy_files(self) -> None:
        shutil.copytree(FILES, self.folder / "etc", dirs_exist_ok=True)
        place = self.folder / "etc" / "place"
        self.write_upstreams()
        servers = (place / "servers.conf").read_text()
        servers = replaced(servers, "listen 80 ", f"listen 127.0.0.1:{self.plain_port} ")
        servers = replaced(servers, "listen 443 ", f"listen 127.0.0.1:{self.port} ")
        (place / "servers.conf").write_text(servers)
        text = (place / "place.conf").read_text()
        text = replaced(text, "    h5.example.cn 1;\n", "".join(f"    {host} 1;\n" for host in self.hosts))
        text = replaced(text, "default h5.example.cn;", f"default {self.hosts[0]};")
        text = replaced(text, 'map "" $current_port {\n    default "";', f'map "" $current_port {{\n    default ":{self.port}";')
        text = replaced(text, "#set_real_ip_from 10.0.8.0/24;", "".join(f"set_real_ip_from {network};\n" for network in self._fronts))
        text = replaced(text, "/opt/wenming/assets", str(self._assets))
        text = replaced(text, "/etc/wenming/nginx/pages", str(self.folder / "etc" / "pages"))
        text = replaced(text, "/var/lib/wenming-nginx", str(self.folder))
        if not self._exempt:
            text = replaced(text, "    127.0.0.0/8 1;\n", "")
        (place / "place.conf").write_text(text)
        for name, pairs in self._changes.items():
            path = self.folder / "etc" / name
            for old, new in pairs:
                path.write_text(replaced(path.read_text(), old, new))

    def write_upstreams(self) -> None:
        """place/upstreams.conf with our ports in the place of the example's; `reload` makes a change hold."""
        text = (FILES / "place" / "upstreams.conf").read_text()
        for name, ports in self.upstreams.items():
            block = re.search(rf"upstream {name} \{{.*?\n\}}", text, re.S)
            assert block, f"upstreams.conf has no {name}"
            line = re.search(r"    server 127\.0\.0\.1:\d+( .*);\n", block[0])
            assert line, f"upstream {name} has no server"
            lines = "".join(f"    server 127.0.0.1:{port}{line[1]};\n" for port in ports)
            text = text.replace(block[0], block[0].replace(line[0], lines))
        (self.folder / "etc" / "place" / "upstreams.conf").write_text(text)

    # the process

    @property
    def command(self) -> list[str]:
        """As README says; root's workers stay root here, since nobody may enter the folders of a test."""
        assert PROGRAM, "nginx is not installed"
        user = " user root;" if os.geteuid() == 0 else ""
        return [PROGRAM, "-p", str(self.folder), "-c", str(self.folder / "etc" / "nginx.conf"), "-g", f"daemon off;{user}"]

    def check(self) -> subprocess.CompletedProcess[str]:
        """`nginx -t`."""
        return subprocess.run([*self.command, "-t"], capture_output=True, text=True, timeout=30, check=False)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "logs" / "start.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + READY_SECONDS
        while True:
            assert self.process.poll() is None, self.errors()
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < until, self.errors()
                time.sleep(0.05)

    def reload(self) -> None:
        """As `nginx -s reload`; returns when the new workers are there."""
        before = self.workers()
        done = subprocess.run([*self.command, "-s", "reload"], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        until = time.monotonic() + READY_SECONDS
        while not self.workers() - before:
            assert time.monotonic() < until, self.errors()
            time.sleep(0.05)

    def workers(self) -> set[int]:
        assert self.process is not None
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(pid) for pid in found if b"worker process" in Path(f"/proc/{pid}/cmdline").read_bytes()}

    def end(self) -> None:
        """Stop it at once, and whatever it holds."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def __enter__(self) -> Nginx:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    # what it says

    @property
    def context(self) -> ssl.SSLContext:
        """For clients that believe this certificate alone."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def errors(self) -> str:
        return "".join(path.read_text("utf-8", "replace") for path in sorted((self.folder / "logs").glob("*.log"))
                       if path.name != "access.log" and path.exists())

    def logs(self) -> str:
        """Everything that it wrote, of every log."""
        return "".join(path.read_text("utf-8", "replace") for path in sorted((self.folder / "logs").glob("*.log")))

    def line_of(self, request_id: str) -> dict[str, Any]:
        """The access line of a request; lines are written within a second."""
        until = time.monotonic() + READY_SECONDS
        path = self.folder / "logs" / "access.log"
        while True:
            for text in path.read_text("utf-8").splitlines():
                line: dict[str, Any] = json.loads(text)
                if line["request"] == request_id:
                    return line
            assert time.monotonic() < until, f"no line of {request_id}"
            time.sleep(0.1)
