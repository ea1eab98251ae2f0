"""Phones outside: citizens_outside.py CERTIFICATE PAUSE ADDRESS… with a token a line at its input. Prints each answer as a line.

Each salutes through the next address, and a salute that gets no answer, or 503, is sent again through the one after, as a page does.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import sys
import time

HOST = "h5.example.cn"
TRIES = 60
BODY = json.dumps({"activity": "salute", "region": "350602"})


class Connection(http.client.HTTPSConnection):
    """To an address, under our name."""

    def __init__(self, address: str, context: ssl.SSLContext) -> None:
        super().__init__(HOST, context=context, timeout=8)
        self._address, self._trust = address, context

    def connect(self) -> None:
        self.sock = self._trust.wrap_socket(socket.create_connection((self._address, 443), 8), server_hostname=HOST)


def salute(token: str, addresses: list[str], turn: int, context: ssl.SSLContext) -> str:
    for tries in range(TRIES):
        connection = Connection(addresses[(turn + tries) % len(addresses)], context)
        try:
            connection.request("POST", "/api/v1/campaigns/salute-the-flag/participations", BODY,
                               {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status in (200, 201):
                return text
            if answer.status not in (502, 503, 504):
                raise SystemExit(f"{answer.status} {text}")
        except (OSError, http.client.HTTPException):
            pass  # as a page: kept, and sent again
        finally:
            connection.close()
        time.sleep(0.5)
    raise SystemExit("a phone got no answer")


def main() -> None:
    context = ssl.create_default_context(cafile=sys.argv[1])
    for turn, token in enumerate(sys.stdin.read().split()):
        print(salute(token, sys.argv[3:], turn, context), flush=True)
        time.sleep(float(sys.argv[2]))


main()
