"""How smoothly the wall runs and how its memory grows, in a real Chromium: `python -m tests.bench.bench_wall [--minutes N]`.

The wall shows its own demo feed, which changes every figure twice a second, as a peak does. Frames are counted in the page by
requestAnimationFrame; the heap is measured after a forced collection, so that what grows is what is held.
A machine without a graphics card draws in software: read the frames there as a lower bound.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from playwright.sync_api import CDPSession, Page

from tests.browser.browsers import chromium
from tests.product import Product

SIZES = {"1920x1080": (1920, 1080), "3840x1080": (3840, 1080)}
# The curve's script and the first rotation of faces belong to the start.
WARM_UP_SECONDS = 25
LOOK_SECONDS = 15
MOST_MINUTES = 60
FRAMES = """
() => {
  window.frames_seen = []; let last = performance.now();
  const step = (now) => { window.frames_seen.push(now - last); last = now; requestAnimationFrame(step) };
  requestAnimationFrame(step);
}
"""
# Gaps are emptied at each look, so that the bench itself holds nothing.
TAKEN = "() => window.frames_seen.splice(0)"


def heap_mb(session: CDPSession) -> float:
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


def busy_seconds(session: CDPSession) -> float:
    """What the page's own thread has worked so far: says more than frames on a machine that is busy with other things."""
    figures = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return float(figures["TaskDuration"])


def measure(page: Page, minutes: float) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.evaluate(FRAMES)
    page.wait_for_timeout(WARM_UP_SECONDS * 1000)
    page.evaluate(TAKEN)
    first = heap = heap_mb(session)
    worked, began, gaps = busy_seconds(session), time.monotonic(), []
    while (left := minutes * 60 - (time.monotonic() - began)) > 0:
        page.wait_for_timeout(min(left, LOOK_SECONDS) * 1000)
        gaps += page.evaluate(TAKEN)
    worked = (busy_seconds(session) - worked) / (time.monotonic() - began)
    heap = heap_mb(session)
    gaps.sort()
    fps, late = 1000 * len(gaps) / sum(gaps), sum(gap > 25 for gap in gaps) / len(gaps)  # 25 ms: a frame of 60 was missed
    print(f"  {fps:5.1f} frames/s, gap p50 {gaps[len(gaps) // 2]:.1f} ms, p99 {gaps[int(len(gaps) * 0.99)]:.1f} ms, "
          f"{late:.2%} later than 25 ms; the page's thread works {worked:.1%} of the time; "
          f"heap {first:.1f} -> {heap:.1f} MB, {heap - first:+.2f} MB in {minutes:g} min", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="for each size, at most 60")
    minutes = min(MOST_MINUTES, max(0.5, parser.parse_args().minutes))
    with tempfile.TemporaryDirectory(prefix="wenming-bench-") as scratch:
        product = Product(Path(scratch) / "data")
        product.start()
        try:
            with chromium(Path(scratch)) as browser:
                for name, (width, height) in SIZES.items():
                    print(name, flush=True)
                    page = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN").new_page()
                    page.goto(f"http://127.0.0.1:{product.web}/screen/salute-the-flag?demo")
                    measure(page, minutes)
                    page.context.close()
        finally:
            product.stop()


if __name__ == "__main__":
    main()
