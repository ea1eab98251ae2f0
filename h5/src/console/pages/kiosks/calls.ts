/** The wall's links, its ceremony and its map. */
import { get, post, put, remove } from '../../frame/door'
import type { Listed } from '../../frame/list'

export interface Kiosk {
  id: string
  view: 'wall' | 'phone'
  label: string
  by: string
  made_at: string
  expires_at: string
  seen_at: string | null
  revoked_at: string | null
  revoked_by: string
  is_open: boolean
}
export interface Made extends Kiosk { url: string; qr: string }
export interface Ceremony { is_armed: boolean; armed_by: string; pressed_by: string; pressed_at: string | null; state: string; opens_at: string; may_press: boolean }
export interface WallMap { number: string; width: number; height: number; by: string; at: string }

const of = (slug: string) => `/api/v1/staff/campaigns/${slug}`
export const readKiosks = (slug: string) => get<Listed<Kiosk>>(`${of(slug)}/kiosks`)
export const makeKiosk = (slug: string, view: string, label: string, days: number) => post<Made>(`${of(slug)}/kiosks`, { view, label, days })
export const revokeKiosk = (slug: string, id: string) => remove<Kiosk>(`${of(slug)}/kiosks/${id}`)
export const readCeremony = (slug: string) => get<Ceremony>(`${of(slug)}/ceremony`)
export const armCeremony = (slug: string, armed: boolean) => put<Ceremony>(`${of(slug)}/ceremony`, { armed })
export const press = (slug: string) => post<unknown>(`${of(slug)}/ceremony/opening`)
export const readMap = async (slug: string) => (await get<{ map: WallMap | null }>(`${of(slug)}/wall-map`)).map
export const keepMap = (slug: string, number: string, file: Blob) => put<WallMap>(`${of(slug)}/wall-map?number=${encodeURIComponent(number)}`, file)
export const removeMap = (slug: string) => remove(`${of(slug)}/wall-map`)
