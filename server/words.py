"""Words 词库: what citizens may not write in public, and what a reviewer should look at twice.

Owns: `word_lists`, one document, and `revisions/word_lists`. Does not own: what is done with a verdict (server/messages.py).
Invariants: a word is found however it is written: full or half width, traditional or simplified, any case, with spaces, signs or invisible
characters in between; all words are looked for in one pass; numbers of persons are looked at twice, whatever the list says.

Failure policy: without MongoDB the words last known hold; where none are known nothing is blocked, and everything that a citizen wrote
waits for a reviewer anyway.
"""

from __future__ import annotations

import asyncio
import unicodedata
from typing import Literal

import msgspec
import opencc
from ahocorasick_rs import AhoCorasick

from server.errors import Conflict, InvalidBody
from server.fresh import Fresh, Revision
from server.personal_data import SUSPECTED
from server.personal_data import find as find_personal
from server.stores import Database, DuplicateKeyError

# Public lists have some ten thousand; building that takes tens of milliseconds, in a worker.
MAX_WORDS, MAX_WORD_CHARACTERS = 20_000, 32
LIST = "words"
# What stands in the list until somebody keeps one: plain advertising, to be changed or removed like any word.
SAMPLE = ("代开发票", "兼职刷单", "加微信", "扫码领红包", "日结兼职")

_simplified = opencc.OpenCC("t2s").convert


class WordList(msgspec.Struct, frozen=True):
    """`block` is refused at once, `review` is shown to the reviewer. An edit names the `rev` that it has seen."""

    block: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    rev: int = 0


class Verdict(msgspec.Struct, frozen=True):
    """The words that were found, as they stand in the list."""

    block: tuple[str, ...] = ()
    review: tuple[str, ...] = ()


class Hit(msgspec.Struct, frozen=True):
    """Where a word stands: characters from `start` to `end` of the text as it was written; both 0 where no stretch of it is the word."""

    word: str
    list: Literal["block", "review"]
    start: int = 0
    end: int = 0


class WordFilter:
    """The words of a list, ready to be looked for."""

    def __init__(self, words: WordList) -> None:
        self._words = [*words.block, *words.review]
        self._blocks = len(words.block)
        self._found = AhoCorasick([skeleton(word) for word in self._words]) if self._words else None

    def look(self, text: str) -> Verdict:
        if self._found is None:
            return Verdict()
        hits = sorted({which for which, _, _ in self._found.find_matches_as_indexes(skeleton(text), overlapping=True)})
        return Verdict(tuple(self._words[n] for n in hits if n < self._blocks), tuple(self._words[n] for n in hits if n >= self._blocks))


    def find(self, text: str) -> list[Hit]:
        """Each word at each place where it stands, in the order of the text."""
        if self._found is None:
            return []
        whole, places = _traced(text)
        hits = [Hit(self._words[which], "block" if which < self._blocks else "review", places[start], places[end - 1] + 1)
                for which, start, end in self._found.find_matches_as_indexes(whole, overlapping=True)]
        # A phrase is simplified otherwise as a whole than by its characters, so a word may be found that has no place.
        placed, found = {hit.word for hit in hits}, self.look(text)
        lost = [Hit(word, name) for name, words in _lists(found) for word in words if word not in placed]
        return sorted(hits, key=lambda hit: (hit.start, -hit.end)) + lost


def _lists(found: Verdict) -> tuple[tuple[Literal["block", "review"], tuple[str, ...]], ...]:
    return ("block", found.block), ("review", found.review)


def _traced(text: str) -> tuple[str, list[int]]:
    """What a reader sees of a text, and from which character of it each comes."""
    normal, places = [], list[int]()
    for n, letter in enumerate(text):
        shown = unicodedata.normalize("NFKC", letter)
        normal.append(shown)
        places += [n] * len(shown)
    joined = "".join(normal)
    simplified = _simplified(joined)
    if len(simplified) != len(joined):
        simplified = joined
    seen, origins = [], list[int]()
    for letter, place in zip(simplified, places, strict=True):
        folded = "".join(filter(str.isalnum, letter.casefold()))
        seen.append(folded)
        origins += [place] * len(folded)
    return "".join(seen), origins


def skeleton(text: str) -> str:
    """What a reader sees of a text: one width, one case, simplified, letters and digits alone."""
    return "".join(filter(str.isalnum, _simplified(unicodedata.normalize("NFKC", text)).casefold()))


class Words:
    def __init__(self, mongo: Database) -> None:
        self._lists = mongo["word_lists"]
        self._revision = Revision(mongo, "word_lists")
        self._filter: Fresh[WordFilter] = Fresh(WordFilter(WordList()), self._revision, self._read)

    async def look(self, text: str) -> Verdict:
        """What of the list a text holds, and whether it has somebody's number."""
        found = (await self._filter.get()).look(text)
        return Verdict(found.block, (*found.review, SUSPECTED)) if find_personal(text) else found

    async def find(self, text: str) -> list[Hit]:
        """The same, with where each stands."""
        numbers = [Hit(SUSPECTED, "review", start, end) for start, end in find_personal(text)]
        return sorted([*(await self._filter.get()).find(text), *numbers], key=lambda hit: (not hit.end, hit.start, -hit.end))

    async def current(self) -> WordList:
        """The list as it is kept; before anybody kept one, the sample."""
        found = await self._lists.find_one({"_id": LIST})
        return WordList(review=SAMPLE) if found is None else WordList(tuple(found["block"]), tuple(found["review"]), found["rev"])

    async def keep(self, words: WordList) -> WordList:
        """Replace the list that was seen. Raises InvalidBody, Conflict WORDS_CHANGED."""
        block, review = (tuple(sorted({word.strip() for word in some} - {""})) for some in (words.block, words.review))
        if len(block) + len(review) > MAX_WORDS:
            raise InvalidBody("TOO_MANY_WORDS", f"词语最多 {MAX_WORDS} 个")
        for field, some in (("block", block), ("review", review)):
            wrong = next((word for word in some if len(word) > MAX_WORD_CHARACTERS or not skeleton(word)), None)
            if wrong is not None:
                raise InvalidBody("WORD_WRONG", f"“{wrong[:MAX_WORD_CHARACTERS]}”没有文字或太长", field=field)
        kept = WordList(block, review, words.rev + 1)
        fields = {"block": list(block), "review": list(review), "rev": kept.rev}
        if words.rev:
            changed = (await self._lists.update_one({"_id": LIST, "rev": words.rev}, {"$set": fields})).matched_count == 1
        else:
            try:
                await self._lists.insert_one({"_id": LIST, **fields})
                changed = True
            except DuplicateKeyError:
                changed = False
        if not changed:
            raise Conflict("WORDS_CHANGED", "词库刚刚被别人改过，请刷新后再改")
        await self._revision.rise()
        self._filter.forget()
        return kept

    async def _read(self) -> WordFilter:
        return await asyncio.to_thread(WordFilter, await self.current())
