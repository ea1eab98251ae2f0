"""deploy/kubernetes as a cluster would get it: built by kustomize, from a copy in which the city's secrets are filled in."""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "deploy" / "kubernetes"
PROGRAM = shutil.which("kubectl") or shutil.which("kustomize") or ""
# What a city fills in: AppID and host of nobody.
APPID = "wx00000000000000aa"
REDIS_URL, MONGODB_URI = "rediss://wenming:secret@redis.example.cn:6379", "mongodb://wenming:secret@db.example.cn/wenming?replicaSet=rs0&tls=true"


def filled_in(folder: Path) -> Path:
    """A copy of deploy/ as a city has it when README was followed; returns deploy/kubernetes in it."""
    shutil.copytree(FILES, folder / "kubernetes", ignore=shutil.ignore_patterns("secrets"))
    city = folder / "kubernetes" / "city"
    shutil.copytree(city / "secrets.example", city / "secrets")
    for name, value in {"secret-key": secrets.token_hex(32), "redis-url": REDIS_URL, "mongodb-uri": MONGODB_URI,
                        "official-secret": "0" * 32, "official-token": "token", "official-aes-key": "a" * 43}.items():
        (city / "secrets" / name).write_text(value + "\n")
    text = (city / "settings.env").read_text("utf-8")
    assert "WENMING_OFFICIAL_APPID=\n" in text
    (city / "settings.env").write_text(text.replace("WENMING_OFFICIAL_APPID=\n", f"WENMING_OFFICIAL_APPID={APPID}\n"), "utf-8")
    return folder / "kubernetes"


def built(folder: Path) -> list[dict[str, Any]]:
    """Every object of one folder with a kustomization."""
    words = [PROGRAM, "kustomize"] if PROGRAM.endswith("kubectl") else [PROGRAM, "build"]
    if _is_old():
        _say_it_the_old_way(folder.parent)
    done = subprocess.run([*words, str(folder)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def _is_old() -> bool:
    """Whether this is the kustomize 2.0 that kubectl had until 1.20 (Debian 12)."""
    done = subprocess.run([PROGRAM, "version", "--client"], capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"v1\.(\d+)\.", done.stdout)
    return PROGRAM.endswith("kubectl") and bool(found) and int(found[1]) < 21


def _say_it_the_old_way(folder: Path) -> None:
    """It wants folders under `bases` and has one `env`; all else is the same."""
    for path in folder.rglob("kustomization.yaml"):
        said = yaml.safe_load(path.read_text("utf-8"))
        folders = [name for name in said.get("resources", ()) if (path.parent / name).is_dir()]
        if folders:
            said["bases"] = folders
            said["resources"] = [name for name in said["resources"] if name not in folders]
        for made in said.get("configMapGenerator", ()):
            if "envs" in made:
                [made["env"]] = made.pop("envs")
        path.write_text(yaml.safe_dump(said), "utf-8")


def of_kind(objects: list[dict[str, Any]], *kinds: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in objects if one["kind"] in kinds}


def workloads(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return of_kind(objects, "Deployment", "StatefulSet")


def pod_of(workload: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = workload["spec"]["template"]["spec"]
    return pod


def environment(objects: list[dict[str, Any]], container: dict[str, Any]) -> dict[str, str]:
    """What the container's process is given; a field of the pod as `<field>`."""
    maps = of_kind(objects, "ConfigMap")
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= maps[source["configMapRef"]["name"]].get("data") or {}
    for one in container.get("env", ()):
        found[one["name"]] = one["value"] if "value" in one else f"<{one['valueFrom']['fieldRef']['fieldPath']}>"
    return found


def port_number(container: dict[str, Any], port: str | int) -> int:
    """A port that may be called by its name."""
    if isinstance(port, int):
        return port
    [number] = [one["containerPort"] for one in container["ports"] if one["name"] == port]
    return int(number)


def probes(container: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: container[name] for name in ("startupProbe", "livenessProbe", "readinessProbe") if name in container}
