import { describe, expect, it } from 'vitest'
import { ApiError } from '../api'
import { answered, bodyOf, failed, type Kept, LONGEST_PAUSE, newKept, nextDue, pauseAfter, reopened, withKept } from './kept'
import type { Participation } from './types'

const NOW = 1_790_000_000_000
const salute = () => newKept('salute', 'all', { region: '350602', unit: '' }, 'pioneer', NOW)
const answer = (durable = false): Participation => ({
  ordinal: 7, first: true, activities: ['salute'], participated_at: '2026-10-01T08:00:00+08:00', durable, receipt: 'r7', period: 'all',
})
const error = (code: string, status: number, retryAfter: number | null = null) => new ApiError(code, status, '', retryAfter)

describe('the kept salute', () => {
  it('goes out at once and without a receipt or a past', () => {
    expect(bodyOf(salute())).toEqual({ activity: 'salute', region: '350602' })
    expect(nextDue([salute()], NOW)!.wait).toBe(0)
  })

  it('names its unit, and its first try when it is sent again', () => {
    const again = failed(Object.assign(salute(), { unit: '350602-001' }), error('NETWORK', 0), NOW, 0)
    expect(bodyOf(again)).toEqual({
      activity: 'salute', region: '350602', unit: '350602-001', first_tried_at: new Date(NOW).toISOString(),
    })
    expect(again.state).toBe('waiting')
    expect(again.answer).toBeNull()
  })

  it('waits longer each time, with jitter, up to a minute', () => {
    expect(pauseAfter(1, null, 0)).toBe(750)
    expect(pauseAfter(1, null, 1)).toBe(1500)
    expect(pauseAfter(4, null, 1)).toBe(12_000)
    expect(pauseAfter(30, null, 1)).toBe(LONGEST_PAUSE)
  })

  it('never comes back sooner than the server asked, nor with everybody in the same moment', () => {
    expect(pauseAfter(1, 5, 0)).toBe(5000)
    expect(pauseAfter(1, 5, 1)).toBe(7500)
    const kept = failed(salute(), error('BUSY', 503, 5), NOW, 0.5)
    expect(kept.nextAt).toBeGreaterThanOrEqual(NOW + 5000)
  })

  it('re-sends its receipt until the server says durable', () => {
    const taken = answered(salute(), answer(), NOW, 0)
    expect(taken).toMatchObject({ state: 'counted', answer: { ordinal: 7 } })
    expect(taken.nextAt).toBeGreaterThan(NOW)
    expect(bodyOf(taken)).toEqual({ activity: 'salute', region: '350602', receipt: 'r7' })
    const settled = answered(taken, answer(true), NOW, 0)
    expect(settled.nextAt).toBe(0)
    expect(nextDue([settled], NOW)).toBeNull()
  })

  it('does not lose its number to a later error', () => {
    const taken = answered(salute(), answer(), NOW, 0)
    for (const trouble of [error('NETWORK', 0), error('BUSY', 503, 2), error('TOKEN_EXPIRED', 401), error('CAMPAIGN_ENDED', 409)]) {
      expect(failed(taken, trouble, NOW, 0)).toMatchObject({ state: 'counted', answer: { ordinal: 7 } })
    }
  })

  it('is held for a sign-in, and goes out by itself after it', () => {
    const held = failed(salute(), error('TOKEN_EXPIRED', 401), NOW, 0)
    expect(held).toMatchObject({ state: 'held', nextAt: 0 })
    expect(reopened(held, false, NOW, 0)).toMatchObject({ state: 'held', nextAt: 0 })
    expect(reopened(held, true, NOW, 0)).toMatchObject({ state: 'waiting', nextAt: NOW })
  })

  it('waits while the campaign is paused and gives up where it is refused for good', () => {
    expect(failed(salute(), error('CAMPAIGN_PAUSED', 409), NOW, 0)).toMatchObject({ state: 'waiting' })
    expect(failed(salute(), error('CAMPAIGN_ENDED', 409), NOW, 0)).toMatchObject({ state: 'refused', nextAt: 0 })
    expect(failed(salute(), error('VOIDED', 403), NOW, 0)).toMatchObject({ state: 'refused' })
  })

  it('does not wait for days where the clock was set back', () => {
    const kept: Kept = Object.assign(salute(), { nextAt: NOW + 86_400_000 })
    expect(nextDue([kept], NOW)!.wait).toBeLessThanOrEqual(2 * LONGEST_PAUSE)
  })

  it('keeps one entry for an activity and period, and the first due first', () => {
    const heroes = Object.assign(salute(), { activity: 'heroes', nextAt: NOW - 5 })
    const list = withKept(withKept([], salute()), heroes)
    expect(withKept(list, answered(salute(), answer(), NOW, 0))).toHaveLength(2)
    expect(nextDue(list, NOW)!.kept.activity).toBe('heroes')
  })

  it('moves to the period that the server named', () => {
    const was = newKept('salute', '20261001', { region: '1', unit: '' }, null, NOW)
    const moved = answered(was, Object.assign(answer(), { period: '20261002' }), NOW, 0)
    expect(withKept([was], moved, was)).toEqual([moved])
  })

  it('keeps of a child no place once it is durable, and nothing less before', () => {
    const before = answered(salute(), answer(), NOW, 0)
    expect(before.region).toBe('350602')
    const after = answered(before, answer(true), NOW, 0)
    expect([after.region, after.unit, after.answer!.receipt, after.answer!.ordinal]).toEqual(['', '', '', 7])
    const grownUp = answered(newKept('salute', 'all', { region: '350602', unit: '' }, 'citizen', NOW, true), answer(true), NOW, 0)
    expect([grownUp.region, grownUp.answer!.receipt]).toEqual(['350602', 'r7'])
  })
})
