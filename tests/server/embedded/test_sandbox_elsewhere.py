"""A sandbox that runs elsewhere, with accounts that every process was given alike: what is set stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server import app, embedded
from settings import Settings, load

STORES = {"WENMING_REDIS_URL": "redis://127.0.0.1:7001", "WENMING_MONGODB_URI": "mongodb://127.0.0.1:27018/wenming"}
OFFICIAL = {"WENMING_OFFICIAL_APPID": "wxsandboxofficial0", "WENMING_OFFICIAL_SECRET": "sandbox-official",
            "WENMING_OFFICIAL_TOKEN": "official-token", "WENMING_OFFICIAL_AES_KEY": "a" * 43}
FURTHER = [{"role": "official", "appid": "wxsandboxsubscribe", "secret": "sandbox-further", "token": "further-token", "aes_key": "b" * 43,
            "name": "社区小报"}]


def settings_for(folder: Path, **changes: str) -> Settings:
    return load({"WENMING_DATA_DIR": str(folder), **STORES, **changes}, env_file=None)


def test_further_accounts_that_are_set_are_not_made_anew(tmp_path: Path):
    given = settings_for(tmp_path, **OFFICIAL, WENMING_FURTHER_ACCOUNTS=json.dumps(FURTHER))
    with embedded.start(given, sandbox=False) as running:
        known = {account["appid"]: account["secret"] for account in running.accounts()}
    assert known["wxsandboxofficial0"] == "sandbox-official"
    assert known["wxsandboxsubscribe"] == "sandbox-further"


def test_accounts_that_nobody_set_are_made(tmp_path: Path):
    with embedded.start(settings_for(tmp_path), sandbox=False) as running:
        known = {account["appid"]: account["secret"] for account in running.accounts()}
    made = json.loads((tmp_path / "sandbox.json").read_text())
    assert known == {account["appid"]: account["secret"] for account in made.values()}
    assert len(known) == 4


def test_the_provider_of_a_sandbox_elsewhere_is_asked_there_with_the_key_that_it_knows(tmp_path: Path):
    given = settings_for(tmp_path, **OFFICIAL, WENMING_SANDBOX_HOST="sandbox")
    with embedded.start(given, sandbox=False) as running:
        assert running.moderation_url == "http://sandbox:8890/sandbox/moderation"
        assert running.moderation_key == "sandbox-official"


@pytest.mark.parametrize(("host", "called"), [("", "http://127.0.0.1:8890"), ("sandbox", "http://sandbox:8890")])
def test_we_call_it_where_it_is_and_browsers_go_to_this_machine(tmp_path: Path, host: str, called: str):
    told = settings_for(tmp_path, **({"WENMING_SANDBOX_HOST": host} if host else {}))
    options = app.options_of(told)
    assert options.platform_url == called
    assert options.authorize_url == "http://127.0.0.1:8890/connect/oauth2/authorize"
    assert app.sandbox_url(told) == "http://127.0.0.1:8890"


def test_a_real_account_is_asked_for_at_the_platform(tmp_path: Path):
    real = settings_for(tmp_path, **OFFICIAL | {"WENMING_OFFICIAL_APPID": "wx0123456789abcdef"}, WENMING_SANDBOX_HOST="sandbox")
    assert app.options_of(real).platform_url == "https://api.weixin.qq.com"
