"""What kustomize makes of deploy/kubernetes, offline: each object against Kubernetes' own schema, and against the code that it runs.

The program is `kubectl` (or `kustomize`); deploy/scripts/test.sh installs Debian's where there is none. Not run here: a cluster.
"""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

import settings
from handlers import ROUTES
from handlers.intake import connection as intake_connection
from server import app
from server.metrics import METRICS, PREFIX
from server.version import VERSION
from tests.deploy.kubernetes import (
    APPID,
    FILES,
    PROGRAM,
    ROOT,
    built,
    environment,
    filled_in,
    of_kind,
    pod_of,
    port_number,
    probes,
    workloads,
)

pytestmark = [pytest.mark.skipif(not PROGRAM, reason="kubectl is not installed"), pytest.mark.timeout(240)]

# The oldest and the newest release whose objects are checked; a city's cluster is between them, near enough.
RELEASES = ("1.27", "1.32")
NAME = "app.kubernetes.io/name"
PART = "app.kubernetes.io/component"
Objects = list[dict[str, Any]]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Objects]:
    folder = filled_in(tmp_path_factory.mktemp("kubernetes"))
    return {name: built(folder / name) for name in ("city", "demo")}


@pytest.fixture(scope="module")
def city(places: dict[str, Objects]) -> Objects:
    return places["city"]


def containers(objects: Objects) -> list[tuple[str, dict[str, Any]]]:
    return [(name, one) for name, workload in workloads(objects).items()
            for one in [*pod_of(workload).get("initContainers", ()), *pod_of(workload)["containers"]]]


def ours(objects: Objects) -> dict[str, dict[str, Any]]:
    """The containers that run the product."""
    return {name: one for name, one in containers(objects) if one["command"][:3] == ["python", "-m", "server"]}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("place", ["city", "demo"])
def test_every_object_fits_the_schema(places, place, release):
    for one in places[place]:
        kubernetes_validate.validate(one, release, strict=True)
    names = [(one["kind"], one["metadata"]["name"]) for one in places[place]]
    assert len(names) == len(set(names))


def test_no_example_stands_for_a_secret():
    """So a city that filled in none is refused at the start, and what it fills in is never committed."""
    assert all(path.stat().st_size == 0 for path in (FILES / "city" / "secrets.example").iterdir())
    ignored = subprocess.run(["git", "check-ignore", "-q", "deploy/kubernetes/city/secrets/secret-key"], cwd=ROOT, check=False)
    assert ignored.returncode == 0


def test_every_role_is_there_with_its_own_command(city):
    roles = {name: one["command"][3:] for name, one in ours(city).items()}
    assert roles == {role: ["serve", "--role", role] for role in app.ROLES}
    assert set(workloads(city)) == {*app.ROLES, "nginx"}


def test_the_settings_are_known_and_taken(city, tmp_path):
    """The whole environment of each role, secrets as the files that are mounted, goes through the product's own reading."""
    [secret] = [one for one in of_kind(city, "Secret").values() if "secret-key" in one["data"]]
    for role, container in ours(city).items():
        given = environment(city, container)
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        for name, value in given.items():
            if name.endswith("_FILE"):
                assert Path(value).parent == Path(mounts["secrets"]) and Path(value).name in secret["data"], f"{role}: {name}"
        files = tmp_path / role
        files.mkdir()
        for name, value in secret["data"].items():
            (files / name).write_bytes(base64.b64decode(value))
        for name, value in given.items():
            given[name] = value.replace(mounts["secrets"], str(files)).replace("<status.podIP>", "10.244.1.7")
        taken = settings.load(given, env_file=None)
        assert taken.is_public and not taken.uses_sandbox and taken.redis_cluster and taken.official_appid == APPID
        assert str(taken.data_dir) == mounts["data"]


def test_no_secret_stands_in_a_config_map(city):
    for name, one in of_kind(city, "ConfigMap").items():
        for key, value in (one.get("data") or {}).items():
            is_secret = any(word in key for word in settings.SECRET_WORDS) and "TTL" not in key and not key.endswith("_FILE")
            assert not (is_secret and value), f"{name}: {key}"


def test_each_selector_finds_exactly_its_own_pods(city):
    pods = {name: one["spec"]["template"]["metadata"]["labels"] for name, one in workloads(city).items()}

    def found(labels: dict[str, str]) -> list[str]:
        return [name for name, own in pods.items() if labels.items() <= own.items()]

    for name, one in workloads(city).items():
        assert found(one["spec"]["selector"]["matchLabels"]) == [name]
        for spread in pod_of(one)["topologySpreadConstraints"]:
            assert found(spread["labelSelector"]["matchLabels"]) == [name]
    for name, one in of_kind(city, "Service").items():
        assert found(one["spec"]["selector"]) == [name]
        [container] = pod_of(workloads(city)[name])["containers"]
        for port in one["spec"]["ports"]:
            assert port_number(container, port["targetPort"])
    budgets = of_kind(city, "PodDisruptionBudget")
    assert {name: found(one["spec"]["selector"]["matchLabels"]) for name, one in budgets.items()} == {name: [name] for name in pods}


def test_a_release_takes_nobody_out_of_service_before_another_serves(city):
    for name, one in of_kind(city, "Deployment").items():
        assert one["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}, name
        assert one["spec"].get("replicas", 2) >= 2, name
    # Where a scaler is, a number of ours would undo its work at each apply.
    for name, scaler in of_kind(city, "HorizontalPodAutoscaler").items():
        assert scaler["spec"]["scaleTargetRef"]["name"] == name and "replicas" not in workloads(city)[name]["spec"]
        assert 2 <= scaler["spec"]["minReplicas"] < scaler["spec"]["maxReplicas"]


def before_the_signal(container: dict[str, Any]) -> float:
    """Seconds of preStop."""
    words = " ".join(container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ()))
    return sum(float(number) for number in re.findall(r"sleep (\d+)", words))


def test_the_grace_is_longer_than_the_drain_and_the_longest_request(city):
    for role, container in ours(city).items():
        given = environment(city, container)
        grace = pod_of(workloads(city)[role])["terminationGracePeriodSeconds"]
        still_serving = before_the_signal(container) + float(given.get("WENMING_DRAIN_SECONDS", 0))
        # The product cuts at the end of its drain whatever did not end; a body may take BODY_SECONDS, a salute its deadline.
        longest = max(app.DRAIN_SECONDS, app.BODY_SECONDS) + settings.Settings().request_deadline_seconds
        assert grace > still_serving + app.DRAIN_SECONDS + longest, role
        if role in ("web", "intake", "live"):
            # Longer than a probe's turns and the spreading of endpoints through a cluster, some seconds.
            readiness = container["readinessProbe"]
            assert still_serving >= readiness["periodSeconds"] * readiness["failureThreshold"]


def test_nginx_ends_before_it_is_cut(city):
    nginx = workloads(city)["nginx"]
    [container] = pod_of(nginx)["containers"]
    assert pod_of(nginx)["terminationGracePeriodSeconds"] > before_the_signal(container)
    assert "-s quit" in container["lifecycle"]["preStop"]["exec"]["command"][-1]


def test_the_probes_ask_what_the_product_answers(city):
    """Each path stands in the table of the port that it asks: the web port's, the metrics door's; the intake port speaks salutes alone."""
    web = {route[0] for route in ROUTES}
    door = set(re.findall(r'\(r"(/[a-z]+)", health\.', Path(app.__file__).read_text("utf-8")))
    for role, container in ours(city).items():
        assert set(probes(container)) == {"startupProbe", "livenessProbe", "readinessProbe"}
        given = environment(city, container)
        ports = {int(given["WENMING_METRICS_PORT"]): door}
        if role in ("web", "live"):
            ports[int(given["WENMING_PORT"])] = web
        if role == "intake":
            ports[int(given["WENMING_INTAKE_PORT"])] = set()
        assert {one["containerPort"] for one in container["ports"]} == set(ports)
        for name, probe in probes(container).items():
            if "tcpSocket" in probe:
                assert (role, name) == ("intake", "readinessProbe")
                assert port_number(container, probe["tcpSocket"]["port"]) == int(given["WENMING_INTAKE_PORT"])
            else:
                assert probe["httpGet"]["path"] in ports[port_number(container, probe["httpGet"]["port"])], f"{role}: {name}"


def test_no_store_takes_every_process_out_of_service(city):
    """/readyz is red in all of them at once while MongoDB is away, though salutes go on."""
    asked = [probe["httpGet"]["path"] for container in ours(city).values() for probe in probes(container).values() if "httpGet" in probe]
    assert asked and set(asked) == {"/healthz"}


@pytest.mark.parametrize("place", ["city", "demo"])
def test_each_container_may_do_as_little_as_it_needs(places, place):
    for name, workload in workloads(places[place]).items():
        pod = pod_of(workload)
        secure = pod["securityContext"]
        assert secure["runAsNonRoot"] and secure["runAsUser"] > 0 and secure["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        kinds = {volume["name"]: volume for volume in pod["volumes"]}
        kinds |= {claim["metadata"]["name"]: claim for claim in workload["spec"].get("volumeClaimTemplates", ())}
        for container in [*pod.get("initContainers", ()), *pod["containers"]]:
            own = container["securityContext"]
            assert own == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}, name
            assert container["resources"]["requests"]["memory"] and container["resources"]["limits"]["memory"]
            assert "cpu" not in container["resources"]["limits"], "a limit of CPU stops the loop for tens of milliseconds at a time"
            assert {mount["name"] for mount in container["volumeMounts"]} <= set(kinds)
            assert all("sizeLimit" in kinds[mount["name"]]["emptyDir"] for mount in container["volumeMounts"]
                       if "emptyDir" in kinds[mount["name"]]), "everything is bounded"


def test_what_must_outlive_a_pod_has_a_volume(city):
    """The ledger's archive, and the audit log's anchor, which the jobs keep."""
    for role in ("ledger", "jobs"):
        one = workloads(city)[role]
        [claim] = one["spec"]["volumeClaimTemplates"]
        assert one["kind"] == "StatefulSet" and claim["metadata"]["name"] == "data"
        assert one["spec"]["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_the_network_policies_open_what_the_roles_use(city):
    policies = of_kind(city, "NetworkPolicy")
    closed = policies["nothing-by-default"]["spec"]
    assert closed["policyTypes"] == ["Ingress", "Egress"] and "ingress" not in closed and "egress" not in closed
    pods = {name: one["spec"]["template"]["metadata"]["labels"] for name, one in workloads(city).items()}

    def concerned(selector: dict[str, Any]) -> set[str]:
        return {name for name, own in pods.items() if selector.get("matchLabels", {}).items() <= own.items()
                and all(own.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", ()))}

    def ports(rules: list[dict[str, Any]]) -> set[int | str]:
        return {port["port"] for rule in rules for port in rule["ports"]}

    assert concerned(closed["podSelector"]) == set(pods)
    assert concerned(policies["product-to-stores"]["spec"]["podSelector"]) == set(app.ROLES)
    assert concerned(policies["product-from-nginx"]["spec"]["podSelector"]) == {"web", "intake", "live"}
    to = policies["nginx-to-product"]["spec"]["egress"]
    given = environment(city, ours(city)["web"])
    assert ports(to) == {int(given["WENMING_PORT"]), int(given["WENMING_INTAKE_PORT"])} == ports(
        policies["product-from-nginx"]["spec"]["ingress"])
    assert [concerned(peer["podSelector"]) for rule in to for peer in rule["to"]] == [{"web", "live"}, {"intake"}]
    assert "ledger" not in concerned(policies["product-to-platforms"]["spec"]["podSelector"])


def test_the_scaler_asks_for_a_metric_that_there_is(city):
    names = {PREFIX + metric.name: metric for metric in METRICS}
    [asked] = [one["pods"] for one in of_kind(city, "HorizontalPodAutoscaler")["intake"]["spec"]["metrics"] if one["type"] == "Pods"]
    metric = names[asked["metric"]["name"]]
    assert metric.kind == "gauge" and metric.unit == "seconds" and metric.alarm
    # It grows before the alarm rings.
    assert asked["target"]["averageValue"].endswith("m") and int(asked["target"]["averageValue"][:-1]) / 1000 < metric.alarm.over / 2
    [rule] = yaml.safe_load((FILES / "monitoring" / "adapter-rules.yml").read_text("utf-8"))["rules"]
    series = rule["seriesQuery"].partition("{")[0]
    assert re.sub(rule["name"]["matches"], rule["name"]["as"].replace("$1", r"\1"), series) == asked["metric"]["name"]
    [scaled] = [one["resource"]["name"] for one in of_kind(city, "HorizontalPodAutoscaler")["web"]["spec"]["metrics"]]
    assert scaled == "cpu"


def test_what_is_scraped_is_the_metrics_port_of_each_role(city):
    [job] = yaml.safe_load((FILES / "monitoring" / "scrape.yml").read_text("utf-8"))["scrape_configs"]
    alarms = (ROOT / "deploy" / "prometheus" / "alarms.yml").read_text("utf-8")
    assert f'job=\\"{job["job_name"]}\\"' in alarms
    kept = job["relabel_configs"][0]
    assert kept["action"] == "keep"
    for name, container in ours(city).items():
        labels = workloads(city)[name]["spec"]["template"]["metadata"]["labels"]
        assert f"{labels[NAME]};{next(one['name'] for one in container['ports'] if one['name'] == 'metrics')}" == kept["regex"]
        assert environment(city, container)["WENMING_METRICS_HOST"] == "<status.podIP>"
    assert {rule["target_label"] for rule in job["relabel_configs"][1:]} >= {"namespace", "pod"}


def test_images_name_this_release_and_none_floats(places):
    for objects in places.values():
        for name, container in containers(objects):
            image, _, tag = container["image"].rpartition(":")
            assert image and tag not in ("", "latest"), name
            if image.endswith(("/wenming", "/wenming-edge")):
                assert tag == VERSION, "the version in kustomization.yaml goes with server/version.py"


def test_the_demo_listens_on_loopback_alone(places):
    """Its stores have no password and its sandbox no locks."""
    demo = ours(places["demo"])["demo"]
    given = environment(places["demo"], demo)
    assert demo["command"] == ["python", "-m", "server"]
    taken = settings.load(given, env_file=None)
    assert taken.host == "127.0.0.1" and not taken.is_public and taken.uses_sandbox and "ports" not in demo
    for probe in probes(demo).values():
        *words, address = probe["exec"]["command"]
        assert words == ["python", "deploy/docker/health.py"] and (ROOT / words[1]).is_file()
        assert address.removeprefix(f"http://127.0.0.1:{taken.port}") in {route[0] for route in ROUTES}
    [policy] = of_kind(places["demo"], "NetworkPolicy").values()
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_the_intake_port_speaks_no_probe():
    """Why its readiness is a connection and its liveness is asked elsewhere."""
    assert "healthz" not in Path(intake_connection.__file__).read_text("utf-8")
