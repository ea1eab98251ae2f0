"""Settings: typed, all problems at once, secrets from files and never shown, refusals on a public address."""

from __future__ import annotations

import dataclasses
import json
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


class TestApiKeys:
    APPID = REAL["WENMING_OFFICIAL_APPID"]
    ONE = {"aes_sn": "1", "aes_key": "k", "rsa_sn": "2", "rsa_key": "p", "platform_certs": {"3": "c"}}

    def given(self, **change):
        return {**REAL, "WENMING_API_KEYS": json.dumps({self.APPID: self.ONE | change})}

    def test_they_are_by_appid_and_never_shown(self):
        settings = loaded(**self.given(paths=["wxa/thing"]))
        assert settings.signing_keys() == {self.APPID: self.ONE | {"paths": ["wxa/thing"]}}
        assert settings.shown()["WENMING_API_KEYS"] == "***" and loaded().signing_keys() == {}

    @pytest.mark.parametrize(("change", "problem"), [
        ({"aes_key": ""}, ".aes_key is missing"), ({"rsa_key": 7}, ".rsa_key is missing"),
        ({"platform_certs": {}}, ".platform_certs must be an object of number to PEM"),
        ({"platform_certs": ["c"]}, ".platform_certs must be an object of number to PEM"),
        ({"paths": "wxa/thing"}, ".paths must be a list of paths"), ({"color": "red"}, ".color is not known")])
    def test_what_is_wrong_is_named_with_its_account(self, change, problem):
        assert problems(**self.given(**change)) == [f"WENMING_API_KEYS[{self.APPID}]{problem}"]

    def test_what_is_no_json_is_told_with_its_place(self):
        [problem] = problems(**REAL, WENMING_API_KEYS='{"wx1": {},}')
        assert problem.startswith("WENMING_API_KEYS is no JSON") and "line 1 column 1" in problem

    @pytest.mark.parametrize("text", ["[]", '{"wx1": 1}', "7"])
    def test_what_is_no_object_of_objects_is_refused(self, text):
        assert problems(**REAL, WENMING_API_KEYS=text) == ["WENMING_API_KEYS must be a JSON object of objects"]

    def test_keys_of_no_account_are_refused(self):
        found = problems(**REAL, WENMING_API_KEYS=json.dumps({"wx9999999999999999": self.ONE}))
        assert found == ["WENMING_API_KEYS[wx9999999999999999] is no configured account"]


class TestFurtherAccounts:
    ONE = {"appid": "wx1111111111111111", "secret": "s" * 32, "token": "t" * 16, "aes_key": AES_KEY, "name": "文明漳州订阅号"}

    def test_they_come_after_the_main_ones_with_their_defaults(self):
        [main, further] = loaded(**REAL, WENMING_FURTHER_ACCOUNTS=json.dumps([self.ONE])).accounts()
        assert (main["role"], further["role"], further["mode"], further["name"]) == ("official", "official", "safe", "文明漳州订阅号")

    def test_one_of_them_may_say_who_visitors_are(self):
        settings = loaded(**REAL, WENMING_FURTHER_ACCOUNTS=json.dumps([self.ONE]), WENMING_OFFICIAL_IDENTITY=self.ONE["appid"])
        assert settings.official_identity == self.ONE["appid"]

    @pytest.mark.parametrize(("change", "problem"), [
        ({"role": "robot"}, "WENMING_FURTHER_ACCOUNTS[0]_ROLE must be official or miniprogram"),
        ({"mode": "open"}, "WENMING_FURTHER_ACCOUNTS[0]_MODE must be plain, compatible or safe"),
        ({"appid": ""}, "WENMING_FURTHER_ACCOUNTS[0]_APPID is missing"),
        ({"token": ""}, "WENMING_FURTHER_ACCOUNTS[0]_TOKEN is missing"),
        ({"aes_key": "short"}, "WENMING_FURTHER_ACCOUNTS[0]_AES_KEY must have 43 base64 characters"),
        ({"appid": REAL["WENMING_OFFICIAL_APPID"]}, "two accounts have the same AppID")])
    def test_each_problem_is_named(self, change, problem):
        assert problems(**REAL, WENMING_FURTHER_ACCOUNTS=json.dumps([self.ONE | change])) == [problem]

    def test_what_is_no_json_is_told_with_its_place(self):
        [problem] = problems(**REAL, WENMING_FURTHER_ACCOUNTS='[\n{"appid": "wx1",}]')
        assert problem.startswith("WENMING_FURTHER_ACCOUNTS is no JSON") and "line 2 column" in problem

    def test_what_is_misspelt_is_not_taken_for_what_is_not_set(self):
        [problem] = problems(**REAL, WENMING_FURTHER_ACCOUNTS=json.dumps([self.ONE | {"nam": "社区小报"}]))
        assert problem == ("WENMING_FURTHER_ACCOUNTS[0].nam is not known, these are: appid, secret, token, aes_key, mode, role, name")

    def test_the_main_ones_have_a_name_in_any_case(self):
        assert loaded(**REAL).accounts()[0]["name"] == "公众号"
        assert loaded(**REAL, WENMING_OFFICIAL_NAME="文明漳州").accounts()[0]["name"] == "文明漳州"

    @pytest.mark.parametrize("text", ["7", "[7]", '{"appid": "wx"}'])
    def test_what_is_no_list_of_objects_is_one_problem(self, text):
        assert problems(**REAL, WENMING_FURTHER_ACCOUNTS=text) == ["WENMING_FURTHER_ACCOUNTS must be a JSON list of objects"]

    def test_they_are_secret_and_none_of_them_may_be_simulated_on_a_public_address(self):
        further = json.dumps([self.ONE | {"appid": "wxsandboxservice00"}])
        assert loaded(**REAL, WENMING_FURTHER_ACCOUNTS=further).shown()["WENMING_FURTHER_ACCOUNTS"] == "***"
        assert any("sandbox account" in line for line in problems(**PUBLIC, **REAL, WENMING_FURTHER_ACCOUNTS=further))


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


class TestAlarmRobots:
    GROUP = {"kind": "wecom", "name": "值守群", "url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=not-for-eyes"}
    NOTICE = {"kind": "notice", "name": "值班员", "appid": REAL["WENMING_OFFICIAL_APPID"], "template_id": "tpl", "citizens": [7],
              "fields": {"thing1": "title"}}

    def wrong(self, *robots: object, **environ: str) -> list[str]:
        return problems(**REAL, WENMING_ALARM_ROBOTS=json.dumps(robots), **environ)

    def test_a_group_and_beside_it_the_account_s_own_notices(self):
        settings = loaded(**REAL, WENMING_ALARM_ROBOTS=json.dumps([self.GROUP, self.NOTICE]))
        assert [robot["kind"] for robot in settings.robots()] == ["wecom", "notice"]
        assert settings.shown()["WENMING_ALARM_ROBOTS"] == "***"

    def test_the_account_s_notices_alone_are_refused(self):
        assert any("alone are not enough" in line for line in self.wrong(self.NOTICE))

    @pytest.mark.parametrize("change, words", [
        ({"url": "http://qyapi.weixin.qq.com/x?key=not-for-eyes"}, "must be an https address"),
        ({"url": "https://elsewhere.example/x?key=not-for-eyes"}, "WENMING_ALARM_HOSTS does not name"),
        ({"url": "https://me:not-for-eyes@qyapi.weixin.qq.com/"}, "must be an https address"),
        ({"url": "https://[not-for-eyes"}, "is no address"), ({"kind": "fax"}, "kind must be one of"), ({"list": 0}, "from 1 to 9"),
        ({"kind": "webhook", "secret": "short"}, "16 characters"), ({"colour": "red"}, "colour is not known")])
    def test_a_mistake_is_named_without_the_address(self, change, words):
        found = self.wrong(self.GROUP | change)
        assert any(words in line for line in found) and "not-for-eyes" not in "".join(found)

    @pytest.mark.parametrize("change", [{"appid": "wxnobody"}, {"template_id": ""}, {"citizens": []}, {"citizens": ["7"]}, {"fields": {}},
                                        {"fields": {"thing1": "colour"}}, {"template_kind": "letter"}])
    def test_a_notice_needs_all_that_it_is_made_of(self, change):
        assert any("ALARM_ROBOTS[1]" in line for line in self.wrong(self.GROUP, self.NOTICE | change))

    def test_what_is_no_list_of_objects_and_two_of_one_name(self):
        assert any("list of objects" in line for line in problems(WENMING_ALARM_ROBOTS="{"))
        assert any("list of objects" in line for line in problems(WENMING_ALARM_ROBOTS="[1]"))
        assert any("same kind and name" in line for line in self.wrong(self.GROUP, self.GROUP))

    def test_a_receiver_of_one_s_own_is_named_as_a_host(self):
        own = self.GROUP | {"kind": "webhook", "url": "https://alarms.example.gov.cn/in", "secret": "s" * 16}
        assert loaded(**REAL, WENMING_ALARM_ROBOTS=json.dumps([own]), WENMING_ALARM_HOSTS="alarms.example.gov.cn").robots() == [own]
