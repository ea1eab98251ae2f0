/**
 * What the wall shows, and how a frame changes it. A shown figure never falls, unless a frame carries a higher
 * `voids` (an audited void) or another period begins; frames carry absolute values, so none can count twice.
 */
export interface Frame {
  type: 'snapshot' | 'delta' | 'heartbeat'
  id: number
  as_of: string | null
  server_time?: string
  period?: string
  participants?: number
  participations?: number
  by_activity?: Record<string, number>
  by_region?: Record<string, number>
  by_minute?: [string, number][]
  voids?: number
  stale_shards?: number
}

export interface Figures {
  period: string
  participants: number
  participations: number
  byActivity: Record<string, number>
  byRegion: Record<string, number>
  /** New participants by the minute's first second; minutes without anybody are left out. */
  byMinute: Record<number, number>
  voids: number
  staleShards: number
  /** Milliseconds since 1970, of the server's clock. */
  asOf: number
}

export const NOTHING: Figures = {
  period: '', participants: 0, participations: 0, byActivity: {}, byRegion: {}, byMinute: {}, voids: 0, staleShards: 0, asOf: 0,
}

/** Minutes kept: what the curve shows and a little more. */
const KEPT_MINUTES = 180

type Pick = (seen: number, received: number) => number
const greater: Pick = (seen, received) => Math.max(seen, received)
const received: Pick = (_seen, value) => value

export function apply(shown: Figures | null, frame: Frame): Figures | null {
  const asOf = frame.as_of ? Date.parse(frame.as_of) : 0
  if (frame.type === 'heartbeat') return shown && asOf ? { ...shown, asOf: Math.max(shown.asOf, asOf) } : shown
  const another = frame.type === 'snapshot' && (!shown || (frame.period ?? '') !== shown.period)
  if (!shown && !another) return shown // a change of something that was never shown
  const base = another ? { ...NOTHING, period: frame.period ?? '' } : shown!
  const voided = (frame.voids ?? 0) > base.voids
  const pick = voided ? received : greater
  // A whole snapshot after a void replaces everything; a delta names each figure that the void changed.
  const keep = !(voided && frame.type === 'snapshot')
  return {
    period: base.period,
    participants: pick(base.participants, frame.participants ?? base.participants),
    participations: pick(base.participations, frame.participations ?? base.participations),
    byActivity: merge(keep ? base.byActivity : {}, frame.by_activity, pick),
    byRegion: merge(keep ? base.byRegion : {}, frame.by_region, pick),
    byMinute: newest(merge(keep ? base.byMinute : {}, minutes(frame.by_minute), pick)),
    voids: Math.max(base.voids, frame.voids ?? 0),
    staleShards: frame.stale_shards ?? base.staleShards,
    asOf: Math.max(base.asOf, asOf),
  }
}

function minutes(pairs: [string, number][] | undefined): Record<number, number> {
  return Object.fromEntries((pairs ?? []).map(([time, n]) => [Date.parse(time) / 1000, n]))
}

function merge(seen: Record<string, number>, changed: Record<string, number> | undefined, pick: Pick): Record<string, number> {
  const all = { ...seen }
  for (const [key, value] of Object.entries(changed ?? {})) all[key] = pick(all[key] ?? 0, value)
  return all
}

function newest(byMinute: Record<number, number>): Record<number, number> {
  const keys = Object.keys(byMinute)
  if (keys.length <= KEPT_MINUTES) return byMinute
  return Object.fromEntries(keys.map(Number).sort((a, b) => a - b).slice(-KEPT_MINUTES).map((key) => [key, byMinute[key]!]))
}

export const grouped = (n: number): string => Math.round(n).toLocaleString('en-US')
