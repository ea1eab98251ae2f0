"""WeChat as this product sees it: one account, its crypto, its messages and the client that calls the platform.

Owns: the protocol. crypto.py (signatures, AES), messages.py (what comes in, what goes back), details.py (what each kind
says), transport.py (one HTTP call with its policy), answers.py (reading what it gave), values.py (access_token and jsapi_ticket shared by
all processes), client.py (wechatpy's API classes, sign-in codes), errors.py (what the platform's errcodes mean for the program),
errcodes.py (and for people), signing.py (signed and encrypted calls).
Does not own: what is answered (server/replies), the callback's rules (server/official), who somebody is (server/citizens).
Invariants: wechatpy is named in this package alone; no openid, token or secret reaches a log; every call has a time limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Account", "ApiKeys", "Mode", "Role"]

Mode = Literal["plain", "compatible", "safe"]
Role = Literal["official", "miniprogram"]


@dataclass(frozen=True)
class ApiKeys:
    """What signs and encrypts an account's calls (API 安全). Keys are base64 and PEM; each `_sn` is the number that the platform shows.

    `platform_certs`: the platform's certificates by their numbers, the old one and the new one while they change. `paths`: calls that the
    platform wants signed beyond those that this product knows of.
    """

    aes_sn: str
    aes_key: str = field(repr=False)
    rsa_sn: str = ""
    rsa_key: str = field(default="", repr=False)
    platform_certs: Mapping[str, str] = field(default_factory=dict, repr=False)
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Account:
    """An account on the platform. `mode` is how its callbacks come; `aes_key` is needed unless that is plain; `name` is for staff."""

    appid: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    mode: Mode = "safe"
    role: Role = "official"
    name: str = ""
    api_keys: ApiKeys | None = None
