"""How long the check of a citizen's token takes: `python -m tests.bench.bench_tokens`."""

from __future__ import annotations

import hashlib
import statistics
import time

from server.tokens import Tokens

NOW, ROUNDS, RUNS = 1_790_000_000.0, 20_000, 5


def microseconds(work) -> float:
    began = time.perf_counter()
    for _ in range(ROUNDS):
        work()
    return (time.perf_counter() - began) / ROUNDS * 1e6


def main() -> None:
    tokens = Tokens(b"k" * 32, 86400)
    text = tokens.issue(7, NOW)
    body = b"x" * 8
    hash_alone, reading = [], []
    for _ in range(RUNS):  # by turns, so that a busy moment meets both
        hash_alone.append(microseconds(lambda: hashlib.blake2b(body, key=b"k" * 32, digest_size=16).digest()))
        reading.append(microseconds(lambda: tokens.read(text, NOW)))
    token, digest = statistics.median(reading), statistics.median(hash_alone)
    print(f"reading a token {token:.2f} us, one keyed hash alone {digest:.2f} us: {token / digest:.1f} times; "
          f"median of {RUNS} runs of {ROUNDS:,}")


if __name__ == "__main__":
    main()
