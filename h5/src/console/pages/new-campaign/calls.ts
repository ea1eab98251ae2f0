/** What a new campaign begins with, and how it is made. */
import { get, post, put } from '../../frame/door'
import type { Campaign, Content, Draft } from '../desk/calls'

export interface Template { code: string; name: string; about: string; kind: string; title: string; period_rule: string; activities: { code: string; title: string; verb: string }[] }
/** A campaign of the list, as staff see it. */
export type Known = Campaign

export interface Wish {
  template: Template
  title: string
  slug: string
  opens_at: string
  closes_at: string
  period_rule: string
  organiser: Record<string, string>
  /** Whose districts and units are taken over; '' for none. */
  placesOf: string
}

export const SLUG = /^[a-z0-9][a-z0-9-]{0,31}$/
/** As the server takes it for the footer: a web address, a mail address, or a path of this site. */
const REPORT = /^(https:\/\/[!-~]{1,255}|mailto:[!-~]{1,100}|\/(?![\/\\])[!-~]{0,255})$/

/** Whether citizens can report there; nothing yet is well too. */
export const isReportAddress = (typed: string) => !typed.trim() || REPORT.test(typed.trim())

const STAFF = '/api/v1/staff'

export const readTemplates = async () => (await get<{ items: Template[] }>(`${STAFF}/campaign-templates`)).items
export const readCampaigns = async () => (await get<{ items: Known[] }>(`${STAFF}/campaigns`)).items

/** A code that nobody has: the kind and the year, and a number where that is taken. */
export function proposedSlug(template: string, opensAt: string, taken: string[]): string {
  const stem = `${template.replace(/[^a-z0-9-]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 22) || 'campaign'}-${opensAt.slice(0, 4) || new Date().getFullYear()}`
  for (let n = 1; ; n += 1) {
    const slug = n === 1 ? stem : `${stem}-${n}`
    if (!taken.includes(slug)) return slug
  }
}

/** The footer of the newest campaign that has one: a city's numbers are the same each time. */
export function usualOrganiser(known: Known[]): Record<string, string> {
  const found = known.find(({ demo, organiser }) => !demo && Boolean(organiser.name)) ?? known.find(({ organiser }) => Boolean(organiser.name))
  return found ? { ...found.organiser } : {}
}

/** From the second of a day's first minute to the last one's end: whole days, as people mean them. */
export function days(from: string, to: string): { opens_at: string; closes_at: string } {
  return { opens_at: `${from}T00:00:00+08:00`, closes_at: `${to}T23:59:59+08:00` }
}

/** Shanghai's calendar day so many days after a moment. */
export function dayAfter(now: number, many: number): string {
  return new Date(now + 8 * 3_600_000 + many * 86_400_000).toISOString().slice(0, 10)
}

const WEEKDAYS = '日一二三四五六'
const ENGLISH = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** The day of the week of an ISO moment in Shanghai. */
export function weekday(iso: string, language: string): string {
  const at = Date.parse(iso)
  if (Number.isNaN(at)) return ''
  const day = new Date(at + 8 * 3_600_000).getUTCDay()
  return language === 'en' ? ENGLISH[day]! : `星期${WEEKDAYS[day]}`
}

/** How many days a window touches. */
export function dayCount(opensAt: string, closesAt: string): number {
  const day = (iso: string) => Math.floor((Date.parse(iso) + 8 * 3_600_000) / 86_400_000)
  return Math.max(0, day(closesAt) - day(opensAt) + 1)
}

/** The steps after the first may fail alone: the campaign is there, and its desk says what is missing. Their errors are given back. */
export async function make(wish: Wish): Promise<{ slug: string; problem: unknown }> {
  const { template, title, slug, opens_at, closes_at, organiser } = wish
  const made = await post<Campaign>(`${STAFF}/campaigns`, { template: template.code, title, slug, opens_at, closes_at, organiser })
  try {
    if (wish.period_rule !== made.period_rule) {
      const draft = await get<Draft>(`${STAFF}/campaigns/${made.slug}/draft`)
      const content: Content = { ...draft.content, period_rule: wish.period_rule }
      await put(`${STAFF}/campaigns/${made.slug}/draft`, { rev: draft.rev, content })
    }
    if (wish.placesOf) await post(`${STAFF}/campaigns/${made.slug}/places/copy`, { campaign: wish.placesOf })
    return { slug: made.slug, problem: null }
  } catch (problem) {
    return { slug: made.slug, problem }
  }
}
