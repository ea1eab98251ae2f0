"""The switches that operators turn while people take part: what pages, wall and doors obey until they are turned back.

Owns: `switches`, one document for each campaign that ever had one turned and one for the whole product, each with a revision. Does not own:
pausing and resuming, which are a campaign's states (server/campaigns), nor what a page or the wall makes of a switch.
Invariants: every turn is one step on the revision that was seen, so two people never turn over each other; each switch says who put it
where it is, since when and why; every one can be turned back; the public host is one of the settings' or it is the first of them; who takes
part where is not told by any of them, and `ranking` is never public.

Every process reads all of them once a second, so that all obey within two; nobody waits for it, and the doors ask memory alone. Failure
policy: open. While MongoDB is away the switches stay as they were last known, all off at first, and turning one is refused.
"""

from __future__ import annotations

from server.switches.service import Switches, board_view
from server.switches.store import SwitchStore
from server.switches.switch import ALL_OFF, NAMES, PUBLIC, Board, Flip, Maintenance, Wish, WordsStopped

__all__ = ["ALL_OFF", "NAMES", "PUBLIC", "Board", "Flip", "Maintenance", "SwitchStore", "Switches", "Wish", "WordsStopped",
           "board_view"]
