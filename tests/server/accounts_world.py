"""A client of the sandbox's official account or mini-program, and an instance that has just the accounts and services of one test."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from server.accounts import Accounts, Connected
from server.metrics import Metrics
from server.stores import Stores
from server.wechat import Account
from server.wechat.client import Client
from server.wechat.transport import Transport


def client_of(given: dict[str, Any], base: str, stores: Stores, clock: Callable[[], float]) -> Client:
    """`given` as in the sandbox's accounts file; `base` is the sandbox's address. Close it in the end."""
    account = Account(given["appid"], given["secret"], given["token"], given["aes_key"])
    return Client(account, Transport(base, stores.redis, Metrics(), clock), stores.redis, clock)


def accounts_with(client: Client, **services: Any) -> Accounts:
    """One account that has these services and no others."""
    return Accounts([connected_with(Account(client.appid, "", "", "", name="文明漳州"), client=client, **services)])


def connected_with(account: Account, **services: Any) -> Connected:
    return cast(Connected, SimpleNamespace(account=account, appid=account.appid, **services))
