"""WeChat calls us: the URL check and the callbacks of the official account and the mini-program."""

from __future__ import annotations

from handlers.base import BaseHandler
from server.official import OfficialCallbacks


class _Callback(BaseHandler):
    @property
    def callbacks(self) -> OfficialCallbacks:
        raise NotImplementedError

    def asked(self) -> dict[str, str]:
        """The query, the first value of each name."""
        return {name: values[0].decode("utf-8", "replace") for name, values in self.request.query_arguments.items()}

    def get(self) -> None:
        """The platform's URL check: the echostr, bare, once the signature holds."""
        echo = self.callbacks.verify_url(self.asked(), self.now())
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(echo)

    async def post(self) -> None:
        """A message or an event; answered with a reply or `success`."""
        answer = await self.callbacks.receive(self.asked(), self.request.body, self.now())
        kind = {b"<": "text/xml", b"{": "application/json"}.get(answer[:1], "text/plain")
        self.set_header("Content-Type", f"{kind}; charset=UTF-8")
        self.finish(answer)


class OfficialCallback(_Callback):
    @property
    def callbacks(self) -> OfficialCallbacks:
        return self.services.official


class MiniProgramCallback(_Callback):
    @property
    def callbacks(self) -> OfficialCallbacks:
        return self.services.miniprogram


class VerificationText(BaseHandler):
    async def get(self, code: str) -> None:
        """A text that an admin entered, so that the platform believes that this host is ours."""
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(await self.services.verification_texts.text(code))
