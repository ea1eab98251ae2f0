"""Where so large a share of what fell into buckets lies: for the desk, where no Prometheus is asked."""

from __future__ import annotations

from collections.abc import Sequence


def quantile(bounds: Sequence[float], counts: Sequence[float], share: float) -> float | None:
    """`counts`: one for each upper bound in `bounds`, and one for what lies past the last, which counts as that bound. In a bucket things
    are taken to be evenly spread. None: nothing fell into any."""
    total, below = sum(counts), 0.0
    if not total:
        return None
    wanted = total * share
    for n, count in enumerate(counts[:len(bounds)]):
        if count and below + count >= wanted:
            start = bounds[n - 1] if n else 0.0
            return start + (bounds[n] - start) * (wanted - below) / count
        below += count
    return bounds[-1]
