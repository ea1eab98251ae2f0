"""The words and shapes of the media library, as in `openapi_words.py` and `openapi_shapes.py`."""

from __future__ import annotations

from msgspec import Struct

from handlers.openapi_terms import NO_STAFF, NO_STAFF_CHANGE, STAFF, Answer, Words


class VariantView(Struct):
    url: str
    width: int
    height: int
    bytes: int


class PublicMedium(Struct):
    id: str
    kind: str
    alt: str
    decorative: bool
    credit: str
    width: int
    height: int
    seconds: float
    variants: dict[str, VariantView]
    srcset: str


class MediumView(PublicMedium):
    name: str
    folder: str
    tags: list[str]
    focus: tuple[float, float]
    bytes: int
    by: str
    rev: int
    may_be_used: bool
    at: str
    binned_at: str | None


class MediumList(Struct):
    items: list[MediumView]
    next: str | None


class InWork(Struct):
    state: str


class LabelList(Struct):
    folders: list[str]
    tags: list[str]


class UseView(Struct):
    subject: str
    label: str
    at: str


class UseList(Struct):
    items: list[UseView]
    next: str | None


class UploadRefusal(Struct):
    code: str
    message: str


class UploadView(Struct):
    id: str
    name: str
    kind: str
    length: int
    offset: int
    expires_at: str
    medium: str | None
    refusal: UploadRefusal | None


class UploadList(Struct):
    items: list[UploadView]
    next: str | None


MEDIA = "/api/v1/staff/media"
ONE, UPLOADS = f"{MEDIA}/{{id}}", f"{MEDIA}/uploads"
MEDIUM = Answer("媒体", MediumView)
NO_MEDIUM = {404: ("MEDIA_NOT_FOUND",)}
NO_UPLOAD = {404: ("UPLOAD_NOT_FOUND",), 410: ("UPLOAD_EXPIRED",)}
WRONG_VERSION = {412: ("TUS_VERSION_DIFFERS",)}
REFUSED = ("INVALID_BODY", "TOO_MANY_LABELS", "MEDIA_TYPE_WRONG", "MEDIA_SVG", "MEDIA_PICTURE_TOO_LARGE", "MEDIA_PICTURE_TOO_SMALL",
           "MEDIA_ANIMATED", "MEDIA_TWO_FACED", "MEDIA_NOT_READABLE", "MEDIA_FORMAT_WRONG", "MEDIA_TOO_LONG", "MEDIA_TOO_COMPLEX")

WORDS: dict[tuple[str, str], Words] = {
    ("get", MEDIA): Words(
        "工作人员",
        "媒体库，最新的在前；按条件筛选时一页可能不满，仍有下一页",
        {200: Answer("列表", MediumList)},
        {**NO_STAFF, 422: ("INVALID_BODY",)},
        {"folder": "文件夹；空文本为不在文件夹里的", "tag": "标签", "kind": "image、video 或 audio", "text": "名称、替代文字、来源里的字",
         "bin": "1：回收站", "cursor": "上一页的 next"},
        needs=STAFF,
    ),
    ("post", MEDIA): Words(
        "工作人员",
        "把传完的文件收入媒体库：按内容检查，图片重新编码并去掉拍摄信息，做成各种宽度与裁切；可以重复请求",
        {201: MEDIUM, 200: Answer("库里已有同样的内容", MediumView), 202: Answer("还在处理，稍后再请求一次", InWork)},
        {**NO_STAFF_CHANGE, **NO_UPLOAD, 409: ("UPLOAD_INCOMPLETE",), 413: ("BODY_TOO_LARGE",), 422: REFUSED, 503: ("MEDIA_BUSY",)},
        needs=STAFF,
    ),
    ("get", f"{MEDIA}/labels"): Words("工作人员", "媒体库的文件夹与标签", {200: Answer("名称", LabelList)}, NO_STAFF, needs=STAFF),
    ("get", UPLOADS): Words("工作人员", "自己没有传完、可以继续的上传", {200: Answer("列表", UploadList)}, NO_STAFF, needs=STAFF),
    ("post", UPLOADS): Words(
        "工作人员",
        "开始上传（tus 1.0.0 creation）：Upload-Length，Upload-Metadata 里有 filetype 与 filename；图片 20 MB、视频 500 MB、音频 50 MB",
        {201: Answer("Location 是这次上传的地址")},
        {**NO_STAFF_CHANGE, 409: ("TOO_MANY_UPLOADS",), **WRONG_VERSION, 413: ("UPLOAD_TOO_LARGE",),
         422: ("INVALID_BODY", "MEDIA_EMPTY", "MEDIA_TYPE_UNKNOWN", "UPLOAD_METADATA_WRONG")},
        needs=STAFF,
    ),
    ("get", f"{UPLOADS}/{{id}}"): Words(
        "工作人员", "一次上传：传到哪里，成了哪个媒体，或为什么被拒绝", {200: Answer("上传", UploadView)}, {**NO_STAFF, **NO_UPLOAD},
        needs=STAFF
    ),
    ("patch", f"{UPLOADS}/{{id}}"): Words(
        "工作人员",
        "续传一段（tus 1.0.0）：Upload-Offset 是已有的长度；可带 Upload-Checksum（sha1、sha256）；HEAD 问传到哪里",
        {204: Answer("Upload-Offset 是现在的长度")},
        {**NO_STAFF_CHANGE, **NO_UPLOAD, 400: ("UPLOAD_CHECKSUM_UNKNOWN",), 409: ("UPLOAD_OFFSET_DIFFERS", "UPLOAD_OVERTAKEN"),
         411: ("LENGTH_REQUIRED",), **WRONG_VERSION, 413: ("UPLOAD_TOO_LARGE",), 415: ("UPLOAD_TYPE_WRONG",), 422: ("INVALID_BODY",),
         460: ("UPLOAD_CHECKSUM_DIFFERS",), 503: ("MEDIA_BUSY",)},
        needs=STAFF,
    ),
    ("delete", f"{UPLOADS}/{{id}}"): Words(
        "工作人员", "取消一次上传", {204: Answer("已取消")}, {**NO_STAFF_CHANGE, **NO_UPLOAD, 409: ("UPLOAD_IN_WORK",), **WRONG_VERSION},
        needs=STAFF
    ),
    ("get", ONE): Words("工作人员", "一个媒体，回收站里的也在内", {200: MEDIUM}, {**NO_STAFF, **NO_MEDIUM}, needs=STAFF),
    ("put", ONE): Words(
        "工作人员",
        "改名、移动、加标签、写替代文字；focus 变了就重新裁切；rev 是看到的版本",
        {200: MEDIUM},
        {**NO_STAFF_CHANGE, **NO_MEDIUM, 409: ("MEDIA_CHANGED", "MEDIA_ALT_MISSING"), 422: ("INVALID_BODY", "TOO_MANY_LABELS"),
         503: ("MEDIA_BUSY",)},
        needs=STAFF,
    ),
    ("delete", ONE): Words(
        "工作人员", "移入回收站，30 天后彻底删除；还在使用的不能删", {204: Answer("已移入回收站")},
        {**NO_STAFF_CHANGE, **NO_MEDIUM, 409: ("MEDIA_IN_USE", "MEDIA_CHANGED")}, needs=STAFF
    ),
    ("post", f"{ONE}/restoration"): Words(
        "工作人员", "从回收站取回", {200: MEDIUM}, {**NO_STAFF_CHANGE, **NO_MEDIUM, 409: ("MEDIA_CHANGED",), 503: ("MEDIA_BUSY",)},
        needs=STAFF
    ),
    ("get", f"{ONE}/uses"): Words("工作人员", "哪里在使用", {200: Answer("列表", UseList)}, {**NO_STAFF, **NO_MEDIUM}, needs=STAFF),
    ("get", "/media/{id}.{form}"): Words(
        "页面",
        "媒体文件，可按 Range 取一段；地址由内容决定，内容从不改变",
        {200: Answer("文件"), 206: Answer("文件的一段"), 304: Answer("没有变化")},
        {404: ("MEDIA_FILE_NOT_FOUND",), 416: ("RANGE_NOT_SATISFIABLE",), 503: ("MEDIA_BUSY",)},
    ),
}
