import { afterEach, describe, expect, it, vi } from 'vitest'
import { areaOf, byHour, clustersOf, file, highest, minuteOf, readPage, toneOf, withoutAnswers, write, type Seen } from './calls'

afterEach(() => vi.unstubAllGlobals())

describe('the curve of a day', () => {
  const minutes: [number, number][] = [[480, 5], [481, 20], [539, 1], [540, 20]]

  it('has its highest minute, the earliest of two', () => {
    expect([highest(minutes), highest([])]).toEqual([[481, 20], null])
  })

  it('sums up by hour', () => {
    const hours = byHour(minutes)
    expect([hours[8], hours[9], hours.length, hours.reduce((a, b) => a + b)]).toEqual([26, 20, 24, 46])
  })

  it('reaches the top at its highest minute and ends with the last known one', () => {
    const area = areaOf([[0, 1], [2, 4]], 160, 3)
    expect(area).toBe('M0,160L0,120.0L1,160.0L2,0.0L2,160Z')
    expect(areaOf([], 160, 10)).toBe('')
  })

  it('places an entry by Shanghai time, wherever the reader is', () => {
    expect(minuteOf('2026-10-01T08:03:20+08:00', '2026-10-01T00:00:00+08:00')).toBe(483)
  })

  it('puts marks together that would cover each other', () => {
    const marks = [10, 20, 41, 43, 100].map((minute) => ({ minute }))
    expect(clustersOf(marks, 32).map((cluster) => cluster.map(({ minute }) => minute))).toEqual([[10, 20, 41], [43], [100]])
  })

  it('shows the gravest of several', () => {
    expect([toneOf(['note', 'milestone', 'incident']), toneOf(['milestone', 'switch']), toneOf(['note', 'bulletin'])]).toEqual(['alarm', 'look', ''])
  })
})

describe('the log', () => {
  it('has corrections below what they correct, and alone where that is on another page', () => {
    const entry = (id: string, refers = '') => ({ id, refers }) as Seen
    expect(withoutAnswers([entry('c', 'a'), entry('d', 'gone'), entry('a')]).map(({ id }) => id)).toEqual(['d', 'a'])
  })

  it('is asked for by campaign and day', async () => {
    const fetched = vi.fn(async (_path: string, _options: RequestInit) => new Response('{}'))
    vi.stubGlobal('fetch', fetched)
    await readPage('flag', '20261001', '')
    await write('flag', { kind: 'note', text: '开场正常' })
    expect(fetched.mock.calls.map(([path]) => path)).toEqual(['/api/v1/staff/campaigns/flag/duty-log?day=20261001', '/api/v1/staff/campaigns/flag/duty-log'])
    expect(file('flag', 'csv', '20261001')).toBe('/api/v1/staff/campaigns/flag/duty-log.csv?day=20261001')
  })
})
