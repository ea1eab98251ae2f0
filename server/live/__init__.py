"""The live counters: one reading for everybody who watches."""

from server.live.service import CLOSE_RESTARTING, Live, Reader

__all__ = ["CLOSE_RESTARTING", "Live", "Reader"]
