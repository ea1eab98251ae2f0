"""Checks every command that a test sends to MongoDB against the habits that scale (see server/stores.py).

A filter is served by `_id` or by one declared index; no range or sort on `_id`; no path has two update operators;
nothing is outside the lists below. The embedded store takes some commands that MongoDB refuses, and scans where MongoDB
would use an index, so a passing test alone would not show them.

A test that looks at a collection as a whole, which the product never does, says so:
`find(comment=LOOKING)`, `delete_many({}, comment=LOOKING)`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from pymongo.monitoring import CommandFailedEvent, CommandStartedEvent, CommandSucceededEvent
from pymongo.monitoring import CommandListener as Listener

from server.stores import INDEXES

LOOKING = "a test looks at everything"
# What drivers send on their own, and what changes no document.
FREE = {"hello", "ismaster", "isMaster", "ping", "endSessions", "buildInfo", "saslStart", "saslContinue", "listCollections",
        "dropDatabase", "killCursors", "getMore", "listIndexes"}
CHECKED = {"find", "insert", "update", "delete", "findAndModify", "createIndexes"}
WRITING = CHECKED - {"find", "createIndexes"}
FILTER_OPERATORS = {"$eq", "$ne", "$in", "$nin", "$gt", "$gte", "$lt", "$lte", "$exists"}
# On the field that serves: these walk one stretch of its index.
SERVED_OPERATORS = {"$eq", "$in", "$gt", "$gte", "$lt", "$lte"}
UPDATE_OPERATORS = {"$set", "$setOnInsert", "$inc", "$max", "$min", "$unset", "$push", "$addToSet"}
# A city has some dozens of campaigns and switches, a thousand reply rules, two thousand links and scenes at most: read whole, with a limit.
SMALL = {"campaigns", "media_labels", "reply_rules", "scene_codes", "short_links", "switches", "verification_texts",
         "bulletin_numbers", "report_numbers"}


def problems_of(command: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one command, a line each."""
    name = next(iter(command))
    if name in FREE or command.get("comment") == LOOKING:
        return
    if name not in CHECKED:
        yield f"{name} is not a command of ours"
        return
    collection = command[name]
    if collection not in INDEXES:
        yield f"{collection} is not declared in server.stores.INDEXES"
        return
    if name == "find":
        yield from _find(collection, command)
    elif name == "findAndModify":
        yield from _change(collection, command["query"], command.get("update"), command)
    elif name == "update":
        for part in command["updates"]:
            yield from _change(collection, part["q"], part["u"], part)
    elif name == "delete":
        for part in command["deletes"]:
            yield from _filter(collection, part["q"])
    elif name == "createIndexes":
        for index in command["indexes"]:
            if len(index["key"]) != 1 or next(iter(index["key"])) not in INDEXES[collection]:
                yield f"{collection}: the index on {', '.join(index['key'])} is not declared in server.stores.INDEXES"


def _find(collection: str, command: Mapping[str, Any]) -> Iterator[str]:
    asked = command.get("filter", {})
    if not asked and collection in SMALL and command.get("limit"):
        return
    yield from _filter(collection, asked)
    if command.get("skip"):
        yield f"{collection}: skip walks over what it leaves out; page by an indexed field"
    served_by = next(iter(asked), "")
    for field in command.get("sort", {}):
        if field == "_id":
            yield f"{collection}: sort on _id"
        elif "_id" not in asked and field != served_by:
            yield f"{collection}: sort on {field}, but the filter is served by {served_by}"


def _filter(collection: str, asked: Mapping[str, Any]) -> Iterator[str]:
    """`_id` alone or with conditions beside it, or exactly one declared index."""
    for field, value in asked.items():
        if field.startswith("$"):
            yield f"{collection}: {field} in a filter is outside our list"
            return
        for operator in _operators(value) - FILTER_OPERATORS:
            yield f"{collection}: {operator} in a filter is outside our list"
    if "_id" in asked:
        for operator in _operators(asked["_id"]) - {"$eq", "$in"}:
            yield f"{collection}: {operator} on _id"
        return
    if len(asked) != 1:
        yield f"{collection}: the filter has {sorted(asked) or 'no fields'}; it must have _id or one indexed field"
        return
    field, value = next(iter(asked.items()))
    if field not in INDEXES[collection]:
        yield f"{collection}: the filter on {field} is served by no declared index"
    for operator in _operators(value) - SERVED_OPERATORS:
        yield f"{collection}: {operator} on {field} walks the whole index"


def _change(collection: str, asked: Mapping[str, Any], update: Any, options: Mapping[str, Any]) -> Iterator[str]:
    yield from _filter(collection, asked)
    if options.get("upsert") and "_id" not in asked:
        yield f"{collection}: an upsert must name its _id"
    if options.get("arrayFilters"):
        yield f"{collection}: arrayFilters are outside our list"
    if isinstance(update, list):
        yield f"{collection}: an update by pipeline"
        return
    if update is None or not any(name.startswith("$") for name in update):
        return
    paths: list[str] = []
    for operator, fields in update.items():
        if operator not in UPDATE_OPERATORS:
            yield f"{collection}: the update operator {operator} is outside our list"
        paths += fields
    for i, one in enumerate(paths):
        for other in paths[i + 1:]:
            if one == other or one.startswith(other + ".") or other.startswith(one + "."):
                yield f"{collection}: the paths {one} and {other} clash in one update"


def _operators(value: Any) -> set[str]:
    return {name for name in value if name.startswith("$")} if isinstance(value, Mapping) else set()


class CommandListener(Listener):
    """Given to a client; keeps what was wrong, and what was written to. Commands come from the driver's threads."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.written: set[str] = set()
        self._on_their_way: set[int] = set()

    def started(self, event: CommandStartedEvent) -> None:
        self._on_their_way.add(event.request_id)
        if event.command_name in WRITING:
            self.written.add(event.command[event.command_name])
        self.problems += [line for line in problems_of(event.command) if line not in self.problems]

    def succeeded(self, event: CommandSucceededEvent) -> None:
        self._on_their_way.discard(event.request_id)

    def failed(self, event: CommandFailedEvent) -> None:
        self._on_their_way.discard(event.request_id)

    def wait(self, seconds: float) -> None:
        """Until every command has its answer, so long at most."""
        until = time.monotonic() + seconds
        while self._on_their_way and time.monotonic() < until:
            time.sleep(0.01)
