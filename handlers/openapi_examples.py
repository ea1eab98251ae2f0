"""A body for each verb that takes one, to be copied and sent: made from its shape, with values that a person would write.

A test reads each of them back into its shape, so that no example is refused for its form.
"""

from __future__ import annotations

from typing import Any

from msgspec import inspect

# By the field's name, where its type alone says too little.
VALUES: dict[str, Any] = {
    "slug": "salute-2027", "title": "向国旗敬礼", "name": "国庆海报", "path": "/c/salute-the-flag", "scene": "school-1",
    "appid": "wxsandboxofficial0", "message": "祝祖国繁荣昌盛", "reason": "单位名称写错，更正", "comment": "同意", "verdict": "approve",
    "state": "paused", "kind": "salute", "period_rule": "all", "code": "123456", "password": "correct horse battery",
    "new": "another long password", "old": "correct horse battery", "text": "国旗", "verb": "敬礼", "region": "350602",
    "activity": "salute", "unit": "school-1", "template_id": "tpl-1", "digest": "0123456789abcdef0123456789abcdef", "role": "editor",
    "url": "https://example.org/c/salute-the-flag", "media_id": "MEDIA_ID", "thumb_media_id": "MEDIA_ID", "content": "<p>正文</p>",
    "daily_at": "18:00", "first_day": "20261001", "last_day": "20261007", "page": "pages/index/index", "key": "campaign",
    "note": "国庆前的定稿", "confirm": "wxsandboxofficial0", "upload": "0" * 32, "from_appid": "wx0123456789abcdef", "person": "shenhe",
    "channel": "poster", "remark": "宣传委员",
}
# Whole bodies, where a field says something else than it does elsewhere, or two do not go together.
PAGE = "https://example.org/c/salute-the-flag"
ACTIVITY = {"code": "salute", "title": "礼敬国旗", "verb": "敬礼"}
CAMPAIGN = {"title": "向国旗敬礼", "opens_at": "2027-09-25T00:00:00+08:00", "closes_at": "2027-10-08T00:00:00+08:00",
            "activities": [ACTIVITY]}
WHOLE: dict[str, dict[str, Any]] = {
    "Ask": {"activity": "salute", "region": "350602"},
    "BatchBody": {"id": "salute-1001", "kind": "subscription", "appid": "wxsandboxofficial0", "template_id": "tpl-1",
                  "data": {"thing1": "向国旗敬礼", "time2": "2026-10-01 08:00"}, "page": "/c/salute-the-flag", "citizens": [1, 2]},
    "CampaignBody": {"slug": "salute-2027", **CAMPAIGN},
    "ContentBody": CAMPAIGN,
    "Layout": {"buttons": [{"name": "向国旗敬礼", "type": "view", "url": PAGE},
                           {"name": "我的", "buttons": [{"name": "我的序号", "type": "click", "key": "mine"}]}]},
    "PlacesBody": {"kind": "regions", "csv": "code,name\n350602,芗城区\n", "dry_run": True},
    "RuleBody": {"name": "国旗", "trigger": {"kind": "contain", "words": ["国旗", "敬礼"]},
                 "replies": [{"kind": "text", "text": "升旗仪式早上八点"}]},
    "SceneBody": {"scene": "school-1", "name": "实验小学", "days": 30},
    "StateBody": {"state": "scheduled"},
    "TrialBody": {"does": "says", "text": "国旗"},
    "WordList": {"block": ["赌博"], "review": ["加微信"], "rev": 1},
}
# By the verb and path, where a shape's name is none's alone.
OF_ROUTE: dict[tuple[str, str], dict[str, Any]] = {
    ("post", "/api/v1/campaigns/{slug}/messages"): {"message": "祝祖国繁荣昌盛"},
    ("post", "/api/v1/staff/session"): {"name": "bianji", "password": "correct horse battery"},
    ("post", "/api/v1/staff/session/second-factor"): {"pending": "登录应答里的 pending", "way": "totp", "code": "123456"},
    ("post", "/api/v1/staff/members"): {"name": "bianji", "role": "editor", "campaigns": ["salute-the-flag"]},
    ("post", "/api/v1/staff/campaigns/{slug}/voids"): {"ordinal": 7, "reason": "本人要求作废"},
    ("post", "/api/v1/staff/campaigns/{slug}/reports"): {"first_day": "20261001", "last_day": "20261007"},
    ("post", "/api/v1/staff/campaigns/{slug}/exports"): {"reason": "向市文明办报送明细"},
    ("put", "/api/v1/staff/campaigns/{slug}/bulletin-settings"): {"hourly": True, "first_hour": 8, "last_hour": 22, "rev": 0},
    ("post", "/api/v1/staff/campaigns/{slug}/duty-log"): {"kind": "note", "text": "8 点整开场，页面与大屏正常"},
    ("put", "/api/v1/staff/wording"): {"rules": [{"code": "OUR_NAME", "level": "error", "words": ["漳洲"], "why": "地名写错",
                                                  "advice": "改为“漳州”"}], "off": [], "rev": 1},
    ("put", "/api/v1/staff/accounts/{appid}/tags/{tag}/followers"): {"add": [1, 2], "remove": [3]},
    ("put", "/api/v1/staff/accounts/{appid}/blacklist"): {"add": [1]},
    ("post", "/api/v1/staff/accounts/{appid}/mini-links"): {"kind": "url_link", "name": "国庆短信", "page": "pages/index/index"},
}
MOMENT = "2026-10-01T08:00:00+08:00"
MAX_DEPTH = 6


def example(verb: str, path: str, shape: Any) -> Any:
    """What somebody would send: the fields that are needed."""
    whole = OF_ROUTE.get((verb, path)) or WHOLE.get(getattr(shape, "__name__", ""))
    return whole if whole is not None else _value(inspect.type_info(shape), "", 0)


def _value(kind: inspect.Type, name: str, depth: int) -> Any:
    if isinstance(kind, inspect.Metadata):
        return _value(kind.type, name, depth)
    if isinstance(kind, inspect.UnionType):
        return _value(next(one for one in kind.types if not isinstance(one, inspect.NoneType)), name, depth)
    if isinstance(kind, (inspect.StructType, inspect.DataclassType)):
        if depth and (whole := WHOLE.get(kind.cls.__name__)) is not None:
            return whole
        fields = [field for field in kind.fields if field.required] or list(kind.fields)
        return {} if depth > MAX_DEPTH else {field.encode_name: _value(field.type, field.encode_name, depth + 1) for field in fields}
    if isinstance(kind, inspect.LiteralType):
        return kind.values[0]
    if isinstance(kind, inspect.StrType):
        return _text(kind, name)
    if isinstance(kind, inspect.IntType):
        return max(1, kind.ge or 0)
    return _plain(kind, name, depth)


def _plain(kind: inspect.Type, name: str, depth: int) -> Any:
    if isinstance(kind, inspect.FloatType):
        return 0.5
    if isinstance(kind, inspect.BoolType):
        return True
    if isinstance(kind, inspect.DateTimeType):
        return MOMENT
    if isinstance(kind, inspect.DictType):
        return {}
    if isinstance(kind, (inspect.ListType, inspect.VarTupleType)):
        return [_value(kind.item_type, name.removesuffix("s"), depth + 1)]
    if isinstance(kind, inspect.TupleType):
        return [_value(one, name, depth + 1) for one in kind.item_types]
    return None


def _text(kind: inspect.StrType, name: str) -> str:
    text = str(VALUES.get(name, "…"))
    return text[:kind.max_length] if kind.max_length else text
