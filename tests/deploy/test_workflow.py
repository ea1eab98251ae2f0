"""The workflow of hosted CI: of the right form, pinned, bounded, and asking for what is there. Only hosted CI runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy import compose_files as files

ROOT = Path(__file__).resolve().parents[2]
PATH = ROOT / ".github" / "workflows" / "ci.yml"
WORKFLOW: dict[str, Any] = yaml.safe_load(PATH.read_text("utf-8"))
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
STEPS = [pytest.param(step, id=f"{name}-{n}") for name, job in JOBS.items() for n, step in enumerate(job["steps"])]
COMMANDS = "\n".join(step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step)


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_it_is_of_the_form_that_github_publishes(schema: str, tmp_path: Path):
    def says(path: Path) -> int:
        return subprocess.run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)], capture_output=True,
                              timeout=60, check=False).returncode

    wrong = tmp_path / "wrong.yml"
    wrong.write_text("on: push\njobs: {test: {runs_on: ubuntu-24.04, steps: [{run: make test}]}}\n")
    assert says(PATH) == 0
    assert says(wrong) == 1


@pytest.mark.parametrize("step", STEPS)
def test_an_action_is_of_one_version(step: dict[str, Any]):
    assert ("uses" in step) != ("run" in step)
    if "uses" in step:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@v\d+\.\d+\.\d+", step["uses"])


@pytest.mark.parametrize("name", JOBS)
def test_its_machine_and_its_images_are_of_one_version(name: str):
    job = JOBS[name]
    runners = [job["runs-on"]]
    if runners == ["${{ matrix.runner }}"]:
        runners = [one["runner"] for one in job["strategy"]["matrix"]["include"]]
    assert all(re.fullmatch(r"ubuntu-\d+\.\d+(-arm)?", runner) for runner in runners)
    images = [service["image"] for service in job.get("services", {}).values()]
    images += [job["container"]] if "container" in job else []
    for image in images:
        for python in job.get("strategy", {}).get("matrix", {}).get("python", [""]):
            assert re.fullmatch(r"[a-z]+:\d+\.\d+\.\d+[\w.-]*", image.replace("${{ matrix.python }}", python)), image


def test_it_may_write_nothing():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in JOBS.values())
    assert "secrets." not in PATH.read_text()


def test_the_stores_are_those_of_the_compose_file():
    """By release; the packaging may differ."""
    services = files.laptop()["services"]
    tested = JOBS["real-stores"]["services"]
    assert tested["mongodb"]["image"] == services["mongodb-1"]["image"]
    assert tested["redis"]["image"].partition("-")[0] == services["redis-1"]["image"].partition("-")[0]
    assert tested["mongodb"]["image"].startswith("mongo:7.")
    assert tested["redis"]["image"].startswith("redis:7.")


def test_the_tests_are_told_of_the_stores_by_the_names_that_they_know():
    environ = JOBS["real-stores"]["env"]
    known = (ROOT / "tests" / "conftest.py").read_text()
    assert set(environ) == {"WENMING_TEST_MONGODB_URI", "WENMING_TEST_REDIS_URL"}
    for name, value in environ.items():
        assert f'os.environ.get("{name}"' in known
        assert re.fullmatch(r"(mongodb|redis)://(mongodb|redis):\d+", value)
        assert re.split("[:/]+", value)[1] in JOBS["real-stores"]["services"]


def test_every_target_and_script_is_there():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"make ([a-z-]+)", COMMANDS)) | {"test", "test-long"}
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M), target
    assert '["test", "test-long"]' in JOBS["real-stores"]["strategy"]["matrix"]["target"]
    for script in re.findall(r"deploy/[\w/.-]+", COMMANDS):
        assert (ROOT / script).exists(), script
    for step in JOBS["images"]["steps"]:
        if step.get("uses", "").startswith("docker/build-push-action"):
            assert (ROOT / step["with"]["file"]).is_file()
            assert f" AS {step['with']['target']}\n" in (ROOT / step["with"]["file"]).read_text()


@pytest.mark.parametrize("name", ["embedded", "real-stores"])
def test_whoever_runs_the_tests_has_the_history_and_may_read_it(name: str):
    """tests/faults/test_versions.py runs an earlier state of the code, and skips where the clone is shallow. In a container the folder is
    not the user's, and git refuses it; what checkout says against that holds for checkout alone.
    """
    checkout, *steps, tests = JOBS[name]["steps"]
    assert tests["run"].startswith("make ")
    assert checkout["uses"].startswith("actions/checkout@")
    assert checkout["with"]["fetch-depth"] == 0
    assert [step["run"] for step in steps] == ['git config --global --add safe.directory "$GITHUB_WORKSPACE"']


def test_both_architectures_are_built():
    assert {one["platform"] for one in JOBS["images"]["strategy"]["matrix"]["include"]} == {"linux/amd64", "linux/arm64"}


def test_the_python_releases_are_those_that_are_supported():
    tested = {tuple(map(int, python.split(".")[:2])) for python in JOBS["embedded"]["strategy"]["matrix"]["python"]}
    assert tested == {(3, 11), (3, 12), (3, 13)}


def test_the_compose_job_says_what_a_real_host_must_say():
    step = next(step for step in JOBS["compose"]["steps"] if "config --quiet" in step.get("run", ""))
    assert {name: value for name, value in step["env"].items() if name != "COMPOSE_FILE"} == files.SAID
    for path in step["env"]["COMPOSE_FILE"].split(":"):
        assert (ROOT / path).is_file()
    assert "docker compose up --wait" in COMMANDS
    assert "docker compose down --volumes" in COMMANDS
