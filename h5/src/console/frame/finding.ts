/**
 * What the search of the frame finds, source by source. A source that lists is read once in a while and looked through here; one that is
 * asked looks by itself. Messages are found by their number alone: nobody searches what citizens wrote across campaigns.
 */
import { PAGES, visiblePages } from '../pages'
import { get, may } from './door'
import { language } from './words'

export type Kind = 'page' | 'campaign' | 'member' | 'rule' | 'link' | 'batch' | 'medium' | 'message'

export interface Found {
  name: string
  kind: Kind
  /** Beside the name: the code or address that people know it by. */
  hint: string
  to: string
}

/** Kept so long: what is found changes by the day, and whoever types again need not ask again. */
export const FRESH_MS = 30_000
export const MOST = 14
/** Shorter texts fit nearly everything. */
const LEAST_ASKED = 2
const MESSAGE = /^\d{15}:[0-9a-f]{32}$/

interface Lists { name: string; roles: readonly string[]; read: () => Promise<Found[]> }

const all = async <T>(path: string) => (await get<{ items: T[] }>(path)).items

const LISTS: Lists[] = [
  { name: 'campaigns', roles: [], read: async () => (await all<{ slug: string; title: string }>('/api/v1/staff/campaigns')).map(({ slug, title }) => ({ name: title, kind: 'campaign', hint: slug, to: `/campaigns/${slug}` })) },
  { name: 'replies', roles: [], read: async () => (await all<{ id: string; name: string; trigger: { words: string[] } }>('/api/v1/staff/reply-rules')).map(({ name, trigger }) => ({ name, kind: 'rule', hint: trigger.words.slice(0, 3).join('、'), to: `/replies?q=${encodeURIComponent(name)}` })) },
  { name: 'codes', roles: [], read: async () => (await all<{ code: string; name: string; path: string }>('/api/v1/staff/links')).map(({ code, name }) => ({ name, kind: 'link', hint: `/s/${code}`, to: `/codes?show=links&q=${encodeURIComponent(name)}` })) },
  { name: 'members', roles: ['admin'], read: async () => (await all<{ name: string; role: string }>('/api/v1/staff/members')).map(({ name, role }) => ({ name, kind: 'member', hint: role, to: `/members?open=${encodeURIComponent(name)}` })) },
  { name: 'notices', roles: ['editor', 'operator', 'auditor'], read: async () => (await all<{ id: string; data: Record<string, string> }>('/api/v1/staff/notices')).map(({ id, data }) => ({ name: Object.values(data)[0] ?? id, kind: 'batch', hint: id, to: `/notices?batch=${id}` })) },
]

/** Everything that is listed, of what this person may see. A source that fails is left out, and asked again the next time. */
export async function listed(): Promise<{ found: Found[]; isWhole: boolean }> {
  const read = await Promise.allSettled(LISTS.filter(({ roles }) => may(...roles)).map((one) => one.read()))
  return { found: read.flatMap((one) => (one.status === 'fulfilled' ? one.value : [])), isWhole: read.every(({ status }) => status === 'fulfilled') }
}

/** What the server looks for by itself: media by a part of their name. */
export async function asked(text: string): Promise<Found[]> {
  if (text.trim().length < LEAST_ASKED) return []
  const media = await all<{ id: string; name: string; folder: string }>(`/api/v1/staff/media?text=${encodeURIComponent(text.trim())}`)
  return media.slice(0, MOST).map(({ id, name, folder }) => ({ name, kind: 'medium', hint: folder, to: `/media?open=${id}` }))
}

/** The pages of this person, in her language and by the other language's name too. */
export function pagesFound(): Found[] {
  return visiblePages().map(({ title, path }) => ({ name: title[language.value], kind: 'page', hint: title[language.value === 'zh' ? 'en' : 'zh'], to: path }))
}

function message(text: string): Found[] {
  const page = PAGES.find(({ name }) => name === 'messages')
  return MESSAGE.test(text.trim()) && page && may(...(page.roles ?? [])) ? [{ name: text.trim(), kind: 'message', hint: '', to: `/messages?message=${text.trim()}` }] : []
}

/** The best first: what begins with the text, then what holds it; within each as the sources come. Without a text the pages and campaigns. */
export function matching(text: string, found: Found[], kinds: Record<Kind, string>): Found[] {
  const wanted = text.trim().toLowerCase()
  const holds = ({ name, hint, kind }: Found) => `${name} ${hint} ${kinds[kind]}`.toLowerCase().includes(wanted)
  const fits = wanted ? found.filter(holds) : found.filter(({ kind }) => kind === 'campaign' || kind === 'page')
  const begins = ({ name, hint }: Found) => Boolean(wanted) && (name.toLowerCase().startsWith(wanted) || hint.toLowerCase().startsWith(wanted))
  return [...message(text), ...fits.filter(begins), ...fits.filter((one) => !begins(one))].slice(0, MOST)
}
