"""Menus 菜单 of the official account: versions, what WeChat holds, and the step between the two.

Owns: `menus`, one document a version, never changed but for when it was published; the limits of the platform.
Invariants: a version that was published can be published again, which is how one rolls back; publishing may be repeated after any failure
and ends at the same menu; one version of an account is published at a time, so that no mixture of two is left; what a person clicks is
answered by reply rules (by key), not here.
[doc/offiaccount/Custom_Menus/Creating_Custom-Defined_Menu.html, Personalized_menu_interface.html]

Failure policy: closed: a refusal of the platform is shown to the editor, and the version stays unpublished.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec

from server.claims import Claim, Claims
from server.digits import whole
from server.errors import Conflict, InvalidBody, NotFound
from server.stores import Database, Document, DuplicateKeyError
from server.wechat.answers import objects_of
from server.wechat.client import Client
from server.wechat.errors import NoMenu

ButtonType = Literal["click", "view", "miniprogram", "scancode_push", "scancode_waitmsg", "pic_sysphoto", "pic_photo_or_album",
                     "pic_weixin", "location_select", "media_id", "article_id"]

# What a tap does, in an editor's words.
DOES: dict[str, str] = {
    "click": "发送 key", "view": "打开网页", "miniprogram": "打开小程序", "scancode_push": "扫码", "scancode_waitmsg": "扫码后等待回复",
    "pic_sysphoto": "拍照", "pic_photo_or_album": "拍照或选相册", "pic_weixin": "选微信相册", "location_select": "发送位置",
    "media_id": "发送素材", "article_id": "发送图文",
}
MAX_BUTTONS, MAX_SUB_BUTTONS = 3, 5
# Of the document: 16 bytes on the bar and 60 below it (longer ones are cut on phones), keys of 128 bytes, addresses of 1,024.
MAX_NAME_BYTES, MAX_SUB_NAME_BYTES, MAX_KEY_BYTES, MAX_ADDRESS_BYTES = 16, 60, 128, 1024
# Every person is matched against each of them, first to last.
MAX_CONDITIONAL = 20
# Years of changes; older ones are looked for in the audit log.
SHOWN_VERSIONS = 50
TRIES = 5
# The platform's numbers of tags have three today.
MAX_TAG_DIGITS = 10


class MenuNotFound(NotFound):
    code = "MENU_NOT_FOUND"
    message = "没有这个版本的菜单"


class MenuBusy(Conflict):
    code = "MENU_BUSY"
    message = "别人正在发布或保存菜单，请稍后再试"


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What can be tapped. `url` of a mini-program is for phones that know none."""

    name: str
    type: ButtonType | None = None
    key: str = ""
    url: str = ""
    appid: str = ""
    pagepath: str = ""
    media_id: str = ""
    article_id: str = ""


class Button(Entry, frozen=True, omit_defaults=True):
    """An entry of the bar; with `buttons` above it, it has a name alone."""

    buttons: tuple[Entry, ...] = ()


class Conditional(msgspec.Struct, frozen=True, omit_defaults=True):
    """A menu for some: those with a tag, or on a kind of phone (1 iOS, 2 Android, 3 others)."""

    buttons: tuple[Button, ...]
    tag_id: str = ""
    client_platform_type: str = ""


class Layout(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that an account's menu is: for all, and for some."""

    buttons: tuple[Button, ...]
    conditional: tuple[Conditional, ...] = ()


class Version(msgspec.Struct, frozen=True):
    """`published_at`: seconds since 1970 of the last time, 0 for never; `published_by`: whoever did it then."""

    appid: str
    number: int
    layout: Layout
    by: str
    created_at: float
    published_at: float = 0.0
    published_by: str = ""


class MenuStore:
    """The only code that touches `menus`."""

    def __init__(self, mongo: Database) -> None:
        self._menus = mongo["menus"]
        self.claims = Claims(mongo)

    async def add(self, version: Version) -> bool:
        """False where the number is taken."""
        try:
            await self._menus.insert_one({"_id": f"{version.appid}:{version.number}", **msgspec.to_builtins(version)})
        except DuplicateKeyError:
            return False
        return True

    async def of_account(self, appid: str) -> list[Version]:
        """The newest first."""
        found = await self._menus.find({"appid": appid}).limit(10_000).to_list(None)
        return sorted(map(_version, found), key=lambda version: -version.number)

    async def find(self, appid: str, number: int) -> Version | None:
        found = await self._menus.find_one({"_id": f"{appid}:{number}"})
        return None if found is None else _version(found)

    async def published(self, version: Version, by: str, now: float) -> None:
        await self._menus.update_one({"_id": f"{version.appid}:{version.number}"}, {"$set": {"published_at": now, "published_by": by}})


class Menus:
    def __init__(self, store: MenuStore, client: Client) -> None:
        self._store = store
        self._client = client

    async def versions(self) -> list[Version]:
        """The newest first; the one that was published last is among them, however old it is."""
        every = await self._store.of_account(self._client.appid)
        live = live_number(every)
        return [version for n, version in enumerate(every) if n < SHOWN_VERSIONS or version.number == live]

    async def keep(self, layout: Layout, by: str, now: float) -> Version:
        """A new version; nobody sees it yet. Raises InvalidBody by the field."""
        check(layout)
        for _ in range(TRIES):  # two editors may take the same number
            newest = next(iter(await self._store.of_account(self._client.appid)), None)
            version = Version(self._client.appid, newest.number + 1 if newest else 1, layout, by, now)
            if await self._store.add(version):
                return version
        raise MenuBusy()

    async def held(self) -> Layout:
        """What WeChat shows now. Raises WeChatError."""
        return read(await self._held())

    async def differences(self, number: int) -> list[str]:
        """What publishing a version would change, in lines for people. Raises MenuNotFound, WeChatError."""
        wanted = await self.version(number)
        return list(_differences(await self.held(), wanted.layout))

    async def publish(self, number: int, by: str, now: float) -> Version:
        """Make a version the one that people see. Raises MenuNotFound, MenuBusy, WeChatError; then it may be asked again."""
        version = await self.version(number)
        check(version.layout)
        async with self._store.claims.held(f"menu:{self._client.appid}", now, MenuBusy()) as claim:
            await self._show(version.layout, claim)
            await self._store.published(version, by, now)
        return msgspec.structs.replace(version, published_at=now, published_by=by)

    async def _show(self, layout: Layout, claim: Claim) -> None:
        held = await self._held()
        menu = self._client.menu
        await menu.create({"button": [_button(button) for button in layout.buttons]})
        # The menu for all leaves those for some as they are. The platform matches the newest first: so the first of ours is added last, and
        # the old ones go when the new ones are there, lest somebody falls back to the menu for all meanwhile.
        for one in reversed(layout.conditional):
            await claim.extend()
            await menu.add_conditional({"button": [_button(button) for button in one.buttons], "matchrule": _rule(one)})
        for old in _conditionals(held):
            await claim.extend()
            await menu.del_conditional(str(old.get("menuid", "")))

    async def _held(self) -> dict[str, Any]:
        try:
            held: dict[str, Any] = await self._client.menu.get()
        except NoMenu:
            return {}
        return held

    async def version(self, number: int) -> Version:
        """Raises MenuNotFound."""
        found = await self._store.find(self._client.appid, number)
        if found is None:
            raise MenuNotFound()
        return found


def live_number(versions: Iterable[Version]) -> int:
    """Which of them was published last, 0 for none. Whoever changed the menu on the platform's own pages since is not known here."""
    newest = max(versions, key=lambda version: version.published_at, default=None)
    return newest.number if newest and newest.published_at else 0


def check(layout: Layout) -> None:
    """Raises InvalidBody, naming the entry, for what the platform would not take."""
    if len(layout.conditional) > MAX_CONDITIONAL:
        raise InvalidBody("TOO_MANY_BUTTONS", f"个性化菜单最多 {MAX_CONDITIONAL} 个", field="conditional")
    some = [(f"conditional.{n}.buttons", one.buttons) for n, one in enumerate(layout.conditional)]
    for where, buttons in [("buttons", layout.buttons), *some]:
        if not 1 <= len(buttons) <= MAX_BUTTONS:
            raise InvalidBody("TOO_MANY_BUTTONS", f"一级菜单 1 至 {MAX_BUTTONS} 个", field=where)
        for n, button in enumerate(buttons):
            _check_button(button, f"{where}.{n}")
    for n, one in enumerate(layout.conditional):
        if not (one.tag_id or one.client_platform_type) or one.client_platform_type not in ("", "1", "2", "3") or (
                one.tag_id and whole(one.tag_id, MAX_TAG_DIGITS) is None):
            raise InvalidBody(message=f"第 {n + 1} 个个性化菜单要写标签号 tag_id，或 client_platform_type：1（iOS）、2（安卓）、3（其他）",
                              field=f"conditional.{n}")


def _check_button(button: Button, where: str) -> None:
    if not button.buttons:
        _check_entry(button, where, MAX_NAME_BYTES)
        return
    _check_name(button, where, MAX_NAME_BYTES)
    if button.type is not None:
        raise InvalidBody(message=f"“{button.name}”有子菜单，点击只会展开，不能再写 type", field=f"{where}.type")
    if len(button.buttons) > MAX_SUB_BUTTONS:
        raise InvalidBody("TOO_MANY_BUTTONS", f"二级菜单最多 {MAX_SUB_BUTTONS} 个", field=where)
    for n, below in enumerate(button.buttons):
        _check_entry(below, f"{where}.buttons.{n}", MAX_SUB_NAME_BYTES)


def _check_name(entry: Entry, where: str, max_bytes: int) -> None:
    if not entry.name.strip():
        raise InvalidBody("NAME_MISSING", "请填写菜单名称", field=f"{where}.name")
    if len(entry.name.encode()) > max_bytes:
        raise InvalidBody("NAME_TOO_LONG", f"菜单名称最多 {max_bytes} 字节（{max_bytes // 3} 个汉字）", field=f"{where}.name")


def _check_entry(entry: Entry, where: str, max_name_bytes: int) -> None:
    _check_name(entry, where, max_name_bytes)
    needed = {"view": ("url",), "miniprogram": ("url", "appid", "pagepath"), "media_id": ("media_id",),
              "article_id": ("article_id",)}.get(entry.type or "", ("key",))
    if entry.type is None:
        raise InvalidBody(message=f"“{entry.name}”要选点击后的动作 type，例如 {'、'.join(DOES)}", field=f"{where}.type")
    if missing := next((field for field in needed if not getattr(entry, field)), ""):
        raise InvalidBody(message=f"“{entry.name}”点击后{DOES[entry.type]}，要填写 {missing}", field=f"{where}.{missing}")
    if entry.url and not entry.url.startswith(("https://", "http://")) or len(entry.url.encode()) > MAX_ADDRESS_BYTES:
        raise InvalidBody(message=f"“{entry.name}”的网址以 https:// 开头，最长 {MAX_ADDRESS_BYTES} 字节", field=f"{where}.url")
    if len(entry.key.encode()) > MAX_KEY_BYTES:
        raise InvalidBody(message=f"“{entry.name}”的 key 最长 {MAX_KEY_BYTES} 字节", field=f"{where}.key")


def read(held: dict[str, Any]) -> Layout:
    """The platform's answer as a layout; what it adds by itself, such as numbers of menus, is left out."""
    return Layout(_read_buttons((held.get("menu") or {}).get("button")), tuple(map(_read_conditional, _conditionals(held))))


def _read_conditional(held: dict[str, Any]) -> Conditional:
    rule = held.get("matchrule") or {}
    tag = rule.get("tag_id") or rule.get("group_id") or ""  # asked for by the first name, answered under the second
    return Conditional(_read_buttons(held.get("button")), str(tag), str(rule.get("client_platform_type") or ""))


def _read_buttons(held: Any) -> tuple[Button, ...]:
    return tuple(map(_read_button, objects_of(held)))


def _conditionals(held: dict[str, Any]) -> list[dict[str, Any]]:
    """The newest first, which is the order in which people are matched; the answer's own order is not documented, its numbers rise."""
    return sorted(objects_of(held.get("conditionalmenu")), key=lambda one: -int(str(one.get("menuid") or 0)))


def _read_button(held: dict[str, Any]) -> Button:
    below = tuple(Entry(**_texts(one), type=one.get("type")) for one in objects_of(held.get("sub_button")))
    return Button(**_texts(held), type=None if below else held.get("type"), buttons=below)


def _texts(held: dict[str, Any]) -> dict[str, str]:
    return {name: str(held.get(name) or "") for name in ("name", "key", "url", "appid", "pagepath", "media_id", "article_id")}


def _button(button: Button) -> dict[str, Any]:
    if button.buttons:
        return {"name": button.name, "sub_button": [msgspec.to_builtins(entry) for entry in button.buttons]}
    fields: dict[str, Any] = msgspec.to_builtins(button)
    return fields


def _rule(one: Conditional) -> dict[str, str]:
    return {name: value for name, value in (("tag_id", one.tag_id), ("client_platform_type", one.client_platform_type)) if value}


def _differences(held: Layout, wanted: Layout) -> Iterator[str]:
    yield from _changed("全体", held.buttons, wanted.buttons)
    for n in range(max(len(held.conditional), len(wanted.conditional))):
        old, new = (side.conditional[n] if n < len(side.conditional) else None for side in (held, wanted))
        name = f"个性化菜单 {n + 1}"
        if old is None or new is None:
            yield f"{name}：{'新增' if new else '删除'}"
            yield from _changed(name, old.buttons if old else (), new.buttons if new else ())
        else:
            if _rule(old) != _rule(new):
                yield f"{name}：适用人群改变"
            yield from _changed(name, old.buttons, new.buttons)


def _changed(where: str, held: Sequence[Entry], wanted: Sequence[Entry]) -> Iterator[str]:
    for n in range(max(len(held), len(wanted))):
        old, new = (side[n] if n < len(side) else None for side in (held, wanted))
        place = f"{where} › 第 {n + 1} 项"
        if old is None or new is None:
            one: Any = new or old
            yield f"{place}：{'新增' if new else '删除'}“{one.name}”，{does(one)}"
            yield from _changed(f"{place}“{one.name}”", getattr(old, "buttons", ()), getattr(new, "buttons", ()))
            continue
        if old.name != new.name:
            yield f"{place}：“{old.name}”改为“{new.name}”"
        if (before := does(old)) != (after := does(new)):
            yield f"{place}“{new.name}”：点击后由“{before}”改为“{after}”"
        yield from _changed(f"{place}“{new.name}”", getattr(old, "buttons", ()), getattr(new, "buttons", ()))


def does(entry: Entry) -> str:
    """What a tap does, as an editor reads it."""
    if entry.type is None:
        return "展开子菜单"
    aims = " ".join(text for name, text in _texts(msgspec.to_builtins(entry)).items() if text and name != "name")
    return f"{DOES.get(entry.type, entry.type)} {aims}".strip()


def media_ids(layout: Layout) -> list[tuple[str, str]]:
    """The materials that taps send, each with where it stands."""
    sets = [("buttons", layout.buttons), *((f"conditional.{n}.buttons", one.buttons) for n, one in enumerate(layout.conditional))]
    return [(f"{where}.{n}.{place}media_id", entry.media_id) for where, buttons in sets for n, button in enumerate(buttons)
            for place, entry in ([("", button)] if not button.buttons else
                                 [(f"buttons.{m}.", below) for m, below in enumerate(button.buttons)])
            if entry.type == "media_id"]


def click_keys(layout: Layout) -> list[str]:
    """The keys that taps send, each once: those of which nobody knows an answer do nothing."""
    buttons = [button for part in (layout.buttons, *(one.buttons for one in layout.conditional)) for button in part]
    entries: list[Entry] = [entry for button in buttons for entry in (button.buttons or (button,))]
    return list(dict.fromkeys(entry.key for entry in entries if entry.type == "click"))


def _version(document: Document) -> Version:
    return msgspec.convert(document, Version)
