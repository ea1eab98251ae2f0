"""The last files of a bundle: the pages' list of components without what differs at each making, what the bundle is for, its checksums.

Owns: their form. Run by deploy/scripts/bundle.sh: finish.py ROOT H5_SBOM EPOCH TAG.
"""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SUMS = "SHA256SUMS"


def of_pages(made: dict[str, Any], epoch: int) -> dict[str, Any]:
    """What the pages are made of, without the tools of the build. npm gives each list a number by chance and the time of its making."""
    made.pop("serialNumber", None)
    made["metadata"]["timestamp"] = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    made["components"] = [one for one in made["components"] if not is_of_the_build(one)]
    known = {one["bom-ref"] for one in (made["metadata"]["component"], *made["components"])}
    made["dependencies"] = [{**one, "dependsOn": [ref for ref in one.get("dependsOn", []) if ref in known]}
                            for one in made["dependencies"] if one["ref"] in known]
    for component in made["components"]:
        # Where a package was fetched from is a matter of who made the bundle; its hash says which it is.
        component["externalReferences"] = [one for one in component.get("externalReferences", []) if one["type"] != "distribution"]
    return made


def is_of_the_build(component: dict[str, Any]) -> bool:
    return any(one["name"] == "cdx:npm:package:development" and one["value"] == "true" for one in component.get("properties", []))


def checksums(root: Path) -> str:
    """One line a file, as `sha256sum -c` reads them, in the order of their names."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and path != root / SUMS)
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(root).as_posix()}\n" for path in files)


def main(root: Path, h5: Path, epoch: int, tag: str) -> None:
    listed = of_pages(json.loads(h5.read_text("utf-8")), epoch)
    (root / "sbom-h5.json").write_text(json.dumps(listed, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (root / "TAG").write_text(f"{tag}\n", "utf-8")
    (root / SUMS).write_text(checksums(root), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
