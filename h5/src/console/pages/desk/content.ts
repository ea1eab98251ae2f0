/** A campaign's content as editors see it: what can be filled in, what differs between two, how two become one. */
import { blocksOf, MOST, SHOWS, type Block } from './blocks'
import type { Campaign, Change, Content, Correction, Draft } from './calls'

export const copyOf = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T
export const same = (a: unknown, b: unknown) => ordered(a) === ordered(b)

/** As text, the names of each part in one order: stores give them back in any. */
function ordered(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (inner && typeof inner === 'object' && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner))
}

export const THEME = ['subtitle', 'cover_text', 'poster', 'scene', 'salute', 'anthem_url'] as const
export const SHARE = ['title', 'desc', 'image', 'card'] as const
export const ORGANISER = ['name', 'icp', 'police', 'telephone', 'responsible_person', 'report_url'] as const

// Read by the product and not by people, as server/releases/content.py has them.
const TECHNICAL = new Set(['activities', 'presets', 'kind', 'theme.poster', 'theme.scene', 'theme.salute', 'theme.anthem_media', 'theme.share_media', 'theme.skin', 'theme.blocks', 'share.image', 'share.card'])

/** Whether a field says nothing to a reader: codes, order, addresses of files, the layers of a poster, which is shown drawn. */
export function isTechnical(field: string): boolean {
  return TECHNICAL.has(field) || field.startsWith('theme.poster_design')
}

/** What of a theme has forms of its own. */
export const ELSEWHERE = new Set(['skin', 'blocks', 'share_media', 'anthem_media', 'privacy_text', 'ask_unit'])

/** Names of a part that are filled in as text: those that are known, then those that it has besides. */
export function textNames(known: readonly string[], part: Record<string, unknown>): string[] {
  return [...known, ...Object.keys(part).filter((name) => !known.includes(name) && !ELSEWHERE.has(name) && typeof part[name] === 'string').sort()]
}

/** Sets a text; one that is emptied goes, so that nothing is said about it. */
export function setText(part: Record<string, unknown>, name: string, text: string): void {
  if (text) part[name] = text
  else delete part[name]
}

/** A code that no other has. */
export function newCode(prefix: string, taken: string[]): string {
  for (let n = 1; ; n += 1) if (!taken.includes(`${prefix}${n}`)) return `${prefix}${n}`
}

// Two that were changed at once

const GROUPS = new Set(['theme', 'share', 'organiser'])

/** What is chosen as one: lists whole, texts of a part each for itself. `activities.salute.title` belongs to `activities`. */
export function partOf(field: string): string {
  const [head = '', name] = field.split('.')
  if (head === 'theme' && name === 'blocks') return 'theme.blocks' // in their order, so as a whole
  // A poster's layers belong together, as they lie over each other.
  if (field.startsWith('theme.poster_design')) return 'theme.poster_design'
  return GROUPS.has(head) && name !== undefined ? field : head
}

function valueAt(content: Content, part: string): unknown {
  const [head = '', ...rest] = part.split('.')
  const value = content[head as keyof Content]
  return rest.length ? (value as Record<string, unknown>)[rest.join('.')] : value
}

export type Side = 'mine' | 'theirs'

/** To begin with: what I did not touch is theirs, what I wrote is mine. */
export function suggested(base: Content, mine: Content, changes: Change[]): Record<string, Side> {
  const parts = [...new Set(changes.map(({ field }) => partOf(field)))]
  return Object.fromEntries(parts.map((part) => [part, same(valueAt(base, part), valueAt(mine, part)) ? 'theirs' : 'mine']))
}

/** Mine, with those parts from theirs that were chosen. */
export function combined(mine: Content, theirs: Content, chosen: Record<string, Side>): Content {
  const made = copyOf(mine) as unknown as Record<string, unknown>
  for (const [part, side] of Object.entries(chosen)) {
    if (side === 'mine') continue
    const [head = '', ...rest] = part.split('.')
    const value = copyOf(valueAt(theirs, part) ?? null)
    if (rest.length === 0) made[head] = value
    else if (value === null) delete (made[head] as Record<string, unknown>)[rest.join('.')]
    else (made[head] as Record<string, unknown>)[rest.join('.')] = value
  }
  return made as unknown as Content
}

// Review

export type WhyNot = '' | 'role' | 'author' | 'already' | 'step'

/** Why a person may not decide the step that is on; the server asks the same. */
export function whyNot(draft: Draft, person: string, isReviewer: boolean): WhyNot {
  if (!isReviewer) return 'role'
  if (draft.authors.includes(person)) return 'author'
  if (draft.review.decisions.some(({ by, issued_by }) => by === person || issued_by === person)) return 'already'
  const people = stepOn(draft)?.people ?? []
  return people.length && !people.includes(person) ? 'step' : ''
}

export function stepOn(draft: Draft) {
  return draft.review.state === 'reviewing' ? draft.review.steps[draft.review.decisions.filter(({ verdict }) => verdict === 'approve').length] : undefined
}

/** For whom an admin may make a link: those whom the step names and who have not written or decided. */
export function linkPeople(draft: Draft, me: string): string[] {
  const gone = new Set([...draft.authors, ...draft.review.decisions.map(({ by }) => by), me])
  return (stepOn(draft)?.people ?? []).filter((person) => !gone.has(person))
}

// Corrections

export interface CorrectionForm {
  title: string
  activities: { code: string; title: string; verb: string }[]
  presets: { code: string; text: string }[]
  theme: Record<string, string>
  blocks: { id: string; kind: Block['kind']; parts: Record<string, string> }[]
  share: Record<string, string>
  organiser: Record<string, string>
  rules: Record<string, unknown>
}

const THEME_WORDS = /^(subtitle|poster|scene|\w+_(text|image))$/

/** What of a public campaign a correction may change: words and pictures. */
export function correctable(campaign: Campaign): CorrectionForm {
  const texts = (known: readonly string[], part: Record<string, unknown>, allowed: RegExp) =>
    Object.fromEntries(textNames(known, part).filter((name) => allowed.test(name)).map((name) => [name, String(part[name] ?? '')]))
  return {
    title: campaign.title,
    activities: campaign.activities.map(({ code, title, verb }) => ({ code, title, verb })),
    presets: campaign.presets.map(({ code, text }) => ({ code, text })),
    blocks: blocksOf(campaign.theme).map((block) => ({ id: block.id, kind: block.kind, parts: partsOf(block) })).filter(({ parts }) => Object.keys(parts).length > 0),
    theme: texts(THEME, campaign.theme, THEME_WORDS), share: texts(SHARE, campaign.share, /^\w+$/), organiser: texts(ORGANISER, campaign.organiser, /^\w+$/), rules: copyOf(campaign.rules),
  }
}

/** The words and the medium of a block, empty ones too. */
function partsOf(block: Block): Record<string, string> {
  const names = [...(SHOWS[block.kind] ? ['media' as const] : []), ...(Object.keys(MOST[block.kind]) as ('title' | 'text' | 'caption')[])]
  return Object.fromEntries(names.map((name) => [name, block[name] ?? '']))
}

/** What was changed, and nothing else. */
export function correctionOf(before: CorrectionForm, now: CorrectionForm, reason: string): Correction {
  const body: Correction = { reason }
  if (now.title !== before.title) body.title = now.title
  const activities = now.activities.flatMap((one, n) => {
    const was = before.activities[n]!
    const parts = { ...(one.title === was.title ? {} : { title: one.title }), ...(one.verb === was.verb ? {} : { verb: one.verb }) }
    return Object.keys(parts).length ? [[one.code, parts] as const] : []
  })
  if (activities.length) body.activities = Object.fromEntries(activities)
  const presets = now.presets.filter(({ text }, n) => text !== before.presets[n]!.text).map(({ code, text }) => [code, text] as const)
  if (presets.length) body.presets = Object.fromEntries(presets)
  const blocks = now.blocks.flatMap(({ id, parts }, n) => {
    const changed = Object.entries(parts).filter(([name, text]) => text !== before.blocks[n]!.parts[name])
    return changed.length ? [[id, Object.fromEntries(changed)] as const] : []
  })
  if (blocks.length) body.blocks = Object.fromEntries(blocks)
  for (const part of ['theme', 'share', 'organiser'] as const) {
    const changed = Object.entries(now[part]).filter(([name, text]) => text !== before[part][name])
    if (changed.length) body[part] = Object.fromEntries(changed)
  }
  const rules = Object.entries(now.rules).filter(([name, value]) => !same(value, before.rules[name]))
  if (rules.length) body.rules = Object.fromEntries(rules)
  return body
}

export const isEmpty = (body: Correction) => Object.keys(body).length === 1

/** Where in the draft something is mended that the checks found, or '' where it is elsewhere. */
const PLACES: Record<string, string> = { title: 'title', window: 'opens_at', activities: 'activities', fixed: 'activities', presets: 'presets', share: 'share', poster: 'theme', footer: 'organiser', privacy: 'organiser', report: 'organiser', flag: 'theme', anthem: 'theme', pictures: 'blocks', whole: 'title', page: 'blocks', media: 'blocks', weight: 'weight', rules: 'rules' }
export const placeOf = (key: string) => PLACES[key] ?? ''
export const sectionOf = (field: string) => (field.startsWith('theme.blocks') ? 'blocks' : field.split('.')[0] ?? '')
/** The tab on which a section stands. */
export const tabOf = (section: string) => (['blocks', 'weight', 'skin'].includes(section) ? 'page' : 'draft')
