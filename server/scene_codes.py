"""Scene codes 带参二维码: QR codes of the official account that say where somebody found it.

Owns: `scene_codes`, one document an account and scene. Who scans or follows by one is counted by server/visits (`scene_key`), and what
she hears is a reply rule with the scene's name.
Invariants: a scene has one code as long as it lasts; asking again gives the same; a permanent one is spent for good (an account has
100,000), so it is asked for once.
[doc/offiaccount/Account_Management/Generating_a_Parametric_QR_Code.html]
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Sequence
from typing import Any

import msgspec
import qrcode

from server.claims import WAIT_FOR_SAME_SECONDS, Claims
from server.errors import Conflict, InvalidBody, NotFound
from server.short_links import used_lately
from server.stores import Database, Document, DuplicateKeyError
from server.wechat.client import Client

# The platform takes 64 characters; these are safe in addresses, logs and reply rules.
SCENE = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_SCENES = 2000
MAX_NAME_CHARACTERS = 64
MAX_DAYS = 30
# Asked for again this long before its end, so that a code in somebody's hand still works.
RENEW_SECONDS = 86400.0
# A module of a printed code: about 1 mm at 300 dpi.
MODULE_PIXELS = 12


def scene_key(appid: str, scene: str) -> str:
    """The name under which visits by a scene are counted."""
    return f"scene:{appid}:{scene}"


class SceneNotFound(NotFound):
    code = "SCENE_NOT_FOUND"
    message = "没有这个场景二维码"


class SceneBusy(Conflict):
    code = "SCENE_BUSY"
    message = "别人正在生成同一个场景二维码，请稍后再试"


class SceneCode(msgspec.Struct, frozen=True):
    """`url` is what the picture says. `expires_at`: seconds since 1970, 0 for never."""

    appid: str
    scene: str
    name: str
    url: str
    expires_at: float = 0.0


class SceneCodeStore:
    """The only code that touches `scene_codes`."""

    def __init__(self, mongo: Database) -> None:
        self._codes = mongo["scene_codes"]
        self.claims = Claims(mongo)

    async def all(self, appid: str) -> list[SceneCode]:
        found = await self._codes.find({"appid": appid}).limit(MAX_SCENES).to_list(None)
        return [msgspec.convert(d, SceneCode) for d in found]

    async def find(self, appid: str, scene: str) -> SceneCode | None:
        found = await self._codes.find_one({"_id": f"{appid}:{scene}"})
        return None if found is None else msgspec.convert(found, SceneCode)

    async def rename(self, appid: str, scene: str, name: str) -> bool:
        return (await self._codes.update_one({"_id": f"{appid}:{scene}"}, {"$set": {"name": name}})).matched_count == 1

    async def remove(self, appid: str, scene: str) -> bool:
        return (await self._codes.delete_one({"_id": f"{appid}:{scene}"})).deleted_count == 1

    async def keep(self, code: SceneCode) -> None:
        """In place of a temporary one; one that is printed for good stays."""
        key, fields = f"{code.appid}:{code.scene}", msgspec.to_builtins(code)
        asked: Document = {"_id": key, "expires_at": {"$gt": 0.0}}
        if not (await self._codes.update_one(asked, {"$set": fields})).matched_count:
            with contextlib.suppress(DuplicateKeyError):
                await self._codes.insert_one({"_id": key, **fields})


class SceneCodes:
    def __init__(self, store: SceneCodeStore, client: Client) -> None:
        self._store = store
        self._client = client

    async def all(self) -> list[SceneCode]:
        """Every code of this account, by name."""
        return sorted(await self._store.all(self._client.appid), key=lambda code: (code.name, code.scene))

    async def get(self, scene: str, name: str, days: int | None, now: float) -> SceneCode:
        """The code of a scene, made at first need; `days` None: permanent.

        Raises InvalidBody, SceneBusy, Conflict TOO_MANY_SCENES, WeChatError.
        """
        for field, is_right, rule in (
                ("scene", SCENE.fullmatch(scene), "场景值为 1 至 64 个英文字母、数字、_ 或 -"),
                ("name", 0 < len(name.strip()) <= MAX_NAME_CHARACTERS, f"名称 1 至 {MAX_NAME_CHARACTERS} 字"),
                ("days", days is None or 1 <= days <= MAX_DAYS, f"有效期 1 至 {MAX_DAYS} 天；不填为永久二维码")):
            if not is_right:
                raise InvalidBody(message=rule, field=field)
        if (known := await self._still_good(scene, days, now)) is not None:
            return known
        # A permanent one is spent for good: two who ask at once ask once.
        async with self._store.claims.held(f"scene:{self._client.appid}:{scene}", now, SceneBusy(), wait_seconds=WAIT_FOR_SAME_SECONDS):
            if (known := await self._still_good(scene, days, now)) is not None:
                return known
            await self._store.keep(await self._make(scene, name.strip(), days, now))
            return await self.find(scene)

    async def _still_good(self, scene: str, days: int | None, now: float) -> SceneCode | None:
        """Raises Conflict TOO_MANY_SCENES where there is no room for a new one."""
        known = await self._store.find(self._client.appid, scene)
        if known is None and len(await self._store.all(self._client.appid)) >= MAX_SCENES:
            raise Conflict("TOO_MANY_SCENES", f"场景二维码最多 {MAX_SCENES} 个")
        is_good = known is not None and (not known.expires_at or days is not None and now < known.expires_at - RENEW_SECONDS)
        return known if is_good else None

    async def _make(self, scene: str, name: str, days: int | None, now: float) -> SceneCode:
        asked: dict[str, Any] = {"action_info": {"scene": {"scene_str": scene}}}
        asked |= {"action_name": "QR_LIMIT_STR_SCENE"} if days is None else {"action_name": "QR_STR_SCENE", "expire_seconds": days * 86400}
        made = await self._client.qrcode.create(asked)
        return SceneCode(self._client.appid, scene, name, str(made.get("url", "")),
                         0.0 if days is None else now + float(made.get("expire_seconds", days * 86400)))

    async def rename(self, scene: str, name: str) -> SceneCode:
        """What the staff call it; the code stays. Raises InvalidBody, SceneNotFound."""
        if not 0 < len(name.strip()) <= MAX_NAME_CHARACTERS:
            raise InvalidBody("SCENE_NAME_WRONG", f"请写明挂在哪里，最多 {MAX_NAME_CHARACTERS} 字", field="name")
        if not await self._store.rename(self._client.appid, scene, name.strip()):
            raise SceneNotFound()
        return await self.find(scene)

    async def remove(self, scene: str, days: Sequence[dict[str, Any]], rules: Sequence[str], now: float) -> SceneCode:
        """Take a code off the list that nobody scans any more. `days`: its visits; `rules`: the replies that name it.

        Raises SceneNotFound, Conflict SCENE_IN_USE.
        """
        code = await self.find(scene)
        if rules:
            raise Conflict("SCENE_IN_USE", f"自动回复“{rules[0]}”还在用它，请先在自动回复里改掉")
        if scanned := used_lately(days, now):
            raise Conflict("SCENE_IN_USE", f"最近 30 天还有人扫过 {scanned} 次，删除后就不再统计；30 天无人扫码后再删")
        if not await self._store.remove(self._client.appid, scene):
            raise SceneNotFound()
        return code

    async def find(self, scene: str) -> SceneCode:
        """Raises SceneNotFound."""
        found = await self._store.find(self._client.appid, scene)
        if found is None:
            raise SceneNotFound()
        return found


def picture(text: str) -> bytes:
    """A PNG to print, in black and white. Takes some 20 ms: call it in a worker."""
    made = io.BytesIO()
    qrcode.make(text, box_size=MODULE_PIXELS, error_correction=qrcode.constants.ERROR_CORRECT_Q).save(made)
    return made.getvalue()
