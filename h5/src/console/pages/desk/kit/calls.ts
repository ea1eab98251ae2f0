/** The kit of a campaign: texts, pictures, codes for each district and school, as one ZIP. */
import { get, post } from '../../../frame/door'
import type { Listed } from '../../../frame/list'

export interface Kit {
  state: 'none' | 'queued' | 'making' | 'ready' | 'failed'
  state_name: string
  asked_by?: string
  asked_at?: string | null
  region?: string
  done?: number
  total?: number
  problem?: string
  size_bytes?: number
  ready_at?: string | null
  regions?: number
  units?: number
  has_file?: boolean
  outdated?: boolean
}
export interface Text { name: string; text: string }
export interface Opened { place: string; name: string; opened: number }

const of = (slug: string) => `/api/v1/staff/campaigns/${slug}/kit`

export const readKit = (slug: string) => get<Kit>(of(slug))
export const makeKit = (slug: string, region: string) => post<Kit>(of(slug), { region })
export const fileOf = (slug: string) => `${of(slug)}/file`
export const readTexts = async (slug: string) => (await get<Listed<Text>>(`${of(slug)}/texts`)).items
export const readOpened = async (slug: string, region = '') => (await get<Listed<Opened>>(`${of(slug)}/visits${region ? `?${new URLSearchParams({ region })}` : ''}`)).items

export const isMoving = ({ state }: Kit) => state === 'queued' || state === 'making'
/** How much is made, 0 to 1. */
export const share = ({ done = 0, total = 0 }: Kit) => (total > 0 ? Math.min(1, done / total) : 0)
export const megabytes = (bytes: number) => `${Math.max(0.1, bytes / 1048576).toFixed(1)} MB`
/** A district's code in `region:350602`. */
export const codeIn = (place: string) => place.slice(place.indexOf(':') + 1)
