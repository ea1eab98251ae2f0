"""The sandbox's mini-program and people who log into it, with the services that ask the platform about them, over real HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server.citizens import Citizens
from server.encrypted_data import EncryptedData, Sealed
from server.metrics import Metrics
from server.mini_codes import MiniCodes, MiniCodeStore
from server.mini_links import MiniLinks, MiniLinkStore
from server.phones import Phones, PhoneStore
from server.seals import Seal
from server.stores import Stores
from server.tokens import Tokens
from server.web_login import WebLogin
from server.wechat import Account
from server.wechat.client import Client
from server.wechat.transport import Transport
from tests.sandbox.sandbox_world import MINI
from tests.sandbox.sandbox_world import World as Sandbox
from tests.server.citizens.people import SECRET, first_process

NOW = 1_790_827_200.0  # 2026-10-01 12:00 in Shanghai


class MiniWorld:
    """The product's clock and the platform's are one: `now`."""

    citizens: Citizens

    def __init__(self, stores: Stores, folder: Path, tokens: Tokens | None = None) -> None:
        self.stores = stores
        self.folder = folder
        self.now = NOW
        self.sandbox = Sandbox(folder / "sandbox")
        self.sandbox.platform.clock = lambda: self.now
        self.tokens = tokens or Tokens(SECRET, 86400)
        account = Account(MINI["appid"], MINI["secret"], MINI["token"], MINI["aes_key"], role="miniprogram", name="文明漳州小程序")
        self.account = account
        transport = Transport(self.sandbox.base, stores.redis, Metrics(), lambda: self.now)
        self.client = Client(account, transport, stores.redis, lambda: self.now)
        self.codes, self.links = MiniCodes(MiniCodeStore(stores.mongo), self.client), MiniLinks(MiniLinkStore(stores.mongo), self.client)

    async def open(self) -> MiniWorld:
        self.citizens = await first_process(self.stores, self.folder)
        redis = self.stores.redis
        self.web_login = WebLogin(self.citizens, self.tokens, redis, SECRET, base_url="http://wm.example", authorize_url="http://open",
                                  official=None, web=None, miniprogram=self.client)
        self.encrypted_data = EncryptedData(self.web_login, self.citizens, redis, self.client)
        self.phone_store = PhoneStore(self.stores.mongo, Seal(SECRET, "phone number"))
        self.phones = Phones(self.phone_store, self.citizens, redis, self.client)
        return self

    async def close(self) -> None:
        await self.client.close()
        self.sandbox.close()

    async def person(self, name: str) -> dict[str, Any]:
        return await self.sandbox.citizen(name)

    async def login(self, person: dict[str, Any]) -> int:
        """Her citizen number, after wx.login and our own."""
        code = (await self.sandbox.told("/sandbox/login", {"openid": person["openid"]}))["code"]
        session = await self.web_login.miniprogram_session(code, self.now)
        return self.citizens.of_token(self.tokens.read(session.token, self.now))

    async def phone_code(self, person: dict[str, Any]) -> str:
        """What a tap on the button for her number gives the page."""
        return str((await self.sandbox.told("/sandbox/phone-code", {"openid": person["openid"]}))["code"])

    async def encrypted(self, person: dict[str, Any], data: dict[str, Any], **watermark: Any) -> dict[str, str]:
        """What wx gives a page: encryptedData, iv, rawData, signature."""
        return await self.sandbox.told("/sandbox/encrypted", {"openid": person["openid"], "data": data, "watermark": watermark})

    async def sealed(self, person: dict[str, Any], data: dict[str, Any], **watermark: Any) -> Sealed:
        given = await self.encrypted(person, data, **watermark)
        return Sealed(given["encryptedData"], given["iv"], given["rawData"], given["signature"])

    def openid(self, person: dict[str, Any]) -> str:
        """Hers in the mini-program."""
        return str(self.sandbox.platform.store.openid(person["key"], MINI["appid"]))

    def session_key(self, person: dict[str, Any]) -> str:
        return str(self.sandbox.platform.store.session_key(self.openid(person)))

    async def fault(self, path: str, **fault: Any) -> None:
        await self.sandbox.told("/sandbox/faults", {"path": path, "times": 1, **fault})
