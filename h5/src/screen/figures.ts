/**
 * What the wall shows, and how a frame changes it. A shown figure never falls, unless a frame carries a higher
 * `voids` (an audited void) or another period begins; frames carry absolute values, so none can count twice.
 */
export interface Switches {
  slow_mode?: boolean
  wall_frozen?: boolean
  ticker_hidden?: boolean
  messages_closed?: boolean
  mourning?: string | null
  /** Never in a public frame: only a wall's own view has it. */
  ranking?: boolean
}

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
  group_reported?: number | null
  voids?: number
  stale_shards?: number
  /** Whole where it is there; left out where nothing changed, and by servers that have no switches. */
  switches?: Switches
}

export interface Figures {
  period: string
  participants: number
  participations: number
  byActivity: Record<string, number>
  byRegion: Record<string, number>
  /** New participants by the minute's first second; minutes without anybody are left out. */
  byMinute: Record<number, number>
  /** People whom teachers reported together, beside the count; corrections may lower it. */
  groups: number
  voids: number
  staleShards: number
  /** Milliseconds since 1970, of the server's clock. */
  asOf: number
  /** Null until a frame told of them. */
  switches: Switches | null
}

export const NOTHING: Figures = {
  period: '', participants: 0, participations: 0, byActivity: {}, byRegion: {}, byMinute: {}, groups: 0, voids: 0, staleShards: 0, asOf: 0,
  switches: null,
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
  // At midnight two servers' clocks differ by a moment: yesterday does not come back.
  if (another && shown && isDay(shown.period) && isDay(frame.period) && frame.period! < shown.period) return shown
  // Minutes are moments, whatever period they belong to: the curve goes on over midnight.
  const base = another ? { ...NOTHING, period: frame.period ?? '', byMinute: shown?.byMinute ?? {}, switches: shown?.switches ?? null } : shown!
  const voided = (frame.voids ?? 0) > base.voids && !(another && shown)
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
    groups: frame.group_reported ?? base.groups,
    voids: Math.max(base.voids, frame.voids ?? 0),
    staleShards: frame.stale_shards ?? base.staleShards,
    asOf: Math.max(base.asOf, asOf),
    switches: frame.switches ?? base.switches,
  }
}

const isDay = (period: string | undefined) => /^\d{8}$/.test(period ?? '')

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

/** 08:00:12 in Shanghai, wherever the screen hangs. */
export const clockOf = (ms: number): string => new Date(ms + 8 * 3_600_000).toISOString().slice(11, 19)

/** 10月1日 08:00, the same. */
export const momentOf = (iso: string): string => new Date(iso).toLocaleString('zh-CN', {
  timeZone: 'Asia/Shanghai', month: 'long', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false })
