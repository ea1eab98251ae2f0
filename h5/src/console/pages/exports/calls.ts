/** Exports of rows of persons: asked for by one, let by a second, fetched within a week. */
import { get, post, put } from '../../frame/door'
import type { Listed } from '../../frame/list'

export interface Export {
  id: string
  campaign: string
  format: 'xlsx' | 'csv'
  reason: string
  asked_by: string
  asked_at: string
  region: string
  first_day: string
  last_day: string
  state: 'waiting' | 'refused' | 'lapsed' | 'queued' | 'making' | 'ready' | 'failed' | 'removed'
  state_name: string
  decided_by: string
  decided_at: string | null
  rows: number
  rows_done: number
  size_bytes: number
  ready_at: string | null
  kept_until: string | null
  file_name: string
  problem: string
}
export interface Wanted { reason: string; format: 'xlsx' | 'csv'; region: string; first_day: string; last_day: string }
export interface Who { name: string; role: string }

export const MAX_REASON = 200
export const TONES: Record<string, string> = { waiting: 'look', queued: 'look', making: 'look', ready: 'good', failed: 'alarm', refused: 'alarm' }
const campaign = (slug: string) => `/api/v1/staff/campaigns/${slug}/exports`
const one = (id: string) => `/api/v1/staff/exports/${id}`

export const readExports = (slug: string, cursor: string) => get<Listed<Export>>(`${campaign(slug)}?${new URLSearchParams(cursor ? { cursor } : {})}`)
export const askExport = (slug: string, wanted: Wanted) => post<Export>(campaign(slug), wanted)
export const readExport = (id: string) => get<Export>(one(id))
export const decide = (id: string, consent: boolean) => put<Export>(`${one(id)}/consent`, { consent })
export const fileOf = (id: string) => `${one(id)}/file`

/** Something still happens to it by itself or by the second person. */
export const isMoving = ({ state }: Export) => state === 'waiting' || state === 'queued' || state === 'making'

/** A second person: an admin or auditor who did not ask herself. */
export function mayDecide({ state, asked_by: by }: Export, who: Who | null): boolean {
  return state === 'waiting' && who !== null && who.name !== by && (who.role === 'admin' || who.role === 'auditor')
}

export function mayFetch({ state, asked_by: by }: Export, who: Who | null): boolean {
  return state === 'ready' && who !== null && (who.name === by || who.role === 'admin' || who.role === 'auditor')
}

/** How much of it is made, 0 to 1. How many rows there will be is an estimate until it is ready. */
export function share({ rows, rows_done: done }: Export): number {
  return rows > 0 ? Math.min(1, done / rows) : 0
}
