/**
 * The kept request: a salute lives in this phone's storage until the server says that it is durable.
 *
 * Owns: what is stored, when it is sent again, and what an answer or a refusal makes of it. Pure, given clock and chance.
 * Does not own: the sending itself and the screen (useKept.ts).
 * Invariants: a salute is stored before it is first sent; a number is shown only from an answer; an answer, once there,
 * is never lost to a later error; a salute without an answer is dropped only when the server refused it for good.
 */
import { ApiError, mayRetry, needsSignIn, waitsForCampaign } from '../api'
import type { Participation } from './types'

/** `waiting` to be sent; `held` until she signs in; `counted` has an answer; `refused` for good. */
export type KeptState = 'waiting' | 'held' | 'counted' | 'refused'

export interface Kept {
  activity: string
  period: string
  region: string
  unit: string
  /** What her phone alone keeps of the act: how she saluted, how many answers were right. Never sent. */
  manner: string | null
  /** She said that she is 14 or older: only then may she leave words. */
  adult: boolean
  state: KeptState
  /** Milliseconds since 1970 by the server's clock, when it was first tried. */
  firstTriedAt: number
  tries: number
  /** Milliseconds since 1970; 0 = nothing more to send. */
  nextAt: number
  answer: Participation | null
  problem: string
}

/** Longest pause between two tries. A whole city waiting re-sends at most once a minute each. */
export const LONGEST_PAUSE = 60_000
const FIRST_PAUSE = 1_500
/** Durability follows within a second or so; asking sooner only costs requests. */
const DURABLE_PAUSE = 3_000
/** A closed campaign is asked again slowly. */
const CAMPAIGN_PAUSE = 30_000

/** Backoff with jitter: between half and the whole of a pause that doubles, never under what the server asked for. */
export function pauseAfter(tries: number, retryAfterSeconds: number | null, chance: number, first = FIRST_PAUSE): number {
  const whole = Math.min(LONGEST_PAUSE, first * Math.pow(2, Math.max(0, tries - 1)))
  const backoff = whole / 2 + (whole / 2) * chance
  // Everybody who was told "2 seconds" must not come back in the same moment.
  const asked = retryAfterSeconds === null ? 0 : Math.min(LONGEST_PAUSE, retryAfterSeconds * 1000) * (1 + chance / 2)
  return Math.round(Math.max(backoff, asked))
}

export function newKept(activity: string, period: string, place: { region: string; unit: string }, manner: string | null, now: number,
  adult = false): Kept {
  return {
    activity, period, region: place.region, unit: place.unit, manner, adult,
    state: 'waiting', firstTriedAt: now, tries: 0, nextAt: now, answer: null, problem: '',
  }
}

/** What is sent. A receipt speaks for itself; without one, the time of the first try lets a late salute count. */
export function bodyOf(kept: Kept): Record<string, string> {
  const body: Record<string, string> = { activity: kept.activity, region: kept.region }
  if (kept.unit) body.unit = kept.unit
  if (kept.answer) body.receipt = kept.answer.receipt
  else if (kept.tries > 0) body.first_tried_at = new Date(kept.firstTriedAt).toISOString()
  return body
}

/** The server answered: the number is hers. Until it is durable, the receipt goes back now and then. */
export function answered(kept: Kept, answer: Participation, now: number, chance: number): Kept {
  const tries = kept.answer ? kept.tries + 1 : 1
  const counted = Object.assign({}, kept, {
    state: 'counted', period: answer.period, answer, problem: '', tries,
    nextAt: answer.durable ? 0 : now + pauseAfter(tries, null, chance, DURABLE_PAUSE),
  })
  // Of a child nothing but her number stays on the phone; the receipt names the place too, and is needed no more.
  return !kept.adult && answer.durable ? Object.assign(counted, { region: '', unit: '', answer: Object.assign({}, answer, { receipt: '' }) }) : counted
}

/** The server refused or did not answer. */
export function failed(kept: Kept, error: ApiError, now: number, chance: number): Kept {
  const tries = kept.tries + 1
  const again = (pause: number, state: KeptState) =>
    Object.assign({}, kept, { state: kept.answer ? 'counted' : state, tries, nextAt: now + pause, problem: error.message })
  if (mayRetry(error)) return again(pauseAfter(tries, error.retryAfterSeconds, chance), 'waiting')
  if (waitsForCampaign(error)) return again(CAMPAIGN_PAUSE * (1 + chance), 'waiting')
  const state: KeptState = kept.answer ? 'counted' : needsSignIn(error) ? 'held' : 'refused'
  return Object.assign({}, kept, { state, tries, nextAt: 0, problem: error.message })
}

/** On opening the page: who was held may go now that she is signed in; what is not durable is tried again soon. */
export function reopened(kept: Kept, signedIn: boolean, now: number, chance: number): Kept {
  const open = kept.state === 'waiting' || kept.state === 'held' || (kept.state === 'counted' && !!kept.answer && !kept.answer.durable)
  if (!open) return kept
  if (!signedIn) return Object.assign({}, kept, { state: kept.answer ? 'counted' : 'held', nextAt: 0 })
  return Object.assign({}, kept, { state: kept.answer ? 'counted' : 'waiting', nextAt: now + Math.round(chance * 2000) })
}

/** What is due first, and when. A phone whose clock was set back must not wait for yesterday's tomorrow. */
export function nextDue(list: Kept[], now: number): { kept: Kept; wait: number } | null {
  const open = list.filter((kept) => kept.nextAt > 0)
  if (!open.length) return null
  const kept = open.reduce((a, b) => (b.nextAt < a.nextAt ? b : a))
  return { kept, wait: Math.max(0, Math.min(kept.nextAt - now, 2 * LONGEST_PAUSE)) }
}

/** The list with `kept` in the place of the same activity and period, or at its end. */
export function withKept(list: Kept[], kept: Kept, was: Kept = kept): Kept[] {
  const same = (other: Kept) => other.activity === was.activity && other.period === was.period
  return list.some(same) ? list.map((other) => (same(other) ? kept : other)) : list.concat([kept])
}
