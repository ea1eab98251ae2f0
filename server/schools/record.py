"""What is kept of schools, their teachers and their group reports, and what may go wrong."""

from __future__ import annotations

from typing import Literal

import msgspec

from server.errors import Conflict, Forbidden, InvalidBody, NotFound, Refusal, Unavailable
from server.schools.classes import class_name

# The largest class is some seventy, and two that stand together under one teacher are no more than this.
MAX_PEOPLE = 150
# A ceremony on Friday is reported on Sunday at the latest.
LATE_DAYS = 2
# A school's code and her teachers' access outlive the campaign by a month, for reports and figures.
ACCESS_SECONDS = 30 * 86400
MAX_REASON_CHARACTERS = 200

EntryKind = Literal["report", "correction", "void"]
KIND_NAMES: dict[EntryKind, str] = {"report": "上报", "correction": "更正", "void": "作废"}


class School(msgspec.Struct, frozen=True):
    """A unit that has a code. `turn` rises with each new code; teachers of a turn before `from_turn` are shut out."""

    campaign: str
    unit: str
    salt: str
    link: str
    turn: int
    from_turn: int
    changed_at: float


class Teacher(msgspec.Struct, frozen=True):
    """`mark`: a random name that her reports carry, as `also` does from other numbers that became hers; only this record leads from them to
    her."""

    campaign: str
    unit: str
    citizen: int
    mark: str
    turn: int
    authorised_at: float
    revoked_at: float = 0.0
    also: tuple[str, ...] = ()

    @property
    def marks(self) -> tuple[str, ...]:
        return self.mark, *self.also


class Entry(msgspec.Struct, frozen=True):
    """A row of a school's day: a report, its correction, or its void. `no` counts the rows of a class. `by`: a teacher's mark, or the
    staff's name for a void."""

    klass: str
    no: int
    kind: EntryKind
    people: int
    at: float
    by: str
    activity: str = ""
    reason: str = ""


class Standing(msgspec.Struct, frozen=True):
    """What stands for a class: its newest row."""

    no: int
    people: int
    at: float
    by: str
    void: int = 0


class SchoolDay(msgspec.Struct, frozen=True):
    """One school's reports of one day. `people` is the sum of what stands; `rows` is keyed by class and number, since the embedded store
    keeps what is pushed to a list of objects as texts."""

    campaign: str
    unit: str
    region: str
    day: str
    people: int
    classes: dict[str, Standing]
    rows: dict[str, Entry]

    @property
    def log(self) -> list[Entry]:
        """The rows as they came."""
        return sorted(self.rows.values(), key=lambda entry: (entry.at, entry.no))

    @property
    def standing(self) -> dict[str, Standing]:
        """Of the classes that have a report that is not voided."""
        return {code: one for code, one in self.classes.items() if not one.void}


class UnknownUnit(NotFound):
    code = "UNKNOWN_UNIT"
    message = "没有这个单位，请核对学校代码，或扫描信中的二维码"

    def __init__(self) -> None:
        super().__init__(field="unit")


class CodeWrong(Forbidden):
    code = "SCHOOL_CODE_WRONG"
    message = "授权码不对，请按信中印的 8 位字母和数字再输一次；学校换过授权码的，请用最新的信"

    def __init__(self) -> None:
        super().__init__(field="code")


class CodeExpired(Forbidden):
    code = "SCHOOL_CODE_EXPIRED"
    message = "授权码已经过期：活动结束满 30 天后不能再使用"


class TriedTooOften(Refusal):
    status = 429
    code = "SCHOOL_CODE_TRIED_TOO_OFTEN"
    message = "输错的次数太多，请明天再试，或联系活动主办单位"


class SchoolTriedTooOften(Refusal):
    status = 429
    code = "SCHOOL_CODE_BUSY"
    message = "这所学校的授权码一小时内被输错太多次，请一小时后再试，或请主办单位更换授权码"


class TeacherRevoked(Forbidden):
    code = "TEACHER_REVOKED"
    message = "您在这所学校的授权已被撤销，请联系活动主办单位"


class TooManyTeachers(Conflict):
    code = "TOO_MANY_TEACHERS"
    message = "这所学校授权的老师已满，请联系主办单位撤销不再需要的授权"


class NotTeacher(Forbidden):
    code = "NOT_YOUR_SCHOOL"
    message = "您还没有得到这所学校的授权，请输入学校收到的授权码"


class TeacherNotFound(NotFound):
    code = "TEACHER_NOT_FOUND"
    message = "没有这位已授权的老师，名单可能刚刚变过，请刷新"


class PeopleOutOfBounds(InvalidBody):
    code = "PEOPLE_OUT_OF_BOUNDS"
    message = f"人数请写 1 到 {MAX_PEOPLE} 的数字；一个班更多的，请核对是否把全校人数写成了一个班"

    def __init__(self) -> None:
        super().__init__(field="people")


class DayOutOfBounds(InvalidBody):
    code = "DAY_OUT_OF_BOUNDS"
    message = f"日期只能是今天或前 {LATE_DAYS} 天，并且在活动期间；更早的请联系主办单位"

    def __init__(self) -> None:
        super().__init__(field="day")


class ReasonMissing(InvalidBody):
    code = "REASON_MISSING"
    message = f"请写明作废原因，最长 {MAX_REASON_CHARACTERS} 字"

    def __init__(self) -> None:
        super().__init__(field="reason")


class ReportNotStanding(NotFound):
    code = "GROUP_REPORT_NOT_FOUND"
    message = "这个班这一天没有有效的上报，可能已经作废，请刷新"


class DayFull(Conflict):
    code = "SCHOOL_DAY_FULL"
    message = "这所学校这一天的上报和更正太多，请联系活动主办单位"


class ReportBusy(Unavailable):
    code = "GROUP_REPORT_BUSY"
    message = "同校的老师正在同时上报，请再提交一次，不会重复计算"


def reported_by_another(klass: str, people: int) -> Conflict:
    return Conflict("CLASS_REPORTED", f"{class_name(klass)}这一天已由另一位老师上报 {people} 人，不用再报；人数不对，请那位老师当天更正，"
                                      "或联系主办单位")


def reported_by_you(klass: str, people: int) -> Conflict:
    return Conflict("CLASS_REPORTED_BY_YOU", f"您已为{class_name(klass)}上报 {people} 人；人数不对，请在下面这个班的一行里更正")


def correction_late() -> Conflict:
    return Conflict("CORRECTION_LATE", "只能在上报的当天更正；请联系主办单位把这条作废，再重新上报")


def report_changed() -> Conflict:
    return Conflict("GROUP_REPORT_CHANGED", "这条上报刚刚变过，请刷新后看新的人数，再决定要不要更正")
