"""WeChat calls us: the URL check and the callbacks of the official accounts and the mini-programs.

One rule, two doors: the web port's handlers here, and the intake port, which takes callbacks as it takes salutes, because every citizen who
opens the menu in the minutes of a peak is a callback too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tornado.escape import parse_qs_bytes

from handlers.base import BaseHandler
from server.accounts import AccountNotFound
from server.errors import MethodNotAllowed
from server.official import OfficialCallbacks
from server.wechat import Role

if TYPE_CHECKING:
    from server.services import Services

PATH = re.compile(r"/wechat/(official|miniprogram)(?:/([A-Za-z0-9_-]{1,32}))?")


def callbacks_of(services: Services, role: Role, appid: str | None) -> OfficialCallbacks:
    """The main account of a role has the short address; the others are named by their AppID. Raises AccountNotFound."""
    found = services.accounts.of(appid) if appid else services.accounts.main(role)
    if found.account.role != role:
        raise AccountNotFound()
    return found.callbacks


def asked_in(query: str) -> dict[str, str]:
    """The query, the first value of each name."""
    if query.isascii() and "%" not in query and "+" not in query:  # as the platform writes it; a tenth of the time
        found: dict[str, str] = {}
        for pair in filter(None, query.split("&")):
            name, _, value = pair.partition("=")
            found.setdefault(name, value)
        return found
    return {name: values[0].decode("utf-8", "replace") for name, values in parse_qs_bytes(query, keep_blank_values=True).items()}


def content_type_of(method: str, answer: bytes) -> str:
    """An echo is plain text, whatever it looks like."""
    kind = {b"<": "text/xml", b"{": "application/json"}.get(answer[:1], "text/plain") if method == "POST" else "text/plain"
    return f"{kind}; charset=UTF-8"


async def answer_of(services: Services, method: str, role: Role, appid: str | None, query: str, body: bytes, now: float) -> bytes:
    """What is answered to the platform. Raises AccountNotFound, MethodNotAllowed, CallbackRefused."""
    callbacks = callbacks_of(services, role, appid)
    if method == "POST":
        return await callbacks.receive(asked_in(query), body, now)
    if method == "GET":
        return callbacks.verify_url(asked_in(query), now).encode()
    raise MethodNotAllowed()


class Callback(BaseHandler):
    async def get(self, role: Role, appid: str | None = None) -> None:
        """The platform's URL check: the echostr, bare, once the signature holds."""
        await self._answer(role, appid)

    async def post(self, role: Role, appid: str | None = None) -> None:
        """A message or an event; answered with a reply or `success`."""
        await self._answer(role, appid)

    async def _answer(self, role: Role, appid: str | None) -> None:
        request = self.request
        method = str(request.method)
        answer = await answer_of(self.services, method, role, appid, request.query, request.body, self.now())
        self.set_header("Content-Type", content_type_of(method, answer))
        self.finish(answer)


class NamedCallback(Callback):
    """The callbacks of any account, by its AppID."""


class VerificationText(BaseHandler):
    async def get(self, code: str) -> None:
        """A text that an admin entered, so that the platform believes that this host is ours."""
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(await self.services.verification_texts.text(code))
