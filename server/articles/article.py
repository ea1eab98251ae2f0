"""What an article is, what the platform takes of one, and its words for what became of it.

[doc/service/api/draftbox/draftmanage/api_draft_add; doc/offiaccount/Publish/Publish.html,
Message_Management/Batch_Sends_and_Originality_Checks.html]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Literal

import msgspec

from server.errors import Conflict, InvalidBody, NotFound
from server.wechat.errcodes import staff_text

MAX_ARTICLES = 8
# In characters, as the document counts; the content also in bytes.
MAX_TITLE, MAX_AUTHOR, MAX_DIGEST, MAX_CONTENT = 32, 16, 128, 20_000
MAX_CONTENT_BYTES, MAX_ADDRESS_BYTES = 1 << 20, 1024

# What is done with a draft at the moment: only one of these at a time. "": nothing; anybody may begin.
Use = Literal["", "edit", "delete", "publish", "mass"]

# Of a publication: submitting -> publishing -> published | failed; published -> taken_back.
# Of a mass send:   sending -> accepted -> sent | failed; accepted or sent -> deleted.
#   refused    the platform did not take it; it may be asked again
#   uncertain  nobody can tell any more what became of it: a person has to look at the account's own pages
State = Literal["submitting", "publishing", "published", "taken_back", "sending", "accepted", "sent", "deleted", "failed", "refused",
                "uncertain"]

# publish_status of an event or a poll.
PUBLISH_WORDS = {0: "发布成功", 1: "发布中", 2: "原创校验失败", 3: "发布失败", 4: "平台审核不通过", 5: "发布后已被账号删除",
                 6: "发布后已被平台封禁"}
# Status of MASSSENDJOBFINISH, without blanks.
MASS_WORDS = {
    "sendsuccess": "群发成功", "sendfail": "群发失败", "err(10001)": "涉嫌广告", "err(20001)": "涉嫌政治", "err(20002)": "涉嫌色情",
    "err(20004)": "涉嫌社会", "err(20006)": "涉嫌违法犯罪", "err(20008)": "涉嫌欺诈", "err(20013)": "涉嫌版权", "err(21000)": "涉嫌其他",
    "err(22000)": "涉嫌互推", "err(30001)": "原创校验出错，且设置为转载不群发", "err(30002)": "原创校验判定为不能群发",
    "err(30003)": "原创校验判定为转载，且设置为转载不群发", "err(40001)": "账号管理员拒绝", "err(40002)": "账号管理员 30 分钟内没有确认"}


class DraftNotFound(NotFound):
    code = "DRAFT_NOT_FOUND"
    message = "没有这篇草稿，或不是在本系统写的"


class DraftChanged(Conflict):
    code = "DRAFT_CHANGED"
    message = "草稿已被修改，请重新查看"


class DraftInUse(Conflict):
    code = "DRAFT_IN_USE"
    message = "别人正在修改、发布或群发这份草稿；如上次修改没有得到微信确认，请两分钟后再保存一次"


class DraftPublished(DraftInUse):
    code = "DRAFT_PUBLISHED"
    message = "这份草稿已经发布，不能再改；要改内容请新建草稿，再次发布"


class DraftSent(DraftInUse):
    code = "DRAFT_SENT"
    message = "这份草稿已经群发，不能再改；请新建草稿"


class PublicationNotFound(NotFound):
    code = "PUBLICATION_NOT_FOUND"
    message = "这篇草稿没有发布过"


class MassSendNotFound(NotFound):
    code = "MASS_SEND_NOT_FOUND"
    message = "这篇草稿没有群发过"


class Article(msgspec.Struct, frozen=True):
    """One article of a draft. `content` is HTML; the platform takes scripts and foreign pictures out of it."""

    title: str
    content: str
    thumb_media_id: str
    author: str = ""
    digest: str = ""
    content_source_url: str = ""
    need_open_comment: bool = False
    only_fans_can_comment: bool = False


class Draft(msgspec.Struct, frozen=True):
    """What is known here of a draft beside what the platform keeps: who wrote in it, and a number that rises with each try to change it.

    `use` is what is being done with it since `use_at`. `unsaved`: the number and the writer of a change that was not confirmed; she may
    save it again from the page that she has, others have to look anew.
    """

    appid: str
    media_id: str
    writers: tuple[str, ...]
    created_at: float
    changed_at: float
    rev: int = 1
    use: Use = ""
    use_at: float = 0.0
    unsaved: tuple[int, str] | None = None


class Publication(msgspec.Struct, frozen=True):
    """A draft, as of `rev`, on its way to a page that anybody can open. `status`: the platform's, -1 before it has said any."""

    appid: str
    media_id: str
    title: str
    by: str
    at: float
    state: State
    rev: int = 0
    errcode: int = 0
    publish_id: str = ""
    status: int = -1
    article_id: str = ""
    urls: tuple[str, ...] = ()
    failed_indexes: tuple[int, ...] = ()


class Confirmed(msgspec.Struct, frozen=True):
    """What a person confirms: the draft as she saw it (`rev`, and `digest` of what it said), its title, and to whom (`tag_id` 0: all)."""

    rev: int
    title: str
    digest: str
    tag_id: int = 0


class MassSend(msgspec.Struct, frozen=True):
    """A draft, as of `rev`, on its way to followers: to all, or to those of a tag. `status`: the platform's own word at the end."""

    appid: str
    media_id: str
    title: str
    by: str
    at: float
    state: State
    rev: int = 0
    errcode: int = 0
    tag_id: int = 0
    msg_id: str = ""
    status: str = ""
    total: int = 0
    sent: int = 0
    failed: int = 0
    urls: tuple[str, ...] = ()


def publish_words(one: Publication) -> str:
    """How far a publication is, for people."""
    of_state = {"submitting": "正在提交", "publishing": "发布中", "refused": f"微信没有接受：{staff_text(one.errcode)}",
                "uncertain": "微信没有回答，请到公众平台查看", "taken_back": "已删除"}
    return PUBLISH_WORDS.get(one.status) or of_state.get(one.state, "")


def mass_words(one: MassSend) -> str:
    """How far a mass send is, for people; what it is now stands before what the platform said of it once."""
    of_state = {"sending": "正在提交", "accepted": "微信已接受，正在群发", "deleted": "已删除：打开的人会看到“该内容已被发布者删除”",
                "refused": f"微信没有接受：{staff_text(one.errcode)}", "uncertain": "微信没有回答，请到公众平台查看是否已群发"}
    return of_state.get(one.state) or MASS_WORDS.get(one.status, one.status)


def digest_of(held: Sequence[Mapping[str, Any]]) -> str:
    """What a draft says, in 32 characters. The addresses that the platform adds are left out: they change by themselves."""
    said = [[str(article.get(name) or "") for name in Article.__struct_fields__] for article in held]
    return blake2b(msgspec.json.encode(said), digest_size=16).hexdigest()


def check(articles: Sequence[Article]) -> None:
    """Raises InvalidBody, naming the article and its field, for what the platform would not take."""
    if not 1 <= len(articles) <= MAX_ARTICLES:
        raise InvalidBody("TOO_MANY_ARTICLES", f"一份草稿 1 至 {MAX_ARTICLES} 篇", field="articles")
    for n, article in enumerate(articles):
        check_one(article, f"articles.{n}")


def check_one(article: Article, where: str) -> None:
    """The same of one."""
    for field, text, least, most in (("title", article.title, 1, MAX_TITLE), ("author", article.author, 0, MAX_AUTHOR),
                                     ("digest", article.digest, 0, MAX_DIGEST), ("content", article.content, 1, MAX_CONTENT - 1)):
        if not least <= len(text.strip()) or len(text) > most:
            raise InvalidBody("ARTICLE_FIELD_WRONG", f"{FIELD_WORDS[field]} {least} 至 {most} 字", field=f"{where}.{field}")
    if len(article.content.encode()) >= MAX_CONTENT_BYTES:
        raise InvalidBody("ARTICLE_FIELD_WRONG", "正文过大", field=f"{where}.content")
    url = article.content_source_url
    if url and not url.startswith(("https://", "http://")) or len(url.encode()) > MAX_ADDRESS_BYTES:
        raise InvalidBody("ARTICLE_FIELD_WRONG", f"阅读原文的地址以 http:// 或 https:// 开头，最长 {MAX_ADDRESS_BYTES} 字节",
                          field=f"{where}.content_source_url")


FIELD_WORDS = {"title": "标题", "author": "作者", "digest": "摘要", "content": "正文"}
