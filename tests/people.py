"""Named people, so that a test reads like what happens: 王小红 salutes twice, 李建国 deletes himself.

Each has a nickname and, as WeChat would give them, an openid of the official account, one of the mini-program and a unionid.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """`openid`: in the official account. Made-up, in the length and letters of real ones."""

    name: str
    openid: str
    miniprogram_openid: str
    unionid: str


def person(name: str, letters: str) -> Person:
    tail = (letters * 11)[:22]
    return Person(name, f"oGZUI0{tail}", f"oMini0{tail}", f"o6_bma{tail}")


WANG = person("王小红", "wang")
LI = person("李建国", "lijg")
# A name of four characters, one of them outside the basic plane: 𬭛 is in the list of standard characters.
OUYANG = person("欧阳修𬭛", "ouya")
# A name of a people in China that has a dot in it.
MAIMAITI = person("买买提·吐尔逊", "mait")
EVERYBODY = (WANG, LI, OUYANG, MAIMAITI)
