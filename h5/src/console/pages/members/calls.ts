/** Accounts of staff, as admins keep them. */
import { get, post, put, remove } from '../../frame/door'
import type { Session } from '../me/calls'

export interface Member {
  name: string
  role: string
  campaigns: string[] | null
  disabled: boolean
  must_change_password: boolean
  factors: string[]
  rev: number
  created_at: string
  signed_in_at: string | null
}
export interface MemberView extends Member { locked_until: string | null }
export interface Wish { role: string; campaigns: string[] | null; disabled: boolean }

const MEMBERS = '/api/v1/staff/members'
const FACTOR = '/api/v1/staff/second-factor'
export const ROLES = ['admin', 'editor', 'reviewer', 'operator', 'auditor'] as const
/** As the server asks for: a small letter first, 2 to 32 characters. */
export const NAME = /^[a-z][a-z0-9_.-]{1,31}$/
export const MOST_CAMPAIGNS = 50

const of = (name: string) => `${MEMBERS}/${encodeURIComponent(name)}`
export const readMembers = async () => (await get<{ items: Member[] }>(MEMBERS)).items
export const readMember = (name: string) => get<MemberView>(of(name))
export const addMember = (name: string, role: string, campaigns: string[] | null) => post<{ member: Member; password: string }>(MEMBERS, { name, role, campaigns })
export const changeMember = (name: string, wish: Wish, rev: number) => put<Member>(of(name), { ...wish, rev })
export const deleteMember = (name: string) => remove(of(name))
export const resetPassword = async (name: string) => (await post<{ password: string }>(`${of(name)}/password`, {})).password
export const dropFactors = (name: string) => remove(`${of(name)}/second-factor`)
export const unlock = (name: string) => remove(`${of(name)}/lock`)
export const readSessionsOf = async (name: string) => (await get<{ items: Session[] }>(`${of(name)}/sessions`)).items
export const endSessionsOf = (name: string) => remove(`${of(name)}/sessions`)
export const readFactorWanted = async () => (await get<{ required: boolean }>(FACTOR)).required
export const wantFactor = async (required: boolean) => (await put<{ required: boolean }>(FACTOR, { required })).required

/** What is sent of a scope: admins have every campaign. */
export function scopeOf(role: string, isAll: boolean, campaigns: string[]): string[] | null {
  return role === 'admin' || isAll ? null : campaigns
}

/** What keeps a scope from being sent; '' is nothing. */
export function scopeFault(scope: string[] | null): '' | 'none' | 'many' {
  if (scope === null) return ''
  return scope.length === 0 ? 'none' : scope.length > MOST_CAMPAIGNS ? 'many' : ''
}
