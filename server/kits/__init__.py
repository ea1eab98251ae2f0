"""Kits 宣传物料包: what a city hands to its districts and schools for one campaign, as one ZIP.

Read in this order: `kit` (record, store, service), `texts` (what it says), `making` (the job that makes it), `wire` (what it tells the
worker), `worker` (the program that draws and packs), `drawing` (pages and codes).
"""

from server.kits.kit import Kit, Kits, KitStore
from server.kits.making import KitMaker

__all__ = ["Kit", "KitMaker", "KitStore", "Kits"]
