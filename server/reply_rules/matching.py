"""Which rule a message reaches, and why: all rules compiled once, so that a thousand cost as much as one.

Words that a text holds are found in one pass (Aho-Corasick), expressions in another (a set of RE2), the rest by name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec
import re2
from ahocorasick_rs import AhoCorasick

from server.reply_rules.rule import Rule, expression, narrow, options, plain
from server.wechat.details import Scene
from server.wechat.messages import InboundMessage

# A thousand expressions as one automaton, which is built as texts come by and thrown away past this.
SET_BYTES = 64 << 20


class Match(msgspec.Struct, frozen=True):
    """A rule that a message sets off. `why`: what of it did, such as the word."""

    rule: Rule
    why: str


class Matcher:
    """`rules` in any order."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = sorted(rules, key=lambda rule: (rule.position, rule.id))
        self._named: dict[tuple[str, str], list[int]] = defaultdict(list)  # by trigger and word, "" for any
        held: dict[str, list[int]] = defaultdict(list)
        self._expressions: list[tuple[int, str]] = []
        for number, rule in enumerate(self.rules):
            kind, words = rule.trigger.kind, rule.trigger.words
            if kind == "contain":
                for word in words:
                    held[plain(word)].append(number)
            elif kind == "regex":
                self._expressions += [(number, word) for word in words]
            else:
                for word in words or ("",):
                    self._named[kind, plain(word) if kind == "equal" else word].append(number)
        self._words = list(held)
        self._holders = list(held.values())
        self._held = AhoCorasick(self._words) if self._words else None
        self._set = _compiled([word for _, word in self._expressions])

    def matches(self, message: InboundMessage, now: float) -> Iterator[Match]:
        """The rules that it sets off and that are on now, best first; of `default` ones none."""
        return (match for match in self._set_off(message) if not match.rule.is_on(message.appid, now))

    def defaults(self, message: InboundMessage, now: float) -> Iterator[Match]:
        """The rules for what nobody else answers; leaving and reports of the platform want no answer."""
        found = {} if message.is_event else dict.fromkeys(self._named.get(("default", ""), ()), "")
        return (match for match in self._of(found) if not match.rule.is_on(message.appid, now))

    def considered(self, message: InboundMessage, now: float) -> list[tuple[Match, str]]:
        """Every rule that it sets off, on or not, with why it may not answer."""
        return [(match, match.rule.is_on(message.appid, now)) for match in self._set_off(message)]

    def _set_off(self, message: InboundMessage) -> Iterator[Match]:
        if message.kind == "text":
            found = self._by_text(message.text)
        elif message.event in ("subscribe", "scan"):
            scene = message.details.scene if isinstance(message.details, Scene) else ""
            found = self._by_name("scan", scene) if scene else {}
            if message.event == "subscribe":
                found = self._by_name("follow", "") | found
        elif message.event == "click":
            found = self._by_name("click", message.event_key)
        elif message.kind == "location":
            found = self._by_name("location", "")
        else:
            found = {}
        return self._of(found)

    def _of(self, found: dict[int, str]) -> Iterator[Match]:
        return (Match(self.rules[number], found[number]) for number in sorted(found))

    def _by_name(self, kind: str, name: str) -> dict[int, str]:
        return {number: word for word in ("", name) for number in self._named.get((kind, word), ())}

    def _by_text(self, text: str) -> dict[int, str]:
        words = plain(text)
        found: dict[int, str] = dict.fromkeys(self._named.get(("equal", words), ()), words)
        if self._held is not None:
            for which, _, _ in self._held.find_matches_as_indexes(words, overlapping=True):
                for number in self._holders[which]:
                    found.setdefault(number, self._words[which])
        if self._set is not None:
            for which in self._set.Match(words) or ():
                number, word = self._expressions[which]
                found.setdefault(number, word)
        return found


def _compiled(words: list[str]) -> re2.Set | None:
    if not words:
        return None
    made = re2.Set.SearchSet(options(SET_BYTES))
    for word in words:
        expression(word)  # before it is added: a set writes its errors to the terminal
        made.Add(narrow(word))
    made.Compile()
    return made
