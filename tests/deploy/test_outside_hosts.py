"""deploy/outside-hosts.md names every outside host that stands in the server's source and in the built pages."""

from __future__ import annotations

import re
from pathlib import Path

from settings import Settings

ROOT = Path(__file__).resolve().parents[2]
HOST = re.compile(r"(?:https?|wss?)://((?:[a-z0-9-]+\.)+[a-z]{2,})")
LISTED = set(re.findall(r"^\| `([a-z0-9.-]+)` \|", (ROOT / "deploy" / "outside-hosts.md").read_text("utf-8"), re.M))
# Never asked: names of XML, examples, and where a library's messages to its developers point.
NAMES = {"www.w3.org", "h5.example.cn", "example.org", "element-plus.org", "vuejs.org"}


def found(*paths: Path) -> set[str]:
    return {host for path in paths for host in HOST.findall(path.read_text("utf-8"))} - NAMES


def test_the_server_names_no_other_host():
    source = [path for folder in ("server", "handlers") for path in (ROOT / folder).rglob("*.py") if "sandbox" not in path.parts]
    assert "api.weixin.qq.com" in found(*source) <= LISTED
    assert set(Settings().alarm_hosts.split(",")) <= LISTED


def test_the_built_pages_name_no_other_host():
    pages = [path for path in (ROOT / "assets" / "h5").rglob("*") if path.suffix in (".html", ".js", ".css")]
    assert pages and found(*pages) <= LISTED


def test_nothing_is_listed_that_nobody_names():
    source = [path for folder in ("server", "handlers") for path in (ROOT / folder).rglob("*.py")]
    pages = [path for path in (ROOT / "assets" / "h5").rglob("*") if path.suffix in (".html", ".js")]
    assert found(*source, *pages) | set(Settings().alarm_hosts.split(",")) >= LISTED
