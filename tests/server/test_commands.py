"""The command line as people meet it: one line for what cannot be done, secrets once, a clean Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from server import commands
from server.campaigns import CampaignStore
from server.embedded import free_port
from server.staff import ROLES
from server.stores import open_stores
from tests.product import Product

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = re.compile(r"^  (admin|bianji|shenhe|zhiban|shenji) +(\S+) +(\S+)$", re.M)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A short path: a socket's has at most 108 bytes."""
    made = Path(tempfile.mkdtemp(prefix="wenming-test-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def product(folder: Path) -> Iterator[Product]:
    """Started twice: what is printed once must not come again."""
    made = Product(folder / "data")
    made.start()
    assert made.stop() == 0
    made.start()
    yield made
    assert made.stop() == 0
    assert made.left_behind() == []


def ask(*words: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    ports = {f"WENMING_{name}PORT": str(free_port()) for name in ("", "INTAKE_", "SANDBOX_")}
    return subprocess.run([sys.executable, "-m", "server", *words], cwd=ROOT, env={**os.environ, **ports, "WENMING_DATA_DIR": str(folder),
                          **settings}, capture_output=True, text=True, timeout=60, check=False)


class TestRefusals:
    """Exit status 2 and lines, never a traceback, nothing started."""

    def refused(self, done: subprocess.CompletedProcess[str], *words: str) -> None:
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        for word in words:
            assert word in done.stderr

    def test_wrong_settings_are_listed_together(self, tmp_path):
        self.refused(ask(folder=tmp_path / "d", WENMING_PORT="no", WENMING_LOG_LEVEL="LOUD"), "WENMING_PORT", "WENMING_LOG_LEVEL")
        assert not (tmp_path / "d").exists()

    def test_a_port_in_use_is_named(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            self.refused(ask(folder=tmp_path / "d", WENMING_INTAKE_PORT=port), port, "WENMING_INTAKE_PORT")

    def test_tokens_are_for_embedded_stores_alone(self, tmp_path):
        out = tmp_path / "tokens"
        self.refused(ask("tokens", "--count", "1", "--out", str(out), folder=tmp_path / "d", WENMING_MONGODB_URI="mongodb://127.0.0.1:1/w"))
        assert not out.exists()

    def test_a_store_that_is_away(self, folder):
        self.refused(ask("audit", "salute-the-flag", folder=folder / "other", WENMING_MONGODB_URI=f"mongodb://127.0.0.1:{free_port()}/w"),
                     "make doctor")

    def test_a_second_product_on_the_same_folder(self, product):
        done = product.command()
        self.refused(done, str(product.folder))

    def test_an_unknown_campaign_and_an_unknown_account(self, product):
        self.refused(product.command("audit", "no-such-campaign"), "CAMPAIGN_NOT_FOUND")
        self.refused(product.command("staff-password", "nobody"), "UNKNOWN_STAFF")

    def test_a_verification_text_that_is_none(self, product, tmp_path):
        self.refused(product.command("verification-text", str(tmp_path / "MP_verify_gone.txt")), "MP_verify_gone.txt")
        self.refused(product.command("verification-text", str(tmp_path / "secrets.txt")), "MP_verify_")


class TestProduct:
    def test_it_prints_its_addresses_and_five_accounts_once(self, product):
        shown = PASSWORD.findall(product.log())
        assert [name for name, _, _ in shown] == ["admin", "bianji", "shenhe", "zhiban", "shenji"], "once, though started twice"
        assert {role for _, _, role in shown} == set(ROLES.values())
        assert len({password for _, password, _ in shown}) == 5 and all(len(password) >= 12 for _, password, _ in shown)
        for path in ("/c/salute-the-flag", "/screen/salute-the-flag", "/console", "/docs"):
            assert f"http://127.0.0.1:{product.web}{path}" in product.log()

    def test_no_password_is_kept_in_clear(self, product):
        passwords = [password.encode() for _, password, _ in PASSWORD.findall(product.log())]
        for path in product.folder.rglob("*"):
            if path.is_file():
                assert not any(password in path.read_bytes() for password in passwords), path

    def test_nothing_was_warned_about(self, product):
        assert "Traceback" not in product.log() and " ERROR " not in product.log(), product.log()

    def test_the_demo_is_there_and_both_campaigns_audit(self, product):
        for slug, people in (("salute-the-flag", 0), ("salute-the-flag-demo", 3000)):
            done = product.command("audit", slug, "--json")
            assert done.returncode == 0, done.stdout + done.stderr
            assert f'"documents": {people}' in done.stdout

    def test_the_ended_demo_is_marked_and_frozen(self, product):
        async def found():
            stores = open_stores(product.run["mongodb_uri"], product.run["redis_url"])
            try:
                return await CampaignStore(stores.mongo).find("salute-the-flag-demo")
            finally:
                await stores.close()

        ended = asyncio.run(found())
        assert ended.demo and ended.state == "frozen" and ended.closes_at <= time.time()

    def test_seeding_again_changes_nothing(self, product):
        done = product.command("seed")
        assert done.returncode == 0 and not PASSWORD.search(done.stdout)

    def test_tokens_are_written_for_the_owner_alone(self, product):
        assert len(set(product.tokens(300))) == 300
        out = product.folder.parent / "tokens"
        assert out.stat().st_mode & 0o777 == 0o600

    def test_a_rebuild_keeps_the_count(self, product):
        done = product.command("rebuild", "salute-the-flag-demo")
        assert done.returncode == 0, done.stdout + done.stderr
        done = product.command("audit", "salute-the-flag-demo", "--json")
        assert done.returncode == 0 and '"documents": 3000' in done.stdout

    def test_a_new_password_is_printed_once(self, product):
        done = product.command("staff-password", "shenji")
        assert done.returncode == 0 and re.search(r"^shenji +\S{12,}$", done.stdout.strip())

    def test_an_account_is_made_reset_and_let_in_on_the_host_itself(self, product):
        added = product.command("staff", "add", "xiaoli", "--role", "editor")
        assert added.returncode == 0 and re.search(r"^xiaoli +\S{12,}$", added.stdout.strip())
        assert self.signs_in(product, *added.stdout.split()) == {"role": "editor", "needs": []}
        assert "NAME_TAKEN" in product.command("staff", "add", "xiaoli").stderr
        reset = product.command("staff", "reset", "xiaoli", "--second-factor")
        assert self.signs_in(product, *reset.stdout.split()) == {"role": "editor", "needs": []}
        assert product.command("staff", "unlock", "xiaoli").returncode == 0
        assert "MEMBER_NOT_FOUND" in product.command("staff", "unlock", "nobody").stderr

    def test_the_audit_log_proves_itself_beside_the_running_product(self, product):
        done = product.command("audit-log", "--check")
        assert done.returncode == 0 and "whole" in done.stdout
        noted = done.stdout.split()[-1]
        assert product.command("staff", "unlock", "admin").returncode == 0
        assert product.command("audit-log", "--check", "--noted", noted).returncode == 0
        number, _, digest = noted.partition(":")
        wrong = product.command("audit-log", "--check", "--noted", f"{number}:{digest[::-1]}")
        assert wrong.returncode == 1 and "NOT whole" in wrong.stdout
        assert "序号:校验值" in product.command("audit-log", "--check", "--noted", "nonsense").stderr

    def signs_in(self, product, name: str, password: str) -> dict:
        asked = urllib.request.Request(f"http://127.0.0.1:{product.web}/api/v1/staff/session",
                                       json.dumps({"name": name, "password": password}).encode())
        with urllib.request.urlopen(asked, timeout=20) as answer:
            found = json.load(answer)
        return {"role": found["role"], "needs": found["needs"]}

    def test_a_verification_text_is_served_as_the_platform_asks_for_it(self, product, tmp_path):
        (tmp_path / "MP_verify_AbC123.txt").write_text("AbC123\n")
        done = product.command("verification-text", str(tmp_path / "MP_verify_AbC123.txt"))
        assert (done.returncode, done.stdout.strip()) == (0, f"http://127.0.0.1:{product.web}/MP_verify_AbC123.txt")
        with urllib.request.urlopen(done.stdout.strip(), timeout=5) as answer:
            assert answer.read() == b"AbC123"

    def test_the_doctor_finds_the_running_product(self, product):
        done = product.command("doctor")
        assert "running product" in done.stdout and "MongoDB" in done.stdout
        assert "Traceback" not in done.stderr


def test_ctrl_c_while_it_starts_is_quiet_and_leaves_nothing(folder):
    for pause in (0.3, 0.8, 1.5):
        product = Product(folder / f"early{pause}")
        with (folder / "early.log").open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", "server"], cwd=ROOT, env=product.environ, stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        time.sleep(pause)
        process.send_signal(signal.SIGINT)
        process.wait(30)
        assert product.left_behind() == []
        assert "Traceback" not in (folder / "early.log").read_text(), pause


@pytest.mark.parametrize("words", ["--minutes 0", "--minutes nan", "--minutes -1", "--duplicates 200%", "--posters 5", "--every 1m",
                                   "--participants 0", "--participants many", "--connections 99999"])
def test_a_rehearsal_that_cannot_be_is_refused_with_what_is_wanted(words, capsys):
    with pytest.raises(SystemExit) as ended:
        commands.main(["rehearse", *words.split()])
    said = capsys.readouterr().err
    assert ended.value.code == 2 and "应为" in said and "function" not in said
