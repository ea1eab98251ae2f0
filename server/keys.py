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


# That the platform was just asked whether a citizen's session_key is still in force, and it is. Owner: server/encrypted_data.py.
# Fails closed. Ten seconds: a page that sends nonsense costs the platform no more than six questions a minute.
MINIPROGRAM_SESSION_CHECKED_SECONDS = 10


def miniprogram_session_checked(citizen: int) -> str:
    return f"login:miniprogram:{citizen}:checked"


# How often a citizen gave her phone number on a day. Owner: server/phones.py. Fails closed: none is taken without Redis.
# Two days: longer than the day that is counted.
PHONE_ASKS_SECONDS = 2 * 86400


def phone_asks(citizen: int, day: str) -> str:
    return f"phone:asks:{citizen}:{day}"


# How many files of a citizen were looked at on a day. Owner: server/photos. Fails closed: none is taken without Redis.
# Two days: longer than the day that is counted.
PHOTO_FILES_SECONDS = 2 * 86400


def photo_files(citizen: int, day: str) -> str:
    return f"photo:files:{citizen}:{day}"


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


def platform_quota(appid: str) -> str:
    """The endpoints whose daily quota is spent (path to seconds since 1970), until the next Shanghai midnight or a clear by hand."""
    return f"wechat:{{{appid}}}:quotas"


# Visits by channel. Owner: server/visits. Life: 3 days, flushed to MongoDB each minute. Fail open: a lost visit is not counted.
def visits(what: str, day: str) -> str:
    """Channel to visits of one day (hash)."""
    return f"visits:{what}:{day}"


# That a citizen has just handed in a sheet of a quiz (string), so that one sent again is not in the figures twice. It says nothing of her
# answers. Owner: server/quizzes.py. Fails open. Ten minutes: her participation follows within seconds, and tells from then on.
QUIZ_SHEET_SECONDS = 600


def quiz_sheet(slug: str, citizen: int) -> str:
    return f"quiz:sheet:{slug}:{citizen}"


# Who has a campaign's draft open: name to the second until which she is believed to (hash). Owner: server/releases/presence.py. Fails
# open. 60 s: a page tells every 20 s, so two lost calls do not make anybody vanish.
EDITING_SECONDS = 60


def editing(slug: str) -> str:
    return f"editing:{slug}"


# How often school codes were tried: by a citizen on a day, and wrongly for a school in an hour. Owner: server/schools. Fails closed: nobody
# is authorised without Redis. Two days: longer than the day that is counted.
SCHOOL_TRIES_SECONDS = 2 * 86400


def school_tries(citizen: int, day: str) -> str:
    return f"school:tries:{citizen}:{day}"


def school_wrong(campaign: str, unit: str, hour: int) -> str:
    return f"school:wrong:{campaign}:{unit}:{hour}"


# Which reviewer has which item before her: token to "millisecond owner" (hash). Owner: server/reviewing/locks.py. Fails open: of two
# verdicts one counts anyway. Twice the life of one lock.
REVIEW_LOCKS_SECONDS = 120


def review_locks(slug: str) -> str:
    return f"review:locks:{slug}"


# How often a citizen reported something on a day. Owner: server/reviewing/complaints.py. Fails open. Two days: longer than the day that
# is counted.
COMPLAINT_ASKS_SECONDS = 2 * 86400


def complaint_asks(citizen: int, day: str) -> str:
    return f"complaint:asks:{citizen}:{day}"


# How many messages a robot was asked to say in a minute of the clock (string). Owner: server/robots.py. Fails open: each process counts by
# itself. Two minutes: longer than the minute that is counted.
ROBOT_TURNS_SECONDS = 120


def robot_turns(robot: str, minute: int) -> str:
    return f"robot:{robot}:{minute}"


# That a part's alarm was told (string: `kept` where MongoDB has the alarm, else the process that told it while MongoDB is away). Owner:
# server/alarms. Fails open: told twice.
# A day: longer than any outage that nobody ended.
ALARM_TOLD_SECONDS = 86400


def alarm_told(part: str) -> str:
    return f"alarm:told:{part}"


# What each process tells of itself: owner to row (hash of JSON). Owner: server/health/rows.py. Fails open: without it the parts of health
# that come from rows are unknown, and Prometheus keeps the list that it had. A quarter of an hour after the last one that told anything.
PROCESSES = "processes"
PROCESSES_SECONDS = 900
