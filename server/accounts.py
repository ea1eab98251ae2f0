"""The accounts 账号 of this instance: official accounts and mini-programs, and what each of them can do.

Owns: which accounts there are, by AppID. Does not own: what the services of an account do.
Invariants: every service here belongs to one account and keys what it keeps by its AppID; the accounts are those of the settings, so
one that was taken out of them is not reached any more, and what was kept of it stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from server.articles import Articles
from server.errors import Conflict, NotFound
from server.followers import Followers
from server.materials import Materials
from server.menus import Menus
from server.mini_codes import MiniCodes
from server.mini_links import MiniLinks
from server.official import OfficialCallbacks
from server.quotas import Quotas
from server.reachability import Reachability
from server.scene_codes import SceneCodes
from server.wechat import Account, Role
from server.wechat.client import Client


class AccountNotFound(NotFound):
    code = "ACCOUNT_NOT_FOUND"
    message = "本系统没有接入这个账号"


class NotAMiniProgram(Conflict):
    code = "NOT_A_MINI_PROGRAM"
    message = "这个账号不是小程序"


class NotAnOfficialAccount(Conflict):
    code = "NOT_AN_OFFICIAL_ACCOUNT"
    message = "这个账号不是公众号"


@dataclass(frozen=True)
class Connected:
    """One account with its services."""

    account: Account
    client: Client
    callbacks: OfficialCallbacks
    followers: Followers
    menus: Menus
    materials: Materials
    articles: Articles
    scene_codes: SceneCodes
    mini_codes: MiniCodes
    mini_links: MiniLinks
    quotas: Quotas
    reachability: Reachability

    @property
    def appid(self) -> str:
        return self.account.appid


class Accounts:
    """In the order of the settings: the first of each role is the main one, and has the short callback address."""

    def __init__(self, connected: Iterable[Connected]) -> None:
        self._by_appid = {one.appid: one for one in connected}

    def __iter__(self) -> Iterator[Connected]:
        return iter(self._by_appid.values())

    def of(self, appid: str) -> Connected:
        """Raises AccountNotFound."""
        try:
            return self._by_appid[appid]
        except KeyError:
            raise AccountNotFound() from None

    def mini_program(self, appid: str) -> Connected:
        """Raises AccountNotFound, NotAMiniProgram."""
        found = self.of(appid)
        if found.account.role != "miniprogram":
            raise NotAMiniProgram()
        return found

    def official(self, appid: str) -> Connected:
        """Raises AccountNotFound, NotAnOfficialAccount."""
        found = self.of(appid)
        if found.account.role != "official":
            raise NotAnOfficialAccount()
        return found

    def main(self, role: Role) -> Connected:
        """Raises AccountNotFound."""
        for one in self:
            if one.account.role == role:
                return one
        raise AccountNotFound()

    async def close(self) -> None:
        """Let answers that are on their way end, then stop asking the platform."""
        for one in self:
            await one.callbacks.close()
        for one in self:
            await one.client.close()
