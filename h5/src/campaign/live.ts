/**
 * The shown totals: what frames and polls make of them.
 * Invariant: a shown figure never falls, except in a new period or by a frame with a higher `voids`.
 */
import type { Counters } from './types'

export interface Shown {
  period: string
  participants: number
  participations: number
  byActivity: Record<string, number>
  /** People whom teachers reported together: a figure of its own, which a correction may lower. */
  groups: number
  voids: number
  asOf: string
}

/** A frame of the live socket, or the answer of /counters. */
export interface Frame extends Partial<Counters> {
  type?: string
  server_time?: string
}

export const NOTHING: Shown = { period: '', participants: 0, participations: 0, byActivity: {}, groups: 0, voids: 0, asOf: '' }

export function merged(shown: Shown, frame: Frame): Shown {
  if (frame.type === 'heartbeat') return frame.as_of ? Object.assign({}, shown, { asOf: frame.as_of }) : shown
  const period = frame.period || shown.period
  const voids = frame.voids === undefined ? shown.voids : frame.voids
  const anew = period !== shown.period || voids > shown.voids
  const figure = (was: number, is: number | undefined) => (is === undefined ? was : anew ? is : Math.max(was, is))
  const byActivity = Object.assign({}, period === shown.period ? shown.byActivity : {})
  const told = frame.by_activity || {}
  Object.keys(told).forEach((code) => (byActivity[code] = figure(byActivity[code] || 0, told[code])))
  return {
    period,
    participants: figure(period === shown.period ? shown.participants : 0, frame.participants),
    participations: figure(period === shown.period ? shown.participations : 0, frame.participations),
    byActivity,
    groups: typeof frame.group_reported === 'number' ? frame.group_reported : shown.groups,
    voids: Math.max(voids, period === shown.period ? shown.voids : 0),
    asOf: frame.as_of || shown.asOf,
  }
}
