"""Two sources of verdicts: our own words, and the platform. The third is provider.py."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from server.citizens import OpenidOf
from server.moderation.verdict import NotYet, Part, Piece, Result, Source, Verdict
from server.personal_data import SUSPECTED
from server.wechat.client import Client
from server.wechat.errors import NotVisited, QuotaSpent, WeChatError, pause_seconds
from server.wechat.security import COMMENT, MAX_TEXT_CHARACTERS, PROFILE, Checked, Suggestion, check_text
from server.words import Words

logger = logging.getLogger(__name__)

SCENES: dict[Part, int] = {"message": COMMENT, "name": PROFILE}
RESULTS: dict[Suggestion, Result] = {"pass": "pass", "review": "review", "risky": "block"}
WORSE: tuple[Suggestion, ...] = ("pass", "review", "risky")


class OwnWords:
    """Our list as it is now: it may have grown since she wrote. Which word it was is not kept; reviewers see it by the list of their day.
    That somebody's number was found is, without the number.
    """

    source: Source = "words"

    def __init__(self, words: Words) -> None:
        self._words = words

    async def look(self, piece: Piece) -> Verdict:
        found = await self._words.look(piece.text)
        labels = (SUSPECTED,) if SUSPECTED in found.review else ()
        return Verdict(self.source, piece.part, "block" if found.block else "review" if found.review else "pass", labels)

    async def close(self) -> None:
        """It holds nothing open."""


class Platform:
    """msg_sec_check. `clients`: of the mini-programs, the main one first; `openid_of(citizen, appid)`: where she is on that one.

    Failure policy: who is in none of them, or has not opened one within two hours, is skipped; a busy platform is asked again later; any
    other refusal is no verdict. All of them leave the text to people.
    """

    source: Source = "wechat"

    def __init__(self, clients: Sequence[Client], openid_of: OpenidOf) -> None:
        self._clients = tuple(clients)
        self._openid_of = openid_of

    async def look(self, piece: Piece) -> Verdict:
        for client in self._clients:
            openid = await self._openid_of(piece.citizen, client.appid)
            if openid is None:
                continue
            try:
                checked = await self._check(client, openid, piece)
            except NotVisited:
                continue
            except WeChatError as error:
                # A day's quota comes back at midnight, when her last visit is too long ago for a check.
                pause = None if isinstance(error, QuotaSpent) else pause_seconds(error)
                if pause is not None:
                    raise NotYet(pause) from None
                logger.warning("the platform gave no verdict: %s, errcode %d", error.code, error.errcode)
                return Verdict(self.source, piece.part, "none")
            labels = (checked.label,) if checked.label else ()
            return Verdict(self.source, piece.part, RESULTS[checked.suggestion], labels, checked.trace_id)
        return Verdict(self.source, piece.part, "skipped")

    async def _check(self, client: Client, openid: str, piece: Piece) -> Checked:
        """A long text is asked in stretches; the worst of them counts."""
        found = [await check_text(client, openid, SCENES[piece.part], piece.text[start:start + MAX_TEXT_CHARACTERS])
                 for start in range(0, len(piece.text), MAX_TEXT_CHARACTERS)]
        return max(found, key=lambda checked: WORSE.index(checked.suggestion))

    async def close(self) -> None:
        """The clients are the accounts', who close them."""
