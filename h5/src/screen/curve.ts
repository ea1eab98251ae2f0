/** The numbers behind the per-minute curve: a window of whole minutes, a readable scale, and the path. */
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

/** The lowest of 4, 10, 20, 50, 100, … that holds `n`: a scale whose half is a whole number and that rarely jumps. */
export function ceiling(n: number): number {
  if (n <= 4) return 4
  for (let power = 1; ; power *= 10) {
    for (const step of [1, 2, 5]) if (step * power >= 10 && n <= step * power) return step * power
  }
}

/** A line through the points, straight between them: no curve says more than was counted. */
export function path(values: number[], top: number, width: number, height: number): string {
  const step = values.length > 1 ? width / (values.length - 1) : 0
  return values.map((n, i) => `${i ? 'L' : 'M'}${(i * step).toFixed(1)} ${(height - (n / top) * height).toFixed(1)}`).join('')
}

/** Hours and half hours inside the window, with their place from 0 to 1; not so near the end that they touch what stands there. */
export function ticks(past: Minute[], everySeconds = 1800): { place: number; text: string }[] {
  const span = past.length - 1
  return past.flatMap(({ at }, i) =>
    at % everySeconds === 0 && i / span < 0.95 ? [{ place: i / span, text: new Date((at + 8 * 3600) * 1000).toISOString().slice(11, 16) }] : [])
}
