"""The limit of open files: raised as far as it goes, and never promised beyond."""

from __future__ import annotations

import resource

import pytest

from server import open_files
from server.open_files import RESERVED_FILES, sockets_within


@pytest.mark.parametrize(("soft", "hard", "wanted", "allowed", "raised"), [
    (1024, 1_048_576, 20_000, 20_000, 24_096),
    (1024, 20_000, 20_000, 15_904, 20_000),
    (1024, 1024, 20_000, 768, None),
    (1024, 4096, 20_000, 3072, 4096),
    (1_048_576, 1_048_576, 20_000, 20_000, None),
    (1024, resource.RLIM_INFINITY, 20_000, 20_000, 24_096),
    (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 20_000, 20_000, None),
    (1024, 1_048_576, 100, 100, 4196)])
def test_as_many_as_the_machine_allows(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, soft: int, hard: int,
                                       wanted: int, allowed: int, raised: int | None) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(open_files.resource, "getrlimit", lambda what: (soft, hard))
    monkeypatch.setattr(open_files.resource, "setrlimit", lambda what, limits: told.append(limits))
    assert sockets_within(wanted) == allowed
    assert told == ([] if raised is None else [(raised, hard)])
    assert bool(caplog.records) == (allowed < wanted)
    assert RESERVED_FILES < 20_000
