/** The mini-program's codes and links. */
import type { Day } from '../../frame/DayBars.vue'
import { get, post } from '../../frame/door'

export interface Target { page: string; query: Record<string, string> }
export interface MiniCode extends Target { scene: string; name: string; by: string; made_at: string }
export interface MiniLink extends Target { id: string; kind: string; name: string; env_version: string; url: string; by: string; made_at: string; expires_at: string }

export const LINK_KINDS = ['url_link', 'url_scheme', 'short_link'] as const
export const WIDTHS = [280, 430, 860, 1280]
export const MOST_DAYS = 30

export const readCodes = async (base: string) => (await get<{ items: MiniCode[] }>(`${base}/mini-codes`)).items
export const readCode = (base: string, scene: string) => get<MiniCode & { days: Day[] }>(`${base}/mini-codes/${scene}`)
export const makeCode = (base: string, code: Target & { name: string; scene: string }) => post<MiniCode>(`${base}/mini-codes`, code)
export const pictureOf = (base: string, scene: string, width: number) => `${base}/mini-codes/${scene}.jpg?width=${width}`
export const readLinks = async (base: string) => (await get<{ items: MiniLink[] }>(`${base}/mini-links`)).items
export const makeLink = (base: string, link: Target & { name: string; kind: string; days: number }) => post<MiniLink>(`${base}/mini-links`, link)

/** `pages/a/b?x=1&y=2` as a page and its parameters; a leading / is what people type and the platform refuses. */
export function target(typed: string): Target {
  const [page = '', query = ''] = typed.trim().replace(/^\/+/, '').split('?', 2)
  return { page, query: Object.fromEntries(new URLSearchParams(query)) }
}

export function written({ page, query }: Target): string {
  const parts = new URLSearchParams(query).toString()
  return parts ? `${page}?${parts}` : page
}
