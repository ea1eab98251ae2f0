/** Bulletins and milestones of a campaign. */
import { get, post, put } from '../../frame/door'
import { grouped } from '../../frame/format'
import type { Listed } from '../../frame/list'

export interface Bulletin {
  number: number
  kind: 'hand' | 'hourly'
  by: string
  at: string
  as_of: string
  demo: boolean
  participants: number
  text: string
  picture: 'waiting' | 'drawn' | 'failed'
  picture_bytes: number
  telling: 'none' | 'wanted' | 'telling' | 'told' | 'failed'
  picture_url: string
}
export interface Settings { hourly: boolean; first_hour: number; last_hour: number; to_robots: boolean; milestones: number[]; rev: number; has_robots: boolean }
export interface Milestone { value: number; passed_at: string | null; known_below_at: string | null }

const campaign = (slug: string) => `/api/v1/staff/campaigns/${slug}`
export const makeBulletin = (slug: string, toRobots: boolean) => post<Bulletin>(`${campaign(slug)}/bulletins`, { to_robots: toRobots })
export const readBulletins = (slug: string, cursor: string) => get<Listed<Bulletin>>(`${campaign(slug)}/bulletins?${new URLSearchParams(cursor ? { cursor } : {})}`)
export const readBulletin = (slug: string, number: number) => get<Bulletin>(`${campaign(slug)}/bulletins/${number}`)
export const readSettings = (slug: string) => get<Settings>(`${campaign(slug)}/bulletin-settings`)
export const keepSettings = (slug: string, { has_robots: _, ...settings }: Settings) => put<Settings>(`${campaign(slug)}/bulletin-settings`, settings)
export const readMilestones = async (slug: string) => (await get<Listed<Milestone>>(`${campaign(slug)}/milestones`)).items

/** Whether somebody still works on it. */
export const isUnderWay = ({ picture, telling }: Bulletin) => picture === 'waiting' || telling === 'wanted' || telling === 'telling'

const WAN = 10_000
/** 10万, or 12,345 where it is no whole number of ten thousands. */
export const named = (value: number) => (value > 0 && value % WAN === 0 ? `${value / WAN}万` : grouped(value))

/** What a person typed, such as 1万、5 万, 123456, in order; null where a part of it is no number. */
export function milestonesOf(typed: string): number[] | null {
  // Commas between groups of three belong to their number.
  const parts = typed.replace(/(\d),(?=\d{3}(?!\d))/g, '$1').replace(/\s*万/g, '万').split(/[、，,；;\s]+/).filter(Boolean)
  const values = parts.map((part) => {
    const [, digits, wan] = /^(\d+(?:\.\d+)?)(万?)$/.exec(part) ?? []
    return digits === undefined ? NaN : Math.round(Number(digits) * (wan ? WAN : 1))
  })
  return values.every((value) => Number.isSafeInteger(value)) ? [...new Set(values)].sort((a, b) => a - b) : null
}

/** A pass that was seen happen, not found later. */
export const wasSeen = ({ known_below_at }: Milestone) => known_below_at !== null
