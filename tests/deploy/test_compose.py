"""The compose files: of the right form, whole, and as closed as they say. What their commands do is in test_compose_runs.py."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.app import DRAIN_SECONDS, ROLES
from settings import PREFIX, Settings, load
from tests.deploy import compose_files as files

MODELS = {"laptop": files.laptop(), "production": files.production()}
SERVICES = [pytest.param(model, name, id=f"{model}-{name}") for model, whole in MODELS.items() for name in whole["services"]]
# They share the network of another service.
GUESTS = {"sandbox": "nginx", "mongodb-set": "mongodb-1"}
ONCE = {"secrets", "redis-cluster", "mongodb-set", "seed"}
SIZE = {"m": 1 << 20, "g": 1 << 30}


def service(model: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = MODELS[model]["services"][name]
    return found


def schema_says(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)],
                          capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("model", [files.untagged(files.load(files.PRODUCTION, files.SAID)), *MODELS.values()], ids=["override", *MODELS])
def test_it_is_of_the_form_that_compose_publishes(model: dict[str, Any], tmp_path: Path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(model))
    told = schema_says(path)
    assert told.returncode == 0, told.stdout + told.stderr


def test_the_schema_refuses_what_is_wrong(tmp_path: Path):
    wrong = tmp_path / "compose.json"
    wrong.write_text(json.dumps({"services": {"web": {"image": "wenming:0.1.0", "portz": ["8080:8080"]}}}))
    assert schema_says(wrong).returncode == 1


def test_the_file_as_written_is_of_that_form_too():
    told = schema_says(files.LAPTOP)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("model", MODELS)
def test_every_role_has_its_processes(model: str):
    commands = [one["command"] for one in MODELS[model]["services"].values() if (one.get("command") or [""])[0] == "serve"]
    counted = {role: commands.count(["serve", "--role", role]) for role in ROLES}
    assert counted == {"web": 2, "intake": 2, "live": 2, "ledger": 2, "jobs": 1}
    assert len(commands) == sum(counted.values())


def test_the_stores_are_a_cluster_of_six_and_a_replica_set_of_three():
    names = set(MODELS["laptop"]["services"])
    assert {f"redis-{n}" for n in range(1, 7)} == {name for name in names if re.fullmatch(r"redis-\d", name)}
    assert {f"mongodb-{n}" for n in range(1, 4)} == {name for name in names if re.fullmatch(r"mongodb-\d", name)}
    for n in range(1, 7):
        redis = service("laptop", f"redis-{n}")
        assert redis["networks"]["stores"]["ipv4_address"] in redis["command"], "it announces another address than it has"
    members = [one["networks"]["stores"]["ipv4_address"] + ":6379" for name, one in MODELS["laptop"]["services"].items()
               if re.fullmatch(r"redis-\d", name)]
    assert service("laptop", "redis-cluster")["command"] == members


@pytest.mark.parametrize(("model", "name"), SERVICES)
def test_it_is_nobody_special_and_writes_nowhere_else(model: str, name: str):
    one = service(model, name)
    assert re.fullmatch(r"[1-9]\d*:\d+", one["user"]), "a number, so that no image decides, and not root"
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "pid", "ipc", "devices", "userns_mode"} & set(one)


@pytest.mark.parametrize(("model", "name"), SERVICES)
def test_its_image_is_of_one_version(model: str, name: str):
    image = service(model, name)["image"]
    assert re.search(r":v?\d+\.\d+(\.\d+)?[\w.-]*$", image), image


def test_only_this_machine_reaches_a_laptop():
    ports = [port for one in MODELS["laptop"]["services"].values() for port in one.get("ports", [])]
    assert len(ports) == 4
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports), ports


def test_of_a_real_host_only_nginx_is_reached_and_only_where_it_says():
    open_ports = {name: [port for port in one.get("ports", []) if not port.startswith("127.0.0.1:")]
                  for name, one in MODELS["production"]["services"].items()}
    assert {name: ports for name, ports in open_ports.items() if ports} == {"nginx": ["203.0.113.7:80:8080", "203.0.113.7:443:8443"]}


@pytest.mark.parametrize("missing", files.SAID)
def test_a_real_host_must_say_who_it_is(missing: str):
    with pytest.raises(KeyError, match=missing):
        files.production(**{missing: ""})


@pytest.mark.parametrize("model", MODELS)
def test_the_stores_have_no_way_out_and_nobody_in_front_reaches_them(model: str):
    whole = MODELS[model]
    assert whole["networks"]["stores"]["internal"] is True
    product = {name for name, one in whole["services"].items() if one["image"].startswith("wenming:") and "network_mode" not in one}
    for name, one in whole["services"].items():
        if name in GUESTS or one.get("network_mode") == "none":
            continue
        networks = set(one["networks"])
        wanted = {"edge", "stores"} if name in product else {"stores"} if name.startswith(("redis", "mongodb")) else {"edge"}
        assert networks == wanted, name


@pytest.mark.parametrize("model", MODELS)
def test_every_address_is_of_its_network_and_of_one_service(model: str):
    whole, found = MODELS[model], []
    for one in whole["services"].values():
        for network, told in (one["networks"].items() if isinstance(one.get("networks"), dict) else []):
            if told and "ipv4_address" in told:
                subnet = whole["networks"][network]["ipam"]["config"][0]["subnet"]
                assert told["ipv4_address"].rpartition(".")[0] == subnet.rpartition(".")[0]
                found.append(told["ipv4_address"])
    assert len(found) == len(set(found))


def test_every_address_in_the_files_beside_it_is_that_of_the_right_service():
    services = MODELS["laptop"]["services"]
    addresses = {told["ipv4_address"]: name for name, one in services.items()
                 for told in (one["networks"].values() if isinstance(one.get("networks"), dict) else []) if told and "ipv4_address" in told}
    upstreams = (files.FOLDER / "nginx" / "upstreams.conf").read_text()
    for role, port in (("web", 8888), ("intake", 8889), ("live", 8888)):
        block = re.search(rf"upstream {role} \{{.*?\n\}}", upstreams, re.S)
        assert block
        named = re.findall(r"server (\S+):(\d+)", block[0])
        assert sorted(addresses[host] for host, _ in named) == [f"{role}-1", f"{role}-2"]
        assert {int(number) for _, number in named} == {port}
    scraped = yaml.safe_load((files.FOLDER / "prometheus.yml").read_text())["scrape_configs"][0]["http_sd_configs"]
    assert [addresses[re.sub(r"http://(\S+):8888/metrics/targets", r"\1", one["url"])] for one in scraped] == ["web-1", "web-2"]
    trusted = services["web-1"]["environment"]["WENMING_TRUSTED_NETWORKS"].split(",")
    assert [addresses[network.removesuffix("/32")] for network in trusted] == ["nginx", "prometheus"]
    assert addresses[services["web-1"]["environment"]["WENMING_SANDBOX_HOST"]] == services["sandbox"]["network_mode"].partition(":")[2]


@pytest.mark.parametrize("model", MODELS)
def test_every_setting_is_one_of_ours(model: str):
    known = {PREFIX + field.name.upper() for field in dataclasses.fields(Settings)}
    for name, one in MODELS[model]["services"].items():
        named = {key for key in one.get("environment", {}) if key.startswith(PREFIX)}
        if one["image"].startswith("wenming:"):
            assert {key.removesuffix("_FILE") for key in named} <= known, name


@pytest.mark.parametrize("model", MODELS)
def test_all_processes_of_the_product_have_the_same_settings(model: str):
    told = [json.dumps(one["environment"], sort_keys=True) for one in MODELS[model]["services"].values()
            if (one.get("command") or [""])[0] == "serve"]
    assert len(set(told)) == 1


def test_what_a_real_host_writes_into_its_own_file_is_not_overruled():
    """`environment` wins over `env_file` even where it is empty, so it names nothing beyond what the laptop's values must give way to; and
    what it does ask of .env is said in the paper.
    """
    laptops = set(service("laptop", "web-1")["environment"])
    above = files.load(files.PRODUCTION, files.SAID)["services"]["web-1"]
    assert set(above["environment"]) <= laptops | set(files.SAID)
    asked = re.findall(r'^ +WENMING_\w+: "\$\{(WENMING_[A-Z_]+)', files.PRODUCTION.read_text("utf-8"), re.M)
    for chapter in (files.ROOT / "deploy" / "compose.md").read_text("utf-8").split("# In English"):
        assert {name for name in asked if f"`{name}" not in chapter} == set()


def secret_files(folder: Path, environ: dict[str, str]) -> dict[str, str]:
    """The environment with every file of a secret there, as people and make_secrets put it."""
    found = {}
    for name, value in environ.items():
        found[name] = value
        if name.endswith("_FILE") and value:
            path = folder / Path(value).name
            path.write_text("a" * 43)
            found[name] = str(path)
    return found


def test_the_settings_of_a_real_host_are_accepted(tmp_path: Path):
    told = load(secret_files(tmp_path, service("production", "web-1")["environment"]), env_file=None)
    assert told.is_public
    assert not told.uses_sandbox
    assert told.redis_cluster
    assert [account["appid"] for account in told.accounts()] == [files.SAID["WENMING_OFFICIAL_APPID"]]


def test_a_mini_program_and_a_moderation_provider_are_taken_along(tmp_path: Path):
    said = {"WENMING_MINIPROGRAM_APPID": "wxfedcba9876543210", "WENMING_MODERATION_URL": "https://moderation.example.cn/check"}
    told = load(secret_files(tmp_path, files.production(**said)["services"]["web-1"]["environment"]), env_file=None)
    assert [account["appid"] for account in told.accounts()] == [files.SAID["WENMING_OFFICIAL_APPID"], said["WENMING_MINIPROGRAM_APPID"]]
    assert told.moderation_key


def test_a_real_host_has_no_simulated_wechat_and_no_demo():
    assert not {"sandbox", "seed"} & set(MODELS["production"]["services"])
    assert "--sandbox" not in service("production", "secrets")["command"]
    assert "sandbox" not in json.dumps(service("production", "web-1")["environment"]).replace("WENMING_SANDBOX_HOST", "")


@pytest.mark.parametrize("model", MODELS)
def test_it_starts_in_an_order_that_ends(model: str):
    services = MODELS[model]["services"]
    started: set[str] = set()
    while len(started) < len(services):
        ready = {name for name, one in services.items() if name not in started
                 and all(other in started or other not in services and not how.get("required", True)
                         for other, how in one.get("depends_on", {}).items())}
        assert ready, f"these wait for each other: {set(services) - started}"
        started |= ready


@pytest.mark.parametrize("model", MODELS)
def test_whoever_is_waited_for_can_be_waited_for(model: str):
    services = MODELS[model]["services"]
    waited: set[str] = set()
    for name, one in services.items():
        for other, how in one.get("depends_on", {}).items():
            if other not in services:
                continue
            if how["condition"] == "service_healthy":
                assert not services[other]["healthcheck"].get("disable"), f"{name} waits for {other}, which is never healthy"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert other in ONCE, f"{name} waits for the end of {other}"
                waited.add(other)
    # `up --wait` takes the end of a service for a failure where nobody waits for that end.
    assert waited == ONCE & set(services)


@pytest.mark.parametrize(("model", "name"), SERVICES)
def test_it_says_whether_it_is_well(model: str, name: str):
    health = service(model, name)["healthcheck"]
    assert health.get("disable", False) == (name in ONCE)
    if name not in ONCE:
        assert health["test"][0] in ("CMD", "CMD-SHELL")
        assert seconds(health["timeout"]) < seconds(health["interval"])


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


@pytest.mark.parametrize(("model", "name"), SERVICES)
def test_it_is_given_more_time_to_stop_than_it_takes(model: str, name: str):
    assert seconds(service(model, name)["stop_grace_period"]) > 2 * DRAIN_SECONDS + 10


@pytest.mark.parametrize("name", MODELS["production"]["services"])
def test_on_a_real_host_it_comes_back_is_bounded_and_fills_no_disk(name: str):
    one = service("production", name)
    assert one["restart"] == ("no" if name in ONCE else "unless-stopped")
    assert one["logging"]["options"] == {"max-size": "50m", "max-file": "10"}
    if name not in ("redis-cluster", "mongodb-set", "secrets"):
        limits = one["deploy"]["resources"]["limits"]
        assert float(limits["cpus"]) > 0
        assert int(limits["memory"][:-1]) * SIZE[limits["memory"][-1]] >= 1 << 30


@pytest.mark.parametrize("n", range(1, 7))
def test_a_redis_of_a_real_host_has_room_to_write_its_file_anew(n: int):
    one = service("production", f"redis-{n}")
    most = one["command"][one["command"].index("--maxmemory") + 1]
    limit = one["deploy"]["resources"]["limits"]["memory"]
    assert 2 * int(most.removesuffix("gb")) <= int(limit.removesuffix("g"))


@pytest.mark.parametrize("model", MODELS)
def test_what_is_mounted_is_declared_and_there(model: str):
    whole, used = MODELS[model], set()
    for name, one in whole["services"].items():
        for volume in one.get("volumes", []):
            if isinstance(volume, str):
                used.add(volume.partition(":")[0])
        for target, path in files.mounts(whole, one):
            assert path.is_file() or str(path).startswith("/etc/wenming/"), f"{name}: {target}"
    unused = {"seed", "sandbox", "secrets-sandbox"} if model == "production" else set()
    assert set(whole["volumes"]) - unused <= used <= set(whole["volumes"])


@pytest.mark.parametrize(("model", "name"), SERVICES)
def test_each_sees_its_own_secrets_alone_and_cannot_change_them(model: str, name: str):
    one = service(model, name)
    seen = [volume for volume in one.get("volumes", []) if isinstance(volume, str) and volume.startswith("secrets-")]
    if name == "secrets":
        assert len(seen) == 5
        return
    kind = ("redis" if name.startswith("redis") else "mongodb" if name.startswith("mongodb") else name if name in ("grafana", "sandbox")
            else "" if name in ("nginx", "prometheus") else "app")
    assert seen == ([f"secrets-{kind}:/secrets/{kind}:ro,nocopy"] if kind else [])


@pytest.mark.parametrize(("model", "name"), SERVICES)
def test_no_secret_stands_in_a_command_or_in_the_environment(model: str, name: str):
    one = service(model, name)
    for key, value in one.get("environment", {}).items():
        if re.search(r"PASSWORD|SECRET|TOKEN|AES_KEY|_KEY$|REDIS_URL|MONGODB_URI", key.removesuffix("_FILE").removesuffix("__FILE")):
            assert key.endswith("_FILE"), key
            assert not value or value.startswith("/secrets/"), key
    assert not re.search(r"requirepass|--pass\b|password=", json.dumps(one.get("command", [])))


def test_grafana_finds_its_source_and_the_dashboard():
    folder = files.ROOT / "deploy" / "grafana" / "provisioning"
    source = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert [one["url"] for one in source] == ["http://prometheus:9090"]
    provider = yaml.safe_load((folder / "dashboards" / "wenming.yaml").read_text())["providers"]
    seen = dict(files.mounts(MODELS["laptop"], service("laptop", "grafana")))
    assert [path.name for target, path in seen.items() if target.startswith(provider[0]["options"]["path"] + "/")] == ["wenming.json"]
    assert service("laptop", "grafana")["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] in seen


def test_prometheus_finds_its_rules():
    seen = dict(files.mounts(MODELS["laptop"], service("laptop", "prometheus")))
    own = yaml.safe_load(seen["/etc/prometheus/prometheus.yml"].read_text())
    assert all(f"/etc/prometheus/{name}" in seen for name in own["rule_files"])
    assert yaml.safe_load(seen["/etc/prometheus/alarms.yml"].read_text())["groups"]


@pytest.mark.parametrize(("own", "example"), [("upstreams.conf", "upstreams.conf"), ("laptop-place.conf", "place.conf"),
                                              ("servers.conf", "servers.conf")])
def test_our_files_of_nginx_keep_in_step_with_the_examples(own: str, example: str):
    """They differ in addresses, ports, hosts and words for people alone."""

    def core(text: str) -> set[str]:
        lines = {line.strip() for line in text.splitlines() if not line.strip().startswith("#")}
        lines -= {"10.213.87.1 1;", "127.0.0.0/8 1;"}
        text = re.sub(r"\b(?:10\.213\.87\.\d+|127\.0\.0\.1|h5\.example\.cn)\b", "ADDRESS", "\n".join(lines))
        text = re.sub(r"listen (?:80)?(80|443|8443)\b", lambda found: f"listen {found[1][-2:]}", text.replace('":8080"', '""'))
        return set(text.splitlines())

    folder = files.ROOT / "deploy" / "nginx" / "place"
    assert core((files.FOLDER / "nginx" / own).read_text()) == core((folder / example).read_text())
