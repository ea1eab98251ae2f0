"""Content moderation 内容审核: what machines say of what a citizen wrote or took, before people decide.

Owns: the order in which sources are asked (our words, the platform, a provider of the city's), what their verdicts come to, and
`media_checks`. verdict.py (records and their words), checkers.py and provider.py (the sources), service.py (the job), media.py
(pictures and sound). Does not own: the texts (server/messages.py keeps them and what was said of them), the list of words
(server/words.py), the platform's protocol (server/wechat/security.py).
Invariants: nobody waits for a verdict who posts something; nothing becomes public by a machine's verdict; what a machine turned down a
person may let through; a text has one verdict of each source, whatever is killed or raced; no log holds a text.

Failure policy: closed towards the public, open towards people: a verdict that did not come leaves a text where reviewers look anyway.
"""

from __future__ import annotations

from server.moderation.checkers import OwnWords, Platform
from server.moderation.media import MediaCheck, MediaChecks, MediaCheckStore
from server.moderation.provider import Provider
from server.moderation.service import Moderation

__all__ = ["MediaCheck", "MediaCheckStore", "MediaChecks", "Moderation", "OwnWords", "Platform", "Provider"]
