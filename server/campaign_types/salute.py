"""向国旗敬礼: the flag rises, the citizen salutes, and is the n-th to have done so."""

from __future__ import annotations

from server.campaign_types.base import CampaignType, Rules


class SaluteRules(Rules, frozen=True):
    """A salute has no content of its own: the flag is drawn by the page, in the law's form."""


class Salute(CampaignType[SaluteRules]):
    title = "敬礼"
    act = "敬礼"
    how = "请用手机微信打开本页，看国旗升起，敬一个礼，您会看到自己是第几位。每人只计一次，不需要填写姓名和电话。"
    steps = (("rise", "升旗"), ("salute", "敬礼"), ("certificate", "证书"))
    scene = "flag"
    poster = "salute"

    def __init__(self) -> None:
        super().__init__(SaluteRules)
