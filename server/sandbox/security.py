"""The content checks of the platform, version 2, and a moderation provider of the simulated city.

Owns: `/wxa/msg_sec_check`, `/wxa/media_check_async` and its event, `/sandbox/media-verdicts`, `/sandbox/moderation`; the words that they
find. Does not own: logins (oauth.py), sending (delivery.py).
Invariants: nothing is checked in the name of a person who has not logged in to this mini-program within two hours; a picture's verdict
comes as one signed event, by itself after a moment or when a test says which.

The provider is asked with `X-Wenming-Signature: sha256=<hex>`, HMAC-SHA256 of the body under the main account's AppSecret.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import Any

from server.sandbox.accounts import CONTENT_CHECK, Account
from server.sandbox.callbacks import build
from server.sandbox.citizens import BadRequest
from server.sandbox.control import Control
from server.sandbox.crypto import same
from server.sandbox.delivery import Delivery
from server.sandbox.endpoints import Base, Endpoint
from server.sandbox.errcodes import WeChatRefusal
from server.sandbox.platform import Platform

VISITED_SECONDS = 2 * 3600
MAX_CONTENT_CHARACTERS = 2500
SCENES = (1, 2, 3, 4)
TEXTS_PER_MINUTE, TEXTS_PER_DAY = 4000, 2_000_000
MEDIA_PER_MINUTE, MEDIA_PER_DAY = 2000, 200_000
AUDIO, IMAGE = 1, 2
DAY_SECONDS = 86400
NORMAL = 100
# What the simulated platform finds in a text: word -> suggest and label (10001 advertising, 20006 crime, 20008 fraud).
WORDS = {"代开发票": ("risky", 20006), "刷单返利": ("risky", 20008), "免费领取": ("review", 10001), "加群": ("review", 10001)}
# What it finds in a picture or sound: part of the address -> suggest and label.
ADDRESSES = {"risky": ("risky", 20002), "review": ("review", 21000)}
# What the simulated provider finds: word -> verdict and label.
PROVIDER_WORDS = {"赌场": ("block", "赌博"), "内部消息": ("review", "不实信息")}
# A platform that looks at once would hide what a product does while it waits.
MOMENT_SECONDS = 1.0
# The newest checks; a test asks for a verdict soon.
MAX_KEPT = 10_000
SUGGESTS = ("pass", "review", "risky")


@dataclass(frozen=True)
class MediaCheck:
    """A picture or sound that waits for its event."""

    account: Account
    openid: str
    trace_id: str
    url: str


class TextCheck(Endpoint):
    """POST /wxa/msg_sec_check."""

    def posted(self) -> dict[str, Any]:
        account, body = self.account(CONTENT_CHECK), self.body(raw_utf8=True)
        content = body.get("content")
        if not isinstance(content, str) or not content:
            raise WeChatRefusal(44004)
        if len(content) > MAX_CONTENT_CHARACTERS:
            raise WeChatRefusal(45002)
        check_person(self.platform, account, body)
        self.platform.spend_quota(f"text-check-minute:{account.appid}", 60, TEXTS_PER_MINUTE, 45011)
        self.platform.spend_quota(f"text-check-day:{account.appid}", DAY_SECONDS, TEXTS_PER_DAY, 45009)
        suggest, label, word = next(((*found, word) for word, found in WORDS.items() if word in content), ("pass", NORMAL, ""))
        keyword = {"strategy": "keyword", "errcode": 0, "suggest": suggest, "label": label, "keyword": word, "level": 90}
        model = {"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}
        return {"errcode": 0, "errmsg": "ok", "detail": [model, *([keyword] if word else [])], "trace_id": made_trace_id(),
                "result": {"suggest": suggest, "label": label}}


class MediaCheckAsync(Endpoint):
    """POST /wxa/media_check_async."""

    def posted(self) -> dict[str, Any]:
        account, body = self.account(CONTENT_CHECK), self.body(raw_utf8=True)
        url = body.get("media_url")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise WeChatRefusal(40066)
        if body.get("media_type") not in (AUDIO, IMAGE):
            raise WeChatRefusal(40097)
        check_person(self.platform, account, body)
        self.platform.spend_quota(f"media-check-minute:{account.appid}", 60, MEDIA_PER_MINUTE, 45011)
        self.platform.spend_quota(f"media-check-day:{account.appid}", DAY_SECONDS, MEDIA_PER_DAY, 45009)
        check = MediaCheck(account, str(body["openid"]), made_trace_id(), url)
        self.platform.media_checks[check.trace_id] = check
        if len(self.platform.media_checks) > MAX_KEPT:
            self.platform.media_checks.pop(next(iter(self.platform.media_checks)))
        if not self.platform.media_verdicts_held:
            soon(self.platform, self.settings["delivery"], check)
        return {"errcode": 0, "errmsg": "ok", "trace_id": check.trace_id}


def check_person(platform: Platform, account: Account, body: dict[str, Any]) -> None:
    """What both checks demand beside their matter. Raises WeChatRefusal."""
    if body.get("version") not in (2, "2"):
        raise WeChatRefusal(40097)
    if body.get("scene") not in SCENES:
        raise WeChatRefusal(40129)
    openid = body.get("openid")
    if not isinstance(openid, str) or not openid:
        raise WeChatRefusal(41009)
    if platform.store.citizen_of(openid, account.appid) is None:
        raise WeChatRefusal(40003)
    visited = platform.store.last_login(account.appid, openid)
    if visited is None or platform.now() - visited > VISITED_SECONDS:
        raise WeChatRefusal(61010)


def made_trace_id() -> str:
    return f"{secrets.token_hex(4)}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"


def soon(platform: Platform, delivery: Delivery, check: MediaCheck) -> None:
    """Its event by itself, after a moment."""

    async def later() -> None:
        await asyncio.sleep(MOMENT_SECONDS)
        await tell(platform, delivery, check, event_of(check))

    task = asyncio.get_running_loop().create_task(later())
    platform.tasks.add(task)
    task.add_done_callback(platform.tasks.discard)


def event_of(check: MediaCheck, suggest: str = "", label: int = 0, errcode: int = 0) -> dict[str, Any]:
    """The event of version 2; without `suggest`, by what is in the address."""
    found = next((verdict for part, verdict in ADDRESSES.items() if part in check.url), ("pass", NORMAL))
    suggest, label = (suggest, label or NORMAL) if suggest else found
    fields: dict[str, Any] = {"MsgType": "event", "Event": "wxa_media_check", "appid": check.account.appid, "trace_id": check.trace_id,
                              "version": 2, "errcode": errcode, "errmsg": "ok" if not errcode else "cannot download"}
    if errcode:
        return fields | {"detail": [], "result": {}}
    detail = {"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}
    return fields | {"detail": [detail], "result": {"suggest": suggest, "label": label}}


async def tell(platform: Platform, delivery: Delivery, check: MediaCheck, fields: dict[str, Any]) -> dict[str, Any]:
    """Send the event, signed and in the account's form."""
    timestamp = int(platform.clock())
    head = {"ToUserName": check.account.original_id, "FromUserName": check.openid, "CreateTime": timestamp}
    account = platform.accounts.by_appid.get(check.account.appid, check.account)
    callback = build(account, check.openid, head | fields, platform.callback, timestamp=timestamp)
    return (await delivery.send(callback)).view()


class MediaVerdicts(Control):
    """GET lists what was asked. POST with trace_id sends its event now, with suggest, label or errcode if they are given, `times` times;
    with hold true or false, events wait to be told so, or come by themselves."""

    def get(self) -> None:
        checks = self.platform.media_checks.values()
        self.write_json({"items": [{"trace_id": check.trace_id, "appid": check.account.appid, "url": check.url} for check in checks],
                         "next": None})

    async def post(self) -> None:
        body = self.body()
        if "hold" in body:
            self.platform.media_verdicts_held = body["hold"] is True
        if "trace_id" not in body:
            return self.get()
        check = self.platform.media_checks.get(str(body["trace_id"]))
        numbers = [body.get(name, default) for name, default in (("label", 0), ("errcode", 0), ("times", 1))]
        if check is None or body.get("suggest", "") not in ("", *SUGGESTS) or not all(isinstance(number, int) for number in numbers):
            raise BadRequest("no such trace_id, or suggest, label, errcode or times is wrong")
        label, errcode, times = numbers
        fields = event_of(check, str(body.get("suggest", "")), label, errcode)
        delivery: Delivery = self.settings["delivery"]
        told = [await tell(self.platform, delivery, check, fields) for _ in range(min(times, 50))]
        return self.write_json({"items": told, "next": None})


class Provider(Base):
    """POST /sandbox/moderation: {"id", "text", "kind"} -> {"verdict", "labels"}. A fault of this path with a status, a pause or an errcode
    (which makes a nonsense answer) hits it as it hits an endpoint."""

    async def prepare(self) -> None:
        fault = self.platform.take_fault(self.request.path)
        if fault is None:
            return
        await asyncio.sleep(fault.hang_seconds)
        if fault.status is not None:
            self.set_status(fault.status)
            self.finish()
        elif fault.errcode is not None:
            self.write_json({"verdict": fault.errcode, "labels": "nonsense"})

    def post(self) -> None:
        key, body = self.platform.accounts.official.secret.encode(), self.request.body
        expected = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
        if not same(expected, self.request.headers.get("X-Wenming-Signature", "")):
            self.set_status(401)
            return self.write_json({"error": "the signature is wrong"})
        try:
            asked = json.loads(body)
        except ValueError:
            asked = None
        if not isinstance(asked, dict) or not all(isinstance(asked.get(name), str) and asked[name] for name in ("id", "text", "kind")):
            self.set_status(400)
            return self.write_json({"error": "id, text and kind are texts"})
        self.platform.moderated.append(asked)
        verdict, label = next((found for word, found in PROVIDER_WORDS.items() if word in asked["text"]), ("pass", ""))
        return self.write_json({"verdict": verdict, "labels": [label] if label else []})


ROUTES: list[tuple[str, type[Base]]] = [
    (r"/wxa/msg_sec_check", TextCheck),
    (r"/wxa/media_check_async", MediaCheckAsync),
    (r"/sandbox/media-verdicts", MediaVerdicts),
    (r"/sandbox/moderation", Provider),
]
