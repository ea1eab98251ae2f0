"""What an event changes, whatever is answered to it: one table, by the event's name."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable

from server.replies.base import Context
from server.scene_codes import SCENE, scene_key
from server.wechat.details import Revoked, Scene
from server.wechat.messages import InboundMessage

logger = logging.getLogger(__name__)

# [miniprogram/dev/server/event_push/platform/authorized_user_information_changes, doc/service/guide/h5/authorization_change] Of what a
# person can take back, all that is kept here is the phone number (8). Nothing is kept of a car's number, addresses, invoices, pictures,
# files, steps, places, mail, nor of her WeChat name and picture (6, 19, 20; from a web page 201 to 207), nor are camera or microphone used.
PHONE, EVERYTHING = 8, 301
NOT_KEPT = frozenset({1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 16, 18, 19, 20, *range(201, 208)})


async def followed(message: InboundMessage, context: Context) -> None:
    """She is known from here on; by a scene's code, it counts for the scene."""
    await _count_scene(message, context, "follow")
    await context.followers.followed(message, context.now)


async def left(message: InboundMessage, context: Context) -> None:
    """She follows no more."""
    await context.followers.left(message, context.now)


async def scanned(message: InboundMessage, context: Context) -> None:
    """A follower scanned the code of a scene."""
    await _count_scene(message, context, "scan")


async def _count_scene(message: InboundMessage, context: Context, channel: str) -> None:
    # A code that was made elsewhere may have any scene; what is none of our names becomes no key.
    if isinstance(message.details, Scene) and SCENE.fullmatch(message.details.scene):
        await context.visits.record(scene_key(message.appid, message.details.scene), channel, context.now)


async def grants_changed(message: InboundMessage, context: Context) -> None:
    """She allowed notices, or took that back; or one arrived."""
    await context.notices.learn_grants(message, context.now)


async def delivery_reported(message: InboundMessage, context: Context) -> None:
    """What became of a template message."""
    await context.notices.learn_delivery(message, context.now)


async def media_checked(message: InboundMessage, context: Context) -> None:
    """What the platform found in a picture or sound."""
    await context.media_checks.learn(message, context.now)


async def published(message: InboundMessage, context: Context) -> None:
    """How the publication of a draft ended."""
    await context.article_reports.learn_published(message, context.now)


async def mass_sent(message: InboundMessage, context: Context) -> None:
    """How a mass send ended."""
    await context.article_reports.learn_sent(message, context.now)


async def revoked(message: InboundMessage, context: Context) -> None:
    """She took back what she had allowed, or closed her WeChat account: what was kept of it goes. Who is not known here stays unknown."""
    told = message.details
    if not isinstance(told, Revoked) or not told.openid:
        return
    taken_back = {int(number) for number in re.findall("[0-9]{1,9}", told.what)}
    everything = message.event == "user_authorization_cancellation" or EVERYTHING in taken_back
    if unknown := taken_back - NOT_KEPT - {PHONE, EVERYTHING}:
        logger.warning("somebody took back what we have no name for, see the platform's page: %s", sorted(unknown))
    if everything or PHONE in taken_back:
        await _forget(message.appid, told.openid, context, everything=everything)


async def _forget(appid: str, openid: str, context: Context, *, everything: bool) -> None:
    citizen = await context.citizens.known(appid, openid)
    if citizen is None:
        return
    if everything:
        await context.citizens.delete(citizen, context.now)
        return
    for number in context.citizens.numbers_of(citizen):
        await context.phones.take_back(number, context.now)


EFFECTS: dict[str, Callable[[InboundMessage, Context], Awaitable[None]]] = {
    "subscribe": followed,
    "unsubscribe": left,
    "scan": scanned,
    "subscribe_msg_popup_event": grants_changed,
    "subscribe_msg_change_event": grants_changed,
    "subscribe_msg_sent_event": grants_changed,
    "templatesendjobfinish": delivery_reported,
    "publishjobfinish": published,
    "masssendjobfinish": mass_sent,
    "wxa_media_check": media_checked,
    "user_authorization_revoke": revoked,
    "user_authorization_cancellation": revoked,
}


async def take_effect(message: InboundMessage, context: Context) -> None:
    """What the message changes. Raises what the effect raises; it may be asked again."""
    if message.event in EFFECTS:
        await EFFECTS[message.event](message, context)
