"""How often each call was made today, what is allowed, the clears of the month, and what is remembered of refused requests.

Owns: daily limits by path, counting, `clear_quota` and the memory of `openapi/rid/get`.
Does not own: the endpoints (management.py), the quotas of tokens (tokens.py), though a clear empties those too.
Invariants: a day ends at Shanghai's midnight; a clear counts only when it takes effect; ten of them a month for both ways together.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

from server.sandbox.accounts import Account
from server.sandbox.errcodes import WeChatRefusal
from server.sandbox.platform import Platform

SHANGHAI = timezone(timedelta(hours=8))
CLEARS_PER_MONTH = 10
# The limits of a certified account, as its page of permissions shows them.
DAILY = {
    "/cgi-bin/ticket/getticket": 1_000_000, "/cgi-bin/message/custom/send": 500_000, "/cgi-bin/message/template/send": 100_000,
    "/cgi-bin/menu/create": 1000, "/cgi-bin/menu/get": 10_000, "/cgi-bin/menu/addconditional": 2000, "/cgi-bin/menu/delconditional": 2000,
    "/cgi-bin/qrcode/create": 100_000, "/cgi-bin/user/info": 500_000, "/cgi-bin/callback/check": 1440}
OTHERS_DAILY = 100_000
# What the product is told of requests may be asked for within seven days.
RID_SECONDS = 7 * 86400
MAX_REMEMBERED = 1000


def _day(platform: Platform) -> int:
    return int((platform.now() + 8 * 3600) // 86400)


def limit_of(platform: Platform, account: Account, path: str) -> int:
    return platform.daily_limits.get((account.appid, path), DAILY.get(path, OTHERS_DAILY))


def spend(platform: Platform, account: Account, path: str) -> None:
    """Count a call. Raises WeChatRefusal past the day's limit."""
    if platform.store.count(f"calls:{account.appid}:{path}", _day(platform)) > limit_of(platform, account, path):
        raise WeChatRefusal(45009)


def quota(platform: Platform, account: Account, path: str) -> dict[str, int]:
    """The day's figures of a path."""
    if path == "/cgi-bin/stable_token":
        limit, used = 500_000, platform.store.counted(f"stable-day:{account.appid}", int(platform.now() // 86400))
    else:
        limit, used = limit_of(platform, account, path), platform.store.counted(f"calls:{account.appid}:{path}", _day(platform))
    return {"daily_limit": limit, "used": min(used, limit), "remain": max(0, limit - used)}


def clear(platform: Platform, account: Account) -> None:
    """Every count of the day from nothing again. Raises WeChatRefusal when the month's clears are used up."""
    moment = datetime.fromtimestamp(platform.now(), SHANGHAI)
    name, month = f"clears:{account.appid}", moment.year * 12 + moment.month
    if platform.store.counted(name, month) >= CLEARS_PER_MONTH:
        raise WeChatRefusal(48006)
    platform.store.count(name, month)
    platform.store.forget_counts(f"calls:{account.appid}:%", f"stable-day:{account.appid}")


def remember(platform: Platform, request: Any, body: dict[str, object]) -> None:
    """A refused request, by the rid of its answer, for whom it came from."""
    found = re.search(r"rid: (\S+)", str(body.get("errmsg", "")))
    token = platform.store.token((request.query_arguments.get("access_token") or [b""])[-1].decode("ascii", "replace"))
    if found is None or token is None:
        return
    platform.refused[found[1]] = {"appid": token["appid"], "at": platform.now(), "request": {
        "invoke_time": int(platform.now()), "cost_in_ms": int(1000 * request.request_time()), "request_url": urlsplit(request.uri).query,
        "request_body": request.body.decode("utf-8", "replace"), "response_body": json.dumps(body), "client_ip": request.remote_ip}}
    while len(platform.refused) > MAX_REMEMBERED:
        platform.refused.pop(next(iter(platform.refused)))


def remembered(platform: Platform, account: Account, rid: str) -> dict[str, Any]:
    """What a refused request was. Raises WeChatRefusal."""
    if not re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}", rid):
        raise WeChatRefusal(76002)
    found = platform.refused.get(rid)
    if found is None or platform.now() - found["at"] > RID_SECONDS:
        raise WeChatRefusal(76001)
    if found["appid"] != account.appid:
        raise WeChatRefusal(76003)
    request: dict[str, Any] = found["request"]
    return request
