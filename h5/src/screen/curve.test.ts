import { describe, expect, it } from 'vitest'
import { ceiling, dayLater, shapeOf, windowOf } from './curve'

const eight = Date.parse('2026-10-01T08:00:00+08:00') / 1000

describe('windowOf', () => {
  it('fills minutes without anybody and keeps the running one apart', () => {
    const { past, running } = windowOf({ [eight]: 5, [eight - 120]: 7 }, eight * 1000 + 30_000, 4)
    expect(past.map(({ n }) => n)).toEqual([0, 0, 7, 0])
    expect(running).toEqual({ at: eight, n: 5 })
  })

  it('follows the counters where the wall clock is behind', () => {
    expect(windowOf({ [eight + 60]: 2 }, eight * 1000, 3).running).toEqual({ at: eight + 60, n: 2 })
  })

  it('ends at the last minute of a campaign that is over', () => {
    const { past, running } = windowOf({ [eight]: 9 }, eight * 1000 + 86_400_000, 3)
    expect(past.map(({ n }) => n)).toEqual([0, 0, 9])
    expect(running).toBeNull()
  })

  it('has no running minute once the campaign is over', () => {
    expect(windowOf({ [eight]: 9 }, eight * 1000, 3, true).running).toBeNull()
    expect(windowOf({}, eight * 1000, 3, true).running).toBeNull()
  })

  it('is empty before anybody came', () => {
    expect(windowOf({}, eight * 1000, 3).past.every(({ n }) => n === 0)).toBe(true)
  })
})

describe('scale and yesterday', () => {
  it('chooses readable ceilings', () => {
    expect([0, 4, 5, 11, 20, 21, 51, 101, 1234, 50_001].map(ceiling)).toEqual([4, 4, 10, 20, 20, 30, 60, 200, 2000, 60_000])
  })

  it('knows nothing of minutes that are still to come, and of a yesterday that was never kept', () => {
    const { past, running } = windowOf({ [eight - 60]: 4, [eight]: 2 }, eight * 1000, 3)
    const shape = shapeOf(past, running, {})
    expect(shape.today).toEqual([0, 0, 4, null])
    expect(shape.running).toBe(2)
    expect(shape.yesterday).toEqual([null, null, null, null])
  })

  it('puts yesterday under the same minutes of today', () => {
    const { past, running } = windowOf({}, eight * 1000, 2)
    const yesterday = dayLater([['2026-09-30T07:59:00+08:00', 7], ['2026-09-30T08:00:00+08:00', 9]])
    expect(shapeOf(past, running, yesterday).yesterday).toEqual([null, 7, 9])
  })
})
