"""How fast bad callbacks are refused, and that memory stays flat: `python -m tests.bench.bench_refusals`.

Each kind of bad callback goes through the whole way from bytes to refusal, without a network; Redis is not reached by any.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import time

from server.metrics import Metrics
from server.official import CallbackRefused, OfficialCallbacks
from server.official.repeats import Repeats
from server.wechat import Account
from tests.server.official.test_door import GARBAGE, sealed, signed
from tests.server.official.world import AES_KEY, APPID, NOON, TOKEN, callback, query_of, text

ROUNDS = 300


def kinds() -> dict[str, tuple[dict[str, str], bytes]]:
    wrong, foreign, stale, plain = (callback(text(), tamper="signature"), callback(text(), tamper="appid"),
                                    callback(text(), at=NOON - 3600), callback(text(), "plain"))
    found = {name: (query_of(made), made.body) for name, made in (
        ("a wrong signature", wrong), ("another appid", foreign), ("a stale one", stale), ("plain in safe mode", plain))}
    found["a body past the limit"] = (query_of(plain), plain.body + b" " * 1_000_000)
    found["garbage for ciphertext"] = signed("A" * 12_000)
    return found | {f"sealed: {name}": sealed(body) for name, body in GARBAGE.items()}


async def main() -> None:
    callbacks = OfficialCallbacks(Account(APPID, "s", TOKEN, AES_KEY, "safe"), Repeats(None, b"k" * 32, 600), lambda now: None, None,
                                  Metrics(), max_age_seconds=600)
    bad = kinds()

    async def refuse(name: str) -> float:
        query, body = bad[name]
        began = time.perf_counter()
        try:
            await callbacks.receive(query, body, NOON)
        except CallbackRefused:
            return (time.perf_counter() - began) * 1000
        raise AssertionError(f"{name} was taken")

    for name in bad:
        await refuse(name)
    before, taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, {name: [] for name in bad}
    for _ in range(ROUNDS):
        for name in bad:
            taken[name].append(await refuse(name))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    slowest = max(bad, key=lambda name: statistics.median(taken[name]))
    everything = sorted(one for times in taken.values() for one in times)
    p99 = everything[int(len(everything) * 0.99)]
    print(f"{len(bad)} kinds, {ROUNDS} each: median {statistics.median(everything):.3f} ms, p99 {p99:.3f} ms, "
          f"longest {everything[-1]:.3f} ms")
    print(f"slowest kind: {slowest}, {statistics.median(taken[slowest]):.3f} ms; memory grew by {grown} KiB")


if __name__ == "__main__":
    asyncio.run(main())
