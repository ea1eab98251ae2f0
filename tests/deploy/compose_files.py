"""Reads the compose files as Compose does, so far as they use it: anchors, `${…}`, `!override`, `!reset`, and one file on top of another.

`laptop()` and `production()` give the whole model. `Here` runs a command of theirs natively, changed in addresses and folders alone.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "compose"
LAPTOP, PRODUCTION = FOLDER / "compose.yaml", FOLDER / "compose.production.yaml"
# What a real host must say, as compose.production.yaml asks for it.
SAID = {"WENMING_PUBLIC_URL": "https://h5.example.cn", "WENMING_OFFICIAL_APPID": "wx0123456789abcdef",
        "WENMING_PUBLIC_ADDRESS": "203.0.113.7"}
VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Z_]+)(?:(?P<how>:[-?+])(?P<words>[^}]*))?\})")
# Compose replaces these instead of appending.
REPLACED = {"command", "entrypoint", "test"}


class Tagged:
    """A value under `!override` or `!reset`."""

    def __init__(self, tag: str, value: Any) -> None:
        self.tag, self.value = tag, value


class Loader(yaml.SafeLoader):
    pass


def _tagged(loader: Loader, suffix: str, node: yaml.Node) -> Tagged:
    if isinstance(node, yaml.SequenceNode):
        return Tagged(suffix, loader.construct_sequence(node, deep=True))
    if isinstance(node, yaml.MappingNode):
        return Tagged(suffix, loader.construct_mapping(node, deep=True))
    return Tagged(suffix, None)


Loader.add_multi_constructor("!", _tagged)


def filled(text: str, environ: Mapping[str, str]) -> str:
    """`text` with every variable put in. Raises KeyError for one that must be said."""

    def one(found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        value = environ.get(found["name"], "")
        if found["how"] == ":-":
            return value or found["words"]
        if found["how"] == ":+":
            return found["words"] if value else ""
        if found["how"] == ":?" and not value:
            raise KeyError(f"{found['name']}: {found['words']}")
        return value

    return VARIABLE.sub(one, text)


def _walk(value: Any, environ: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return filled(value, environ)
    if isinstance(value, list):
        return [_walk(one, environ) for one in value]
    if isinstance(value, dict):
        return {key: _walk(one, environ) for key, one in value.items()}
    if isinstance(value, Tagged):
        return Tagged(value.tag, _walk(value.value, environ))
    return value


def load(path: Path, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """One file, without its x- parts."""
    found: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader)
    return _walk({name: value for name, value in found.items() if not name.startswith("x-")}, environ or {})


def merged(below: Any, above: Any, name: str = "") -> Any:
    """`above` on top of `below`, as several -f do."""
    if isinstance(above, Tagged):
        return above.value
    if isinstance(below, dict) and isinstance(above, dict):
        whole = {key: merged(below.get(key), value, key) for key, value in above.items()}
        return {key: value for key, value in ({**below, **whole}).items() if not (isinstance(above.get(key), Tagged) and value is None)}
    if isinstance(below, list) and isinstance(above, list) and name not in REPLACED:
        return below + above
    return above


def laptop() -> dict[str, Any]:
    return load(LAPTOP)


def production(**said: str) -> dict[str, Any]:
    """What a real host runs; services under a profile are left out."""
    whole = merged(laptop(), load(PRODUCTION, SAID | said))
    whole["services"] = {name: service for name, service in whole["services"].items() if "profiles" not in service}
    return whole


def untagged(value: Any) -> Any:
    """For the schema, which knows no tags."""
    if isinstance(value, Tagged):
        return untagged(value.value)
    if isinstance(value, list):
        return [untagged(one) for one in value]
    if isinstance(value, dict):
        return {key: untagged(one) for key, one in value.items() if not (isinstance(one, Tagged) and one.tag == "reset")}
    return value


def mounts(model: dict[str, Any], service: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    """Where a service sees each configuration file, and which file of ours that is."""
    for one in service.get("configs", []):
        yield one["target"], (FOLDER / model["configs"][one["source"]]["file"]).resolve()


class Here:
    """This machine in the place of the containers: 10.213.x.y is 127.NET.x.y of loopback, with its own ports, and a folder is another one.

    What a container calls itself (0.0.0.0, 127.0.0.1) is its address `own`.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        # Apart from other runs on this machine, which may go on at the same time.
        self.net = random.SystemRandom().randint(16, 254)
        self.paths = {name: str(path) for name, path in paths.items()}

    def address(self, text: str) -> str:
        return re.sub(r"\b10\.213\.(\d+)\.(\d+)", rf"127.{self.net}.\1.\2", text)

    def text(self, text: str, own: str = "", paths: Mapping[str, Path] | None = None) -> str:
        """A text of a file or of a command as it holds here. `paths`: further folders, of this container."""
        text = re.sub(r"\b(?:0\.0\.0\.0|127\.0\.0\.1)\b", own, text) if own else text
        known = self.paths | {name: str(path) for name, path in (paths or {}).items()}
        if known:
            longest = "|".join(re.escape(name) for name in sorted(known, key=len, reverse=True))
            text = re.sub(rf"(?<![\w.-])(?:{longest})(?![\w-])", lambda found: known[found[0]], text)
        return self.address(text)

    def environ(self, given: Mapping[str, Any], own: str = "", paths: Mapping[str, Path] | None = None) -> dict[str, str]:
        """As the container has it, and of this machine only what a program needs to start."""
        ours = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return ours | {name: self.text(str(value), own, paths) for name, value in given.items()}
