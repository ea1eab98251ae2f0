"""`python -m server`: see commands.py."""

import sys

from server.commands import main

if __name__ == "__main__":
    sys.exit(main())
