/** The vote: its candidates as the server gives them, sending a ballot, and the figures where they are shown. */
import { get, post } from '../../../api'
import { load, save } from '../../store'
import type { Kept } from '../../kept'
import type { PageData, Participation } from '../../types'

export interface Candidate { code: string; name: string; text: string; media: string }
export interface VoteRules { candidates: Candidate[]; least: number; most: number; tally: 'never' | 'after_vote' | 'after_end' }
export interface Standing { code: string; state: 'open' | 'suspended' | 'withdrawn'; reason: string }
export interface Figures { as_of: string | null; ballots: number; paper_ballots: number; candidates: { code: string; votes: number; paper: number }[] }
export interface TallyView { shown: boolean; when: VoteRules['tally']; final: boolean; figures: Figures | null }
export interface Ballot { choices: string[]; voted_at: string; period: string; first: boolean; participation?: Participation | null }

interface Picture { alt: string; variants: Record<string, { url: string }> }

export const rulesOf = (data: PageData) => data.campaign.rules as VoteRules
const path = (data: PageData) => `/api/v1/campaigns/${data.campaign.slug}`

/** The address of a candidate's picture, or nothing. */
export function pictureOf(data: PageData, one: Candidate): string {
  const media = ((data.campaign as unknown as { media?: Record<string, Picture> }).media || {})[one.media]
  const variants = media ? media.variants : {}
  return (variants.square || variants.w375 || variants.full || { url: '' }).url
}

/** "1 位", "2 位" or "1 至 3 位". */
export const range = (rules: VoteRules) => (rules.least === rules.most ? `${rules.most} 位` : `${rules.least} 至 ${rules.most} 位`)

/** Where the figures are not shown now. */
export const SAID = { never: '本次投票不公开票数', after_vote: '票数投票后可看', after_end: '票数在截止、核对之后公开' }

/** After a tap on a candidate: taken, given up, or nothing where the ballot is full. */
export function toggled(chosen: string[], code: string, most: number): string[] {
  if (chosen.indexOf(code) >= 0) return chosen.filter((one) => one !== code)
  if (most === 1) return [code]
  return chosen.length < most ? chosen.concat([code]) : chosen
}

const name = (data: PageData) => `own.${data.campaign.slug}`

/** Her ballot is her participation too: one request for both, repeated until there is an answer. */
export async function deliver(data: PageData, kept: Kept, body: Record<string, string>): Promise<Participation> {
  const choices = JSON.parse(kept.manner || '[]') as string[]
  const { value } = await post<Ballot>(`${path(data)}/ballots`, { choices, region: body.region, unit: body.unit, first_tried_at: body.first_tried_at })
  save(name(data), value)
  return value.participation || get<Participation>(`${path(data)}/participations/me`)
}

/** Her ballot of this period: from this phone, else from the server. */
export async function own(data: PageData, period: string): Promise<Ballot> {
  const here = load<Ballot | null>(name(data), null)
  return here && here.period === period ? here : get<Ballot>(`${path(data)}/ballots/me`)
}

export const tally = (data: PageData) => get<TallyView>(`${path(data)}/tally`)

/** Who gets no votes now, by code. */
export async function standings(data: PageData): Promise<Record<string, Standing>> {
  const { candidates } = await get<{ candidates: Standing[] }>(`${path(data)}/vote`)
  const barred: Record<string, Standing> = {}
  candidates.forEach((one) => one.state !== 'open' && (barred[one.code] = one))
  return barred
}
