"""Following and leaving, as the platform tells it: late, repeated, in any order."""

from __future__ import annotations

import logging

from server.citizens import Citizens
from server.errors import WenmingError
from server.followers.store import FollowerStore
from server.metrics import Metrics
from server.scene_codes import SCENE
from server.stores import PyMongoError
from server.wechat.details import Scene
from server.wechat.messages import InboundMessage

logger = logging.getLogger(__name__)


class FollowerEvents:
    """Of every account; an event says whose it is."""

    def __init__(self, store: FollowerStore, citizens: Citizens, metrics: Metrics) -> None:
        self._store = store
        self._citizens = citizens
        self._metrics = metrics

    async def followed(self, message: InboundMessage, now: float) -> None:
        """She is known from here on. Fails open: what MongoDB did not take is logged, counted and repaired by a refresh."""
        scene = message.details.scene if isinstance(message.details, Scene) else ""
        try:
            citizen = await self._citizens.identify(message.appid, message.openid, None, now)
            # A code that was made elsewhere may have any scene; what is none of our names is not kept.
            won = await self._store.advance(message.appid, citizen, True, message.created_at, scene=scene if SCENE.fullmatch(scene) else "")
        except (WenmingError, PyMongoError) as error:
            self._failed("follow", error)
        else:
            self._metrics.record("followers_changed_total", "followed" if won else "stale")

    async def left(self, message: InboundMessage, now: float) -> None:
        """She left; who had herself deleted stays unknown. Fails open likewise."""
        try:
            found = await self._citizens.of_listed(message.appid, [message.openid], now)
            won = False
            for citizen in found.values():
                won = await self._store.advance(message.appid, citizen, False, message.created_at)
        except (WenmingError, PyMongoError) as error:
            self._failed("leaving", error)
        else:
            self._metrics.record("followers_changed_total", "left" if won else "stale")

    def _failed(self, what: str, error: Exception) -> None:
        logger.warning("a %s could not be kept, a refresh will find it: %s", what, type(error).__name__)
        self._metrics.record("followers_changed_total", "failed")
