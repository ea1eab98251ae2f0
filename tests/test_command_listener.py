"""The command listener itself: what it lets through and what it names, and that it fails the test that sent it."""

from __future__ import annotations

import pytest

from server.stores import ensure_indexes
from tests.command_listener import LOOKING, CommandListener, problems_of

GOOD = [
    {"ping": 1},
    {"find": "staff", "filter": {"_id": "admin"}},
    {"find": "campaigns", "filter": {}, "limit": 1000},
    {"find": "participations", "filter": {"pos": {"$gt": "a", "$lt": "b"}}, "sort": {"pos": 1}, "limit": 1000},
    {"find": "participations", "filter": {"_id": {"$in": ["a", "b"]}}},
    {"find": "identities", "filter": {"citizen": 7}},
    {"find": "identities", "filter": {}, "comment": LOOKING},
    {"insert": "staff", "documents": [{"_id": "admin"}]},
    {"update": "shards", "updates": [{"q": {"_id": "s", "epoch": {"$lt": 3}}, "u": {"$set": {"a": 1}, "$max": {"b": 2}}, "upsert": True}]},
    {"findAndModify": "citizen_blocks", "query": {"_id": "next"}, "update": {"$inc": {"next": 256}}, "upsert": True},
    {"delete": "staff_sessions", "deletes": [{"q": {"expires_at": {"$lte": 1.0}}, "limit": 0}]},
    {"createIndexes": "units", "indexes": [{"key": {"place": 1}, "name": "place_1"}]},
]
BAD = [
    ({"find": "nothing_of_ours", "filter": {"_id": 1}}, "not declared"),
    ({"find": "participations", "filter": {}}, "no fields"),
    ({"find": "campaigns", "filter": {}}, "no fields"),
    ({"find": "participations", "filter": {"region": "350602"}}, "no declared index"),
    ({"find": "messages", "filter": {"queue": "a", "citizen": 1}}, "one indexed field"),
    ({"find": "participations", "filter": {"_id": {"$gt": "a"}}}, "$gt on _id"),
    ({"find": "participations", "filter": {"pos": {"$gt": "a"}}, "sort": {"_id": 1}}, "sort on _id"),
    ({"find": "participations", "filter": {"pos": {"$gt": "a"}}, "sort": {"second": 1}}, "sort on second"),
    ({"find": "participations", "filter": {"pos": {"$gt": "a"}}, "skip": 10}, "skip"),
    ({"find": "participations", "filter": {"pos": {"$regex": "^a"}}}, "$regex"),
    ({"find": "participations", "filter": {"pos": {"$ne": "a"}}}, "walks the whole index"),
    ({"find": "participations", "filter": {"$or": [{"_id": 1}, {"pos": "a"}]}}, "$or"),
    ({"aggregate": "participations", "pipeline": [], "cursor": {}}, "aggregate is not a command of ours"),
    ({"count": "participations", "query": {}}, "count is not a command of ours"),
    ({"update": "shards", "updates": [{"q": {"_id": 1}, "u": [{"$set": {"a": 1}}]}]}, "pipeline"),
    ({"update": "shards", "updates": [{"q": {"_id": 1}, "u": {"$set": {"a": 1}, "$inc": {"a": 1}}}]}, "clash"),
    ({"update": "shards", "updates": [{"q": {"_id": 1}, "u": {"$set": {"a.b": 1}, "$unset": {"a": 1}}}]}, "clash"),
    ({"update": "shards", "updates": [{"q": {"_id": 1}, "u": {"$bit": {"a": {"or": 1}}}}]}, "$bit"),
    ({"update": "shards", "updates": [{"q": {"campaign": "a"}, "u": {"$set": {"b": 1}}, "upsert": True}]}, "upsert"),
    ({"createIndexes": "units", "indexes": [{"key": {"campaign": 1, "place": 1}, "name": "both"}]}, "not declared"),
]


@pytest.mark.parametrize("command", GOOD, ids=str)
def test_it_lets_through(command):
    assert list(problems_of(command)) == []


@pytest.mark.parametrize(("command", "problem"), BAD, ids=str)
def test_it_names(command, problem):
    assert any(problem in line for line in problems_of(command))


@pytest.mark.gen_test
async def test_every_client_of_a_test_is_listened_to(stores):
    listeners = [x for x in stores.client.delegate.options.event_listeners if isinstance(x, CommandListener)]
    await ensure_indexes(stores.mongo)
    await stores.mongo["staff"].find({"colour": "red"}).to_list(None)
    assert [listener.problems for listener in listeners] == [["staff: the filter on colour is served by no declared index"]]
    listeners[0].problems.clear()  # otherwise this test fails at its end, as it should
