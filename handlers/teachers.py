"""The teacher's way, on her own phone: sign in with WeChat, enter the school's code once, report classes, take the school's own figures.

Pages made here, without a script: forms that may be sent twice. The cookie is SameSite=Lax, so no other site can send them for her.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from handlers import teacher_pages
from handlers.base import COOKIE
from handlers.codes_drawn import drawn
from handlers.pages import PageHandler
from handlers.streams import XLSX, Streaming
from handlers.teacher_pages import Links, Typed
from server.campaigns import Campaign
from server.digits import whole
from server.errors import BodyTooLarge, NotAuthorised, Refusal
from server.places import Unit
from server.schools.classes import UnknownClass, class_name
from server.schools.group_reports import closed, reportable_days
from server.schools.record import NotTeacher, PeopleOutOfBounds, Teacher, UnknownUnit

# A handful of short fields.
MAX_FORM_BYTES = 4 * 1024
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors "
# Numbers of a row; a class has some at most.
MAX_ROW_DIGITS = 4


class TeacherHandler(PageHandler):
    def citizen(self) -> int:
        """Raises NotAuthorised."""
        return self.services.citizens.of_token(self.services.tokens.read(self.get_cookie(COOKIE, ""), self.now()))

    def sign_in_or(self, campaign: Campaign) -> int | None:
        """Who asks; else she is sent to sign in, or told to use WeChat where she came back from there as nobody."""
        try:
            return self.citizen()
        except NotAuthorised:
            if self.get_query_argument("guest", ""):
                self.show(teacher_pages.outside(campaign), 401)
            else:
                self.redirect(f"/auth/official?scope=base&next={quote(self.request.uri or '/', safe='')}")
            return None

    def show(self, page: str, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", POLICY + self._ancestors())
        self.finish(page)

    def field(self, name: str) -> str:
        """Raises BodyTooLarge."""
        if len(self.request.body) > MAX_FORM_BYTES:
            raise BodyTooLarge()
        return self.get_body_argument(name, "")

    def wants_page(self) -> bool:
        """A browser is shown what went wrong on the page itself; programs get the one shape."""
        return "text/html" in self.request.headers.get("Accept", "")

    async def teacher(self, slug: str, unit: str, citizen: int) -> tuple[Campaign, Unit, Teacher]:
        """Raises CampaignNotFound, UnknownUnit, NotTeacher."""
        campaign = await self.services.campaigns.get(slug)
        return (campaign, await self.services.schools.place(campaign, unit),
                await self.services.schools.teacher(campaign, unit, citizen, self.now()))


class Entry(TeacherHandler):
    async def get(self, slug: str) -> None:
        """Enter a school's code, or go to a school that let her in; `?u=` names the school of the letter."""
        campaign = await self.services.campaigns.get(slug)
        if (citizen := self.sign_in_or(campaign)) is None:
            return
        unit, mine = self.get_query_argument("u", ""), await self.services.schools.schools_of(campaign, citizen, self.now())
        if unit in [own.code for own in mine]:
            self.redirect(f"/teacher/{slug}/{unit}")
            return
        self.show(teacher_pages.entry(campaign, await self._unit(campaign, unit), unit, mine, None))

    async def post(self, slug: str) -> None:
        """The school's code: from then on she may report for it."""
        campaign, citizen, unit = await self.services.campaigns.get(slug), self.citizen(), self.field("unit").strip()
        try:
            await self.services.schools.authorise(campaign, unit, citizen, self.field("code"), self.now())
        except Refusal as refusal:
            if not self.wants_page():
                raise
            mine = await self.services.schools.schools_of(campaign, citizen, self.now())
            self.show(teacher_pages.entry(campaign, await self._unit(campaign, unit), unit, mine, refusal), refusal.status)
            return
        self.redirect(f"/teacher/{slug}/{unit}", status=303)

    async def _unit(self, campaign: Campaign, code: str) -> Unit | None:
        try:
            return await self.services.schools.place(campaign, code)
        except UnknownUnit:
            return None


class SchoolPage(TeacherHandler):
    async def get(self, slug: str, unit: str) -> None:
        """The school's own page: report a class, correct it, see the school's figures."""
        campaign = await self.services.campaigns.get(slug)
        if (citizen := self.sign_in_or(campaign)) is None:
            return
        try:
            _, place, teacher = await self.teacher(slug, unit, citizen)
        except NotTeacher:
            if not self.wants_page():
                raise
            self.redirect(f"/teacher/{slug}?{urlencode({'u': unit})}")
            return
        await self._show(campaign, place, teacher, Typed(), done=self._done())

    async def post(self, slug: str, unit: str) -> None:
        """Report a class, or correct today's report of it; the same again changes nothing."""
        campaign, place, teacher = await self.teacher(slug, unit, self.citizen())
        typed = Typed(self.field("grade"), self.field("number").strip(), self.field("people").strip(), self.field("day"))
        try:
            number, people, corrects = (whole(text, MAX_ROW_DIGITS) for text in (typed.number, typed.people, self.field("corrects") or "0"))
            if number is None:
                raise UnknownClass()
            if people is None or corrects is None:
                raise PeopleOutOfBounds()
            taken = await self.services.group_reports.report(campaign, place.region, teacher, f"{typed.grade}-{number}", people, typed.day,
                                                             self.now(), corrects=corrects)
        except Refusal as refusal:
            if not self.wants_page():
                raise
            await self._show(campaign, place, teacher, typed, problem=refusal)
            return
        self.redirect(f"/teacher/{slug}/{unit}?{urlencode({'done': taken.klass, 'people': taken.stands.people})}", status=303)

    def _done(self) -> str:
        """What the redirect after a report says was done."""
        people = whole(self.get_query_argument("people", ""), MAX_ROW_DIGITS)
        try:
            return f"已上报：{class_name(self.get_query_argument('done', ''))} {people} 人" if people else ""
        except KeyError:  # no class of ours
            return ""

    async def _show(self, campaign: Campaign, place: Unit, teacher: Teacher, typed: Typed, *, problem: Refusal | None = None,
                    done: str = "") -> None:
        now, schools = self.now(), self.services.schools
        _, school = await schools.of(campaign, place.code)
        citizen = schools.address_of(school)
        links = Links(citizen, schools.class_mode_address(campaign.slug, place.code), await drawn(citizen))
        own = await self.services.school_figures.of(campaign, place, now)
        self.show(teacher_pages.school_page(campaign, own, reportable_days(campaign, now), links, teacher.marks, typed, problem=problem,
                                            closed=closed(campaign, now), done=done), problem.status if problem else 200)


class Print(TeacherHandler):
    async def get(self, slug: str, unit: str) -> None:
        """The school's own figures as a page for A4 paper."""
        campaign, place, _ = await self.teacher(slug, unit, self.citizen())
        own = await self.services.school_figures.of(campaign, place, self.now(), by_day=True)
        self.show(teacher_pages.printed(campaign, own))


class Workbook(Streaming, TeacherHandler):
    async def get(self, slug: str, unit: str) -> None:
        """The school's own figures as XLSX."""
        campaign, place, _ = await self.teacher(slug, unit, self.citizen())
        await self.send(self.services.school_figures.workbook(campaign, place, self.now()), XLSX, f"{place.name}.xlsx")


class SchoolLink(PageHandler):
    async def get(self, code: str) -> None:
        """Lead a school's printed link to the campaign's page, with the school filled in."""
        await self.lead(code, "")

    async def lead(self, code: str, klass: str) -> None:
        self.set_header("Cache-Control", "no-store")
        slug, unit = await self.services.schools.led(code)
        self.redirect(await self.services.schools.citizen_path(await self.services.campaigns.get(slug), unit, klass))


class ClassLink(SchoolLink):
    async def get(self, code: str, klass: str = "") -> None:
        """The same for a class's link."""
        await self.lead(code, klass)
