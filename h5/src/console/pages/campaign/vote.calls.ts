/** What staff may know and do of a vote. Nobody's choices are among it. */
import { get, post, put } from '../../frame/door'

export interface CandidateFigures { code: string; votes: number; paper: number }
export interface Barred { state: 'suspended' | 'withdrawn'; reason: string; by: string; at: string }
export interface StaffTally { as_of: string | null; ballots: number; paper_ballots: number; candidates: CandidateFigures[]; names: Record<string, string>; barred: Record<string, Barred>; shown: string }
export interface Paper { id: string; origin: string; reason: string; sheets: number; votes: Record<string, number>; by: string; at: string; state: 'waiting' | 'counted' | 'voided'; consented_by: string | null; void_reason: string | null; voided_by: string | null }
export interface Papers { items: Paper[]; next: string | null }
export interface Audit { ok: boolean; ballots: number; voids: number; waiting: number; findings: string[] }
export interface Curve { day: string; ballots: Record<string, number>; candidates: Record<string, Record<string, number>> }

const path = (slug: string) => `/api/v1/staff/campaigns/${slug}/vote`
export const readTally = (slug: string) => get<StaffTally>(path(slug))
export const bar = (slug: string, code: string, state: string, reason: string) => put<StaffTally>(`${path(slug)}/candidates`, { code, state, reason })
export const readCurve = (slug: string, day: string) => get<Curve>(`${path(slug)}/curve?day=${day}`)
export const readAudit = (slug: string) => get<Audit>(`${path(slug)}/audit`)
export const readPapers = (slug: string, cursor = '') => get<Papers>(`${path(slug)}/papers${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ''}`)
export const enterPaper = (slug: string, body: Pick<Paper, 'id' | 'origin' | 'reason' | 'sheets' | 'votes'>) => post<Paper>(`${path(slug)}/papers`, body)
export const consentPaper = (slug: string, id: string) => post<Paper>(`${path(slug)}/papers/${id}/consent`, {})
export const voidPaper = (slug: string, id: string, reason: string) => post<Paper>(`${path(slug)}/papers/${id}/void`, { reason })

/** A second person: an operator, reviewer or admin who did not enter it herself. */
export const mayConsent = ({ state, by }: Paper, who: { name: string; role: string } | null) =>
  state === 'waiting' && who !== null && who.name !== by && ['admin', 'operator', 'reviewer'].includes(who.role)

/** A name of the form's own, so that one count stands once however often it is sent. */
export const newPaperId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')

/** The busiest minutes of a day, for a look at bursts: the figure of a minute beside the day's median. */
export function bursts(minutes: Record<string, number>, most = 5): { at: string; n: number; times: number }[] {
  const counted = Object.entries(minutes).filter(([, n]) => n > 0)
  const sorted = counted.map(([, n]) => n).sort((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? 1
  return counted.sort(([, a], [, b]) => b - a).slice(0, most).map(([at, n]) => ({ at, n, times: Math.round(n / Math.max(1, median)) }))
}
