/** The numbers behind the per-minute curve: a window of whole minutes, a readable scale, and yesterday under it. */
/** The server sends the newest 120 minutes, of which the last is still running. */
export const SHOWN_MINUTES = 119

export interface Minute {
  /** Seconds since 1970. */
  at: number
  n: number
}

/**
 * The newest minutes without gaps, the last one still running. The window ends now; where nothing happened for
 * longer than the window, or where the campaign is over, it ends at the last minute with anybody, which is then complete.
 */
export function windowOf(
  byMinute: Record<number, number>, nowMs: number, minutes = SHOWN_MINUTES, over = false,
): { past: Minute[]; running: Minute | null } {
  const known = Object.keys(byMinute).map(Number)
  const newest = known.length ? Math.max(...known) : 0
  const current = Math.floor(nowMs / 60_000) * 60
  const old = newest > 0 && (over || newest < current - minutes * 60)
  const end = old ? newest + 60 : Math.max(current, newest)
  const past = Array.from({ length: minutes }, (_, i) => {
    const at = end - (minutes - i) * 60
    return { at, n: byMinute[at] ?? 0 }
  })
  return { past, running: old || over ? null : { at: end, n: byMinute[end] ?? 0 } }
}

/** The lowest of 4, 10, 20, 30, 40, 60, 80, 100, … that holds `n`: a scale whose half is a whole number and that rarely jumps. */
export function ceiling(n: number): number {
  if (n <= 4) return 4
  for (let power = 1; ; power *= 10) {
    for (const step of [1, 2, 3, 4, 6, 8]) if (step * power >= 10 && n <= step * power) return step * power
  }
}

/** The window as a chart wants it: what has not been is null, never nought. */
export function shapeOf(past: Minute[], running: Minute | null, yesterday: Record<number, number>) {
  const minutes = [...past, ...(running ? [running] : [])].map(({ at }) => at)
  const known = minutes.some((at) => yesterday[at] !== undefined)
  return {
    minutes,
    today: [...past.map(({ n }) => n), ...(running ? [null] : [])],
    yesterday: minutes.map((at) => (known ? (yesterday[at] ?? null) : null)),
    running: running ? running.n : null,
  }
}

/** Yesterday's minutes under today's: a day is 86,400 s in Shanghai, always. */
export function dayLater(pairs: [string, number][]): Record<number, number> {
  return Object.fromEntries(pairs.map(([time, n]) => [Date.parse(time) / 1000 + 86_400, n]))
}
