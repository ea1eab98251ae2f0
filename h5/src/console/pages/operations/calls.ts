/** Switches of a campaign and of the product, and pausing, which is a campaign's state. */
import { get, post, put } from '../../frame/door'

export interface Switch { name: string; title: string; on: boolean; text: string; until: string | null; by: string; since: string | null; reason: string }
export interface Board { rev: number; items: Switch[] }
export interface ProductBoard extends Board { hosts: string[]; base_url: string }
export interface Turn { on: boolean; reason: string; rev: number; text?: string; until?: string; confirm?: string }
export interface Paused { slug: string; title: string; state: string; pause_reason: string; theme: Record<string, unknown> }

const campaignOf = (slug: string) => `/api/v1/staff/campaigns/${encodeURIComponent(slug)}`
/** `slug` '' for the product's. */
const of = (slug: string) => (slug ? `${campaignOf(slug)}/switches` : '/api/v1/staff/switches')

export const readBoard = <T extends Board = Board>(slug: string) => get<T>(of(slug))
export const turn = <T extends Board = Board>(slug: string, name: string, wish: Turn) => put<T>(`${of(slug)}/${name}`, wish)
export const readCampaign = (slug: string) => get<Paused>(campaignOf(slug))
export const pause = (slug: string, reason: string) => post<Paused>(`${campaignOf(slug)}/take-down`, { state: 'paused', reason })
export const resume = (slug: string, reason: string) => put<Paused>(`${campaignOf(slug)}/state`, { state: 'open', reason })

/** What must be typed to turn a switch on; '' where the reason is enough. As the server has it. */
export function mustType(name: string, slug: string, text: string): string {
  return name === 'ranking' ? slug : name === 'public_host' ? text : name === 'maintenance' ? '维护' : ''
}
/** The switches that come with words for citizens. */
export const WITH_TEXT = ['mourning', 'maintenance', 'pause']
export const MAX_TEXT = 120
export const MAX_REASON = 200
/** Citizens read why a campaign is paused, on a phone. */
export const MAX_PAUSE_REASON = 100
