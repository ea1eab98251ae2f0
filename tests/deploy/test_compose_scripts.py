"""The scripts that compose.yaml runs in other people's images, run without them: mongod and mongosh are played, Redis is this machine's."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from settings import load
from tests.deploy import compose_files as files
from tests.deploy.containers import STORES
from tests.redis_cluster import RedisCluster, RedisServer

FOLDER = files.FOLDER
_spec = importlib.util.spec_from_file_location("make_secrets", files.ROOT / "deploy" / "docker" / "make_secrets.py")
assert _spec and _spec.loader
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
make_secrets = _module.main
NODE = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
# What mongosh gives a script, played: a member that is initiated, elected after three questions, and knows its users.
MONGOSH = """
const files = require('fs'), vm = require('vm')
const state = JSON.parse(files.readFileSync(process.argv[2]))
const error = (codeName) => Object.assign(new Error(codeName), { codeName })
const save = () => files.writeFileSync(process.argv[2], JSON.stringify(state))
let asked = 0, authenticated = false
const admin = {
  auth(user, password) {
    if (state.users[user] !== password) throw error('AuthenticationFailed')
    authenticated = true
    asked = 3 // it finds the primary by itself
    return { ok: 1 }
  },
  createUser({ user, pwd, roles }) {
    if (!state.initiated || asked < 3) throw error('NotWritablePrimary')
    if (Object.keys(state.users).length && !authenticated) throw error('Unauthorized')
    state.users[user] = pwd
    state.roles[user] = roles
    save()
    if (state.dies) process.exit(9)
  }
}
const db = {
  getSiblingDB: () => admin,
  hello: () => (state.initiated ? { setName: 'wenming', isWritablePrimary: ++asked >= 3, primary: 'mongodb-1:27017' } : { ok: 1 })
}
const rs = { initiate(config) {
  if (state.initiated) throw error('AlreadyInitialized')
  state.initiated = config
  save()
} }
class Mongo {
  constructor(uri) { state.uris.push(uri); save() }
  getDB() {
    authenticated = true
    return { getUser: (name) => state.users[name] ?? null, createUser: admin.createUser }
  }
}
vm.runInNewContext(files.readFileSync(process.argv[3], 'utf8'), { db, rs, Mongo, require, process, print: console.log, sleep: () => {} })
"""


@pytest.fixture
def mongosh(tmp_path: Path) -> Any:
    """`run()` plays the script once; `state` is what the member has then."""
    if not NODE:
        pytest.skip("Node is not installed")
    (tmp_path / "mongosh.js").write_text(MONGOSH)
    (tmp_path / "root").write_text("root-password\n")
    (tmp_path / "wenming").write_text("wenming-password\n")
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"initiated": None, "users": {}, "roles": {}, "uris": [], "dies": False}))
    members = files.laptop()["services"]["mongodb-set"]["environment"]["MEMBERS"]

    class World:
        def run(self) -> subprocess.CompletedProcess[str]:
            assert NODE
            return subprocess.run([NODE, str(tmp_path / "mongosh.js"), str(path), str(FOLDER / "mongodb-replica-set.js")],
                                  env={"PATH": os.environ["PATH"], "MEMBERS": members, "ROOT_PASSWORD_FILE": str(tmp_path / "root"),
                                       "WENMING_PASSWORD_FILE": str(tmp_path / "wenming")},
                                  capture_output=True, text=True, timeout=60, check=False)

        @property
        def state(self) -> dict[str, Any]:
            found: dict[str, Any] = json.loads(path.read_text())
            return found

        def change(self, **changes: Any) -> None:
            path.write_text(json.dumps(self.state | changes))

    return World()


def test_a_fresh_member_becomes_a_replica_set_with_two_users(mongosh: Any):
    told = mongosh.run()
    assert told.returncode == 0, told.stderr
    state = mongosh.state
    assert [member["host"] for member in state["initiated"]["members"]] == ["mongodb-1:27017", "mongodb-2:27017", "mongodb-3:27017"]
    assert [member["priority"] for member in state["initiated"]["members"]] == [2, 1, 1]
    assert state["users"] == {"root": "root-password", "wenming": "wenming-password"}
    assert state["roles"]["wenming"] == [{"role": "readWrite", "db": "wenming"}], "no more than it needs"
    assert "replicaSet=wenming" in state["uris"][0]


def test_making_it_again_changes_nothing(mongosh: Any):
    mongosh.run()
    before = mongosh.state
    told = mongosh.run()
    assert told.returncode == 0, told.stderr
    assert told.stdout == "the replica set is there\n"
    assert mongosh.state | {"uris": []} == before | {"uris": []}


def test_what_was_cut_off_is_finished(mongosh: Any):
    mongosh.change(dies=True)
    assert mongosh.run().returncode == 9  # killed right after the administrator was made
    assert set(mongosh.state["users"]) == {"root"}
    mongosh.change(dies=False)
    assert mongosh.run().returncode == 0
    assert set(mongosh.state["users"]) == {"root", "wenming"}


def test_another_administrators_password_is_said_and_nothing_is_made(mongosh: Any):
    mongosh.run()
    mongosh.change(users={"root": "another", "wenming": "wenming-password"})
    told = mongosh.run()
    assert told.returncode == 1
    assert "Unauthorized" in told.stderr


def test_mongod_gets_a_key_that_it_alone_reads(tmp_path: Path):
    script = (FOLDER / "mongod.sh").read_text().replace("/tmp/", f"{tmp_path}/")
    (tmp_path / "mongod.sh").write_text(script)
    (tmp_path / "shared").write_text("key")
    (tmp_path / "shared").chmod(0o640)
    player = tmp_path / "bin" / "mongod"
    player.parent.mkdir()
    player.write_text('#!/bin/sh\nstat -c %a "$2"; cat "$2"; echo; echo "$@"\n')
    player.chmod(0o755)
    service = files.laptop()["services"]["mongodb-1"]
    assert service["entrypoint"] == ["/bin/sh", "/etc/wenming/mongod.sh"]
    for _ in range(2):  # a second start finds the key of the first
        said = subprocess.run(["/bin/sh", str(tmp_path / "mongod.sh"), *service["command"]], capture_output=True, text=True, timeout=20,
                              env={"PATH": f"{player.parent}:{os.environ['PATH']}", "KEYFILE": str(tmp_path / "shared")}, check=True).stdout
        mode, key, words = said.splitlines()
        assert (mode, key) == ("400", "key")
        assert words == f"--keyFile {tmp_path}/keyfile {' '.join(service['command'])}"


@pytest.fixture
def six(tmp_path: Path) -> Iterator[list[RedisServer]]:
    """Six servers that know nothing of each other."""
    if not all(STORES.values()):
        pytest.skip("redis-server and redis-cli are not on PATH (Debian: redis-server)")
    servers = [RedisServer(tmp_path / str(n), Path(STORES["redis-server"] or "")) for n in range(6)]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.end()


def cluster(servers: list[RedisServer], tmp_path: Path, patience: int = 120) -> subprocess.CompletedProcess[str]:
    (tmp_path / "password").write_text("")
    return subprocess.run(["/bin/sh", str(FOLDER / "redis-cluster.sh"), *(f"127.0.0.1:{server.port}" for server in servers)],
                          env={"PATH": os.environ["PATH"], "REDIS_PASSWORD_FILE": str(tmp_path / "password"),
                               "PATIENCE_SECONDS": str(patience)}, capture_output=True, text=True, timeout=300, check=False)


def test_a_cluster_that_was_left_half_made_is_made_anew(six: list[RedisServer], tmp_path: Path):
    """As a start leaves it that was cut off: some have met, some slots are given."""
    six[0].client.execute_command("CLUSTER", "ADDSLOTS", *range(5461))
    six[0].client.execute_command("CLUSTER", "MEET", "127.0.0.1", six[1].port)
    told = cluster(six, tmp_path)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "half made" in told.stdout
    assert sum(server.is_master for server in six) == 3


def test_half_a_cluster_that_holds_keys_is_left_alone(six: list[RedisServer], tmp_path: Path):
    six[0].client.execute_command("CLUSTER", "ADDSLOTS", *range(16383))
    RedisCluster.wait(lambda: six[0].client.set("wenming", 1), "a master that has just been given slots takes a key")
    told = cluster(six, tmp_path)
    assert told.returncode == 1
    assert "holds keys" in told.stderr
    assert six[0].client.get("wenming") == b"1"


def test_a_replica_keeps_its_copy_where_the_first_server_lost_its_disk(six: list[RedisServer], tmp_path: Path):
    """After a failover the second one may be a replica, which a reset would empty."""
    _, replica, *_, master = six
    master.client.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
    replica.client.execute_command("CLUSTER", "MEET", "127.0.0.1", master.port)
    RedisCluster.wait(lambda: replica.client.cluster("info")["cluster_known_nodes"] == "2", "they meet")
    RedisCluster.wait(lambda: replica.client.execute_command("CLUSTER", "REPLICATE", master.name), "it knows its master")
    RedisCluster.wait(lambda: master.client.set("wenming", 1), "a master that has just been given slots takes a key")
    RedisCluster.wait(lambda: replica.client.dbsize() == 1, "it has a copy")
    assert cluster(six, tmp_path).returncode == 1
    assert replica.client.dbsize() == 1
    assert not replica.is_master


def test_a_server_that_is_away_is_named(six: list[RedisServer], tmp_path: Path):
    six[4].kill()
    told = cluster(six, tmp_path, patience=2)
    assert told.returncode == 1
    assert f"127.0.0.1:{six[4].port} answers" in told.stderr


def made(folder: Path, *words: str) -> dict[str, str]:
    assert make_secrets([str(folder), "--mongodb=m:27017/wenming?replicaSet=wenming", *words]) == 0
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_secrets_are_made_once_and_what_people_put_there_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "official_secret").write_text("from the platform\n")
    first = made(tmp_path, "--sandbox")
    assert first["app/official_secret"] == "from the platform\n"
    said = capsys.readouterr().out
    assert not any(text.strip() in said for name, text in first.items() if name != "sandbox/accounts.json")
    assert made(tmp_path, "--sandbox") == first
    assert capsys.readouterr().out == ""


def test_secrets_are_for_their_owner_and_group_whatever_the_umask(tmp_path: Path):
    before = os.umask(0o077)
    try:
        made(tmp_path)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_file()} == {0o640}


def test_without_the_sandbox_no_account_is_made(tmp_path: Path):
    assert {name.partition("/")[0] for name in made(tmp_path)} == {"app", "redis", "mongodb", "grafana"}
    assert set(made(tmp_path / "b")) & {"app/official_secret", "sandbox/accounts.json"} == set()


def test_two_installations_have_nothing_in_common(tmp_path: Path):
    one, other = made(tmp_path / "a", "--sandbox"), made(tmp_path / "b", "--sandbox")
    assert set(one) == set(other)
    assert not [name for name in one if one[name] == other[name]]


def test_the_product_takes_what_is_made(tmp_path: Path):
    """The laptop's environment, with its files where they are here."""
    found = made(tmp_path, "--sandbox")
    here = files.Here({"/secrets": tmp_path})
    told = load({name: here.text(str(value)) for name, value in files.laptop()["services"]["web-1"]["environment"].items()}, env_file=None)
    assert told.uses_sandbox
    assert told.secret_key == found["app/secret_key"]
    assert told.redis_url.startswith("redis://:") and told.redis_url.endswith("@redis:6379")
    assert told.mongodb_uri.endswith("@m:27017/wenming?replicaSet=wenming")
    accounts = json.loads(found["sandbox/accounts.json"])
    assert {account["appid"]: account["secret"] for account in told.accounts()} == {
        account["appid"]: account["secret"] for account in accounts.values()}
