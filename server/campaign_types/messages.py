"""寄语墙: a citizen reads what others wrote, leaves a message of her own, and is the n-th to have done so.

Messages themselves, their review and the wall are those of every campaign (server/messages.py): presets stand at once, own words wait for
a reviewer, children leave none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from server.campaign_types.base import CampaignType, Flat, Rules, Slip, too_long

if TYPE_CHECKING:
    from server.campaigns import Campaign

# A question on one line of a phone, or two; a hint inside the field.
MAX_PROMPT, MAX_HINT = 40, 24


class MessagesRules(Rules, frozen=True):
    """`prompt` is what the messages answer, `hint` stands in the empty field. `names`: she may add her name, which is shown as 王**."""

    prompt: str = ""
    hint: str = ""
    names: bool = False


class MessageWall(CampaignType[MessagesRules]):
    title = "寄语墙"
    act = "寄语"
    how = "请用手机微信打开本页，看看大家的寄语，选一句或写一句，您会看到自己是第几位。自己写的话审核后展示，每人只计一次。"
    steps = (("wall", "寄语墙"), ("write", "写寄语"), ("certificate", "证书"))
    scene = "messages"
    poster = "messages"
    correctable = re.compile(r"prompt|hint")

    def __init__(self) -> None:
        super().__init__(MessagesRules)

    def slips(self, rules: MessagesRules) -> Iterator[Slip]:
        yield from too_long("prompt", "寄语的题目", rules.prompt, MAX_PROMPT)
        yield from too_long("hint", "输入框里的提示", rules.hint, MAX_HINT)

    def lacks(self, rules: MessagesRules, campaign: Campaign) -> Iterator[str]:
        if not rules.prompt.strip():
            yield "写上寄语的题目，如“写给我的城市”"
        if not campaign.presets:
            yield "至少要有一条预设寄语，孩子和不想打字的人从中选一句"

    def flat(self, rules: MessagesRules) -> Flat:
        return {"prompt": ("寄语题目", rules.prompt), "hint": ("输入提示", rules.hint),
                "names": ("署名", "可以署名，只显示姓氏" if rules.names else "不署名")}
