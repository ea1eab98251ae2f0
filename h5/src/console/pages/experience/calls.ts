/** How citizens' pages felt, as the server counts it. */
import { get } from '../../frame/door'

export const CODES = ['lcp', 'ready', 'inp', 'cls'] as const
export type Code = (typeof CODES)[number]
export type State = 'good' | 'fair' | 'poor' | 'few' | 'none'

export interface Figure { told: number; p75: number | null; state: State }
export interface Group extends Record<Code, Figure> { code: string; name: string; pages: number; broken_share: number | null }
export interface Measure { code: Code; title: string; unit: string; good: number; poor: number }
export interface Experience { measures: Measure[]; fewest: number; all: Group; devices: Group[]; regions: Group[]; days: Group[] }

export const readExperience = (slug: string, days: number) => get<Experience>(`/api/v1/staff/campaigns/${slug}/experience?days=${days}`)

/** 1.23 秒, 180 毫秒 or 0.054: fine enough that what is past a bound never looks as if it were not. */
export function shown(value: number | null, unit: string, seconds: string, milliseconds: string): string {
  if (value === null) return '—'
  if (unit !== 'ms') return String(Math.round(value * 1000) / 1000)
  return value >= 1000 ? `${Number((value / 1000).toFixed(2))} ${seconds}` : `${Math.round(value)} ${milliseconds}`
}

/** 0.4%, 12%; what is not nothing is never shown as nothing. */
export function percent(share: number | null): string {
  if (share === null) return '—'
  if (share > 0 && share < 0.001) return '<0.1%'
  return `${Number((share * 100).toFixed(share < 0.1 ? 1 : 0))}%`
}

/** 20261001 as 10-01. */
export const shownDay = (day: string) => `${day.slice(4, 6)}-${day.slice(6)}`
