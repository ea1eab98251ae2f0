"""What every kind of campaign answers, and how its own content is read.

Beside the fields that all campaigns have, a kind has content of its own: `rules`, a msgspec struct with a default for everything, so that
a draft may be unfinished. Invariants: `rules` are kept in one form (`tidy`), whatever a store made of truth values on the way; what is too
long or too much is refused at every save (`slips`), what is missing at publishing alone (`problems`); what citizens may not know before
they act is not in `public`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import msgspec

from server.errors import InvalidBody

if TYPE_CHECKING:
    from server.campaigns import Campaign

# A code of something inside the rules, such as a question or an option: short, since phones send it back.
RULE_CODE = re.compile(r"[a-z][a-z0-9]{0,15}")
NOTHING = re.compile(r"(?!)")
# What msgspec calls the types, for editors.
TYPE_NAMES = {"str": "文字", "int": "整数", "float": "数字", "bool": "是或否", "array": "列表", "object": "一组内容"}
_WRONG = re.compile(r"Expected `(\w+)")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind's own content. Every field has a default; inside lists, too."""


R = TypeVar("R", bound=Rules)
# A field inside the rules by its path, such as questions.q1.text, and what is wrong there or what it says.
Slip = tuple[str, str]
Flat = dict[str, tuple[str, str]]


class CampaignType(Generic[R]):
    """One kind. `title` names it to editors, `act` is what a citizen does (敬礼), `how` what a page without scripts tells her to do.

    `steps` are the page's scenes in order, as (code, name). `scene` is what stands behind the page's words (h5: data-scene); `poster` the
    template of a campaign that names none, and the name of its share card. `correctable`: paths inside the rules that a correction may
    change.
    """

    title: ClassVar[str]
    act: ClassVar[str]
    how: ClassVar[str]
    steps: ClassVar[tuple[tuple[str, str], ...]]
    scene: ClassVar[str]
    poster: ClassVar[str]
    correctable: ClassVar[re.Pattern[str]] = NOTHING

    def __init__(self, rules: type[R]) -> None:
        self.rules = rules

    # What a kind says for itself

    def slips(self, rules: R) -> Iterator[Slip]:
        """What may not be kept even in a draft: (path, why in Chinese)."""
        return iter(())

    def lacks(self, rules: R, campaign: Campaign) -> Iterator[str]:
        """What is missing until it may be published, in Chinese."""
        return iter(())

    def flat(self, rules: R) -> Flat:
        """Every field by its path inside the rules: (name in words, value in words)."""
        return {}

    def public(self, rules: R) -> dict[str, Any]:
        """What the page and anybody may know."""
        return plain(rules)

    def preview(self, rules: R) -> dict[str, Any]:
        """What staff may look at on the page of a draft, which asks nothing of the server."""
        return self.public(rules)

    def fixed(self, rules: R) -> Any:
        """What of the rules stays as it was published, because people count by it; None for nothing."""
        return None

    def told(self, shown: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Of what is public, what a page without scripts lists: (heading, text)."""
        return iter(())

    # What is the same for all

    def read(self, given: Mapping[str, Any]) -> R:
        """The rules as kept or sent. Raises InvalidBody RULES_WRONG, which says where and why."""
        try:
            rules = msgspec.convert(given, self.rules, strict=False)
        except msgspec.ValidationError as error:
            raise self._wrong(*_said(str(error))) from error
        for path, why in self.slips(rules):
            raise self._wrong(path, why)
        return rules

    def tidy(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The same rules in the one form in which they are kept. Raises InvalidBody RULES_WRONG."""
        return plain(self.read(given))

    def problems(self, campaign: Campaign) -> list[str]:
        """Why a campaign of this kind may not open yet, in Chinese; empty when it may."""
        return [*self.nobody(campaign), *self.lacks(self.read(campaign.rules), campaign)]

    def nobody(self, campaign: Campaign) -> list[str]:
        """Why nobody but children could take part; empty where everybody may. Children's activities keep nobody's words."""
        everybody = any(not activity.children for activity in campaign.activities)
        return [] if everybody else [f"{self.title}活动至少要有一项面向所有市民的主题活动"]

    def _wrong(self, path: str, why: str) -> InvalidBody:
        return InvalidBody("RULES_WRONG", f"{self.title}的内容：{why}", field=f"rules.{path}" if path else "rules")


def plain(rules: Rules) -> dict[str, Any]:
    """As every store gives them back: lists and no tuples."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(rules))
    return found


def _said(error: str) -> Slip:
    """msgspec's refusal as (path, why in Chinese)."""
    said, _, path = error.partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    if unknown := _UNKNOWN.match(said):
        return path, f"没有“{unknown[1]}”这一项"
    if missing := _MISSING.match(said):
        return path, f"缺少“{missing[1]}”这一项"
    wrong = _WRONG.match(said)
    return path, f"“{path or '全部'}”应为{TYPE_NAMES.get(wrong[1], '所列选项之一') if wrong else '所列选项之一'}"


def too_long(path: str, name: str, text: str, most: int) -> Iterator[Slip]:
    """A text that is longer than it may be."""
    if len(text) > most:
        yield path, f"{name}最多 {most} 字，现在有 {len(text)} 字"


def codes_wrong(path: str, name: str, codes: Iterable[str]) -> Iterator[Slip]:
    """Codes that are no codes, or not each its own."""
    found = list(codes)
    if any(not RULE_CODE.fullmatch(code) for code in found) or len(set(found)) < len(found):
        yield path, f"{name}的代码以小写字母开头，只用小写字母和数字，最多 16 个，不能重复"
