"""Whether this container is well: `python deploy/docker/health.py ADDRESS`. 0 where it answers 200 within three seconds, else 1 and a line.

The image has no curl, and one program fewer in it is one fewer to keep up to date.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

# Shorter than the time limit of the check itself, so that it is we who say what went wrong.
SECONDS = 3.0


def main(words: list[str]) -> int:
    if len(words) != 1 or not words[0].startswith("http://"):
        print("usage: health.py http://ADDRESS", file=sys.stderr)
        return 2
    try:
        with urllib.request.urlopen(words[0], timeout=SECONDS) as answer:  # an answer past 299 is an HTTPError
            answer.read(64 * 1024)
        return 0
    except (urllib.error.URLError, OSError) as error:
        print(f"{words[0]}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
