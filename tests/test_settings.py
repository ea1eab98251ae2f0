"""Settings: typed, all problems at once, secrets from files and never shown, refusals on a public address."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from settings import Settings, SettingsError, load

KEY = "k" * 32
AES_KEY = "a" * 43
REAL = {"WENMING_OFFICIAL_APPID": "wx0123456789abcdef", "WENMING_OFFICIAL_SECRET": "s" * 32, "WENMING_OFFICIAL_TOKEN": "t" * 16,
        "WENMING_OFFICIAL_AES_KEY": AES_KEY}
PUBLIC = {"WENMING_PUBLIC_URL": "https://h5.example.gov.cn", "WENMING_SECRET_KEY": KEY}


def loaded(**environ: str) -> Settings:
    return load(environ, env_file=None)


def problems(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        loaded(**environ)
    return caught.value.problems


class TestReading:
    def test_nothing_set_is_one_machine_with_everything_embedded(self):
        settings = loaded()
        assert settings.uses_embedded_mongodb and settings.uses_sandbox and not settings.is_public
        assert settings.base_url == "http://127.0.0.1:8888"

    def test_values_have_their_types(self):
        settings = loaded(WENMING_PORT="9000", WENMING_REQUEST_DEADLINE_SECONDS="1.5", WENMING_REDIS_CLUSTER="true",
                          WENMING_DATA_DIR="/var/lib/wenming")
        assert (settings.port, settings.request_deadline_seconds, settings.redis_cluster) == (9000, 1.5, True)
        assert settings.data_dir == Path("/var/lib/wenming")

    def test_the_environment_wins_over_the_file(self, tmp_path):
        file = tmp_path / ".env"
        file.write_text("# a comment\nWENMING_PORT=9001\nexport WENMING_HOST='0.0.0.0'\n\nOTHER=1\n", "utf-8")
        settings = load({"WENMING_PORT": "9002"}, env_file=file)
        assert (settings.port, settings.host) == (9002, "0.0.0.0")

    def test_a_secret_may_come_from_a_file(self, tmp_path):
        (tmp_path / "key").write_text(KEY + "\n", "utf-8")
        assert loaded(WENMING_SECRET_KEY_FILE=str(tmp_path / "key")).secret_key == KEY

    def test_they_cannot_be_changed(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            loaded().port = 1  # type: ignore[misc]


class TestRefusals:
    def test_all_problems_come_at_once(self, tmp_path):
        found = problems(WENMING_PORT="eighty", WENMING_INTAKE_PORT="70000", WENMING_PROT="1", WENMING_LOG_LEVEL="LOUD",
                         WENMING_SECRET_KEY_FILE=str(tmp_path / "missing"), WENMING_TRUSTED_NETWORKS="10.0.0.0/8, nowhere")
        assert len(found) == 6
        for word in ("WENMING_PORT must be int", "WENMING_INTAKE_PORT", "WENMING_PROT is not a setting", "WENMING_LOG_LEVEL",
                     "WENMING_SECRET_KEY_FILE cannot be read", "nowhere is not a network"):
            assert any(word in line for line in found), word

    @pytest.mark.parametrize(("name", "value"), [
        ("WENMING_SECRET_KEY", "short"), ("WENMING_OFFICIAL_MODE", "open"), ("WENMING_OFFICIAL_IDENTITY", "me"),
        ("WENMING_STATIC_URL", "ftp://cdn.example.cn"), ("WENMING_REDIS_CLUSTER", "perhaps"),
        ("WENMING_INTAKE_PORT", "8888"), ("WENMING_SHARDS", "-1"), ("WENMING_POSTER_WORKERS", "0"), ("WENMING_OFFICIAL_AES_KEY", "x" * 42)])
    def test_a_wrong_value_is_one_problem(self, name, value):
        assert len(problems(**{name: value})) == 1

    def test_an_address_without_a_scheme_is_named(self):
        assert "WENMING_PUBLIC_URL must be an http or https address" in problems(WENMING_PUBLIC_URL="h5.example.cn")

    def test_a_half_configured_account_names_what_is_missing(self):
        assert problems(WENMING_OFFICIAL_APPID="wx0123456789abcdef") == [
            "WENMING_OFFICIAL_SECRET is missing", "WENMING_OFFICIAL_TOKEN is missing", "WENMING_OFFICIAL_AES_KEY is missing"]

    def test_plain_mode_needs_no_aes_key(self):
        account = {name: value for name, value in REAL.items() if not name.endswith("AES_KEY")}
        assert not loaded(**account, WENMING_OFFICIAL_MODE="plain").uses_sandbox


class TestPublicAddress:
    def test_a_real_account_and_a_key_of_ones_own_are_taken(self):
        settings = loaded(**PUBLIC, **REAL)
        assert settings.is_public and not settings.uses_sandbox and settings.base_url == "https://h5.example.gov.cn"

    def test_it_refuses_the_sandbox(self):
        assert any("needs a real account" in line for line in problems(**PUBLIC))

    def test_it_refuses_a_made_key(self):
        assert problems(**REAL, WENMING_PUBLIC_URL="https://h5.example.gov.cn") == ["a public address needs WENMING_SECRET_KEY"]

    def test_it_refuses_a_sandbox_account_and_a_sandbox_secret(self):
        assert any("sandbox account" in line for line in problems(**PUBLIC, **{**REAL, "WENMING_OFFICIAL_APPID": "wxsandboxofficial0"}))
        assert any("sandbox secret" in line for line in problems(**PUBLIC, **{**REAL, "WENMING_OFFICIAL_SECRET": "sandbox123"}))

    def test_it_refuses_plain_http(self):
        assert problems(**{**PUBLIC, **REAL, "WENMING_PUBLIC_URL": "http://h5.example.gov.cn"}) == [
            "WENMING_PUBLIC_URL must be https on a public address"]

    @pytest.mark.parametrize("url", ["http://127.0.0.1:8888", "http://localhost:8888", "http://[::1]:8888", "http://x.localhost"])
    def test_loopback_is_not_public(self, url):
        assert not loaded(WENMING_PUBLIC_URL=url).is_public


class TestShowing:
    def test_secrets_are_masked(self):
        shown = loaded(**REAL, WENMING_SECRET_KEY=KEY, WENMING_REDIS_URL="redis://:hidden@h", WENMING_MONGODB_URI="mongodb://u:hidden@h/w").shown()
        text = repr(shown)
        assert not any(secret in text for secret in (KEY, AES_KEY, "s" * 32, "t" * 16, "hidden"))
        assert shown["WENMING_PORT"] == "8888" and shown["WENMING_TOKEN_TTL_SECONDS"] == "2592000"

    def test_a_wrong_secret_is_not_repeated_in_its_problem(self):
        assert "tooshort" not in "".join(problems(WENMING_SECRET_KEY="tooshort", WENMING_OFFICIAL_AES_KEY="tooshort"))
