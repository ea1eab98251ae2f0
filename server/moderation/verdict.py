"""What is judged, what a verdict is, and what several of them come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec

Source = Literal["words", "wechat", "provider"]
Part = Literal["message", "name"]
# `skipped`: this source cannot be asked about her text, such as the platform when she has not opened the mini-program. `none`: it was
# asked and gave no verdict.
Result = Literal["pass", "review", "block", "skipped", "none"]
# What they come to. `unchecked`: nobody beside our own words looked at all of it.
Overall = Literal["pass", "review", "block", "unchecked"]

OVERALLS: tuple[Overall, ...] = ("pass", "review", "block", "unchecked")

# Texts for reviewers.
SOURCES: dict[Source, str] = {"words": "自有词库", "wechat": "微信内容安全", "provider": "内容审核服务"}
PARTS: dict[Part, str] = {"message": "寄语", "name": "姓名"}
RESULTS: dict[Result, str] = {"pass": "通过", "review": "建议复核", "block": "不宜公开", "skipped": "未查（近两小时没有打开小程序）",
                              "none": "没有结果"}
STATES: dict[str, str] = {"waiting": "尚未机审", "pass": "机审通过", "review": "机审建议复核", "block": "机审拦截",
                          "unchecked": "没有外部机审结果"}


@dataclass(frozen=True)
class Piece:
    """A text that a citizen wrote. `id`: how others may call it; it tells nobody whose it is."""

    id: str
    part: Part
    citizen: int
    text: str = field(repr=False)


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one source says of one piece. `labels`: why, in words for people; `trace_id`: by which the platform finds its check again."""

    source: Source
    part: Part
    result: Result
    labels: tuple[str, ...] = ()
    trace_id: str = ""


class NotYet(Exception):
    """A source gave no verdict now and may be asked again after `pause_seconds`."""

    def __init__(self, pause_seconds: float) -> None:
        self.pause_seconds = pause_seconds
        super().__init__(f"again in {pause_seconds:.0f} s")


class Checker(Protocol):
    """One source of verdicts. `look` has a time limit of its own and raises NotYet where it may be asked again, nothing else but outages
    of our own stores."""

    source: Source

    async def look(self, piece: Piece) -> Verdict: ...

    async def close(self) -> None: ...


def overall(verdicts: Iterable[Verdict], parts: Iterable[Part]) -> Overall:
    """The worst that was said; passed only what somebody beside our own words passed, each part of it, and nobody left open."""
    given = tuple(verdicts)
    results = {verdict.result for verdict in given}
    if "block" in results:
        return "block"
    if "review" in results:
        return "review"
    passed = {verdict.part for verdict in given if verdict.source != "words" and verdict.result == "pass"}
    wanted = set(parts)
    return "pass" if "none" not in results and wanted and passed >= wanted else "unchecked"


def shown(state: str, verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """What a reviewer sees: {"result", "text", "checks": [{"source", "part", "result", "labels", "trace_id", "text"}]}."""
    return {"result": state, "text": STATES[state], "checks": [
        {"source": v.source, "part": v.part, "result": v.result, "labels": list(v.labels), "trace_id": v.trace_id, "text": _sentence(v)}
        for v in verdicts]}


def _sentence(verdict: Verdict) -> str:
    why = f"（{'、'.join(verdict.labels)}）" if verdict.labels else ""
    return f"{SOURCES[verdict.source]} · {PARTS[verdict.part]}：{RESULTS[verdict.result]}{why}"
