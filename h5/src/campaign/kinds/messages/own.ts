/** A message that waits on this phone until she was counted, and then until the server has it. */
import { alreadyLeft, ApiError, mayRetry, post } from '../../../api'
import { load, save } from '../../store'
import type { PageData } from '../../types'

export interface MessagesRules { prompt: string; hint: string; names: boolean }
export const rulesOf = (data: PageData) => data.campaign.rules as MessagesRules

export interface Message { preset?: string; message?: string; name?: string }
/** `said`: what became of it, once something did. */
export interface Own { period: string; message: Message | null; said: string; problem: string }

/** As the server's limits. */
export const LONGEST = 200
export const LONGEST_NAME = 15

const name = (data: PageData) => `own.${data.campaign.slug}`
export const kept = (data: PageData) => load<Own | null>(name(data), null)
export const keep = (data: PageData, own: Own) => (save(name(data), own), own)

/** Sends it. What was refused for good is given back with its reason, so that she can write it anew; else it goes on waiting. */
export async function sent(data: PageData, own: Own): Promise<Own> {
  try {
    const { status } = await post(`/api/v1/campaigns/${data.campaign.slug}/messages`, own.message)
    return keep(data, Object.assign({}, own, { message: null, problem: '', said: status === 202 ? '寄语已收到，审核后展示在墙上' : '寄语已经上墙' }))
  } catch (error) {
    const refusal = error as ApiError
    if (alreadyLeft(refusal)) return keep(data, Object.assign({}, own, { message: null, problem: '', said: refusal.message }))
    return keep(data, Object.assign({}, own, { problem: refusal.message, message: mayRetry(refusal) ? own.message : null }))
  }
}
