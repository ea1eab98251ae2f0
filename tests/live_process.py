"""One more process of a product: the role `live` alone, on a port that a second may share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from server.embedded import free_port
from tests.product import ROOT, Product

LISTENING = "0A"


class LiveProcess:
    def __init__(self, product: Product, port: int) -> None:
        self.port = port
        self.log = product.folder.parent / "live.log"
        with self.log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server", "serve", "--role", "live"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                env={**product.environ, "WENMING_PORT": str(port), "WENMING_INTAKE_PORT": str(free_port())})
        self.pid = self.process.pid

    def listens(self) -> bool:
        """Whether this very process does; another may have the same port."""
        assert self.process.poll() is None, self.log.read_text()
        inodes = set()
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                inodes.add(os.readlink(entry))
            except FileNotFoundError:
                continue  # closed meanwhile
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return any(row[3] == LISTENING and row[1].endswith(f":{self.port:04X}") and f"socket:[{row[9]}]" in inodes for row in rows)

    def files(self) -> int:
        """How many it has open; each reader is one."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
