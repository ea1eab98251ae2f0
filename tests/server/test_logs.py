"""The log: one object a line, the name of the request in it, nothing that somebody else could write."""

from __future__ import annotations

import json
import logging
import re
import stat
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from server import logs
from server.metrics import Metrics


@contextmanager
def writing(folder, level="INFO", form="json"):
    """The root logger as a process finds it at its start, and what is written meanwhile."""
    root = logging.getLogger()
    before, level_before = root.handlers[:], root.level
    root.handlers[:] = []
    try:
        logs.write(folder, level, form)
        yield root
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = before
        root.setLevel(level_before)


def lines(folder):
    return (folder / "server.log").read_text("utf-8").splitlines()


class TestNames:
    @pytest.mark.parametrize("given", ["0123456789abcdef0123456789abcdef", "5f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "a" * 64, "A_b-12345"])
    def test_a_proxy_s_is_taken(self, given):
        assert logs.named(given) == given

    @pytest.mark.parametrize("given", [None, "", "short", "a" * 65, "with space1", "line\nbreak1", "中文中文中文中文", 'quote"quote',
                                       "abcdefgh\n", "²²²²²²²²²"])
    def test_anything_else_is_replaced_by_one_of_ours(self, given):
        assert re.fullmatch("[0-9a-f]{16}", logs.named(given)) and logs.named(given) != logs.named(given)


class TestLines:
    def test_each_is_one_object_with_the_request_that_it_was_written_for(self, tmp_path):
        with writing(tmp_path / "logs"):
            logging.getLogger("server.test").info("two\nlines of %s", "text")
            token = logs.request_id.set("0123456789abcdef")
            logging.getLogger("server.test").warning("within")
            logs.request_id.reset(token)
        first, second = map(json.loads, lines(tmp_path / "logs"))
        assert first.pop("at").endswith("+08:00") and first == {"level": "INFO", "logger": "server.test", "text": "two\nlines of text"}
        assert (second["request"], second["level"], second["text"]) == ("0123456789abcdef", "WARNING", "within")
        assert stat.S_IMODE((tmp_path / "logs").stat().st_mode) == 0o700

    def test_a_traceback_stays_in_its_line_and_both_are_bounded(self, tmp_path):
        with writing(tmp_path):
            try:
                raise RuntimeError("x" * 100_000 + " the end")
            except RuntimeError:
                logging.getLogger("server.test").exception("y" * 100_000)
        (line,) = lines(tmp_path)
        found = json.loads(line)
        assert len(found["text"]) == len(found["error"]) == logs.MAX_TEXT and found["error"].endswith("the end")

    def test_plain_text_where_it_is_wanted(self, tmp_path):
        with writing(tmp_path, "DEBUG", "text"):
            token = logs.request_id.set("0123456789abcdef")
            logging.getLogger("server.test").debug("within")
            logs.request_id.reset(token)
        assert lines(tmp_path)[0].endswith(" DEBUG server.test [0123456789abcdef] within")

    def test_a_terminal_gets_text_though_the_file_has_objects(self, tmp_path, monkeypatch):
        for is_terminal, form in ((True, logs.PlainLines), (False, logs.JsonLines)):
            monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda is_terminal=is_terminal: is_terminal, flush=lambda: None))
            with writing(tmp_path) as root:
                file, screen = root.handlers
                assert isinstance(file.formatter, logs.JsonLines) and isinstance(screen.formatter, form)


class TestProcessesOfOneHost:
    """They share the file: each has a handler of its own, as these."""

    def test_no_line_is_lost_and_none_written_where_nobody_looks_when_they_fill_it_by_turns(self, tmp_path):
        made = [logs.SharedFile(tmp_path / "server.log", maxBytes=1000, backupCount=3, encoding="utf-8") for _ in range(3)]
        *busy, quiet = made
        for n in range(40):  # some 100 bytes each: four files of at most ten
            busy[n % 2].emit(logging.makeLogRecord({"msg": f"line {n:02} {'x' * 90}"}))
        quiet.emit(logging.makeLogRecord({"msg": "from one that was quiet meanwhile"}))
        for handler in made:
            handler.close()
        kept = [line[:7] for name in ("server.log.3", "server.log.2", "server.log.1", "server.log")
                for line in (tmp_path / name).read_text().splitlines()]
        assert kept[-1] == "from on" and kept[:-1] == [f"line {n:02}" for n in range(40 - len(kept) + 1, 40)] and len(kept) > 30

    def test_who_comes_late_to_a_full_file_does_not_put_the_new_one_aside(self, tmp_path):
        first, second = (logs.SharedFile(tmp_path / "server.log", maxBytes=1000, backupCount=3) for _ in range(2))
        second.emit(logging.makeLogRecord({"msg": "x" * 990}))
        for handler in (first, second):  # both had found it full before either did anything
            handler.doRollover()
            handler.close()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["server.log", "server.log.1"]
        assert (tmp_path / "server.log.1").read_text() == "x" * 990 + "\n"


def test_warnings_and_errors_are_counted_until_the_end():
    metrics = Metrics()
    stop = logs.count(metrics)
    logger = logging.getLogger("server.test")
    for write in (logger.info, logger.warning, logger.warning, logger.error):
        write("something")
    stop()
    logger.error("after")
    assert [metrics.series("lines_logged_total", level).value for level in ("warning", "error")] == [2, 1]
