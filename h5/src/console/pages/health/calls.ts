/** What is watched, what rings, and what somebody does about it. */
import { get, post, put, remove } from '../../frame/door'
import { grouped } from '../../frame/format'
import type { Listed } from '../../frame/list'

export type Level = 'green' | 'yellow' | 'red' | 'unknown'
export interface Part { part: string; name: string; name_en: string; unit: string; level: Level; level_name: string; since: string; value: number | null; note: string; details: string[]; yellow: number | null; red: number | null; falling: boolean; why: string; means: string; steps: string[]; steps_en: string[] }
export interface Alarm { id: string; part: string; name: string; name_en: string; note: string; opened_at: string; red_since: string; rang_at: string | null; told_list: number; escalated_at: string | null; acknowledged_at: string | null; acknowledged_by: string; resolved_at: string | null }
export interface Silence { part: string; until: string; reason: string; by: string; at: string }
export interface Channel { id: string; kind: string; kind_name: string; name: string; host: string; list: number; ok_at: string | null; failed_at: string | null; failures: number; problem: string }
export interface Process { process: string; roles: string[]; at: string; started_at: string; is_silent: boolean; answered: number; sockets: number }
export interface Health { as_of: string | null; is_stale: boolean; judged_by: string; items: Part[]; processes: Process[]; alarms: Alarm[]; silences: Silence[]; channels: Channel[] }
export type Point = [at: string, value: number | null, level: Level]
export type Span = 'day' | 'week'
export interface History { part: string; span: Span; seconds: number; items: Point[] }

const STAFF = '/api/v1/staff'
export const readHealth = () => get<Health>(`${STAFF}/health`)
export const readHistory = (part: string, span: Span) => get<History>(`${STAFF}/health/${part}?span=${span}`)
export const readPast = (cursor: string) => get<Listed<Alarm>>(`${STAFF}/alarms${cursor && `?cursor=${encodeURIComponent(cursor)}`}`)
export const acknowledge = (alarm: Alarm) => post<Alarm>(`${STAFF}/alarms/${alarm.part}/acknowledgement`, { id: alarm.id })
export const silence = (part: string, until: string, reason: string) => put<Silence>(`${STAFF}/alarms/${part}/silence`, { until, reason })
export const unsilence = (part: string) => remove(`${STAFF}/alarms/${part}/silence`)
export const testChannel = (id: string) => post<{ told: boolean; problem: string }>(`${STAFF}/alarm-channels/${id}/test`, {})

/** How many parts are of each level, the worst first. */
export const tally = (items: Part[] = []) => (['red', 'yellow', 'unknown', 'green'] as const).map((level) => ({ level, many: items.filter((one) => one.level === level).length }))

/** 1,234 · 0.4 · —, as a tile shows it. */
export function shown(value: number | null): string {
  if (value === null) return '—'
  if (value >= 100 || Number.isInteger(value)) return grouped(value)
  return value >= 10 ? value.toFixed(1) : String(Number(value.toFixed(2)))
}
