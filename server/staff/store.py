"""The only code that touches `staff` (the accounts) and `staff_settings`."""

from __future__ import annotations

from typing import Any

from server.staff.member import ROLES, Account
from server.stores import Database, DuplicateKeyError

# A city's staff are dozens; past this the list would need pages.
MAX_MEMBERS = 500


class StaffStore:
    def __init__(self, mongo: Database) -> None:
        self._staff = mongo["staff"]
        self._settings = mongo["staff_settings"]

    async def create(self, account: Account) -> bool:
        """False where the name is taken."""
        try:
            await self._staff.insert_one({
                "_id": account.name, "role": account.role, "campaigns": None if account.campaigns is None else list(account.campaigns),
                "password": account.password, "temporary": int(account.temporary), "disabled": 0, "rev": 0, "totp_step": 0,
                "recovery": {}, "created_at": account.created_at, "sessions_from": 0.0})
        except DuplicateKeyError:
            return False
        return True

    async def find(self, name: str) -> Account | None:
        found = await self._staff.find_one({"_id": name})
        return None if found is None else Account.of(found)

    async def all(self) -> list[Account]:
        """Every account, by name."""
        found = await self._staff.find({"role": {"$in": list(ROLES)}}).limit(MAX_MEMBERS + 1).to_list(None)
        return sorted(map(Account.of, found), key=lambda account: account.name)

    async def of_citizen(self, citizen: int) -> list[Account]:
        return [Account.of(found) for found in await self._staff.find({"wechat": citizen}).limit(MAX_MEMBERS).to_list(None)]

    async def change(self, name: str, rev: int, fields: dict[str, Any]) -> bool:
        """An admin's change of the account as she saw it; False where it was changed meanwhile or is gone."""
        return (await self._staff.update_one({"_id": name, "rev": rev}, {"$set": fields | {"rev": rev + 1}})).matched_count == 1

    async def set(self, name: str, **fields: Any) -> bool:
        return (await self._staff.update_one({"_id": name}, {"$set": fields})).matched_count == 1

    async def unset(self, name: str, *fields: str, **others: Any) -> bool:
        change: dict[str, Any] = {"$unset": dict.fromkeys(fields, "")} | ({"$set": others} if others else {})
        return (await self._staff.update_one({"_id": name}, change)).matched_count == 1

    async def totp_begun(self, name: str) -> bytes | None:
        """The sealed secret that an app was shown and that no code has confirmed."""
        found = await self._staff.find_one({"_id": name})
        sealed: bytes | None = None if found is None else found.get("totp_new")
        return sealed

    async def delete(self, name: str) -> bool:
        return (await self._staff.delete_one({"_id": name})).deleted_count == 1

    async def unbind(self, name: str, citizen: int) -> bool:
        """Only where it is still this one's."""
        return (await self._staff.update_one({"_id": name, "wechat": citizen}, {"$unset": {"wechat": ""}})).matched_count == 1

    async def rebind(self, name: str, citizen: int, to: int) -> bool:
        return (await self._staff.update_one({"_id": name, "wechat": citizen}, {"$set": {"wechat": to}})).matched_count == 1

    async def use_step(self, name: str, step: int) -> bool:
        """Spend a TOTP step and all before it; False where it was spent: no code is taken twice."""
        return (await self._staff.update_one({"_id": name, "totp_step": {"$lt": step}}, {"$set": {"totp_step": step}})).matched_count == 1

    async def use_recovery(self, name: str, digest: str) -> bool:
        """Spend a recovery code; False where there is no such code any more."""
        field = f"recovery.{digest}"
        return (await self._staff.update_one({"_id": name, field: 1}, {"$unset": {field: ""}})).matched_count == 1

    async def factor_wanted(self) -> bool | None:
        """Whether the instance asks for second factors; None where nobody decided."""
        found = await self._settings.find_one({"_id": "second_factor"})
        return None if found is None else bool(found["required"])

    async def want_factor(self, required: bool) -> None:
        await self._settings.update_one({"_id": "second_factor"}, {"$set": {"required": int(required)}}, upsert=True)
