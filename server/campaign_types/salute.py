"""向国旗敬礼: the flag rises, the citizen salutes, and is the n-th to have done so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from server.campaigns import Campaign


class Salute:
    title = "敬礼"
    steps = (("rise", "升旗"), ("salute", "敬礼"), ("certificate", "证书"))

    def problems(self, campaign: Campaign) -> list[str]:
        """A salute needs an activity that is not the children's, which alone could keep nobody's words."""
        if all(activity.children for activity in campaign.activities):
            return ["敬礼活动至少要有一项面向所有市民的主题活动"]
        return []
