"""WeChat as this product sees it: one account, its crypto, its messages and the client that calls the platform.

Owns: the protocol. crypto.py (signatures, AES), messages.py (what comes in, what goes back), transport.py (one HTTP call
with its policy), values.py (access_token and jsapi_ticket shared by all processes), client.py (wechatpy's API classes),
sign_in.py (codes for identities), errors.py (what the platform's errcodes mean).
Does not own: what is answered (server/replies), the callback's rules (server/official), who somebody is (server/citizens).
Invariants: wechatpy is named in this package alone; no openid, token or secret reaches a log; every call has a time limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Account", "Mode"]

Mode = Literal["plain", "compatible", "safe"]


@dataclass(frozen=True)
class Account:
    """An account on the platform. `mode` is how its callbacks come; `aes_key` is needed unless that is plain."""

    appid: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    mode: Mode = "safe"
