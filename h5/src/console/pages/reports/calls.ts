/** Statistical reports of a campaign. */
import { get, post, put } from '../../frame/door'
import type { Listed } from '../../frame/list'

export interface Settings { organisation: string; filled_by: string; reviewed_by: string; responsible: string; note: string; daily_at: string; show_zero_units: boolean; rev: number }
export interface TableHead { name: string; title: string; columns: string[]; rows: number; parts: number }
export interface Report {
  number: string
  campaign: string
  title: string
  kind: string
  by: string
  at: string
  state: 'queued' | 'counting' | 'made' | 'failed'
  state_name: string
  settings: Settings
  first_day: string
  last_day: string
  corrects: string
  corrected_by: string
  reason: string
  as_of: string | null
  made_at: string | null
  persons: number
  times: number
  group_reported: number
  notes: string[]
  tables: TableHead[]
  problem: string
}
export type Row = (string | number)[]
export interface Wanted { first_day: string; last_day: string; corrects?: string; reason?: string }

export const TONES: Record<string, string> = { made: 'good', queued: 'look', counting: 'look', failed: 'alarm' }
export const MAX_REASON = 200
const campaign = (slug: string) => `/api/v1/staff/campaigns/${slug}`
const report = (number: string) => `/api/v1/staff/reports/${number}`

export const readSettings = (slug: string) => get<Settings>(`${campaign(slug)}/report-settings`)
export const keepSettings = (slug: string, settings: Settings) => put<Settings>(`${campaign(slug)}/report-settings`, settings)
export const readReports = (slug: string, cursor: string) => get<Listed<Report>>(`${campaign(slug)}/reports?${new URLSearchParams(cursor ? { cursor } : {})}`)
export const askReport = (slug: string, wanted: Wanted) => post<Report>(`${campaign(slug)}/reports`, wanted)
export const readReport = (number: string) => get<Report>(report(number))
export const readRows = (number: string, table: string, cursor: string) => get<Listed<Row>>(`${report(number)}/tables/${table}?${new URLSearchParams(cursor ? { cursor } : {})}`)
export const printed = (number: string) => `${report(number)}/print`
export const workbook = (number: string) => `${report(number)}.xlsx`

/** Nothing changes any more. */
export const isSettled = ({ state }: Report) => state === 'made' || state === 'failed'
