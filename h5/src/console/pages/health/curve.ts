/** A curve as lines: pieces of neighbouring points, thresholds that fit, and a strip of levels. Coordinates are per cent of the figure. */
import type { Level, Part, Point } from './calls'

export interface Drawn { lines: string[]; bounds: { level: 'yellow' | 'red'; y: number; value: number }[]; strip: { level: Level; x: number; width: number }[]; top: number }

/** A stretch that nobody told anything of is a gap: silence is no straight line. */
export function drawn(points: Point[], seconds: number, spanSeconds: number, nowMs: number, part: Pick<Part, 'yellow' | 'red'>): Drawn {
  const x = (at: string) => 100 * (1 - (nowMs - Date.parse(at)) / 1000 / spanSeconds)
  const values = points.flatMap(([, value]) => (value === null ? [] : [value]))
  const most = Math.max(0, ...values)
  // A threshold far above the curve would press it flat.
  const bounds = (['yellow', 'red'] as const).flatMap((level) => { const value = part[level]; return value !== null && (value <= 4 * most || most === 0) ? [{ level, value }] : [] })
  const top = Math.max(most, ...bounds.map(({ value }) => value), 1e-9) * 1.1
  const y = (value: number) => Math.round(1000 * (1 - value / top)) / 10
  const lines: string[] = []
  const strip: Drawn['strip'] = []
  let line: string[] = []
  let before = -Infinity
  const flush = () => { if (line.length) lines.push(line.length === 1 ? `${line[0]} ${line[0]}` : line.join(' ')); line = [] }
  for (const [at, value, level] of points) {
    const second = Date.parse(at) / 1000
    const isNext = second - before <= 1.5 * seconds
    if (!isNext || value === null) flush()
    if (value !== null) line.push(`${x(at).toFixed(2)},${y(value)}`)
    const width = (100 * seconds) / spanSeconds
    const last = strip.at(-1)
    if (last && isNext && last.level === level) last.width += width
    else strip.push({ level, x: x(at), width })
    before = second
  }
  flush()
  return { lines, bounds: bounds.map((one) => ({ ...one, y: y(one.value) })), strip, top }
}
