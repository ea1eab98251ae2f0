"""`python -m server`: see commands.py."""

import sys

from server import interrupts


def run() -> int:
    """Ctrl-C before everything stands, while modules load too, ends quietly; what was started is stopped on the way out."""
    interrupts.watch()
    try:
        from server.commands import main

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())
