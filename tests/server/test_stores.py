"""What a process asks of the stores before it serves."""

from __future__ import annotations

import pytest

from server.stores import INDEXES, ensure_indexes

pytestmark = pytest.mark.gen_test(timeout=60)


async def test_a_process_that_starts_beside_others_only_looks_and_makes_what_is_missing(stores, monkeypatch):
    await ensure_indexes(stores.mongo)
    made: list[str] = []
    collection = type(stores.mongo["identities"])
    real = collection.create_index

    def create_index(self, field: str):
        made.append(f"{self.name}.{field}")
        return real(self, field)

    monkeypatch.setattr(collection, "create_index", create_index)
    await ensure_indexes(stores.mongo)
    # The embedded store does not list an index on a field of the name `id`.
    assert [one for one in made if not one.endswith(".id")] == []
    made.clear()
    monkeypatch.setitem(INDEXES, "identities", (*INDEXES["identities"], "of_the_next_release"))
    await ensure_indexes(stores.mongo)
    assert [one for one in made if not one.endswith(".id")] == ["identities.of_the_next_release"]
