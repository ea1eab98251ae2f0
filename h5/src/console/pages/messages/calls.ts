/** What citizens wrote or took, as reviewers decide on it. The wall, reports and source records use the same shapes. */
import { get, post, put } from '../../frame/door'
import type { Listed } from '../../frame/list'
import { call } from '../../session'

export interface Hit { start: number; end: number; word: string; list: 'block' | 'review' }
export interface Part { name: string; label: string; text: string; hits: Hit[] }

export interface Item {
  kind: string
  kind_name: string
  id: string
  at: string
  state: string
  state_name: string
  parts: Part[]
  pictures: string[]
  words: { word: string; list: 'block' | 'review' }[]
  machine: { result?: string; text?: string; checks?: { text: string }[] }
  preset: boolean
  hidden: boolean
  public: boolean
  decided_by: string
  decided_at: string | null
  reason: string
  second_by: string
  waits_for_second: boolean
  own: boolean
  reports: number
  held_by: { name: string; until: string } | null
}

export interface OwnWords { why: string; text: string; by: string; since: string; until: string | null; paused: boolean }
export interface Counts { waiting: number; more: boolean; oldest: string | null; oldest_seconds: number; second: number; complaints: number }
export interface Queue extends Listed<Item> { counts: Counts | null; kinds: Record<string, string>; own_words: OwnWords | null }
export interface Ruled { kind: string; id: string; done: boolean; code: string; message: string }
export interface Reason { code: string; text: string }
export interface Reasons { reject: Reason[]; ban: Reason[]; complaint: Reason[]; rev: number }
/** A code of the table, or own words. */
export interface Why { reason: string; words: string }
export interface LifeEvent { at: string; what: string; text: string; by: string; detail: string }
export type Name = Pick<Item, 'kind' | 'id'>

export const NO_REASON: Why = { reason: '', words: '' }
/** As many as the server takes at once, and a page holds. */
export const AT_ONCE = 50
export const MAX_WORDS = 200

export const campaignOf = (slug: string) => `/api/v1/staff/campaigns/${slug}`
export const itemsOf = (slug: string) => `${campaignOf(slug)}/items`
export const itemOf = (slug: string, { kind, id }: Name) => `${itemsOf(slug)}/${kind}/${id}`
const names = (items: readonly Name[]) => items.map(({ kind, id }) => ({ kind, id }))

export function asked(given: Record<string, string>): string {
  return new URLSearchParams(Object.entries(given).filter(([, value]) => value !== '')).toString()
}

export const readQueue = (slug: string, list: string, kind: string, cursor: string) => get<Queue>(`${itemsOf(slug)}?${asked({ list, kind, cursor })}`)
/** How much waits in each campaign: verdicts, or answers to reports. */
export const readWaits = async (what: 'waiting' | 'complaints') =>
  Object.fromEntries((await get<{ items: (Counts & { slug: string })[] }>('/api/v1/staff/review-counts')).items.map((one) => [one.slug, one[what]]))
export const readReasons = () => get<Reasons>('/api/v1/staff/review-reasons')
export const readLife = (slug: string, item: Name) => get<{ item: Item; events: LifeEvent[] }>(itemOf(slug, item))
export const readAlike = (slug: string, item: Name) => get<Listed<Item>>(`${itemOf(slug, item)}/alike`)
export const hold = (slug: string, item: Name) => put<{ until: string | null }>(`${itemOf(slug, item)}/lock`)
export const look = (slug: string, item: Name, stands: boolean, why: Why, isLeaving: boolean) =>
  call<Item>('PUT', `${itemOf(slug, item)}/second-look`, { stands, ...why }, isLeaving)
export const takeDown = (slug: string, items: readonly Name[], why: Why) => post<Listed<Ruled>>(`${itemsOf(slug)}/take-downs`, { items: names(items), ...why })
export const switchOwnWords = (slug: string, paused: boolean) => put<OwnWords>(`${campaignOf(slug)}/own-words`, { paused })
export const caseFile = (slug: string, item: Name, form: 'zip' | 'html') => `${itemOf(slug, item)}/case.${form}`

/** Nobody is waited for: the lock ends by itself. */
export function letGo(slug: string, item: Name): void {
  call('DELETE', `${itemOf(slug, item)}/lock`, undefined, true).catch(() => undefined)
}

/** One verdict on some items; what became of each. `isLeaving`: the page goes, the request stays. */
export async function decide(slug: string, items: readonly Name[], approve: boolean, why: Why, isLeaving: boolean): Promise<Ruled[]> {
  return (await call<Listed<Ruled>>('POST', `${itemsOf(slug)}/decisions`, { items: names(items), approve, ...why }, isLeaving)).items
}

/** That another reviewer was first is no failure. */
export const failed = (ruled: readonly Ruled[]) => ruled.filter(({ done, code }) => !done && code !== 'ITEM_DECIDED')

/** A text in pieces, the hit words marked with the list that has them. Hits count characters, not halves of them, and may overlap. */
export function pieces(text: string, hits: readonly Hit[]): { text: string; list: '' | Hit['list'] }[] {
  const letters = Array.from(text)
  const marks = letters.map(() => '' as '' | Hit['list'])
  for (const { start, end, list } of hits) {
    for (let n = start; n < Math.min(end, letters.length); n++) if (marks[n] !== 'block') marks[n] = list
  }
  const found: { text: string; list: '' | Hit['list'] }[] = []
  letters.forEach((letter, n) => {
    const last = found[found.length - 1]
    if (last && last.list === marks[n]) last.text += letter
    else found.push({ text: letter, list: marks[n]! })
  })
  return found
}

/** The text that an item is known by in one line. */
export function headline({ parts, kind_name: kind }: Item): string {
  const text = parts[0]?.text || kind
  return Array.from(text).length > 24 ? `${Array.from(text).slice(0, 24).join('')}…` : text
}

/** The one that is focused after some left: the next in line, else the last. */
export function following(at: number, left: number): number {
  return Math.max(0, Math.min(at, left - 1))
}
