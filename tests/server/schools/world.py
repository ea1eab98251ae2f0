"""A small world of schools: an open campaign with three units, teachers by number, a clock to turn."""

from __future__ import annotations

from typing import Any

from server.campaigns import Campaign
from server.clock import day_bounds
from server.metrics import Metrics
from server.schools import GroupReports, GroupReportStore, Schools, SchoolStore
from server.schools.group_reports import Taken
from server.schools.record import Teacher
from server.stores import Stores
from tests.server.civic_world import REGIONS, UNITS, CivicWorld, campaign

SECRET = b"k" * 32
# Teachers by their citizen numbers, and schools.
WANG, LI, OUYANG = 11, 12, 13
SCHOOL, OTHER = "school-1", "school-2"
MORNING = day_bounds("20261001")[0] + 8 * 3600.0


class SchoolsWorld:
    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.civic = CivicWorld(stores)
        self.now = MORNING
        self.metrics = Metrics()
        self.schools, self.groups = self.process()
        self.campaign: Campaign = campaign()

    def process(self) -> tuple[Schools, GroupReports]:
        """The services as one process has them."""
        return (Schools(SchoolStore(self.stores.mongo), self.civic.places, self.stores.redis, SECRET,
                        lambda: "http://wm.example", self.metrics),
                GroupReports(GroupReportStore(self.stores.mongo), self.metrics))

    async def opened(self, **changes: Any) -> SchoolsWorld:
        await self.civic.ready()
        self.campaign = await self.civic.opened(self.now, **changes)
        for kind, text in (("regions", REGIONS), ("units", UNITS)):
            await self.civic.places.import_csv(self.campaign, kind, text, dry_run=False)
        return self

    async def code(self, unit: str = SCHOOL) -> str:
        """As the school's letter prints it."""
        _, school = await self.schools.of(self.campaign, unit)
        return self.schools.code_of(school)

    async def teacher(self, citizen: int = WANG, unit: str = SCHOOL) -> Teacher:
        return await self.schools.authorise(self.campaign, unit, citizen, await self.code(unit), self.now)

    async def report(self, teacher: Teacher, klass: str = "p3-2", people: int = 45, day: str = "20261001", *, corrects: int = 0,
                     groups: GroupReports | None = None) -> Taken:
        return await (groups or self.groups).report(self.campaign, "350602", teacher, klass, people, day, self.now, corrects=corrects)

    async def total(self) -> int | None:
        """What a process that knows nothing yet would show."""
        return await self.process()[1].figures.of("flag", "all")

    async def rows(self) -> list[Any]:
        return [figure async for page in self.groups.reported(self.campaign, float("inf")) for figure in page]
