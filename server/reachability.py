"""Reachability 连通: whether the platform finds the way to an account's callback address, and from which addresses it comes.

Owns: what is asked, and reading the answers. Does not own: what to do about it (doctor_wechat.py), who calls us (server/official).
Invariants: nothing is decided by these addresses: a callback is believed by its signature alone: the platform may change them any day.
[doc/service/api/base/api_callbackcheck, api_getapidomainip, api_getcallbackip]

Failure policy: closed: a refusal is raised; 40201 says that no callback address is entered at the platform.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from server.wechat.answers import objects_of
from server.wechat.client import Client

Action = Literal["all", "dns", "ping"]
# From where the platform looks: by the address itself, China Telecom, China Unicom, or its own network.
Operator = Literal["DEFAULT", "CHINANET", "UNICOM", "CAP"]
# A host of ours has a few addresses; the platform has some hundred.
MAX_ADDRESSES = 1000


class Resolved(msgspec.Struct, frozen=True):
    """An address that our host's name leads to, and whose network that is."""

    address: str
    operator: str


class Pinged(msgspec.Struct, frozen=True):
    """One ping: `lost` means that it was not answered, which a firewall may do on purpose."""

    address: str
    operator: str
    lost: bool
    took: str


class Check(msgspec.Struct, frozen=True):
    dns: tuple[Resolved, ...]
    ping: tuple[Pinged, ...]


class Reachability:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def check(self, action: Action = "all", operator: Operator = "DEFAULT") -> Check:
        """Let the platform look up and ping the host of the callback address. Raises WeChatError."""
        answer = await self._client.call("post", "cgi-bin/callback/check", {"action": action, "check_operator": operator}, may_repeat=True)
        dns, ping = (objects_of(answer.get(name))[:MAX_ADDRESSES] for name in ("dns", "ping"))
        return Check(tuple(Resolved(_text(one, "ip"), _text(one, "real_operator")) for one in dns),
                     tuple(Pinged(_text(one, "ip"), _text(one, "from_operator"), _text(one, "package_loss") != "0%", _text(one, "time"))
                           for one in ping))

    async def api_addresses(self) -> list[str]:
        """The addresses of api.weixin.qq.com, for a firewall that lets out little. Raises WeChatError."""
        return await self._addresses("cgi-bin/get_api_domain_ip")

    async def callback_addresses(self) -> list[str]:
        """The addresses and networks that callbacks come from, for a firewall that lets in little. Raises WeChatError."""
        return await self._addresses("cgi-bin/getcallbackip")

    async def _addresses(self, path: str) -> list[str]:
        found = (await self._client.call("get", path)).get("ip_list")
        return [str(one) for one in found[:MAX_ADDRESSES]] if isinstance(found, list) else []


def _text(one: dict[str, Any], name: str) -> str:
    return str(one.get(name) or "")
