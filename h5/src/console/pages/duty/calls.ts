/** The duty log of a campaign, and how its day went minute by minute. */
import { get, post } from '../../frame/door'

export interface Entry { id: string; at: string; author: string; kind: string; kind_name: string; text: string; to: string; refers: string }
export interface Seen extends Entry { corrections: Entry[]; acknowledged: Entry | null }
export interface DutyPage { items: Seen[]; next: string | null; today: string; open_handovers: Entry[]; people: string[] }
export interface Curve { day: string; begins: string; ends: string; minutes: [number, number][] }
export interface Wanted { kind: string; text: string; to?: string; corrects?: string; sure?: boolean }

const log = (slug: string) => `/api/v1/staff/campaigns/${slug}/duty-log`
const asked = (fields: Record<string, string>) => new URLSearchParams(Object.entries(fields).filter(([, value]) => value))
export const readPage = (slug: string, day: string, cursor: string) => get<DutyPage>(`${log(slug)}?${asked({ day, cursor })}`)
export const readCurve = (slug: string, day: string) => get<Curve>(`${log(slug)}/curve?${asked({ day })}`)
export const write = (slug: string, wanted: Wanted) => post<Entry>(log(slug), wanted)
export const acknowledge = (slug: string, id: string) => post<Entry>(`${log(slug)}/${id}/acknowledgement`)
export const file = (slug: string, form: 'csv' | 'txt', day: string) => `${log(slug)}.${form}?${asked({ day })}`

/** Kinds that a person writes, those that can be corrected, and how each stands on the curve. */
export const BY_HAND = ['note', 'incident', 'handover'] as const
export const CORRECTABLE = ['note', 'incident', 'handover', 'correction']
export const SIGNS: Record<string, string> = { note: '记', incident: '突', handover: '交', correction: '更', acknowledgement: '接', switch: '关', milestone: '里', bulletin: '报' }
export const TONES: Record<string, string> = { incident: 'alarm', switch: 'look', milestone: 'good' }

export const MINUTES = 1440
/** Which minute of the day a moment is in; the day begins at `begins`. */
export const minuteOf = (at: string, begins: string) => Math.floor((Date.parse(at) - Date.parse(begins)) / 60_000)

/** New participants by hour. */
export function byHour(minutes: readonly [number, number][]): number[] {
  const hours = Array.from({ length: 24 }, () => 0)
  for (const [minute, n] of minutes) hours[Math.floor(minute / 60)]! += n
  return hours
}

/** The highest minute, the earliest of several; null where nobody came. */
export const highest = (minutes: readonly [number, number][]) => minutes.reduce<[number, number] | null>((most, one) => (one[1] > (most?.[1] ?? 0) ? one : most), null)

/** The day's line in a box of 1440 by `height`, as a path that is closed along the bottom. Minutes without anybody lie on the ground. */
export function areaOf(minutes: readonly [number, number][], height: number, until: number): string {
  const most = highest(minutes)?.[1]
  if (!most) return ''
  const known = new Map(minutes)
  const points = Array.from({ length: Math.min(MINUTES, Math.max(1, until)) }, (_, minute) => `${minute},${(height - ((known.get(minute) ?? 0) / most) * height).toFixed(1)}`)
  return `M0,${height}L${points.join('L')}L${points.length - 1},${height}Z`
}

/** Marks that would cover each other stand as one: `width` minutes after its first one the next begins. They come in order of time. */
export function clustersOf<T extends { minute: number }>(marks: readonly T[], width: number): T[][] {
  const found: T[][] = []
  for (const mark of marks) {
    const last = found.at(-1)
    if (last && mark.minute - last[0]!.minute < width) last.push(mark)
    else found.push([mark])
  }
  return found
}

const GRAVEST = ['alarm', 'look', 'good']
/** The gravest of what is told by several entries. */
export const toneOf = (kinds: readonly string[]) => GRAVEST.find((tone) => kinds.some((kind) => TONES[kind] === tone)) ?? ''

/** Corrections and acknowledgements stand below the entry that they are about, where it is there. */
export function withoutAnswers(entries: readonly Seen[]): Seen[] {
  const there = new Set(entries.map(({ id }) => id))
  return entries.filter(({ refers }) => !there.has(refers))
}
