"""Draw a share card: `python -m server.posters.share TEMPLATE FILE`, run by whoever changes the template.

Owns: the size that WeChat takes for the picture of a shared link. The drawn file is committed in assets/share/.
"""

from __future__ import annotations

import sys
from pathlib import Path

from server.posters.draw import Painter
from server.posters.fonts import Fonts
from server.posters.wire import Job

ASSETS = Path(__file__).resolve().parents[2] / "assets"
# WeChat drops the picture of a shared link above 32 KB.
MAX_BYTES = 32 * 1024


def main(template: str, file: str) -> int:
    jpeg = Painter(ASSETS, Fonts()).draw(Job(template, {"title": "向国旗敬礼"}, {}, ""))
    if len(jpeg) > MAX_BYTES:
        print(f"{file} would have {len(jpeg)} bytes, more than {MAX_BYTES}", file=sys.stderr)
        return 1
    Path(file).write_bytes(jpeg)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
