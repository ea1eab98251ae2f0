"""The mini-program's endpoints: phone numbers by code, sessions and what they encrypt, codes, links, and typing.

Owns: `/wxa/...`, `/cgi-bin/message/custom/typing`, and two controls that do what a phone does: a code for her number, data encrypted
with the session_key of her last login.
Does not own: logins (oauth.py), tokens (tokens.py).
Invariants: a code for a number is good once, for five minutes, and is no login code; an older session_key opens nothing that was
encrypted after a newer login; a picture answers as bytes, a refusal as JSON.

The release of every mini-program here has the pages that PAGE matches, and its category may make short links.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import re
import secrets
from typing import Any

import qrcode
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from server.sandbox import launches, oauth
from server.sandbox.accounts import CUSTOM_SEND, MINI_CODE, MINI_LINK, PHONE, SESSION, Account
from server.sandbox.citizens import BadRequest
from server.sandbox.control import Control
from server.sandbox.crypto import same
from server.sandbox.endpoints import Base, Endpoint
from server.sandbox.errcodes import WeChatRefusal
from server.sandbox.platform import Platform
from server.sandbox.store import Citizen

PHONE_CODE = "phone"
PAGE = re.compile(r"pages/[a-z0-9_]+/[a-z0-9_]+")
SCENE_MAX, SCENE = 32, re.compile(r"[0-9a-zA-Z!#$&'()*+,/:;=?@._~-]+")
QUERY_MAX, QUERY = 1024, re.compile(r"[0-9a-zA-Z!#$&'()*+,/:;=?@._~%-]*")
ENV_VERSIONS = ("release", "trial", "develop")
MIN_WIDTH, MAX_WIDTH, USUAL_WIDTH = 280, 1280, 430
CODES_PER_MINUTE = 5000
MAX_LINK_DAYS, LINKS_PER_DAY, SHORT_LINKS_PER_DAY = 30, 500_000, 1_000_000
DAY_SECONDS = 86400
RESETS_PER_MINUTE = 60_000
# She must have written within 30 s, and is shown it for 15 s.
TALKED_SECONDS, TYPING_SECONDS = 30, 15


# Phone numbers and sessions

class PhoneNumber(Endpoint):
    def posted(self) -> dict[str, Any]:
        account, body = self.account(PHONE), self.body()
        code, openid = body.get("code"), body.get("openid")
        row = self.platform.store.code(code) if isinstance(code, str) else None
        if row is None or openid is not None and openid != row["openid"]:
            raise WeChatRefusal(40029)
        if row["appid"] != account.appid:
            raise WeChatRefusal(40013)
        try:
            openid, _, _ = oauth.redeem(self.platform, account, str(code), PHONE_CODE)
        except WeChatRefusal as refusal:  # also for one that was used: this endpoint has no word of its own for it
            raise WeChatRefusal(40029) from refusal
        number = self.platform.store.phone(openid, made_number())
        return {"errcode": 0, "errmsg": "ok", "phone_info": {
            "phoneNumber": number, "purePhoneNumber": number, "countryCode": 86,
            "watermark": {"timestamp": int(self.platform.now()), "appid": account.appid}}}


def made_number() -> str:
    """Nobody's: mobile numbers begin with 13 to 19."""
    return f"12{secrets.randbelow(10**9):09d}"


def checked_session(endpoint: Endpoint, account: Account) -> str:
    """The openid of a signature that was made with her session_key of now. Raises WeChatRefusal."""
    query = endpoint.query()
    openid = query.get("openid", "")
    if endpoint.platform.store.citizen_of(openid, account.appid) is None:
        raise WeChatRefusal(40003)
    if query.get("sig_method") != "hmac_sha256":
        raise WeChatRefusal(87008)
    key = endpoint.platform.store.session_key(openid)
    if key is None:
        raise WeChatRefusal(87007)
    if not same(hmac.new(key.encode(), b"", hashlib.sha256).hexdigest(), query.get("signature", "")):
        raise WeChatRefusal(87009)
    return openid


class CheckSession(Endpoint):
    def asked(self) -> dict[str, Any]:
        checked_session(self, self.account(SESSION))
        return {"errcode": 0, "errmsg": "ok"}


class ResetSession(Endpoint):
    def asked(self) -> dict[str, Any]:
        account = self.account(SESSION)
        self.platform.spend_quota(f"reset-minute:{account.appid}", 60, RESETS_PER_MINUTE, 45011)
        openid = checked_session(self, account)
        key = oauth.made_session_key()
        self.platform.store.set_session_key(openid, key)
        return {"errcode": 0, "errmsg": "ok", "openid": openid, "session_key": key}


# Codes and links

class MiniCode(Endpoint):
    """Its picture is a plain QR code that says what a real code hides: account, page and scene."""

    def post(self) -> None:
        try:
            picture = self._picture(self.account(MINI_CODE), self.body(raw_utf8=True))
        except WeChatRefusal as refusal:
            self.write_json(refusal.body(), self.content_type)
            return
        self.set_header("Content-Type", "image/jpeg")
        self.finish(picture)

    def _picture(self, account: Account, body: dict[str, Any]) -> bytes:
        scene, page, width = body.get("scene"), body.get("page", "pages/index/index"), body.get("width", USUAL_WIDTH)
        if not isinstance(scene, str) or not 1 <= len(scene) <= SCENE_MAX:
            raise WeChatRefusal(40169)
        if not SCENE.fullmatch(scene):
            raise WeChatRefusal(40129)
        if body.get("env_version", "release") not in ENV_VERSIONS or not isinstance(width, int) or not MIN_WIDTH <= width <= MAX_WIDTH:
            raise WeChatRefusal(40097)
        if not isinstance(page, str) or page.startswith("/") or "?" in page or body.get("check_path", True) and not PAGE.fullmatch(page):
            raise WeChatRefusal(41030)
        self.platform.spend_quota(f"codes-minute:{account.appid}", 60, CODES_PER_MINUTE, 45009)
        picture = io.BytesIO()
        code = qrcode.make(launches.code_text(account, page, scene)).convert("RGB").resize((width, width))
        code.save(picture, "JPEG", quality=90)
        return picture.getvalue()


def link_target(wanted: Any) -> None:
    """Raises WeChatRefusal for a page or query that a link cannot lead to."""
    if not isinstance(wanted, dict):
        raise WeChatRefusal(40097)
    path, query = wanted.get("path", ""), wanted.get("query", "")
    if not isinstance(path, str) or path and not PAGE.fullmatch(path.removeprefix("/")):
        raise WeChatRefusal(40165)
    if not isinstance(query, str) or len(query) > QUERY_MAX or not QUERY.fullmatch(query):
        raise WeChatRefusal(40212)
    if wanted.get("env_version", "release") not in ENV_VERSIONS:
        raise WeChatRefusal(40097)


def link_end(platform: Platform, body: dict[str, Any]) -> float:
    """When a link ends, by its own rule. Raises WeChatRefusal."""
    if body.get("expire_type", 0) == 1:
        days = body.get("expire_interval")
        if not isinstance(days, int) or not 1 <= days <= MAX_LINK_DAYS:
            raise WeChatRefusal(85402)
        return platform.now() + days * DAY_SECONDS
    end = body.get("expire_time")
    if not isinstance(end, int) or not platform.now() + 60 <= end <= platform.now() + MAX_LINK_DAYS * DAY_SECONDS:
        raise WeChatRefusal(85401)
    return float(end)


class UrlLink(Endpoint):
    def posted(self) -> dict[str, Any]:
        account, body = self.account(MINI_LINK), self.body(raw_utf8=True)
        link_target(body)
        end = link_end(self.platform, body)
        self.platform.spend_quota(f"links-day:{account.appid}", DAY_SECONDS, LINKS_PER_DAY, 45009)
        address = f"https://wxaurl.cn/{secrets.token_urlsafe(8)}"
        launches.keep_link(self.platform, account, address, body.get("path", ""), body.get("query", ""), end)
        return {"errcode": 0, "errmsg": "ok", "url_link": address}


class UrlScheme(Endpoint):
    def posted(self) -> dict[str, Any]:
        account, body = self.account(MINI_LINK), self.body(raw_utf8=True)
        wanted = body.get("jump_wxa", {})
        link_target(wanted)
        end = link_end(self.platform, body)
        # Links and schemes share one quota.
        self.platform.spend_quota(f"links-day:{account.appid}", DAY_SECONDS, LINKS_PER_DAY, 45009)
        address = f"weixin://dl/business/?t={secrets.token_hex(8)}"
        launches.keep_link(self.platform, account, address, wanted.get("path", ""), wanted.get("query", ""), end)
        return {"errcode": 0, "errmsg": "ok", "openlink": address}


class ShortLink(Endpoint):
    def posted(self) -> dict[str, Any]:
        account, body = self.account(MINI_LINK), self.body(raw_utf8=True)
        page, title = body.get("page_url"), body.get("page_title", "")
        if not isinstance(page, str) or len(page) > QUERY_MAX or not PAGE.fullmatch(page.partition("?")[0].removeprefix("/")):
            raise WeChatRefusal(40066)
        if not isinstance(title, str):
            raise WeChatRefusal(40225)
        self.platform.spend_quota(f"short-links-day:{account.appid}", DAY_SECONDS, SHORT_LINKS_PER_DAY, 45009)
        address = f"#小程序://{account.name}/{title[:20] or '首页'}/{secrets.token_urlsafe(8)}"
        path, _, query = page.partition("?")
        launches.keep_link(self.platform, account, address, path, query, self.platform.now() + MAX_LINK_DAYS * DAY_SECONDS)
        return {"errcode": 0, "errmsg": "ok", "link": address}


# Typing

class Typing(Endpoint):
    """An official account's; the mini-program's stands under another path, and each refuses the other."""

    kinds: tuple[str, ...] = ("certified_subscription", "certified_service")

    def posted(self) -> dict[str, Any]:
        account, body = self.account(CUSTOM_SEND), self.body()
        citizen = self.platform.store.citizen_of(str(body.get("touser", "")), account.appid)
        if account.kind not in self.kinds:
            raise WeChatRefusal(40200)
        if citizen is None:
            raise WeChatRefusal(40003)
        if body.get("command") not in ("Typing", "CancelTyping"):
            raise WeChatRefusal(45072)
        self._type(account, citizen, body["command"] == "Typing")
        return {"errcode": 0, "errmsg": "ok"}

    def _type(self, account: Account, citizen: Citizen, starts: bool) -> None:
        platform, who, now = self.platform, (account.appid, citizen.key), self.platform.clock()
        written = [line for line in platform.store.lines(citizen.key, sender="citizen", limit=20) if line["appid"] == account.appid]
        if not written or now - written[-1]["at"] > TALKED_SECONDS:
            raise WeChatRefusal(45080)
        if not starts:
            platform.typing.pop(who, None)
            platform.wake(citizen)
            return
        if platform.typing.get(who, 0.0) > now:
            raise WeChatRefusal(45081)
        platform.typing[who] = now + TYPING_SECONDS
        platform.wake(citizen)


class MiniTyping(Typing):
    kinds = ("miniprogram",)


# What a phone does

class PhoneCode(Control):
    """The code that a tap on the button for her number gives the page."""

    def post(self) -> None:
        body = self.body()
        account, citizen = self._mini(body), self.citizen(str(body.get("openid", "")))
        openid, code = self.platform.store.openid(citizen.key, account.appid), secrets.token_hex(32)
        self.platform.store.add_code(code, account.appid, openid, PHONE_CODE, "", False, self.platform.now())
        self.write_json({"code": code})

    def _mini(self, body: dict[str, Any]) -> Account:
        account = self.platform.account(str(body.get("account", "miniprogram")))
        if account is None or not account.may(SESSION):
            raise BadRequest("no mini-program account")
        return account


class Encrypted(PhoneCode):
    """Data as wx gives it to a page: encrypted with the session_key of her last login, with the signature of its plain text.
    `watermark` changes what stands in the watermark."""

    def post(self) -> None:
        body = self.body()
        account, citizen, data = self._mini(body), self.citizen(str(body.get("openid", ""))), body.get("data")
        key = self.platform.store.session_key(self.platform.store.openid(citizen.key, account.appid))
        watermark = body.get("watermark", {})
        if not isinstance(data, dict) or not isinstance(watermark, dict):
            raise BadRequest("data and watermark are objects")
        if key is None:
            raise BadRequest("she has not logged in")
        raw = json.dumps(data, ensure_ascii=False)
        mark = {"timestamp": int(self.platform.now()), "appid": account.appid} | watermark
        iv = secrets.token_bytes(16)
        self.write_json({
            "rawData": raw, "signature": hashlib.sha1((raw + key).encode()).hexdigest(), "iv": base64.b64encode(iv).decode(),
            "encryptedData": encrypted(json.dumps(data | {"watermark": mark}, ensure_ascii=False).encode(), key, iv)})


def encrypted(text: bytes, session_key: str, iv: bytes) -> str:
    """AES-128-CBC, padded to blocks of 16."""
    count = 16 - len(text) % 16
    encryptor = Cipher(algorithms.AES(base64.b64decode(session_key)), modes.CBC(iv)).encryptor()
    return base64.b64encode(encryptor.update(text + bytes([count]) * count) + encryptor.finalize()).decode()


ROUTES: list[tuple[str, type[Base]]] = [
    (r"/wxa/business/getuserphonenumber", PhoneNumber),
    (r"/wxa/checksession", CheckSession),
    (r"/wxa/resetusersessionkey", ResetSession),
    (r"/wxa/getwxacodeunlimit", MiniCode),
    (r"/wxa/generate_urllink", UrlLink),
    (r"/wxa/generatescheme", UrlScheme),
    (r"/wxa/genwxashortlink", ShortLink),
    (r"/cgi-bin/message/custom/typing", Typing),
    (r"/cgi-bin/message/custom/business/typing", MiniTyping),
    (r"/sandbox/phone-code", PhoneCode),
    (r"/sandbox/encrypted", Encrypted),
]
