/** One's own account: password, second factors, sessions. */
import { entered, get, post, put, remove } from '../../frame/door'
import { keep, whoIsHere, type PhoneCode, type Staff } from '../../session'

export interface Factors { totp: boolean; recovery: number; wechat: boolean }
export interface Account { name: string; role: string; campaigns: string[] | null; needs: string[]; signed_in_at: string | null; second_factor_required: boolean; factors: Factors }
export interface Session { id: string; opened_at: string; seen_at: string; expires_at: string; address: string; browser: string; current: boolean }
export interface TotpSecret { secret: string; url: string; picture: string }

const ME = '/api/v1/staff/me'
export const SHORTEST = 10
export const LONGEST = 128

export const readMe = () => get<Account>(ME)
export const beginTotp = () => post<TotpSecret>(`${ME}/totp`, {})
export const confirmTotp = (code: string) => put<null>(`${ME}/totp`, { code })
export const dropTotp = () => remove(`${ME}/totp`)
export const newCodes = async () => (await post<{ codes: string[] }>(`${ME}/recovery-codes`, {})).codes
export const beginWeChat = () => post<PhoneCode>(`${ME}/wechat`, {})
export const dropWeChat = () => remove(`${ME}/wechat`)
export const readSessions = async () => (await get<{ items: Session[] }>(`${ME}/sessions`)).items
export const endSession = (id: string) => remove(`${ME}/sessions/${id}`)
export const endOthers = () => remove(`${ME}/sessions`)

/** This session goes on as a new one, with a new value against foreign pages. */
export async function changePassword(old: string, fresh: string): Promise<void> {
  entered(keep(await put<Staff>(`${ME}/password`, { old, new: fresh })))
}

/** What must be set first may be set now. */
export async function lookAgain(): Promise<void> {
  entered(await whoIsHere())
}

/** What keeps a new password from being sent; '' is nothing. The server knows more, such as which everybody tries. */
export function faultOf(old: string, fresh: string, again: string): '' | 'length' | 'same' | 'differs' {
  const { length } = [...fresh]
  if (length < SHORTEST || length > LONGEST) return 'length'
  if (fresh === old) return 'same'
  return fresh === again ? '' : 'differs'
}
