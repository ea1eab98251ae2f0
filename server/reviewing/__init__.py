"""Review 内容审核: what people decide on what citizens wrote or took, and what they answer for it.

item.py (one thing, and what a source of things offers: a further one is one entry in wiring.py), message_source.py (messages and names),
photo_source.py (photos),
desk.py (queue, verdicts, second look, taking down), locks.py (who looks at what), reasons.py and rules.py (what admins set), fallback.py
(presets alone while reviewers cannot keep up), bans.py (who may not write), writers.py (what is asked before anything is written),
records.py (who wrote it, opened by two), likeness.py (near-duplicates), complaints.py (举报), events.py and case_files.py (an item's life),
wall.py (what phones see). Machines' verdicts are server/moderation's.
"""

from __future__ import annotations

from server.reviewing.photo_source import PhotoSource
from server.reviewing.wiring import Reviewing, reviewing_of

__all__ = ["PhotoSource", "Reviewing", "reviewing_of"]
