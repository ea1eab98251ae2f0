"""Ctrl-C while the product starts is not forgotten, even where a library swallowed what it raised."""

from __future__ import annotations

import subprocess
import sys

STARTS = """
import os, signal, weakref
from server import interrupts
{first}
interrupts.watch()

class Thing: ...
thing = Thing()
kept = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT) or sum(range(10)))
del thing  # what is raised in here, Python drops

from server import app
async def serve(settings, roles, stop, announce):
    print("asked" if stop.asked.is_set() else "goes on")
app.serve = serve
app.run(None, frozenset())
"""


def said(first: str = "") -> str:
    done = subprocess.run([sys.executable, "-c", STARTS.format(first=first)], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_a_swallowed_interrupt_still_stops_what_started():
    assert said() == "asked"


def test_where_a_shell_ignores_it_it_stays_ignored():
    assert said("signal.signal(signal.SIGINT, signal.SIG_IGN)") == "goes on"
