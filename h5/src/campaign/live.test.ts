import { describe, expect, it } from 'vitest'
import { merged, NOTHING } from './live'

const snapshot = { type: 'snapshot', period: 'all', participants: 100, participations: 120, by_activity: { salute: 100, heroes: 20 }, voids: 0, as_of: 'a' }
const shown = merged(NOTHING, snapshot)

describe('shown totals', () => {
  it('start at a snapshot and follow deltas', () => {
    expect(shown).toMatchObject({ participants: 100, byActivity: { salute: 100, heroes: 20 } })
    expect(merged(shown, { type: 'delta', participants: 103, by_activity: { salute: 103 } })).toMatchObject({
      participants: 103, participations: 120, byActivity: { salute: 103, heroes: 20 },
    })
  })

  it('never fall by a late poll or another process\'s older snapshot', () => {
    expect(merged(shown, Object.assign({}, snapshot, { participants: 90, by_activity: { salute: 90 } }))).toMatchObject({
      participants: 100, byActivity: { salute: 100 },
    })
    expect(merged(shown, { period: 'all', participants: 95 }).participants).toBe(100)
  })

  it('fall where a frame carries higher voids, once', () => {
    const voided = merged(shown, { type: 'delta', voids: 1, participants: 98 })
    expect(voided).toMatchObject({ participants: 98, voids: 1 })
    expect(merged(voided, { type: 'delta', voids: 1, participants: 97 }).participants).toBe(98)
  })

  it('start anew in a new period', () => {
    expect(merged(shown, { type: 'snapshot', period: '20261002', participants: 3, by_activity: { salute: 3 }, voids: 0 })).toMatchObject({
      period: '20261002', participants: 3, byActivity: { salute: 3 },
    })
  })

  it('show what teachers reported as it is, beside the count, and keep it where nobody could say', () => {
    const told = merged(shown, { type: 'delta', group_reported: 83 })
    expect([told.groups, told.participants]).toEqual([83, 100])
    expect(merged(told, { type: 'delta', group_reported: null }).groups).toBe(83)
    expect(merged(told, { type: 'delta', group_reported: 80 }).groups).toBe(80)
  })

  it('take nothing but the time from a heartbeat', () => {
    expect(merged(shown, { type: 'heartbeat', as_of: 'b' })).toEqual(Object.assign({}, shown, { asOf: 'b' }))
  })
})
