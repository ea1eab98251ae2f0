"""照片墙: citizens show a photo each, of a scene of the city or of what they did; how photos are kept and looked at is server/photos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from server.campaign_types.base import CampaignType, Flat, Rules, Slip, codes_wrong, too_long

if TYPE_CHECKING:
    from server.campaigns import Campaign

# A caption stands in one or two lines under a photo; a page offers some to choose from.
MAX_CAPTIONS, MAX_CAPTION_CHARACTERS, MAX_PROMPT_CHARACTERS = 20, 60, 200


class Caption(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str = ""
    text: str = ""


class PhotoRules(Rules, frozen=True):
    """`prompt` tells what to photograph; `own_captions`: she may write her own words, which people look at before they are public."""

    prompt: str = ""
    captions: tuple[Caption, ...] = ()
    own_captions: bool = False


class Photos(CampaignType[PhotoRules]):
    title = "照片墙"
    act = "晒照片"
    how = "请用手机微信打开本页，选一张照片，写一句话。照片经工作人员审核后公开；满14周岁才能上传，不需要填写姓名和电话。"
    steps = (("wall", "照片墙"), ("upload", "上传照片"), ("certificate", "证书"))
    scene = "photos"
    poster = "photos"

    def __init__(self) -> None:
        super().__init__(PhotoRules)

    def slips(self, rules: PhotoRules) -> Iterator[Slip]:
        yield from too_long("prompt", "拍摄要求", rules.prompt, MAX_PROMPT_CHARACTERS)
        if len(rules.captions) > MAX_CAPTIONS:
            yield "captions", f"备选说明最多 {MAX_CAPTIONS} 条"
        yield from codes_wrong("captions", "备选说明", (caption.code for caption in rules.captions))
        for one in rules.captions:
            yield from too_long(f"captions.{one.code}", "备选说明", one.text, MAX_CAPTION_CHARACTERS)

    def lacks(self, rules: PhotoRules, campaign: Campaign) -> Iterator[str]:
        if any(activity.children for activity in campaign.activities):
            yield "照片墙不能有儿童活动：未满14周岁不收集照片"
        if not rules.prompt.strip():
            yield "请写明拍什么（拍摄要求）"
        if any(not one.text.strip() for one in rules.captions):
            yield "备选说明不能为空"
        if not rules.captions and not rules.own_captions:
            yield "请至少给一条备选说明，或允许市民自己写说明"

    def told(self, shown: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield "拍什么", shown["prompt"]

    def flat(self, rules: PhotoRules) -> Flat:
        found: Flat = {"prompt": ("拍摄要求", rules.prompt), "captions": ("备选说明及顺序", "、".join(one.code for one in rules.captions))}
        for one in rules.captions:
            found[f"captions.{one.code}"] = f"备选说明 {one.code}", one.text
        return found | {"own_captions": ("允许自己写说明", "是" if rules.own_captions else "否")}
