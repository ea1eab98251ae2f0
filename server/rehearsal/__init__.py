"""Rehearsal 演练: a city's week in minutes, over real HTTP, against a running product; and the proof that nobody was lost.

Read in this order: `plan` (what is played), `log` (what the crowd keeps, the only witness from outside), `lines` (HTTP),
`crowd` (who comes when), `watch` (what the machine shows meanwhile), `kills`, `report`, `service` (the whole).
It talks to the product as people do; of its services it uses those that make a campaign, lease numbers and audit.
"""

from server.rehearsal.kills import running_pid
from server.rehearsal.lines import Doors
from server.rehearsal.plan import KILLS, Plan
from server.rehearsal.report import summary
from server.rehearsal.service import NothingToKill, NotServing, Place, rehearse

__all__ = ["KILLS", "Doors", "NotServing", "NothingToKill", "Place", "Plan", "rehearse", "running_pid", "summary"]
