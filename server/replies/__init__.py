"""What the official account answers: the editors' rules first, then this table of what the product answers by itself.

The first entry that a message concerns answers it, the last takes all; a rule of an editor may name an entry instead of words of its own.
What an event changes, whatever is answered, stands in effects.py. A reply that raises is logged and counted and then counts as no answer.
Where do I add a reply: a file here with a class of two methods, and its line below at the height of its priority.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.replies.base import Context, ReplyEntry, says
from server.replies.campaign_card import CampaignCard
from server.replies.campaign_times import CampaignTimes
from server.replies.default import Default
from server.replies.effects import EFFECTS, take_effect
from server.replies.follow import Follow
from server.replies.live_total import LiveTotal
from server.replies.my_ordinal import MyOrdinal
from server.replies.quiet import Quiet
from server.reply_rules import Match, Matcher
from server.reply_rules.service import chosen
from server.wechat.messages import InboundMessage, Reply

__all__ = ["REPLIES", "Context", "Trial", "answer", "decide", "own_words", "take_effect", "try_out"]

REPLIES: dict[str, ReplyEntry] = {
    "follow": Follow(),
    "my_ordinal": MyOrdinal(),
    "live_total": LiveTotal(),
    "campaign_times": CampaignTimes(),
    "campaign_card": CampaignCard(),
    "quiet": Quiet(),
    "default": Default(),
}


def decide(matcher: Matcher, message: InboundMessage, now: float) -> tuple[Match | None, str]:
    """The rule that answers, and the entry that does where there is none."""
    name = next(name for name, entry in REPLIES.items() if entry.concerns(message))
    match = next(matcher.matches(message, now), None)
    if match is None and name == "default":
        match = next(matcher.defaults(message, now), None)
    return match, name


async def own_words(message: InboundMessage, context: Context) -> tuple[Reply, ...] | None:
    """What a rule says in the editors' own words; None where a reply has to ask somebody, or the message changes something."""
    if message.event in EFFECTS:
        return None
    match = next((await context.reply_rules.matcher()).matches(message, context.now), None)
    return chosen(match.rule) if match is not None and not match.rule.builtin else None


async def answer(message: InboundMessage, context: Context) -> tuple[Reply, ...]:
    """What to say, the first in answer and the others after it. Raises whatever the reply raised; the caller counts it."""
    match, name = decide(await context.reply_rules.matcher(), message, context.now)
    if match is not None and not match.rule.builtin:
        return chosen(match.rule)
    said = await REPLIES[match.rule.builtin if match else name].answer(message, context)
    return () if said is None else (said,)


# What an entry tells each person about herself cannot be tried out without a person.
PERSONAL = frozenset({"my_ordinal"})
BEHIND = "排在它后面，轮不到 (another one comes first)"


@dataclass(frozen=True)
class Trial:
    """What would answer: a rule, or else the entry `builtin`, and the word or key that set it off; `said`: what citizens then read.

    `passed`: other rules that it sets off, and why they do not answer. `is_personal`: each citizen reads her own figures, so none here.
    """

    match: Match | None
    builtin: str
    set_off_by: str
    said: tuple[Reply, ...]
    is_personal: bool
    passed: list[tuple[Match, str]]


async def try_out(message: InboundMessage, context: Context) -> Trial:
    """Ask which rule wins, of the rules as they are kept at this moment. Nothing is said to anybody and nothing changes."""
    matcher = await context.reply_rules.newest()
    match, name = decide(matcher, message, context.now)
    passed = [(other, why_not or BEHIND) for other, why_not in matcher.considered(message, context.now)
              if match is None or other.rule.id != match.rule.id]
    if match is not None and not match.rule.builtin:
        return Trial(match, "", match.why, match.rule.replies, False, passed)
    entry = REPLIES[match.rule.builtin if match else name]
    is_personal = (match.rule.builtin if match else name) in PERSONAL
    said = None if is_personal else await entry.answer(message, context)
    why = match.why if match else says(message, *getattr(entry, "words", ())) or message.event_key
    return Trial(match, name, why, () if said is None else (said,), is_personal, passed)
