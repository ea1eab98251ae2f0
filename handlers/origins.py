"""CORS for our own pages: a page of ours may salute at a door that has another port or host name. Nobody else's page may."""

from __future__ import annotations

# A browser asks again after a day; the answer changes with a release at most.
MAX_AGE_SECONDS = 86400


class Origins:
    """The web origins of our own pages, such as https://h5.example.cn. Built once by the composition root."""

    def __init__(self, *origins: str) -> None:
        self._headers = {origin: {
            "Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Expose-Headers": "Retry-After, X-Request-Id", "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
            "Vary": "Origin"} for origin in filter(None, origins)}
        self._lines = {origin: "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
                       for origin, headers in self._headers.items()}

    def fields(self, origin: str | None) -> dict[str, str]:
        """The header fields that let a page of this origin read our answer; none for a stranger's."""
        return self._headers.get(origin or "", {})

    def headers(self, origin: str | None) -> bytes:
        """The same as lines."""
        return self._lines.get(origin or "", b"")
