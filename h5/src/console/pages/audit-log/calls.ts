/** The audit log: read by key, and taken away as a table. */
import { get, getFile } from '../../frame/door'
import type { Listed } from '../../frame/list'

export interface Entry {
  seq: number
  at: string
  who: string
  role: string
  action: string
  subject: string
  origin: string
  detail: Record<string, unknown>
  before: unknown
  after: unknown
  hash: string
}
export const FILTERS = { who: '', action: '', subject: '', since: '', until: '' }
export type Filters = typeof FILTERS

const LOG = '/api/v1/staff/audit-log'
// A page may hold nothing and still lead on; past so many a person decides.
const MOST_EMPTY = 5

export function queryOf(filters: Filters, cursor = ''): string {
  const given = Object.keys(FILTERS).map((name) => [name, filters[name as keyof Filters].trim()] as [string, string]).filter(([, value]) => value)
  const query = new URLSearchParams(cursor ? [...given, ['cursor', cursor]] : given).toString()
  return query && `?${query}`
}

export async function readEntries(filters: Filters, cursor: string): Promise<Listed<Entry>> {
  for (let page = 1, from = cursor; ; page++) {
    const found = await get<Listed<Entry>>(`${LOG}${queryOf(filters, from)}`)
    if (found.items.length || found.next === null || page === MOST_EMPTY) return found
    from = found.next
  }
}
export const readTable = (filters: Filters) => getFile(`${LOG}.csv${queryOf(filters)}`)

export interface Changed { field: string; before: string; after: string }

/** Before and after, field by field; what is no record at all is one row without a name. */
export function changesOf({ before, after }: Pick<Entry, 'before' | 'after'>): Changed[] {
  if (!isRecord(before) && !isRecord(after)) return before === null && after === null ? [] : [{ field: '', before: shown(before), after: shown(after) }]
  const [old, now] = [isRecord(before) ? before : {}, isRecord(after) ? after : {}]
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].map((field) => ({ field, before: shown(old[field]), after: shown(now[field]) }))
}

export function shown(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
