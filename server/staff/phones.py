"""A member's WeChat as a second factor: bound once by scanning a code at the desk, later asked to approve a sign-in.

Who scans is known by her citizen identity, as on every page; the account keeps the citizen number alone. The person types the two
digits that the desk shows, so that nobody approves what somebody else began. A citizen who deletes her data is unbound.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

from server.clock import iso
from server.errors import Conflict, Forbidden, NotFound
from server.staff.member import SYSTEM, Account, Member, SignInExpired
from server.staff.service import Staff
from server.staff.tickets import new_number
from server.stores import Document

# Where a phone opens a ticket.
PATH = "/staff-phone/"


class TicketSpent(NotFound):
    code = "TICKET_SPENT"
    message = "这个二维码已经用过或过期，请在电脑上重新生成"


class NotYours(Forbidden):
    code = "NOT_YOUR_ACCOUNT"
    message = "这个微信没有绑定到正在登录的账号"


class StaffPhones:
    def __init__(self, staff: Staff, base_url: Callable[[], str], resolve: Callable[[int], int]) -> None:
        self._staff = staff
        self._store, self._tickets = staff.store, staff.tickets
        self._resolve = resolve
        self._base_url = base_url

    async def begin_binding(self, member: Member, now: float) -> dict[str, Any]:
        """What the desk shows for a phone to scan."""
        number = new_number()
        secret, ticket = await self._tickets.open("bind", member.name, now, number=number, address=member.origin, browser="")
        return self._shown(secret, ticket)

    async def begin_approval(self, secret: str, now: float) -> dict[str, Any]:
        """The same for a sign-in that waits. Raises SignInExpired."""
        waiting = await self._tickets.find(secret, now, "sign_in")
        account = await self._store.find(waiting["name"]) if waiting else None
        if waiting is None or account is None or account.wechat is None or not await self._tickets.ask(waiting["_id"]):
            raise SignInExpired()
        made, ticket = await self._tickets.open("approve", account.name, now, number=new_number(), waiting=waiting["_id"],
                                                address=waiting["address"], browser=waiting["browser"])
        return self._shown(made, ticket)

    async def look(self, secret: str, citizen: int, now: float) -> Document:
        """What the phone asks its owner: kind, name, address, browser. Raises TicketSpent, NotYours."""
        ticket = await self._tickets.find(secret, now, "bind", "approve")
        await self._account_of(ticket, citizen)
        assert ticket is not None
        return ticket

    async def answer(self, secret: str, citizen: int, number: str, now: float) -> str:
        """Yes, with the digits that the desk shows; the kind of what was done. Raises TicketSpent, NotYours, Conflict NUMBER_WRONG."""
        await self.look(secret, citizen, now)
        ticket = await self._tickets.take(secret, now, "bind", "approve")
        account = await self._account_of(ticket, citizen)
        assert ticket is not None
        if not hmac.compare_digest(number.encode(), str(ticket["number"]).encode()):
            raise Conflict("NUMBER_WRONG", "数字与电脑上的不一致，请在电脑上重新生成二维码")
        if ticket["kind"] == "bind":
            await self._bind(account, citizen, ticket, now)
        elif not await self._tickets.approve(ticket["waiting"]):
            raise TicketSpent()
        return str(ticket["kind"])

    async def deny(self, secret: str, citizen: int, now: float) -> None:
        """That was not me: the sign-in ends, and it is logged. Raises TicketSpent, NotYours."""
        await self.look(secret, citizen, now)
        ticket = await self._tickets.take(secret, now, "bind", "approve")
        account = await self._account_of(ticket, citizen)
        assert ticket is not None
        if ticket["kind"] == "approve":
            await self._tickets.drop(ticket["waiting"])
        await self._staff.record(Member(account.name, account.role, ""), "staff.sign_in_denied", account.name,
                                 {"kind": ticket["kind"], "address": ticket["address"]}, now)

    async def forget(self, citizen: int, now: float) -> None:
        """She deleted her data: no account may be approved by her any more."""
        for account in await self._store.of_citizen(citizen):
            if await self._store.unbind(account.name, citizen):
                await self._staff.record(SYSTEM, "staff.wechat_off", account.name, {"deleted": 1}, now)

    async def merge(self, loser: int, survivor: int) -> None:
        """Two numbers turned out to be one person."""
        for account in await self._store.of_citizen(loser):
            await self._store.rebind(account.name, loser, survivor)

    async def _bind(self, account: Account, citizen: int, ticket: Document, now: float) -> None:
        if ticket["opened_at"] < account.sessions_from:
            raise TicketSpent()
        if any(other.name != account.name for other in await self._store.of_citizen(citizen)):
            raise Conflict("WECHAT_BOUND", "这个微信已经绑定了另一个账号")
        await self._store.set(account.name, wechat=citizen)
        await self._staff.record(Member(account.name, account.role, "", origin=ticket["address"]), "staff.wechat_on", account.name,
                                 {"citizen": citizen}, now)

    async def _account_of(self, ticket: Document | None, citizen: int) -> Account:
        """Raises TicketSpent, NotYours."""
        account = await self._store.find(ticket["name"]) if ticket else None
        if ticket is None or account is None or account.disabled:
            raise TicketSpent()
        if ticket["kind"] == "approve" and (account.wechat is None or self._resolve(account.wechat) != citizen):
            raise NotYours()
        return account

    def _shown(self, secret: str, ticket: Document) -> dict[str, Any]:
        return {"url": f"{self._base_url()}{PATH}{secret}", "number": ticket["number"], "expires_at": iso(ticket["expires_at"])}
