/** Notices to many: a batch, and what became of it. */
import { get, post } from '../../frame/door'
import type { Listed } from '../../frame/list'

export const KINDS = ['template', 'subscription', 'miniprogram_subscription'] as const
export type Kind = (typeof KINDS)[number]

export interface NewBatch {
  id: string
  kind: Kind
  appid: string
  template_id: string
  data: Record<string, string>
  page: string
  citizens: number[] | null
  /** Words that are too long may be cut. */
  allow_cut?: boolean
}

export interface BatchItem extends Omit<NewBatch, 'citizens' | 'allow_cut'> {
  by: string
  created_at: string
  /** The words as citizens read them. */
  shown: Record<string, string>
}

export interface Batch extends BatchItem {
  states: Record<string, number>
  words: Record<string, string>
  errors: { errcode: number; count: number; words: string; citizens: number[] }[]
}

/** In the order in which a notice goes through them. */
export const STATES = ['queued', 'sending', 'sent', 'delivered', 'undelivered', 'refused', 'no_grant', 'failed', 'uncertain'] as const
export const UNDER_WAY = new Set(['queued', 'sending', 'sent'])
export const BATCH_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/
export const MOST_CITIZENS = 10_000

export const readBatch = (id: string) => get<Batch>(`/api/v1/staff/notices/${encodeURIComponent(id)}`)
export const readBatches = (cursor: string) => get<Listed<BatchItem>>(`/api/v1/staff/notices${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ''}`)
export const keepBatch = (batch: NewBatch) => post<{ id: string; new: number }>('/api/v1/staff/notices', batch)

/** Citizen numbers as people paste them; null where something is none. */
export function numbers(text: string): number[] | null {
  const words = text.split(/[\s,，、;；]+/).filter(Boolean)
  const found = words.map(Number)
  return found.every((n) => Number.isSafeInteger(n) && n > 0 && n < 2 ** 32) ? [...new Set(found)] : null
}

/** How many characters a kind of field may have on a phone; the platform cuts what is longer. Template messages are not cut. */
const MOST_CHARACTERS: Record<string, number> = { thing: 20, name: 10, phrase: 5, short_thing: 10 }
const MOST_OTHERWISE = 32

export interface Cut { name: string; most: number; shown: string }

/** What of it citizens would not read to its end. */
export function cutOf(kind: Kind, fields: { name: string; text: string }[]): Cut[] {
  if (kind === 'template') return []
  return fields.map(({ name, text }) => ({ name: name.trim(), text: [...text.trim()], most: MOST_CHARACTERS[name.trim().replace(/\d+$/, '')] ?? MOST_OTHERWISE }))
    .filter(({ text, most }) => text.length > most).map(({ name, text, most }) => ({ name, most, shown: text.slice(0, most).join('') }))
}
