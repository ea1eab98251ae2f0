"""How fast the campaign page opens on a cheap phone: `python -m tests.bench.bench_page [times] [--figures FILE]`.

A cold cache, Chromium at 360 x 780 with WeChat's name, slow 4G as Lighthouse defines it (150 ms and 1.6/0.75 Mbit/s, in the
browser's terms 562.5 ms and 1.44/0.675) and a CPU four times slower. Prints each run's LCP, and the bytes of the first view.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from datetime import date
from pathlib import Path

from server.plan import figures
from tests.browser.browsers import at, chromium, phone
from tests.product import Product

LATENCY_MS, DOWN_BYTES, UP_BYTES, CPU_SLOWER = 562.5, 1_440_000 / 8, 675_000 / 8, 4
OBSERVE = """() => new Promise(done => new PerformanceObserver(list => {
  const entries = list.getEntries(); done(entries[entries.length - 1].startTime)
}).observe({ type: 'largest-contentful-paint', buffered: true }))"""


def main(times: int, into: Path | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        product = Product(Path(name) / "data")
        product.start()
        try:
            with chromium(Path(name)) as browser:
                found = [one(browser, product) for _ in range(times)]
        finally:
            product.stop()
    for lcp, total, script in found:
        print(f"LCP {lcp / 1000:.2f} s   first view {total / 1024:.0f} KB   JavaScript {script / 1024:.1f} KB")
    print(f"median LCP {statistics.median(lcp for lcp, _, _ in found) / 1000:.2f} s over {times} runs, slow 4G, CPU {CPU_SLOWER}x slower")
    if into:
        figures.note(into, for_plan(found), f"python -m tests.bench.bench_page {times}", date.today())


def for_plan(found: list[tuple[float, int, int]]) -> dict[str, float]:
    """What the first view weighs, which each run says alike."""
    return {"first_view_kb": round(found[0][1] / 1024, 1)}


def one(browser, product) -> tuple[float, int, int]:
    context = phone(browser)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {"offline": False, "latency": LATENCY_MS, "downloadThroughput": DOWN_BYTES,
                                                      "uploadThroughput": UP_BYTES})
    session.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWER})
    sizes: dict[str, int] = {}
    page.on("response", lambda r: sizes.update({r.url: int(r.headers.get("content-length", 0))}))
    page.goto(f"http://127.0.0.1:{product.web}/c/salute-the-flag", wait_until="load")
    page.wait_for_selector(at("start"))
    page.wait_for_timeout(1500)
    lcp = float(page.evaluate(OBSERVE))
    context.close()
    own = {url: n for url, n in sizes.items() if "/sandbox/" not in url}
    return lcp, sum(own.values()), sum(n for url, n in own.items() if url.endswith(".js"))


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m tests.bench.bench_page")
    options.add_argument("times", type=int, nargs="?", default=5)
    options.add_argument("--figures", type=Path, help="write what the plan needs into this file, such as server/plan/figures.json")
    asked = options.parse_args()
    main(asked.times, asked.figures)
