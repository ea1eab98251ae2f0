"""The words and shapes of votes and photos, as in `openapi_words.py` and `openapi_shapes.py`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from handlers.ballots import BallotRecord
from handlers.openapi_terms import (
    CITIZEN,
    NO_CAMPAIGN,
    NO_STAFF,
    NO_STAFF_CHANGE,
    NO_STAFF_FRESH,
    NO_TOKEN,
    STAFF,
    Answer,
    Words,
)
from handlers.photos import OwnPhoto, PhotoForm

CLOSED = ("CAMPAIGN_NOT_OPEN", "CAMPAIGN_ENDED", "CAMPAIGN_PAUSED", "CAMPAIGN_FROZEN", "DELETED_BEFORE")
NO_VOTE = {**NO_CAMPAIGN, 409: ("NOT_A_VOTE",)}
NO_PHOTOS = {**NO_CAMPAIGN, 409: ("NOT_A_PHOTO_WALL",)}
CURSOR = {"cursor": "上一页的 next"}
API, STAFF_API = "/api/v1/campaigns/{slug}", "/api/v1/staff/campaigns/{slug}"


class CandidateView(Struct):
    """`state` open, suspended or withdrawn, and why."""

    code: str
    name: str
    text: str
    media: str
    state: str
    reason: str


class BoardView(Struct):
    least: int
    most: int
    tally: str
    candidates: list[CandidateView]


class CandidateFigures(Struct):
    code: str
    votes: int
    paper: int


class TallyFigures(Struct):
    as_of: str | None
    ballots: int
    paper_ballots: int
    candidates: list[CandidateFigures]


class TallyView(Struct):
    """`figures` null where they are not shown to the caller now; `when`: never, after_vote or after_end."""

    shown: bool
    when: str
    final: bool
    figures: TallyFigures | None


class BarredView(Struct):
    state: str
    reason: str
    by: str
    at: str


class StaffTallyView(TallyFigures):
    shown: str
    names: dict[str, str]
    barred: dict[str, BarredView]


class VoteCurve(Struct):
    day: str
    ballots: dict[str, int]
    candidates: dict[str, dict[str, int]]


class VoteAudit(Struct):
    ok: bool
    ballots: int
    voids: int
    waiting: int
    totals: dict[str, int]
    findings: list[str]


class PaperView(Struct):
    id: str
    origin: str
    reason: str
    sheets: int
    votes: dict[str, int]
    by: str
    at: str
    state: str
    consented_by: str | None
    consented_at: str | None
    voided_by: str | None
    voided_at: str | None
    void_reason: str | None


class PaperList(Struct):
    items: list[PaperView]
    next: str | None


class PhotoItem(Struct):
    caption: str
    at: str
    width: int
    height: int
    photo: str
    tile: str


class PhotoWall(Struct):
    items: list[PhotoItem]
    next: str | None


def staff(text: str, answers: dict[int, Answer], refusals: dict[int, tuple[str, ...]], **more: Any) -> Words:
    return Words("工作人员", text, answers, refusals, needs=STAFF, **more)


WORDS: dict[tuple[str, str], Words] = {
    ("get", f"{API}/vote"): Words("活动", "候选人现在的状态与每张选票选几位", {200: Answer("候选人", BoardView)}, NO_VOTE),
    ("post", f"{API}/ballots"): Words(
        "参与", "投票：每人每期一张选票；重复提交得到第一次的选票",
        {201: Answer("新选票", BallotRecord), 200: Answer("已投过的选票", BallotRecord)},
        {**NO_TOKEN, **NO_CAMPAIGN, 403: ("VOIDED",), 409: ("NOT_A_VOTE", *CLOSED, "CANDIDATE_SUSPENDED", "BALLOT_UNLINKED"),
         422: ("INVALID_BODY", "CHOICES_TOO_FEW", "CHOICES_TOO_MANY", "CHOICES_REPEATED", "UNKNOWN_CANDIDATE", "UNKNOWN_REGION",
               "UNKNOWN_UNIT"), 413: ("BODY_TOO_LARGE",), 503: ("BUSY", "SHARD_NOT_READY", "STORE_UNAVAILABLE")}, needs=CITIZEN),
    ("get", f"{API}/ballots/me"): Words(
        "参与", "自己这一期的选票；别人的无从查询", {200: Answer("选票", BallotRecord)},
        {**NO_TOKEN, 403: ("VOIDED",), 404: ("CAMPAIGN_NOT_FOUND", "BALLOT_NOT_FOUND"), 409: ("NOT_A_VOTE", "BALLOT_UNLINKED")},
        needs=CITIZEN),
    ("get", f"{API}/tally"): Words("活动", "票数，按候选人的固定顺序；何时可看由活动设定", {200: Answer("票数", TallyView)}, NO_VOTE),
    ("get", f"{API}/photos"): Words("活动", "已审核的照片，最新的在前", {200: Answer("列表", PhotoWall)}, NO_PHOTOS, CURSOR),
    ("post", f"{API}/photos"): Words(
        "参与", "传一张照片（multipart/form-data），等待审核；每人每期一张，满14周岁",
        {202: Answer("等待审核", OwnPhoto), 200: Answer("已传过的照片", OwnPhoto)},
        {**NO_TOKEN, **NO_CAMPAIGN, 403: ("PHOTO_NOT_TAKEN", "VOIDED"),
         409: ("NOT_A_PHOTO_WALL", *CLOSED, "OWN_WORDS_OFF", "WORDS_STOPPED", "PHOTO_TRIES_USED"), 413: ("PHOTO_TOO_LARGE",),
         422: ("INVALID_BODY", "PHOTO_MISSING", "CAPTION_WRONG", "UNKNOWN_CAPTION", "WORDS_REFUSED", "MEDIA_TYPE_WRONG", "MEDIA_SVG",
               "MEDIA_PICTURE_TOO_LARGE", "MEDIA_PICTURE_TOO_SMALL", "MEDIA_ANIMATED", "MEDIA_TWO_FACED", "MEDIA_NOT_READABLE",
               "MEDIA_TOO_COMPLEX", "UNKNOWN_REGION", "UNKNOWN_UNIT"),
         503: ("BUSY", "SHARD_NOT_READY", "MAINTENANCE")}, needs=CITIZEN, body=PhotoForm),
    ("get", f"{API}/photos/me"): Words(
        "参与", "自己这一期的照片与审核结果", {200: Answer("照片", OwnPhoto)},
        {**NO_TOKEN, 404: ("CAMPAIGN_NOT_FOUND", "PHOTO_NOT_FOUND"), 409: ("NOT_A_PHOTO_WALL",)}, needs=CITIZEN),
    ("delete", f"{API}/photos/me"): Words(
        "参与", "撤回自己的照片，立即删除", {204: Answer("已撤回")},
        {**NO_TOKEN, 404: ("CAMPAIGN_NOT_FOUND", "PHOTO_NOT_FOUND"), 409: ("NOT_A_PHOTO_WALL",)}, needs=CITIZEN),
    ("get", "/photos/{id}.jpg"): Words("页面", "一张公开的照片；撤下后两秒内失效", {200: Answer("图片", media="image/jpeg")},
                                       {404: ("PHOTO_NOT_FOUND",)}),
    ("get", "/photos/{id}-tile.jpg"): Words("页面", "一张公开的照片的小图", {200: Answer("图片", media="image/jpeg")},
                                            {404: ("PHOTO_NOT_FOUND",)}),
    ("get", "/photo-checks/{address}.jpg"): Words("微信", "送机审期间供平台取图的地址", {200: Answer("图片", media="image/jpeg")},
                                                  {404: ("PHOTO_NOT_FOUND",)}),
    ("get", f"{STAFF_API}/vote"): staff("票数、候选人状态与原因；没有任何人的选择", {200: Answer("票数", StaffTallyView)},
                                        {**NO_STAFF, **NO_VOTE}),
    ("put", f"{STAFF_API}/vote/candidates"): staff(
        "暂停候选人、标记退出或恢复，写明公开的原因", {200: Answer("票数", StaffTallyView)},
        {**NO_STAFF_CHANGE, **NO_CAMPAIGN, 409: ("NOT_A_VOTE", "CAMPAIGN_CHANGED"),
         422: ("INVALID_BODY", "UNKNOWN_CANDIDATE", "STATE_WRONG", "REASON_MISSING")}),
    ("get", f"{STAFF_API}/vote/curve"): staff(
        "一天里每分钟、每位候选人的票数，来自选票，用于发现刷票", {200: Answer("曲线", VoteCurve)},
        {**NO_STAFF, **NO_VOTE, 422: ("INVALID_BODY",)}, query={"day": "8 位日期，默认今天"}),
    ("get", f"{STAFF_API}/vote/audit"): staff("重放全部选票，与票数核对", {200: Answer("核对结果", VoteAudit)},
                                              {**NO_STAFF, **NO_CAMPAIGN, 409: ("NOT_A_VOTE", "TALLY_BUSY")}),
    ("post", f"{STAFF_API}/vote/audit"): staff("用重放的结果替换票数", {200: Answer("替换前的核对结果", VoteAudit)},
                                               {**NO_STAFF_FRESH, **NO_CAMPAIGN, 409: ("NOT_A_VOTE", "TALLY_BUSY")}),
    ("get", f"{STAFF_API}/vote/papers"): staff("录入的纸质选票，最新的在前", {200: Answer("列表", PaperList)}, {**NO_STAFF, **NO_VOTE},
                                               query=CURSOR),
    ("post", f"{STAFF_API}/vote/papers"): staff(
        "录入一处清点好的纸质选票，等待另一人同意后计入", {201: Answer("新录入", PaperView), 200: Answer("已录入过", PaperView)},
        {**NO_STAFF_CHANGE, **NO_CAMPAIGN, 409: ("NOT_A_VOTE", "PAPERS_CLOSED", "PAPERS_DIFFER"),
         422: ("INVALID_BODY", "ORIGIN_MISSING", "REASON_MISSING", "SHEETS_WRONG", "VOTES_WRONG", "UNKNOWN_CANDIDATE")}),
    ("post", f"{STAFF_API}/vote/papers/{{id}}/consent"): staff(
        "核对并同意一份别人录入的纸质选票，从此计入", {200: Answer("已计入", PaperView)},
        {**NO_STAFF_FRESH, 403: (*NO_STAFF_FRESH[403], "PAPERS_SECOND_PERSON"), 404: ("CAMPAIGN_NOT_FOUND", "PAPERS_NOT_FOUND"),
         409: ("PAPERS_CLOSED", "PAPERS_DECIDED")}),
    ("post", f"{STAFF_API}/vote/papers/{{id}}/void"): staff(
        "作废一份纸质选票记录，写明原因", {200: Answer("已作废", PaperView)},
        {**NO_STAFF_CHANGE, 404: ("CAMPAIGN_NOT_FOUND", "PAPERS_NOT_FOUND"), 409: ("PAPERS_CLOSED", "PAPERS_VOIDED"),
         422: ("INVALID_BODY", "REASON_MISSING")}),
    ("get", f"{STAFF_API}/photos/{{id}}.jpg"): staff(
        "照片的图片，不论状态", {200: Answer("图片", media="image/jpeg")}, {**NO_STAFF, 404: ("CAMPAIGN_NOT_FOUND", "PHOTO_NOT_FOUND")},
        query={"size": "tile 为小图"}),
}
