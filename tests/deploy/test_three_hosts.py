"""deploy/three-hosts.md, word for word: on three hosts of this machine, what a person would type is run in order."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.deploy.hosts import ADDRESSES, LACKING, NAMES, REWORDED, ROOT, Block, Hosts, blocks, why_not
from tests.deploy.nginx import make_certificate

PAPER = ROOT / "deploy" / "three-hosts.md"
BLOCKS = blocks(PAPER)
# What the WeChat platform would have given: secret, token, key.
TYPED = f"{'5' * 32}\nwenmingtoken\n{'A' * 43}\n"
SLUG = "salute-the-flag"
AS_OPERATOR = "cd /opt/wenming/current && runuser -u wenming -- .venv/bin/python - <<'END'\n{}\nEND"
# Citizens' tokens, as a sign-in through WeChat would have given them.
TOKENS = """
import asyncio, time
from server.app import open_services
from settings import load
async def main():
    async with open_services(load()) as services:
        print(*(services.tokens.issue(citizen, time.time()) for citizen in await services.citizens.reserve(COUNT)), sep="\\n")
asyncio.run(main())
"""
# What people do at the console: the campaign of the demo with a footer as a public address wants it, opened.
CAMPAIGN = """
import asyncio, dataclasses, time
from server import seed
from server.app import open_services
from settings import load
FOOTER = {"name": "测试市文明办", "icp": "测ICP备1号", "police": "测公网安备1号", "telephone": "0596-1234567",
          "responsible_person": "林老师"}
async def main():
    async with open_services(load()) as services:
        now, base = time.time(), seed._seed_file()
        campaign = dataclasses.replace(seed._of_seed(base, now), organiser=FOOTER)
        assert await seed._campaign(services, campaign, base, now)
asyncio.run(main())
"""
# What the pages of the next release load.
NEXT_PAGE = "assets/h5/assets/next-ffffffff.js"
# Phones outside: each salutes through the nginx of the next host, and sends again until it is answered. Prints the answers.
CITIZENS = Path(__file__).with_name("citizens_outside.py")


@pytest.fixture
def hosts(tmp_path):
    reason = why_not()
    if reason:
        pytest.skip(f"{reason}: deploy/three-hosts.md was not followed")
    with Hosts(tmp_path / "hosts") as three:
        yield three


def of_sections(*sections: int) -> list[Block]:
    return [block for block in BLOCKS if block.section in sections]


def follow(hosts: Hosts, *sections: int) -> list[dict[str, str]]:
    return [hosts.follow(block, TYPED if "read -r -p" in block.text else "") for block in of_sections(*sections)]


class TestThePaper:
    def test_every_block_is_good_shell(self, tmp_path):
        checker = Path(sys.executable).with_name("shellcheck")
        for number, block in enumerate(BLOCKS):
            file = tmp_path / f"{number}.sh"
            # /etc/wenming/me is made by the paper itself: ME.
            file.write_text(f"#!/bin/bash\nset -euo pipefail\nME=\n# shellcheck disable=SC1091\n{{ :; }}\n{block.text}")
            done = subprocess.run([checker, "--exclude=SC1091,SC2016,SC2034", file], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout

    def test_its_stand_ins_stand_for_something_that_it_says(self):
        whole = "\n".join(block.text for block in BLOCKS)
        assert [program for program in LACKING if not re.search(rf"(^|\s){program} ", whole)] == []
        assert [words for words in REWORDED if words not in whole] == []

    def test_what_it_takes_from_the_release_is_there(self):
        named = re.findall(r"/opt/wenming/current/(deploy/[\w./-]*\w)", PAPER.read_text("utf-8"))
        assert len(named) > 3 and [path for path in named if not (ROOT / path).exists()] == []

    def test_it_speaks_of_every_unit_and_they_are_those_that_there_are(self):
        named = set(re.findall(r"wenming-[a-z]+@?(?=\d| |;|$)", "\n".join(block.text for block in of_sections(8)), re.M))
        there = {path.name.removesuffix(".service") for path in (ROOT / "deploy" / "systemd").glob("*.service")}
        assert there <= named

    def test_upgrade_and_return_restart_the_same_units_that_are_enabled(self):
        enabled, = re.findall(r"systemctl enable (wenming-.*)", of_sections(8)[0].text)
        for section in (11, 12):
            restarted, = re.findall(r"for unit in (.*); do", of_sections(section)[-1].text)
            assert restarted == enabled


def test_its_kernel_settings_users_and_redis_cluster_come_up_on_three_hosts(hosts):
    follow(hosts, 3, 4)
    *_, made = follow(hosts, 6)
    assert hosts.run(NAMES[1], "cat /proc/sys/net/ipv4/tcp_migrate_req").strip() == "1"
    assert hosts.run(NAMES[2], "stat -c '%U %G %a' /etc/wenming/secrets/secret_key").split() == ["root", "wenming", "640"]
    assert hosts.run(NAMES[2], "stat -c '%U %a' /etc/wenming/secrets/mongodb_root_password").split() == ["root", "600"]
    nodes = [line.split() for line in made[NAMES[0]].splitlines() if re.match(r"[0-9a-f]{40} ", line)]
    host_of = {node[0]: node[1].partition(":")[0] for node in nodes}
    replicas = [node for node in nodes if "slave" in node[2]]
    assert len(nodes) == 6 and len(replicas) == 3
    assert sorted(host_of[node[0]] for node in replicas) == sorted(ADDRESSES.values())
    assert all(host_of[node[0]] != host_of[node[3]] for node in replicas), "a master and its replica share a host"


def archive_of(folder: Path) -> Path:
    return next(folder.glob("wenming-*.tar.gz"))


def next_release(archive: Path, folder: Path) -> Path:
    """The same release under another commit and with one page's file more, with good checksums, in a folder of its own."""
    name = archive.name.removesuffix(".tar.gz")
    changed = re.sub(r"-[0-9a-f]{8}-", "-ffffffff-", name)
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    root = folder / changed
    (folder / name).rename(root)
    (root / "COMMIT").write_text("f" * 40 + "\n")
    (root / NEXT_PAGE).write_text("export default 1\n")
    sums = subprocess.run(["sha256sum", "COMMIT", NEXT_PAGE], cwd=root, capture_output=True, text=True, check=True).stdout
    text = (root / "SHA256SUMS").read_text()
    (root / "SHA256SUMS").write_text(re.sub(r"^[0-9a-f]{64}  COMMIT\n", sums, text, flags=re.M))
    out = folder / "next"
    out.mkdir()
    subprocess.run(["tar", "-C", folder, "-czf", out / f"{changed}.tar.gz", changed], check=True)
    with (out / f"{changed}.tar.gz.sha256").open("w") as file:
        subprocess.run(["sha256sum", f"{changed}.tar.gz"], cwd=out, stdout=file, check=True)
    shutil.rmtree(root)
    return out


def put_archive(hosts: Hosts, folder: Path, to: str) -> None:
    for name in NAMES:
        for file in folder.glob("wenming-*.tar.gz*"):
            hosts.put(name, f"{to}/{file.name}", file.read_bytes())


def citizens(hosts: Hosts, tokens: list[str], *, pause: float) -> subprocess.Popen[str]:
    """Phones that begin to salute now, with so many seconds between them."""
    certificate = hosts.folder.parent / "tls" / "fullchain.pem"
    process = subprocess.Popen(
        ["nsenter", "--target", hosts._inside, "--net", sys.executable, CITIZENS, certificate, str(pause), *ADDRESSES.values()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write("\n".join(tokens))
    process.stdin.close()
    return process


def answers_of(process: subprocess.Popen[str]) -> list[dict[str, object]]:
    assert process.stdout is not None
    with process.stdout:
        told = process.stdout.read()
    assert process.wait(30) == 0
    return [json.loads(line) for line in told.splitlines()]


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_city_follows_it_from_three_empty_hosts_to_salutes_an_upgrade_and_the_way_back(hosts, tmp_path):
    made = make_certificate(tmp_path / "tls", ["h5.example.cn"])
    for name in NAMES:
        for file in made.parent.iterdir():
            hosts.put(name, f"/root/tls/{file.name}", file.read_bytes(), 0o600)
    built = os.environ.get("WENMING_TEST_BUNDLE")  # a folder with an archive that was made before
    if built:
        put_archive(hosts, Path(built), "/root")
    else:
        hosts.build(of_sections(2)[0])
    archive = archive_of(Path(built) if built else ROOT / "dist")
    follow(hosts, 3, 4, 5, 6, 7, 8, 9)
    admin, looked, audited = of_sections(10)
    first = hosts.follow(admin)
    hosts.run(NAMES[0], AS_OPERATOR.format(CAMPAIGN))
    second = hosts.follow(looked)
    assert re.search(r"^guanliyuan  \S{12,}", first[NAMES[0]], re.M), "the first admin has a password"
    assert all("一切正常" in said for said in second.values())

    issued = hosts.run(NAMES[0], AS_OPERATOR.format(TOKENS.replace("COUNT", "400"))).split()
    early, during, late = issued[:60], issued[60:360], issued[360:]
    answers = answers_of(citizens(hosts, [*early, *early], pause=0.02))
    assert sorted(answer["ordinal"] for answer in answers) == sorted([*range_of(answers, 60), *range_of(answers, 60)])

    put_archive(hosts, next_release(archive, tmp_path / "next-release"), "/root/next")
    phones = citizens(hosts, during, pause=0.3)
    _, upgraded = follow(hosts, 11)
    for name in NAMES:
        assert hosts.run(name, f"ls /opt/wenming/releases/*/{NEXT_PAGE} | wc -l").strip() == "2", "both releases have the pages of both"
    assert all("ffffffff" in said for said in upgraded.values())
    returned, = follow(hosts, 12)
    assert not any("ffffffff" in said for said in returned.values())
    answers += answers_of(phones)
    answers += answers_of(citizens(hosts, late, pause=0.02))
    assert len({answer["ordinal"] for answer in answers}) == len(issued), "every phone was answered, and each has an ordinal of its own"

    report = json.loads(hosts.run(NAMES[2], f"sleep 5; wenming audit {SLUG} --json"))
    assert report["ok"] and set(report["participants"].values()) == {len(issued)}, report
    assert "一致 ok" in hosts.follow(audited)[NAMES[0]]


def range_of(answers: list[dict[str, object]], count: int) -> list[object]:
    """The different ordinals, of which there must be so many."""
    found = {answer["ordinal"] for answer in answers}
    assert len(found) == count
    return list(found)
