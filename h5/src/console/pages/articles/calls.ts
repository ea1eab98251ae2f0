/** Articles of an official account: drafts, what was published, what was sent to followers. */
import { get, post, put, remove } from '../../frame/door'
import type { Listed } from '../../frame/list'

export interface Article { title: string; content: string; thumb_media_id: string; author: string; digest: string; content_source_url: string; need_open_comment: boolean; only_fans_can_comment: boolean }
export interface DraftRow { media_id: string; titles: string[]; update_time: string; writers: string[]; rev: number | null; use: string }
export interface Draft { media_id: string; writers: string[]; rev: number | null; use: string; articles: Article[]; digest: string }
export interface Sent { media_id: string; title: string; state: string; at: string; words: string; by: string; urls: string[]; article_id?: string; tag_id?: number; total?: number; sent?: number; failed?: number }
/** Of each kind of account, what the platform allows in a month or a day, and what is left. */
export interface Allowance { kind: 'service' | 'subscription'; name: string; period: 'month' | 'day'; most: number; left: number }
export interface Quota { this_month: number; today: number; kinds: Allowance[] }

export const MOST_TITLE = 32
export const MOST_AUTHOR = 16
export const MOST_DIGEST = 128
export const MOST_CONTENT = 20_000

const page = (cursor: string) => (cursor ? `?${new URLSearchParams({ cursor })}` : '')
export const readDrafts = (base: string, cursor: string) => get<Listed<DraftRow>>(`${base}/drafts${page(cursor)}`)
export const readDraft = (base: string, id: string) => get<Draft>(`${base}/drafts/${id}`)
export const addDraft = (base: string, articles: Article[]) => post<{ media_id: string; rev: number }>(`${base}/drafts`, { articles })
export const changeDraft = (base: string, id: string, rev: number, index: number, article: Article) => put<{ rev: number }>(`${base}/drafts/${id}`, { rev, index, article })
export const removeDraft = (base: string, id: string, rev: number) => remove(`${base}/drafts/${id}?rev=${rev}`)
export const preview = (base: string, id: string, citizen: number) => post(`${base}/drafts/${id}/preview`, { citizen })
export const publish = (base: string, id: string, rev: number) => put<Sent>(`${base}/drafts/${id}/publication`, { rev })
/** `digest`: of the articles as they were shown to whoever confirms. */
export const massSend = (base: string, id: string, rev: number, digest: string, title: string, tag: number) => put<Sent>(`${base}/drafts/${id}/mass-send`, { rev, digest, title, tag_id: tag })
export const takeBack = (base: string, id: string) => remove<Sent>(`${base}/drafts/${id}/mass-send`)
export const readPublications = (base: string, cursor: string) => get<Listed<Sent>>(`${base}/publications${page(cursor)}`)
export const readMassSends = (base: string, cursor: string) => get<Listed<Sent>>(`${base}/mass-sends${page(cursor)}`)
export const readMassQuota = (base: string) => get<Quota>(`${base}/mass-sends/quota`)

export function emptyArticle(): Article {
  return { title: '', content: '', thumb_media_id: '', author: '', digest: '', content_source_url: '', need_open_comment: false, only_fans_can_comment: false }
}

/** Only what the interface takes: the platform's answer holds more. */
export function asSent(article: Partial<Article>): Article {
  const empty = emptyArticle()
  return Object.fromEntries(Object.entries(empty).map(([name, usual]) => [name, typeof usual === 'boolean' ? Boolean(article[name as keyof Article]) : String(article[name as keyof Article] ?? '')])) as unknown as Article
}

export const TONES: Record<string, string> = { published: 'good', sent: 'good', failed: 'alarm', refused: 'alarm', uncertain: 'look', taken_back: 'look', deleted: 'look' }
