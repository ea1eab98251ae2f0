"""Notices 通知: what the city tells citizens of its own accord: template messages and subscription notices, once each.

Owns: `notices` (one document a citizen and batch), `notice_batches` (what is said), `grants` (how often a citizen allowed a template),
`notice_reports` (what the platform told before its answer named the notice).
notice.py (records), store.py (their collections), sender.py (the way out, and what each refusal of the platform means).
Does not own: answers to messages (server/replies), who a citizen is on the platform (server/citizens).
Invariants: a notice is kept before it is sent, and sent only by the job; a citizen gets one of a batch, whatever is repeated or killed;
a subscription notice spends one grant; a failure changes nothing of what the notice tells about.
"""

from __future__ import annotations

from server.notices.notice import Batch, BatchNotFound, Progress
from server.notices.sender import NoticeSender
from server.notices.service import Notices
from server.notices.store import GrantStore, NoticeStore

__all__ = ["Batch", "BatchNotFound", "GrantStore", "NoticeSender", "NoticeStore", "Notices", "Progress"]
