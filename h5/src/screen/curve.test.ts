import { describe, expect, it } from 'vitest'
import { ceiling, path, ticks, windowOf } from './curve'

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

describe('scale and path', () => {
  it('chooses readable ceilings', () => {
    expect([0, 4, 5, 11, 20, 21, 51, 101, 1234, 50_001].map(ceiling)).toEqual([4, 4, 10, 20, 20, 50, 100, 200, 2000, 100_000])
  })

  it('spans the whole width', () => {
    expect(path([0, 5, 10], 10, 100, 40)).toBe('M0.0 40.0L50.0 20.0L100.0 0.0')
  })

  it('marks half hours in Shanghai time', () => {
    const { past } = windowOf({}, eight * 1000, 60)
    expect(ticks(past).map(({ text }) => text)).toEqual(['07:00', '07:30'])
  })
})
