import { describe, expect, it } from 'vitest'
import { apply, type Frame } from './figures'

const snapshot = (over: Partial<Frame> = {}): Frame => ({
  type: 'snapshot', id: 1, as_of: '2026-10-01T08:00:00+08:00', period: 'all', participants: 100, participations: 120,
  by_activity: { salute: 120 }, by_region: { '350602': 60, '350603': 40 },
  by_minute: [['2026-10-01T07:59:00+08:00', 30]], voids: 0, stale_shards: 0, ...over,
})

describe('apply', () => {
  it('starts at a snapshot and waits for one', () => {
    expect(apply(null, { type: 'delta', id: 2, as_of: null, participants: 5 })).toBeNull()
    expect(apply(null, snapshot())!.participants).toBe(100)
  })

  it('takes changed figures and keeps the others', () => {
    const shown = apply(apply(null, snapshot()), {
      type: 'delta', id: 2, as_of: '2026-10-01T08:00:01+08:00', participants: 101, by_region: { '350603': 41 },
      by_minute: [['2026-10-01T08:00:00+08:00', 1]],
    })!
    expect(shown.participants).toBe(101)
    expect(shown.participations).toBe(120)
    expect(shown.byRegion).toEqual({ '350602': 60, '350603': 41 })
    expect(Object.values(shown.byMinute)).toEqual([30, 1])
  })

  it('never falls, whatever another process says after a reconnect', () => {
    const shown = apply(apply(null, snapshot()), snapshot({ participants: 90, by_region: { '350602': 50, '350603': 45 } }))!
    expect(shown.participants).toBe(100)
    expect(shown.byRegion).toEqual({ '350602': 60, '350603': 45 })
  })

  it('falls with a higher voids, and only then', () => {
    const delta: Frame = { type: 'delta', id: 2, as_of: null, voids: 1, participants: 99, by_region: { '350602': 59 } }
    const shown = apply(apply(null, snapshot()), delta)!
    expect([shown.participants, shown.byRegion['350602'], shown.byRegion['350603']]).toEqual([99, 59, 40])
    expect(apply(shown, { ...delta, participants: 98 })!.participants).toBe(99)
  })

  it('is replaced by a snapshot after a void', () => {
    const shown = apply(apply(null, snapshot()), snapshot({ voids: 2, participants: 98, by_region: { '350602': 58 } }))!
    expect(shown.byRegion).toEqual({ '350602': 58 })
  })

  it('begins again with another period', () => {
    const shown = apply(apply(null, snapshot({ period: '20261001' })), snapshot({ period: '20261002', participants: 3 }))!
    expect([shown.period, shown.participants]).toEqual(['20261002', 3])
  })

  it('repeats without counting twice, and heartbeats move only the time', () => {
    const once = apply(null, snapshot())!
    expect(apply(once, snapshot())).toEqual(once)
    const later = apply(once, { type: 'heartbeat', id: 1, as_of: '2026-10-01T08:00:10+08:00' })!
    expect(later.asOf - once.asOf).toBe(10_000)
    expect({ ...later, asOf: 0 }).toEqual({ ...once, asOf: 0 })
    expect(apply(once, { type: 'heartbeat', id: 1, as_of: null })).toBe(once)
  })

  it('shows a silent shard', () => {
    expect(apply(apply(null, snapshot()), { type: 'delta', id: 2, as_of: null, stale_shards: 1 })!.staleShards).toBe(1)
  })
})
