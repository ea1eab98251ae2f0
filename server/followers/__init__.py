"""Followers 关注者: what an official account knows of the people who follow it, by AppID and citizen number.

Owns: record.py (what is kept of one follower, and the errors), store.py (`followers`, `follower_tags`, `follower_jobs`), events.py
(following and leaving), profiles.py (what the platform knows of who followed, the unionid first of all), service.py (tags, blacklist,
remarks), refresh.py (the whole list, against lost events), moves.py (an account whose followers got other openids).
Does not own: openids (they stand sealed in `identities`, server/citizens), merging of numbers, menus for a tag.
Invariants: whether somebody follows is what the newest event says, in whatever order and however often events arrive; no openid stands in
any document here; nickname and picture, which the platform no longer gives, are not kept; who left keeps nothing but that and when.
[doc/service/api/usermanage: userinfo, tag; changeopenid]

Failure policy: an event that MongoDB does not take fails open (she is answered all the same), is logged and counted, and a refresh
repairs it. What staff ask fails closed: a refusal of the platform is shown. Jobs take up where they were killed.

A blacklisted citizen 黑名单: the platform decides what passes between her and the account. Ours changes nothing else: what of hers reaches
us is answered as anybody's, and her participation counts as anybody's.
"""

from __future__ import annotations

from server.followers.events import FollowerEvents
from server.followers.record import BLACKLIST, Follower, FollowerNotFound
from server.followers.service import Followers
from server.followers.store import FollowerStore

__all__ = ["BLACKLIST", "Follower", "FollowerEvents", "FollowerNotFound", "FollowerStore", "Followers"]
