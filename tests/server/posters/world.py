"""What the poster tests share: the assets, a campaign, and stand-ins for the services around posters."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from server.campaigns import Activity, Campaign
from server.errors import NotFound
from server.metrics import Metrics
from server.posters.service import Posters
from server.posters.wire import Job

ASSETS = Path(__file__).parents[3] / "assets"
LINK = "https://h5.example.gov.cn/s/k3Jx9Q"
# 2026-10-01 07:32:00 in Shanghai.
AT = 1_790_811_120

CAMPAIGN = Campaign(
    "salute-the-flag", "向国旗敬礼", "open", AT - 1000, AT + 1000,
    (Activity("salute", "礼敬国旗", "敬礼"), Activity("heroes", "致敬先烈", "致敬"),
     Activity("children", "童心向党", "敬礼", True)),
    demo=True, theme={"poster": "salute", "subtitle": "同升一面旗，共敬一个礼"}, organiser={"name": "演示组织者（演示）"})


def job(name: str = "张三", ordinal: str = "1,234,567", region: str = "芗城区", **campaign: str) -> Job:
    words = {"title": "向国旗敬礼", "activities": "礼敬国旗 · 致敬先烈", "organiser": "演示组织者",
             "subtitle": "", "demo": "演示"}
    return Job("salute", words | campaign, {"name": name, "lead": "您是第", "ordinal": ordinal, "date": "2026年10月1日",
                                            "time": "07:32", "region": region}, LINK)


class Around:
    """Campaigns, counting, places, short links and names as one stand-in; `records` says who took part."""

    def __init__(self) -> None:
        self.records = {7: SimpleNamespace(ordinal=1_234_567, participated_at=AT, period="all", region="350602")}
        self.names: dict[int, str] = {}

    async def get(self, slug: str) -> Campaign:
        return CAMPAIGN

    async def record_of(self, slug: str, citizen: int, now: float):
        if citizen not in self.records:
            raise NotFound("PARTICIPATION_NOT_FOUND", "您还没有参与")
        return self.records[citizen]

    async def region_of(self, slug: str, period: str, citizen: int) -> str:
        return str(self.records[citizen].region)

    async def of(self, campaign: Campaign):
        return SimpleNamespace(regions={"350602": SimpleNamespace(name="芗城区"), "bubian": SimpleNamespace(name="不便选择")})

    async def link_for(self, slug: str) -> str:
        return LINK

    async def name_of(self, slug: str, period: str, citizen: int) -> str | None:
        return self.names.get(citizen)


def posters(around: Around | None = None, workers: int = 1, queue: int = 8) -> Posters:
    a = around or Around()
    return Posters(a, a, a, a, Metrics(), assets=ASSETS, workers=workers, queue=queue, name_of=a.name_of)
