"""Who is at the other end of a connection, and whether that place is trusted with details."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Headers by which a proxy tells that it forwards somebody else. Without X-Forwarded-For they name nobody that we can check.
FORWARDING = ("X-Real-Ip", "Forwarded")


class Peers:
    """Loopback and the networks of WENMING_TRUSTED_NETWORKS. Built once by the composition root."""

    def __init__(self, trusted_networks: str = "") -> None:
        parts = [part.strip() for part in trusted_networks.split(",") if part.strip()]
        self._networks = [ipaddress.ip_network(part, strict=False) for part in parts]

    def client(self, peer: str, headers: Mapping[str, str]) -> Address | None:
        """The caller's address: the socket's peer; behind a trusted proxy the last hop that is not ours. None: not known.

        X-Forwarded-For is believed only from a trusted peer, and from its right end, which our own proxies
        wrote; whatever stands further left was sent by the caller.
        """
        address = _address(peer)
        if address is None or not self.is_trusted(address):
            return address
        hops = [hop for hop in (part.strip() for part in headers.get("X-Forwarded-For", "").split(",")) if hop]
        if not hops:
            return None if any(name in headers for name in FORWARDING) else address
        for hop in reversed(hops):
            address = _address(hop)
            if address is None or not self.is_trusted(address):
                return address
        return address

    def is_trusted(self, address: Address | None) -> bool:
        """Whether this place may read /metrics and the details of /readyz."""
        if address is None:
            return False
        return address.is_loopback or any(address in network for network in self._networks)


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
