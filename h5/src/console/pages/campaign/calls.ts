/** One campaign: what staff see of it, its figures, its places, its journals. */
import { get, post, put } from '../../frame/door'

export interface Activity { code: string; title: string; verb: string; children: boolean }

export interface Campaign {
  slug: string
  title: string
  state: string
  opens_at: string
  closes_at: string
  period_rule: 'all' | 'daily'
  kind: string
  shards: number
  demo: boolean
  rehearsal: boolean
  free_words: boolean
  activities: Activity[]
  organiser: Record<string, string>
}

export interface Counters {
  participants: number
  participations: number
  by_activity: Record<string, number>
  by_region: Record<string, number>
  by_minute: [string, number][]
  group_reported: number
  voids: number
  stale_shards: number
  period: string
  as_of: string
}

export interface Region { code: string; name: string; order: number }

export type PlaceKind = 'regions' | 'units'
/** `headers`: the file's columns; `columns`: ours with the file's, as they were found or chosen. Errors are the first 200 of `errors_total`. */
export interface Imported { rows: number; errors: { row: number; column: string; message: string }[]; errors_total: number; imported: number; headers: string[]; columns: Record<string, string> }

/** The columns of a file: those that have to be there, and others. */
export const COLUMNS: Record<PlaceKind, { needed: string[]; all: string[] }> = {
  regions: { needed: ['code', 'name'], all: ['code', 'name', 'kind', 'parent', 'order', 'population', 'initials'] },
  units: { needed: ['region', 'code', 'name'], all: ['region', 'code', 'name', 'initials'] },
}

export interface Journals {
  items: { shard: string; ready: boolean; backlog: number | null; max_changes: number; drained_per_second: number; alarm: boolean; carried_by: string }[]
  poison: unknown[]
  conflicts: unknown[]
}

const staff = (slug: string) => `/api/v1/staff/campaigns/${slug}`

export const readCampaign = (slug: string) => get<Campaign>(staff(slug))
export const readCounters = (slug: string) => get<Counters>(`/api/v1/campaigns/${slug}/counters`)
export const readJournals = (slug: string) => get<Journals>(`${staff(slug)}/journals`)
export const move = (slug: string, state: string) => put<Campaign>(`${staff(slug)}/state`, { state })
export const voidOne = (slug: string, ordinal: number, period: string, reason: string) => post<{ voided: number }>(`${staff(slug)}/voids`, { ordinal, period, reason })

/** The public view names the regions; a draft has no public view. */
export async function readRegions(slug: string): Promise<Region[]> {
  const { regions } = await get<{ regions: Region[] }>(`/api/v1/campaigns/${slug}`)
  return [...regions].sort((a, b) => a.order - b.order)
}

/**
 * The file goes as it was saved, CSV or XLSX: the server reads the encoding that Excel gave it. `columns` names ours with the file's where
 * chosen; the column of a district's kind goes by another name, for `kind` says what is imported.
 */
export async function importPlaces(slug: string, kind: PlaceKind, file: Blob, columns: Record<string, string>, isDryRun: boolean): Promise<Imported> {
  const chosen = Object.entries(columns).filter(([, header]) => header).map(([name, header]) => [name === 'kind' ? 'kind_column' : name, header] as const)
  const asked = new URLSearchParams([['kind', kind], ...(isDryRun ? [['dry_run', '1']] : []), ...chosen.map((pair) => [...pair])])
  return post<Imported>(`${staff(slug)}/places/file?${asked}`, file)
}

/** What may follow each state; `back`: the state to which a change can be undone. */
export interface Step { to: string; back?: string; isFinal?: boolean }
export const STEPS: Record<string, Step[]> = {
  draft: [{ to: 'scheduled', back: 'draft' }],
  scheduled: [{ to: 'open' }, { to: 'draft', back: 'scheduled' }],
  open: [{ to: 'paused', back: 'open' }, { to: 'frozen', isFinal: true }],
  paused: [{ to: 'open', back: 'paused' }, { to: 'frozen', isFinal: true }],
  frozen: [{ to: 'archived', isFinal: true }],
  archived: [],
}

/** Regions in administrative order, never by their number: districts are not ranked. */
export function byRegion(regions: Region[], counted: Record<string, number>): { name: string; n: number; share: number }[] {
  const rows = regions.map(({ code, name }) => ({ name, n: counted[code] ?? 0 }))
  const known = new Set(regions.map(({ code }) => code))
  for (const [code, n] of Object.entries(counted)) if (!known.has(code) && n) rows.push({ name: code, n })
  const most = Math.max(1, ...rows.map(({ n }) => n))
  return rows.map((row) => ({ ...row, share: row.n / most }))
}
