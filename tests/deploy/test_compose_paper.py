"""deploy/compose.md names files, services, settings and variables that are there."""

from __future__ import annotations

import re

import pytest

from tests.deploy import compose_files as files

TEXT = (files.ROOT / "deploy" / "compose.md").read_text("utf-8")
CHINESE, ENGLISH = TEXT.split("# In English")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"(?:deploy|tests|\.github)/[\w./-]+\.(?:yaml|yml|sh|py|conf)", TEXT))))
def test_a_file_that_it_names_is_there(path: str):
    assert (files.ROOT / path).is_file()


def test_its_commands_name_services_that_are_there():
    services = files.laptop()["services"]
    named = re.findall(r"(?:exec|logs) ([a-z]+(?:-\d)?) ?", CHINESE)
    assert {"jobs-1", "web-1", "nginx", "grafana", "seed"} <= set(named)
    assert set(named) <= set(services)


@pytest.mark.parametrize("language", [CHINESE, ENGLISH], ids=["chinese", "english"])
def test_it_names_each_variable_that_must_be_said(language: str):
    for name in files.SAID:
        assert f"`{name}" in language


def test_every_variable_that_it_names_is_asked_for():
    asked = files.LAPTOP.read_text() + files.PRODUCTION.read_text()
    for name in set(re.findall(r"WENMING_[A-Z_]+[A-Z]", TEXT)):
        assert f"${{{name}:" in asked, name


def test_the_addresses_that_it_gives_are_published():
    published = {port.rpartition(":")[0] for one in files.laptop()["services"].values() for port in one.get("ports", [])}
    assert set(re.findall(r"http://(127\.0\.0\.1:\d+)", CHINESE)) == published


def test_both_languages_say_what_was_not_run():
    assert "**没有运行过**" in CHINESE
    assert "**Not run**" in ENGLISH
