"""Codes of the mini-program 小程序码: unlimited ones, each with a short scene that stands for a page and its parameters.

Owns: `mini_codes` (one document an account and scene) and `mini_code_pictures` (one a scene, page and settings). Who comes by a code is
counted by server/visits (`visits_key`).
Invariants: a scene once printed always leads to the same page with the same parameters, however long they are; a picture is asked of the
platform once; the same target under the same name has the same scene.
[miniprogram/dev/server/API/qrcode-link/qr-code/api_getunlimitedqrcode]

Failure policy: closed for making: a refusal of the platform is shown to the editor, and nothing is kept. Open for people: a scene that
this process has seen is resolved without MongoDB.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from base64 import b32encode

import msgspec

from server.errors import Conflict, InvalidBody, NotFound
from server.mini_pages import EnvVersion, Target, check, refusal
from server.stores import Database, DuplicateKeyError
from server.wechat.client import Client
from server.wechat.errors import PlatformUnreachable, WeChatError

# The platform takes 32 characters; these of its set are safe in addresses and logs.
SCENE = re.compile(r"[A-Za-z0-9_~-]{1,32}")
# Made scenes: 60 bits, so that two of a city's thousands of targets never share one.
MADE_SCENE_CHARACTERS = 12
# Of 280 to 1,280: a phone's screen, the platform's usual one, a poster, a wall. A closed list, so that pictures are bounded.
WIDTHS = (280, 430, 860, 1280)
USUAL_WIDTH = 430
# A city's posters of some years; the console lists them whole.
MAX_CODES = 2000
# A code that was made in another process leads somewhere after so long: nobody has printed it by then.
LOOK_EVERY_SECONDS = 5.0
JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG"


def visits_key(appid: str, scene: str) -> str:
    """The name under which visits by a code are counted."""
    return f"mini:{appid}:{scene}"


class MiniCodeNotFound(NotFound):
    code = "MINI_CODE_NOT_FOUND"
    message = "没有这个小程序码"


class MiniCode(msgspec.Struct, frozen=True):
    """`name` is for the staff; `made_at`: seconds since 1970."""

    appid: str
    scene: str
    name: str
    target: Target
    by: str
    made_at: float


class MiniCodeStore:
    """The only code that touches `mini_codes` and `mini_code_pictures`."""

    def __init__(self, mongo: Database) -> None:
        self._codes = mongo["mini_codes"]
        self._pictures = mongo["mini_code_pictures"]

    async def all(self, appid: str) -> list[MiniCode]:
        found = await self._codes.find({"appid": appid}).limit(MAX_CODES).to_list(None)
        return [msgspec.convert(d, MiniCode) for d in found]

    async def find(self, appid: str, scene: str) -> MiniCode | None:
        found = await self._codes.find_one({"_id": f"{appid}:{scene}"})
        return None if found is None else msgspec.convert(found, MiniCode)

    async def add(self, code: MiniCode) -> bool:
        """False where the scene is taken."""
        try:
            await self._codes.insert_one({"_id": f"{code.appid}:{code.scene}", **msgspec.to_builtins(code)})
        except DuplicateKeyError:
            return False
        return True

    async def picture(self, code: MiniCode, env_version: str, width: int) -> bytes | None:
        found = await self._pictures.find_one({"_id": _picture_id(code, env_version, width)})
        return None if found is None else bytes(found["picture"])

    async def keep_picture(self, code: MiniCode, env_version: str, width: int, picture: bytes) -> None:
        await self._pictures.update_one({"_id": _picture_id(code, env_version, width)}, {"$set": {"picture": picture}}, upsert=True)


class MiniCodes:
    def __init__(self, store: MiniCodeStore, client: Client) -> None:
        self._store = store
        self._client = client
        self._known: dict[str, Target] = {}
        self._looking = asyncio.Lock()
        self._look_from = 0.0

    async def all(self) -> list[MiniCode]:
        """Every code of this account, by name."""
        return sorted(await self._store.all(self._client.appid), key=lambda code: (code.name, code.scene))

    async def make(self, target: Target, name: str, by: str, now: float, *, scene: str = "", env_version: EnvVersion = "release",
                   width: int = USUAL_WIDTH) -> MiniCode:
        """The code of a target; `scene` empty: made from target and name. Raises InvalidBody, Conflict, WeChatError."""
        check(target, name)
        code = MiniCode(self._client.appid, scene or made_scene(target, name), name.strip(), target, by, now)
        if not SCENE.fullmatch(code.scene):
            raise InvalidBody("SCENE_WRONG", "场景值为 1 至 32 个字母、数字、_、~ 或 -", field="scene")
        known = await self._store.find(code.appid, code.scene)
        if known is None:
            if len(await self._store.all(code.appid)) >= MAX_CODES:
                raise Conflict("TOO_MANY_MINI_CODES", f"小程序码最多 {MAX_CODES} 个")
            await self._picture(code, env_version, width)  # a page that is not there is refused before anything is kept
            if await self._store.add(code):
                self._known[code.scene] = target
                return code
            known = await self.find(code.scene)  # somebody made it in this moment
        if known.target != target:
            raise Conflict("SCENE_TAKEN", "这个场景值已经指向另一个页面；印出的码不能改指")
        return known

    async def find(self, scene: str) -> MiniCode:
        """Raises MiniCodeNotFound."""
        found = await self._store.find(self._client.appid, scene)
        if found is None:
            raise MiniCodeNotFound()
        return found

    async def picture(self, scene: str, env_version: EnvVersion, width: int) -> bytes:
        """The JPEG to print, asked of the platform at first need. Raises MiniCodeNotFound, InvalidBody, WeChatError."""
        return await self._picture(await self.find(scene), env_version, width)

    async def resolve(self, scene: str, now: float) -> Target:
        """Where a scene leads, for whoever comes by it. Raises MiniCodeNotFound.

        Scenes can be made up without end, so what is not known is looked for among all codes, and that not more often than every
        LOOK_EVERY_SECONDS, however many ask.
        """
        if scene not in self._known:
            async with self._looking:
                if scene not in self._known and now >= self._look_from:
                    self._known = {code.scene: code.target for code in await self._store.all(self._client.appid)}
                    self._look_from = now + LOOK_EVERY_SECONDS
        target = self._known.get(scene)
        if target is None:
            raise MiniCodeNotFound()
        return target

    async def _picture(self, code: MiniCode, env_version: EnvVersion, width: int) -> bytes:
        if width not in WIDTHS:
            raise InvalidBody(message=f"宽度只能是 {'、'.join(map(str, WIDTHS))} 像素", field="width")
        kept = await self._store.picture(code, env_version, width)
        if kept is not None:
            return kept
        try:
            # A page is only looked for where the release is opened: those of a trial are not in it yet.
            made = await self._client.download("wxa/getwxacodeunlimit", {
                "scene": code.scene, "page": code.target.page, "check_path": env_version == "release", "env_version": env_version,
                "width": width})
        except WeChatError as error:
            raise refusal(error) from error
        if not made.startswith((JPEG, PNG)):
            raise PlatformUnreachable()
        await self._store.keep_picture(code, env_version, width, made)
        return made


def _picture_id(code: MiniCode, env_version: str, width: int) -> str:
    """The page is in it: of two editors who make one scene at once, or one after a kill, each has the picture of her own page."""
    return f"{code.appid}:{code.scene}:{code.target.page}:{env_version}:{width}"


def made_scene(target: Target, name: str) -> str:
    """The same for the same target and name on every machine, so that two editors who make it at once agree."""
    digest = hashlib.sha256(msgspec.json.encode((target.page, target.query_text, name.strip()))).digest()
    return b32encode(digest).decode()[:MADE_SCENE_CHARACTERS].lower()
