/** What is left of an account's calls, and the way between the platform and us. */
import { get, post } from '../../frame/door'

export interface Quota { path: string; name: string; shut: boolean; daily_limit: number | null; used: number | null; remain: number | null; errcode: number; nearly_spent: boolean }
export interface FailedRequest { rid: string; invoked_at: string; took_ms: number; query: string; body: string; answer: string; address: string }

export const RID = /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$/
export const readQuotas = async (base: string) => (await get<{ items: Quota[] }>(`${base}/quotas`)).items
export const clearQuotas = (base: string, confirm: string) => post<{ cleared: boolean; by: string }>(`${base}/quotas/clear`, { confirm })
export const readFailed = (base: string, rid: string) => get<FailedRequest>(`${base}/quotas/requests/${rid}`)
export const readReachability = (base: string) => get<Record<string, unknown>>(`${base}/reachability`)
