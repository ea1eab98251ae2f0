/** The desk of one campaign: its draft, versions, review, checks, release and corrections. */
import { get, post, put, remove } from '../../frame/door'
import type { Listed } from '../../frame/list'
import { call } from '../../session'
import type { Campaign as Shown } from '../campaign/calls'
import type { Weight } from './blocks'

export interface Activity { code: string; title: string; verb: string; children: boolean }
export interface Preset { code: string; text: string }

export interface Content {
  title: string
  opens_at: string | null
  closes_at: string | null
  kind: string
  period_rule: string
  free_words: boolean
  activities: Activity[]
  presets: Preset[]
  theme: Record<string, unknown>
  share: Record<string, string>
  organiser: Record<string, string>
  /** The content of its kind (kinds/rules.ts). */
  rules: Record<string, unknown>
}

export interface Change { field: string; name: string; before: string; after: string }
export interface Step { name: string; people: string[] }
export interface Decision { step: number; name: string; by: string; at: string; verdict: 'approve' | 'return'; comment: string; issued_by: string }

export interface Review {
  state: 'writing' | 'reviewing' | 'approved' | 'returned'
  round: number
  revision: number
  hash: string
  submitted_by: string
  submitted_at: string | null
  steps: Step[]
  step: string
  decisions: Decision[]
}

export interface Timed { at: string; by: string; revision: number; hash: string; confirmed: string[]; problem: string }

export interface Draft {
  slug: string
  kind: 'draft' | 'correction'
  rev: number
  content: Content
  changes: Change[]
  authors: string[]
  edited_by: string
  edited_at: string | null
  review: Review
  release: Timed | null
  /** What became of a correction. */
  state: '' | 'waiting' | 'shown' | 'settled' | 'refused' | 'objected'
  reason: string
  editing?: string[]
}

export interface Saved { rev: number; saved_at: string; restarted: boolean; editing: string[] }
/** What comes with a 409 of two editors. */
export interface Clashed { mine: Content; theirs: Draft; changes: Change[] }

export interface Revision {
  number: number
  hash: string
  by: string
  at: string | null
  occasion: string
  occasion_name: string
  note: string
  title: string
  released_by: string
  released_at: string | null
}
export interface WholeRevision extends Revision { content: Content; changes: Change[]; reviews: Review[] }

export interface Item { key: string; title: string; state: 'ok' | 'warning' | 'error'; advice: string }
export interface Finding { key: string; code: string; level: 'error' | 'warning'; field: string; name: string; start: number; end: number; found: string; around: string; why: string; advice: string }
/** Drawn, as data: addresses; `before` is empty where nothing is public yet or nothing of it would differ. */
export interface Posters { before: string; after: string }
/** `prefilled`: the template's, untouched and without a fault. */
export interface GuideStep { step: string; state: 'open' | 'prefilled' | 'done' }
export interface Checklist { items: Item[]; ready: boolean; guide: GuideStep[] }
export interface Ticket { url: string; qr: string; expires_at: string; person?: string; revision?: number }
export interface Waiting { slug: string; kind: 'draft' | 'correction'; title: string; review: Review }
export interface Correction {
  reason: string
  title?: string
  activities?: Record<string, { title?: string; verb?: string }>
  presets?: Record<string, string>
  theme?: Record<string, string>
  blocks?: Record<string, Record<string, string>>
  share?: Record<string, string>
  organiser?: Record<string, string>
  rules?: Record<string, unknown>
}
/** A campaign as staff see it: what is public, or will be. */
export type Campaign = Shown & Pick<Content, 'activities' | 'presets' | 'theme' | 'share' | 'organiser' | 'rules'> & { release: number; pause_reason: string; binned_at: number | string }

export const SLUG = /^[a-z0-9][a-z0-9-]{0,31}$/
export const CODE = /^[a-z][a-z0-9_-]{0,31}$/
export const MOST_ACTIVITIES = 13
export const MOST_PRESETS = 50
export const MOST_STEPS = 5
export const MOST_STEP_PEOPLE = 20

const of = (slug: string) => `/api/v1/staff/campaigns/${slug}`

export const readCampaign = (slug: string) => get<Campaign>(of(slug))
export const readDraft = (slug: string) => get<Draft>(`${of(slug)}/draft`)
export const saveDraft = (slug: string, rev: number, content: Content) => put<Saved>(`${of(slug)}/draft`, { rev, content })
export const discardDraft = (slug: string) => remove<{ revision: number }>(`${of(slug)}/draft`)
export const rebase = (slug: string, rev: number) => post<Draft & { clashes: string[] }>(`${of(slug)}/draft/base`, { rev })
export const stay = (slug: string) => put<{ editing: string[] }>(`${of(slug)}/draft/presence`)
/** The request outlives the page. */
export const go = (slug: string) => call<null>('DELETE', `${of(slug)}/draft/presence`, undefined, true)

export const readRevisions = (slug: string, cursor: string) => get<Listed<Revision>>(`${of(slug)}/revisions${cursor ? `?cursor=${cursor}` : ''}`)
export const readRevision = (slug: string, number: number, against = 0) => get<WholeRevision>(`${of(slug)}/revisions/${number}${against ? `?against=${against}` : ''}`)
export const keepVersion = (slug: string, rev: number, note: string) => post<{ revision: number }>(`${of(slug)}/revisions`, { rev, note })
export const restore = (slug: string, number: number, rev: number) => post<Draft>(`${of(slug)}/revisions/${number}/restore`, { rev })
export const signOffOf = (slug: string, number: number) => `${of(slug)}/sign-off?revision=${number}`

export const submit = (slug: string, rev: number) => post<Draft>(`${of(slug)}/review`, { rev })
export const withdraw = (slug: string) => remove<Draft>(`${of(slug)}/review`)
export const readSteps = async (slug: string) => (await get<{ steps: Step[] }>(`${of(slug)}/review/steps`)).steps
export const keepSteps = async (slug: string, steps: Step[]) => (await put<{ steps: Step[] }>(`${of(slug)}/review/steps`, { steps })).steps
export const readWaiting = () => get<Listed<Waiting>>('/api/v1/staff/reviews')

/** A correction is named by the revision that it was kept as. */
const desk = (draft: Draft) => of(draft.slug) + (draft.kind === 'correction' ? `/corrections/${draft.review.revision}` : '/review')

export function decide(draft: Draft, verdict: 'approve' | 'return', comment: string): Promise<Draft> {
  const { revision, round, decisions } = draft.review
  const step = decisions.filter((one) => one.verdict === 'approve').length
  return post<Draft>(`${desk(draft)}/decisions`, { revision, round, step, verdict, comment })
}
export const linkFor = (draft: Draft, person: string) => post<Ticket>(`${desk(draft)}/links`, { person })

export const readPosters = (slug: string) => get<Posters>(`${of(slug)}/draft/posters`)
export const readChecklist = (slug: string) => get<Checklist>(`${of(slug)}/checklist`)
export const readWeight = (slug: string) => get<Weight>(`${of(slug)}/draft/weight`)
export const readFindings = async (slug: string) => (await get<{ items: Finding[] }>(`${of(slug)}/findings`)).items
export const publish = (slug: string, revision: number, confirmed: string[]) => post<Campaign>(`${of(slug)}/release`, { revision, at: null, confirmed })
export const publishAt = (slug: string, revision: number, confirmed: string[], at: string) => post<Draft>(`${of(slug)}/release`, { revision, at, confirmed })
export const cancelRelease = (slug: string) => remove<{ cancelled: 'release' | 'campaign' }>(`${of(slug)}/release`)
export const takeDown = (slug: string, state: string, reason: string) => post<Campaign>(`${of(slug)}/take-down`, { state, reason })

export const readCorrections = async (slug: string) => (await get<{ items: Draft[] }>(`${of(slug)}/corrections`)).items
export const beginCorrection = (slug: string, body: Correction) => post<Draft>(`${of(slug)}/corrections`, body)
export const preview = (slug: string, revision: number) => post<Ticket>(`${of(slug)}/previews`, { revision })
export const clone = (slug: string, to: string, years: number) => post<Campaign>(`${of(slug)}/clone`, { slug: to, years })
export const throwAway = (slug: string) => remove<Campaign>(of(slug))
export const recover = (slug: string) => post<Campaign>(`${of(slug)}/recovery`)
