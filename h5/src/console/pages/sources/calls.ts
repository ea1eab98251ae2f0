/** Source records: asked for by one, let by a second, seen by the two for half an hour. */
import { get, post, put } from '../../frame/door'
import type { Listed } from '../../frame/list'
import { asked, campaignOf } from '../messages/calls'

export interface Opening { id: string; kind: string; item: string; reason: string; asked_by: string; asked_at: string; state: 'waiting' | 'refused' | 'lapsed' | 'open' | 'expired'; state_name: string; decided_by: string; decided_at: string | null; open_until: string | null }
export interface Source { citizen: number; identities: { appid: string; openid_hash: string }[]; address: string; user_agent: string; request_id: string; at: string; digest: string }
export interface Who { name: string; role: string }

const base = (slug: string) => `${campaignOf(slug)}/source-openings`
export const readOpenings = (slug: string, cursor: string) => get<Listed<Opening>>(`${base(slug)}?${asked({ cursor })}`)
export const askOpening = (slug: string, kind: string, id: string, reason: string) => post<Opening>(base(slug), { kind, id, reason })
export const decideOpening = (slug: string, id: string, consent: boolean) => put<Opening>(`${base(slug)}/${id}`, { consent })
export const openRecord = (slug: string, id: string) => get<Opening & { source: Source }>(`${base(slug)}/${id}/record`)

/** A second person: an admin or auditor who did not ask herself. */
export const mayConsent = (one: Opening, who: Who | null) => one.state === 'waiting' && who !== null && who.name !== one.asked_by && ['admin', 'auditor'].includes(who.role)
/** The two who let it. */
export const mayOpen = (one: Opening, who: Who | null) => one.state === 'open' && who !== null && [one.asked_by, one.decided_by].includes(who.name)
export const isNumber = (text: string) => /^[0-9a-f]{32}$/.test(text)
