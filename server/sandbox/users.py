"""Followers as the platform keeps them: their information, lists, tags, remarks, the blacklist, and openids after an account was moved.

Invariants: a list goes on behind the openid that ended the page before; of many openids either all are taken or none; the three reserved
tags (0 none, 1 blacklist, 2 starred) stay; whoever leaves loses her tags, but not her place on the blacklist.
"""

from __future__ import annotations

from typing import Any

from server.sandbox.accounts import MENU, USER_INFO, Account
from server.sandbox.endpoints import Base, Endpoint
from server.sandbox.errcodes import WeChatRefusal
from server.sandbox.menus import menu_of
from server.sandbox.platform import Platform
from server.sandbox.store import BLACKLIST, Citizen

RESERVED = {0: "未打标签", 1: "屏蔽组", 2: "星标组"}
FIRST_TAG = 100
MAX_TAGS, MAX_TAG_CHARACTERS, MAX_TAGS_OF_ONE, MAX_REMARK_CHARACTERS = 100, 30, 20, 30
# A tag of more people than these cannot be deleted at once.
MAX_PEOPLE_OF_DELETED = 100_000
FOLLOWERS_A_PAGE, TAGGED_A_PAGE, BLACKLISTED_A_PAGE = 10_000, 10_000, 1000
TAGGED_AT_ONCE, BLACKLISTED_AT_ONCE, INFO_AT_ONCE, MOVED_AT_ONCE = 50, 20, 100, 100
OK = {"errcode": 0, "errmsg": "ok"}


class UserEndpoint(Endpoint):
    """What all of these need: the account that may, people by openid."""

    def may(self) -> Account:
        return self.account(USER_INFO)

    def citizen(self, account: Account, openid: Any) -> Citizen:
        """Raises WeChatRefusal."""
        if not openid:
            raise WeChatRefusal(41009)
        found = self.platform.store.citizen_of(str(openid), account.appid)
        if found is None:
            raise WeChatRefusal(49003 if self.platform.store.find_citizen(str(openid)) else 40003)
        return found

    def citizens(self, account: Account, body: dict[str, Any], most: int) -> list[Citizen]:
        """All of openid_list. Raises WeChatRefusal."""
        openids = body.get("openid_list")
        if not isinstance(openids, list) or not 0 < len(openids) <= most:
            raise WeChatRefusal(40032)
        return [self.citizen(account, openid) for openid in openids]

    def tag_id(self, account: Account, value: Any, *, own: bool = False) -> int:
        """A tag that is there; `own`: not a reserved one. Raises WeChatRefusal."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise WeChatRefusal(45159)
        if value in RESERVED and own:
            raise WeChatRefusal(45058)
        if value not in RESERVED and value not in dict(self.platform.store.tags(account.appid)):
            raise WeChatRefusal(45159)
        return value

    def page(self, openids: list[str], total: int) -> dict[str, Any]:
        """A list as the platform gives it: without data where there is nothing more."""
        if not openids:
            return {"total": total, "count": 0, "next_openid": ""}
        return {"total": total, "count": len(openids), "data": {"openid": openids}, "next_openid": openids[-1]}


def info_of(platform: Platform, account: Account, citizen: Citizen) -> dict[str, Any]:
    """What the platform tells of one follower."""
    openid, since = platform.store.openid(citizen.key, account.appid), platform.store.followed_since(account.appid, citizen.key)
    if since is None:
        return {"subscribe": 0, "openid": openid, "tagid_list": []}
    # Nickname and picture have been empty here since the platform stopped giving them out at the end of 2021.
    empty = dict.fromkeys(("nickname", "city", "province", "country", "headimgurl"), "")
    scene = platform.store.scene_of(account.appid, citizen.key).removeprefix("qrscene_")
    tags = platform.store.tags_of(account.appid, citizen.key)
    return empty | {
        "subscribe": 1, "openid": openid, "sex": 0, "language": "zh_CN", "subscribe_time": int(since), "unionid": citizen.unionid,
        "remark": platform.store.remark(account.appid, citizen.key), "groupid": tags[0] if tags else 0, "tagid_list": tags, "qr_scene": 0,
        "qr_scene_str": scene, "subscribe_scene": "ADD_SCENE_QR_CODE" if scene else "ADD_SCENE_SEARCH"}


class UserInfo(UserEndpoint):
    def asked(self) -> dict[str, Any]:
        account = self.may()
        return info_of(self.platform, account, self.citizen(account, self.query().get("openid")))


class UserInfoBatch(UserEndpoint):
    def posted(self) -> dict[str, Any]:
        account, asked = self.may(), self.body().get("user_list")
        if not isinstance(asked, list) or not 0 < len(asked) <= INFO_AT_ONCE:
            raise WeChatRefusal(40032)
        found = [self.citizen(account, one.get("openid") if isinstance(one, dict) else None) for one in asked]
        return {"user_info_list": [info_of(self.platform, account, citizen) for citizen in found]}


class UserGet(UserEndpoint):
    def asked(self) -> dict[str, Any]:
        account, store = self.may(), self.platform.store
        return self.page(store.followers(account.appid, self.query().get("next_openid", ""), FOLLOWERS_A_PAGE),
                         store.follower_count(account.appid))


class UpdateRemark(UserEndpoint):
    def posted(self) -> dict[str, Any]:
        account, body = self.may(), self.body(raw_utf8=True)
        citizen, remark = self.citizen(account, body.get("openid")), str(body.get("remark", ""))
        if len(remark) > MAX_REMARK_CHARACTERS:
            raise WeChatRefusal(45001, "remark size out of limit")
        self.platform.store.set_remark(account.appid, citizen.key, remark)
        return OK


class TagsCreate(UserEndpoint):
    def posted(self) -> dict[str, Any]:
        account, body = self.may(), self.body(raw_utf8=True)
        name, held = checked_name(body.get("tag")), self.platform.store.tags(account.appid)
        if name in dict(held).values() or name in RESERVED.values():
            raise WeChatRefusal(45157)
        if len(held) >= MAX_TAGS:
            raise WeChatRefusal(45056)
        made = max((tag for tag, _ in held), default=FIRST_TAG - 1) + 1
        self.platform.store.add_tag(account.appid, made, name)
        return {"tag": {"id": made, "name": name}}


def checked_name(tag: Any) -> str:
    """The name of a tag in a request. Raises WeChatRefusal."""
    name = str(tag.get("name", "")) if isinstance(tag, dict) else ""
    if not name:
        raise WeChatRefusal(45157)
    if len(name) > MAX_TAG_CHARACTERS:
        raise WeChatRefusal(45158)
    return name


class TagsGet(UserEndpoint):
    def asked(self) -> dict[str, Any]:
        account, store = self.may(), self.platform.store
        listed = [(tag, name) for tag, name in [*RESERVED.items(), *store.tags(account.appid)] if tag != 0]
        return {"tags": [{"id": tag, "name": name, "count": store.tag_count(account.appid, tag)} for tag, name in listed]}


class TagsUpdate(UserEndpoint):
    def posted(self) -> dict[str, Any]:
        account, asked = self.may(), self.body(raw_utf8=True).get("tag")
        tag, name = self.tag_id(account, asked.get("id") if isinstance(asked, dict) else None, own=True), checked_name(asked)
        if any(other == name and held != tag for held, other in self.platform.store.tags(account.appid)):
            raise WeChatRefusal(45157)
        self.platform.store.add_tag(account.appid, tag, name)
        return OK


class TagsDelete(UserEndpoint):
    def posted(self) -> dict[str, Any]:
        account, asked = self.may(), self.body().get("tag")
        tag = self.tag_id(account, asked.get("id") if isinstance(asked, dict) else None, own=True)
        if self.platform.store.tag_count(account.appid, tag) > MAX_PEOPLE_OF_DELETED:
            raise WeChatRefusal(45057)
        self.platform.store.drop_tag(account.appid, tag)
        return OK


class UserTagGet(UserEndpoint):
    def posted(self) -> dict[str, Any]:
        account, body, store = self.may(), self.body(), self.platform.store
        tag = self.tag_id(account, body.get("tagid"))
        openids = store.with_tag(account.appid, tag, str(body.get("next_openid", "")), TAGGED_A_PAGE)
        return {name: value for name, value in self.page(openids, 0).items() if name != "total"}


class GetIdList(UserEndpoint):
    def posted(self) -> dict[str, Any]:
        account, body = self.may(), self.body()
        return {"tagid_list": self.platform.store.tags_of(account.appid, self.citizen(account, body.get("openid")).key)}


class Members(UserEndpoint):
    """batchtagging and batchuntagging, of tags that people may be given."""

    has = True

    def posted(self) -> dict[str, Any]:
        account, body, store = self.may(), self.body(), self.platform.store
        tag = self.tag_id(account, body.get("tagid"))
        if tag in (0, BLACKLIST):
            raise WeChatRefusal(45159)
        people = self.citizens(account, body, TAGGED_AT_ONCE)
        for citizen in people:
            held = store.tags_of(account.appid, citizen.key)
            if self.has and tag not in held and len(held) >= MAX_TAGS_OF_ONE:
                raise WeChatRefusal(45059)
        for citizen in people:
            store.tag(account.appid, tag, citizen.key, self.has)
        return OK


class Untagging(Members):
    has = False


class Blacklist(UserEndpoint):
    has = True

    def posted(self) -> dict[str, Any]:
        account, body = self.may(), self.body()
        for citizen in self.citizens(account, body, BLACKLISTED_AT_ONCE):
            self.platform.store.tag(account.appid, BLACKLIST, citizen.key, self.has)
        return OK


class Unblacklist(Blacklist):
    has = False


class GetBlacklist(UserEndpoint):
    def posted(self) -> dict[str, Any]:
        account, store = self.may(), self.platform.store
        openids = store.with_tag(account.appid, BLACKLIST, str(self.body().get("begin_openid", "")), BLACKLISTED_A_PAGE)
        return self.page(openids, store.tag_count(account.appid, BLACKLIST))


class ChangeOpenid(UserEndpoint):
    """For fifteen days after a move; only of those who followed the old account."""

    def posted(self) -> dict[str, Any]:
        account, body = self.may(), self.body()
        openids = body.get("openid_list")
        old = self.platform.moved.get((str(body.get("from_appid", "")), account.appid))
        if old is None:
            raise WeChatRefusal(63178)
        if not isinstance(openids, list) or not openids:
            raise WeChatRefusal(63182)
        if len(openids) > MOVED_AT_ONCE:
            raise WeChatRefusal(40032)
        return {"errcode": 0, "errmsg": "ok", "result_list": [self._result(account, old, str(openid)) for openid in openids]}

    def _result(self, account: Account, old: str, openid: str) -> dict[str, str]:
        store = self.platform.store
        citizen = store.citizen_of(openid, old)
        if citizen is None or store.followed_since(old, citizen.key) is None:
            return {"ori_openid": openid, "err_msg": "ori_openid error"}
        return {"ori_openid": openid, "new_openid": store.openid(citizen.key, account.appid), "err_msg": "ok"}


class MenuTryMatch(UserEndpoint):

    def posted(self) -> dict[str, Any]:
        account = self.account(MENU)
        menu = menu_of(self.platform, account, self.citizen(account, self.body().get("user_id")))
        if menu is None:
            raise WeChatRefusal(46003)
        return menu


ROUTES: list[tuple[str, type[Base]]] = [
    (r"/cgi-bin/user/info", UserInfo),
    (r"/cgi-bin/user/info/batchget", UserInfoBatch),
    (r"/cgi-bin/user/info/updateremark", UpdateRemark),
    (r"/cgi-bin/user/get", UserGet),
    (r"/cgi-bin/user/tag/get", UserTagGet),
    (r"/cgi-bin/tags/create", TagsCreate),
    (r"/cgi-bin/tags/get", TagsGet),
    (r"/cgi-bin/tags/update", TagsUpdate),
    (r"/cgi-bin/tags/delete", TagsDelete),
    (r"/cgi-bin/tags/getidlist", GetIdList),
    (r"/cgi-bin/tags/members/batchtagging", Members),
    (r"/cgi-bin/tags/members/batchuntagging", Untagging),
    (r"/cgi-bin/tags/members/batchblacklist", Blacklist),
    (r"/cgi-bin/tags/members/batchunblacklist", Unblacklist),
    (r"/cgi-bin/tags/members/getblacklist", GetBlacklist),
    (r"/cgi-bin/changeopenid", ChangeOpenid),
    (r"/cgi-bin/menu/trymatch", MenuTryMatch),
]
