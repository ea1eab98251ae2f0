"""Who is calling: web OAuth, the mini-program's login and the JS-SDK signature. See server/web_login.py for the rules."""

from __future__ import annotations

import msgspec

from handlers.base import COOKIE, ApiHandler, BaseHandler
from server.web_login import LOGIN_SECONDS, Step, login_cookie

# Login cookies are seen by the callback alone.
LOGIN_COOKIE_PATH = "/auth"


class LoginCode(msgspec.Struct):
    """What wx.login gave the mini-program."""

    code: str


class _WebStep(BaseHandler):
    """Sends a browser on, with the cookies of the step."""

    def go(self, step: Step) -> None:
        self.set_header("Cache-Control", "no-store")
        if step.cookie:
            self._set(step.cookie_name, step.cookie, LOGIN_SECONDS, LOGIN_COOKIE_PATH)
        if step.token:
            self._set(COOKIE, step.token, self.services.tokens.ttl_seconds, "/")
        if step.refusal:
            self._send_back(step)
        else:
            self.redirect(step.url)

    def _send_back(self, step: Step) -> None:
        """The refusal with its own status; the browser goes back to the page, where the ceremony plays for guests too."""
        assert step.refusal is not None
        self.set_status(step.refusal.status)
        if step.refusal.retry_after_seconds is not None:
            self.set_header("Retry-After", str(step.refusal.retry_after_seconds))
        self.set_header("Refresh", f"0; url={step.url}")
        self.render_error(step.refusal)

    def _set(self, name: str, value: str, seconds: int, path: str) -> None:
        # Lax: the cookie must come along when the platform sends the browser back.
        self.set_cookie(name, value, max_age=seconds, path=path, httponly=True, samesite="Lax",
                        secure=self.services.web_login.secure)


class Start(_WebStep):
    """`?next=` a path of this site, `?scope=` base or userinfo."""

    def get(self) -> None:
        """Send the browser to WeChat's authorisation page."""
        self.go(self.services.web_login.start(self.get_argument("next", "/"), self.get_argument("scope", "base"),
                                              self.request.host, self.now()))


class Callback(_WebStep):
    """The platform sends the browser here with `code` and `state`."""

    async def get(self) -> None:
        """Take the one-time code, set the citizen's cookie and go on to a clean address of this site."""
        code, state = self.get_argument("code", ""), self.get_argument("state", "")
        cookie = login_cookie(state)
        step = await self.services.web_login.finish(code, state, self.get_cookie(cookie), self.request.host, self.now())
        self.clear_cookie(cookie, path=LOGIN_COOKIE_PATH)
        self.go(step)


class MiniProgramSession(ApiHandler):
    async def post(self) -> None:
        """Sign a citizen in with the one-time code of wx.login."""
        session = await self.services.web_login.miniprogram_session(self.body(LoginCode).code, self.now())
        self.reply({"token": session.token, "expires_in": session.expires_in})

    async def delete(self) -> None:
        """Sign out of the mini-program's session: what was encrypted with its key cannot be opened any more; the token lives on."""
        await self.services.encrypted_data.sign_out(self.citizen(), self.now())
        self.set_status(204)
        self.finish()


class JsSdk(ApiHandler):
    """`?url=` the page's own location.href."""

    async def get(self) -> None:
        """Sign a page of this site for the JS-SDK."""
        url = self.get_argument("url", "", strip=False)
        self.reply(await self.services.web_login.sign_page(url, self.request.host, self.now()))
