"""Classes 班级: a grade of a fixed list and a number, such as p3-2 for 三年级2班. Nobody can write a person's name into one."""

from __future__ import annotations

import re

from server.errors import InvalidBody

# In the order in which a school reads them. 组: offices and whoever has no grades.
GRADES = {
    "k1": "小班", "k2": "中班", "k3": "大班",
    "p1": "一年级", "p2": "二年级", "p3": "三年级", "p4": "四年级", "p5": "五年级", "p6": "六年级",
    "j1": "七年级", "j2": "八年级", "j3": "九年级", "s1": "高一", "s2": "高二", "s3": "高三", "v1": "职一", "v2": "职二", "v3": "职三",
    "u1": "大一", "u2": "大二", "u3": "大三", "u4": "大四", "g": "组",
}
_ORDER = {grade: place for place, grade in enumerate(GRADES)}
# The largest schools have some sixty classes in a grade.
MAX_CLASS_NUMBER = 99
CLASS = re.compile(r"(k[1-3]|p[1-6]|j[1-3]|s[1-3]|v[1-3]|u[1-4]|g)-([1-9][0-9]?)")


class UnknownClass(InvalidBody):
    code = "UNKNOWN_CLASS"
    message = f"请选择年级，班号写 1 到 {MAX_CLASS_NUMBER} 的数字；不用写班名，更不要写人名"

    def __init__(self) -> None:
        super().__init__(field="class")


def check_class(code: str) -> str:
    """Raises UnknownClass."""
    if not CLASS.fullmatch(code):
        raise UnknownClass()
    return code


def class_name(code: str) -> str:
    """三年级2班; of a code that was checked."""
    grade, _, number = code.partition("-")
    return f"第{number}组" if grade == "g" else f"{GRADES[grade]}{number}班"


def class_order(code: str) -> tuple[int, int]:
    grade, _, number = code.partition("-")
    return _ORDER[grade], int(number)
