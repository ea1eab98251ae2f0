"""Every Redis key on one screen: a function each, with owner, lifetime and what loses when it is lost.

Counting keys of one shard carry one hash tag, so that one script changes them together. `tag` is
`{campaign:period:shard:suffix}`; the suffix is searched so that shards fall evenly on a cluster's masters.
"""

from __future__ import annotations

from functools import lru_cache

from redis.crc import key_slot

# Redis Cluster always has 16,384 slots.
SLOTS = 16384


# A shard's keys. Owner: server/counting. Life: from the period's opening until the campaign is archived.
# Fail closed: without them the shard answers SHARD_NOT_READY until it is rebuilt from MongoDB.
@lru_cache(maxsize=4096)
def shard_tag(campaign: str, period: str, shard: int, shards: int) -> str:
    """The hash tag of one shard; its slot lies in the shard's own equal part of all slots."""
    for suffix in range(1 << 20):  # a part of 1/shards is hit after about `shards` tries
        tag = f"{campaign}:{period}:{shard}:{suffix}"
        if key_slot(tag.encode()) * shards // SLOTS == shard:
            return "{" + tag + "}"
    raise ValueError(f"no slot found for shard {shard} of {shards}")


def shard_keys(tag: str) -> tuple[str, str, str, str, str]:
    """meta (hash), totals (hash), minutes (hash), units (hash) and journal (stream) of a shard."""
    return (f"count:{tag}:meta", f"count:{tag}:totals", f"count:{tag}:minutes", f"count:{tag}:units", f"count:{tag}:journal")


def shard_page(tag: str, page: int) -> str:
    """One page of 4,096 cells (string of 57,344 bytes)."""
    return f"count:{tag}:page:{page}"


# The session_key of a citizen's last mini-program login, sealed. Owner: server/web_login.py. Fails open: the next login
# brings a new one. A day: the platform names no lifetime and replaces it at any wx.login; nobody keeps a page open longer.
MINIPROGRAM_SESSION_SECONDS = 86400


def miniprogram_session(citizen: int) -> str:
    return f"login:miniprogram:{citizen}:session_key"


# Callbacks of WeChat. Owner: server/official. Life: WENMING_CALLBACK_MAX_AGE_SECONDS and 60 s, 24 h where that is 0; a claim
# whose process died 6 s. No openid: `digest` is a keyed hash. Fail open: without them a repeat is answered anew.
def callback_answer(digest: str) -> str:
    """What was answered to a message (JSON without addresses), or the mark of who is answering it (string)."""
    return f"callback:answer:{digest}"


def callback_body(digest: str) -> str:
    """The digest of the one body that a signature and nonce were used with (string)."""
    return f"callback:body:{digest}"


# What the platform gave us. Owner: server/wechat. Life as noted. Fail open within bounds: a process goes on with its own copy.
def platform_value(appid: str, name: str) -> str:
    """access_token or jsapi_ticket: JSON of value and expiry, until it expires."""
    return f"wechat:{{{appid}}}:value:{name}"


def platform_lock(appid: str, name: str) -> str:
    """Who is fetching that value, 20 s at most."""
    return f"wechat:{{{appid}}}:lock:{name}"


def platform_forced(appid: str, day: str) -> str:
    """How often the token was renewed by force on that day (the platform allows 20), two days."""
    return f"wechat:{{{appid}}}:forced:{day}"


def platform_forced_lately(appid: str) -> str:
    """That the token was renewed by force within the last 60 s."""
    return f"wechat:{{{appid}}}:forced-lately"


def platform_stopped(appid: str) -> str:
    """The errcode that says that the account is configured wrongly: no fetching for 300 s."""
    return f"wechat:{{{appid}}}:stopped"


def platform_quota(appid: str, path: str) -> str:
    """That an endpoint's daily quota is spent, until the next Shanghai midnight."""
    return f"wechat:{{{appid}}}:quota:{path}"


# Visits by channel. Owner: server/visits. Life: 3 days, flushed to MongoDB each minute. Fail open: a lost visit is not counted.
def visits(campaign: str, day: str) -> str:
    """Channel to visits of one day (hash)."""
    return f"visits:{campaign}:{day}"
