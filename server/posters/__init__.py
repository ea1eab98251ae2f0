"""Posters 海报: a certificate with ordinal, date and QR code, drawn for one citizen and kept nowhere.

Read in this order: `layers` (what an editor writes), `names` (who may be named), `fonts` (which glyphs
there are), `draw` (layers to JPEG), `worker` (the drawing program), `pool` (its processes), `service` (the door).
"""

from server.posters.service import Posters

__all__ = ["Posters"]
