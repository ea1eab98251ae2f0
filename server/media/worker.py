"""The workshop's program: `python -m server.media.worker`, a process for one file, with limits that it sets itself before it opens it.

A picture or film can make its decoder crash, hang or ask for memory without end; then this process ends, and nothing else does.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
from pathlib import Path

import msgspec

from server.media.wire import Answer, Job, Refused

# Counting and pages come first where processors are scarce.
NICENESS = 10
# Twice what 50 million pixels take while they are turned and made smaller, and the libraries.
MEMORY_BYTES = 2 << 30
# A picture of that size takes 4 s of processor time, a film half a second and its hash a second.
CPU_SECONDS = 40
# Variants are small; a film is changed where it stands.
FILE_BYTES = 600 << 20


def limit() -> None:
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def do(job: Job) -> Answer:
    path, folder = Path(job.path), Path(job.folder)
    try:
        if job.task == "open":
            from server.media import opening

            return opening.opens(path, job.kind)
        if job.kind == "image":
            from server.media import pictures

            if job.task == "photo":
                return pictures.look_at_photo(path, folder)
            return (pictures.look if job.task == "look" else pictures.crop_anew)(path, folder, job.focus)
        from server.media import films

        return films.look_at_film(path, folder) if job.kind == "video" else films.look_at_sound(path)
    except Refused as refused:
        return Answer(code=refused.code, message=refused.message)
    except MemoryError:
        return Answer(code="MEDIA_TOO_COMPLEX", message="处理这个文件需要的内存太多，请换一个简单些的")


def main() -> int:
    logging.basicConfig(level=logging.WARNING)
    limit()
    sys.stdout.buffer.write(msgspec.json.encode(do(msgspec.json.decode(sys.stdin.buffer.read(), type=Job))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
