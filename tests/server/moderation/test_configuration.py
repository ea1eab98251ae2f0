"""A provider is set with its key, which nobody is shown; without one the sandbox's stands in while the sandbox runs."""

from __future__ import annotations

import pytest

from server import embedded
from server.sandbox.accounts import load as load_accounts
from settings import SettingsError, load

URL, KEY = "https://moderation.example.cn/check", "k" * 16
STORES = {"WENMING_REDIS_URL": "redis://127.0.0.1:1", "WENMING_MONGODB_URI": "mongodb://127.0.0.1:1/wenming"}


@pytest.mark.parametrize("given", [
    {"URL": URL}, {"URL": URL, "KEY": "short"}, {"URL": "moderation.example.cn", "KEY": KEY}, {"URL": "ftp://a.cn", "KEY": KEY}])
def test_half_a_provider_is_refused(given):
    with pytest.raises(SettingsError) as refused:
        load({f"WENMING_MODERATION_{name}": value for name, value in given.items()}, env_file=None)
    assert all(KEY not in problem for problem in refused.value.problems)


def test_its_key_is_not_shown():
    settings = load({"WENMING_MODERATION_URL": URL, "WENMING_MODERATION_KEY": KEY}, env_file=None)
    shown = settings.shown()
    assert (shown["WENMING_MODERATION_URL"], shown["WENMING_MODERATION_KEY"]) == (URL, "***")


def test_the_sandboxs_provider_stands_in_for_one_that_nobody_set(tmp_path):
    asked = {**STORES, "WENMING_DATA_DIR": str(tmp_path), "WENMING_SANDBOX_PORT": "18890"}
    with embedded.start(load(asked, env_file=None), sandbox=False) as settings:
        assert settings.moderation_url == "http://127.0.0.1:18890/sandbox/moderation"
        assert settings.moderation_key == load_accounts(tmp_path / "sandbox.json").official.secret
    own = {"WENMING_MODERATION_URL": URL, "WENMING_MODERATION_KEY": KEY}
    with embedded.start(load(asked | own, env_file=None), sandbox=False) as settings:
        assert (settings.moderation_url, settings.moderation_key) == (URL, KEY)
    real = {f"WENMING_OFFICIAL_{name}": value for name, value in (
        ("APPID", "wx0123456789abcdef"), ("SECRET", "s" * 32), ("TOKEN", "token0token0"), ("AES_KEY", "a" * 43))}
    with embedded.start(load(asked | real, env_file=None), sandbox=False) as settings:
        assert settings.moderation_url == ""
