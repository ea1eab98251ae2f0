"""What a member's phone shows after it scanned a code at the desk: one question, two digits to type, no script."""

from __future__ import annotations

import html
from urllib.parse import quote

from handlers.base import COOKIE
from handlers.pages import SHELL, StaffPageHandler
from server.errors import NotAuthorised

QUESTIONS = {"bind": "把这个微信绑定到工作人员账号 {name}，以后用它确认登录？",
             "approve": "账号 {name} 正在登录（{browser}，{address}）。是您本人吗？"}
DONE = {"bind": "已绑定。以后登录可以用这个微信确认。", "approve": "已确认，电脑上会自动登录。"}
FORM = SHELL + """<h1>工作台</h1><p>{question}</p><form method="post" autocomplete="off">
<p><label>请输入电脑上显示的两位数字<br><input name="number" inputmode="numeric" pattern="[0-9][0-9]" maxlength="2" required
 style="font-size:28px;width:4em;padding:8px"></label></p>
<p><button name="answer" value="yes" style="font-size:20px;padding:12px 28px">确认</button></p></form>
<form method="post"><button name="answer" value="no" style="font-size:16px;padding:8px 20px">不是我</button></form></main></html>"""
TOLD = SHELL + "<h1>工作台</h1><p>{text}</p></main></html>"


class Phone(StaffPageHandler):
    async def get(self, ticket: str) -> None:
        """Ask the person who scanned; whoever is not known yet signs in with WeChat first."""
        self._private()
        try:
            citizen = self._citizen()
        except NotAuthorised:
            if self.get_query_argument("guest", ""):  # came back as a guest: no account of ours can tell who this is
                raise
            self.redirect(f"/auth/official?scope=base&next={quote(f'/staff-phone/{ticket}')}")
            return
        found = await self.services.staff_phones.look(ticket, citizen, self.now())
        shown = {name: html.escape(str(found[name])) for name in ("name", "browser", "address")}
        self.send_own(FORM.replace("{question}", QUESTIONS[found["kind"]].format(**shown)))

    async def post(self, ticket: str) -> None:
        """Yes, with the two digits; or no."""
        self._private()
        citizen, phones = self._citizen(), self.services.staff_phones
        if self.get_body_argument("answer", "") == "yes":
            text = DONE[await phones.answer(ticket, citizen, self.get_body_argument("number", ""), self.now())]
        else:
            await phones.deny(ticket, citizen, self.now())
            text = "已拒绝。若不是您在登录，请尽快修改密码并告诉管理员。"
        self.send_own(TOLD.replace("{text}", text))

    def _citizen(self) -> int:
        """Raises NotAuthorised."""
        return self.services.citizens.of_token(self.services.tokens.read(self.get_cookie(COOKIE, ""), self.now()))

    def _private(self) -> None:
        """The address holds a one-time secret: it goes nowhere."""
        self.set_header("Referrer-Policy", "no-referrer")
