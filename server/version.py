"""Which build this is: the release number and, in a checkout, the commit."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

VERSION = "0.1.0"
ROOT = Path(__file__).resolve().parent.parent


@lru_cache(maxsize=1)
def commit(root: Path = ROOT) -> str:
    """The commit that is checked out, read from the files of git; of a release that was installed from a bundle, its COMMIT; else ""."""
    try:
        if (root / "COMMIT").is_file():
            return (root / "COMMIT").read_text("ascii").strip()
        git = root / ".git"
        if git.is_file():  # a worktree points at its folder
            git = root / git.read_text("utf-8").partition(":")[2].strip()
        head = (git / "HEAD").read_text("utf-8").strip()
        if not head.startswith("ref:"):
            return head
        name = head.partition(":")[2].strip()
        common = git / (git / "commondir").read_text("utf-8").strip() if (git / "commondir").is_file() else git
        for folder in (git, common):
            if (folder / name).is_file():
                return (folder / name).read_text("utf-8").strip()
        for line in (common / "packed-refs").read_text("utf-8").splitlines():
            if line.endswith(" " + name):
                return line.partition(" ")[0]
    except OSError:
        return ""
    return ""
