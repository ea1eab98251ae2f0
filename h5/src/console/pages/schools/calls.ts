/** Schools: links and letters, authorised teachers, group reports. */
import { get, post, remove } from '../../frame/door'
import type { Listed } from '../../frame/list'

export interface School {
  unit: string
  name: string
  region: string
  url: string
  teacher_url: string
  class_mode_url: string
  /** Which code it is, counted from 1. */
  turn: number
  code_changed_at: string | null
  code_expires_at: string
}
export interface Teacher { id: string; citizen: string; authorised_at: string; revoked_at: string | null; in_force: boolean }
export interface Entry { no: number; kind: string; kind_name: string; people: number; at: string; by: string; reason: string }
export interface GroupReport {
  unit: string
  name: string
  region: string
  day: string
  class: string
  class_name: string
  people: number
  void: boolean
  at: string
  no: number
  history: Entry[]
}
export interface OneSchool extends School {
  picture: string
  teacher_picture: string
  teachers: Teacher[]
  participants: number | null
  group_reported: number
  grades: Record<string, string>
  reports: GroupReport[]
}
export interface ClassLink { class: string; class_name: string; url: string; picture: string }
export interface Region { code: string; name: string }

const base = (slug: string) => `/api/v1/staff/campaigns/${slug}`
const query = (given: Record<string, string>) => new URLSearchParams(Object.entries(given).filter(([, value]) => value)).toString()

export const readSchools = (slug: string, region: string, q: string, cursor: string) =>
  get<Listed<School>>(`${base(slug)}/schools?${query({ region, q, cursor })}`)
export const readSchool = (slug: string, unit: string) => get<OneSchool>(`${base(slug)}/schools/${unit}`)
export const readClassLink = (slug: string, unit: string, klass: string) => get<ClassLink>(`${base(slug)}/schools/${unit}/classes/${klass}`)
export const rotateCode = (slug: string, unit: string, turn: number, shutOut: boolean) =>
  post<School>(`${base(slug)}/schools/${unit}/code`, { turn, shut_out: shutOut })
export const revokeTeacher = (slug: string, unit: string, id: string) => remove(`${base(slug)}/schools/${unit}/teachers/${id}`)
export const lettersOf = (slug: string, given: { region?: string; q?: string; unit?: string }) => `${base(slug)}/school-letters?${query({ region: '', q: '', unit: '', ...given })}`
export const readReports = (slug: string, unit: string, cursor: string) => get<Listed<GroupReport>>(`${base(slug)}/group-reports?${query({ unit, cursor })}`)
export const voidReport = (slug: string, one: GroupReport, reason: string) =>
  post<{ voided: number }>(`${base(slug)}/group-reports/voids`, { unit: one.unit, day: one.day, class: one.class, reason })
/** What anybody may know of the campaign names its districts. */
export const readRegions = async (slug: string) => (await get<{ regions: Region[] }>(`/api/v1/campaigns/${slug}`)).regions

export const MAX_REASON = 200

/** A class as its grade and number, or '' for what is none. */
export function classCode(grade: string, number: string): string {
  return grade && /^[1-9][0-9]?$/.test(number.trim()) ? `${grade}-${number.trim()}` : ''
}
