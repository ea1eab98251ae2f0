import { expect, test } from 'vitest'
import { shown, type Point } from './calls'
import { drawn } from './curve'

const NOW = Date.parse('2026-10-01T08:10:00+08:00')
const at = (minute: number) => new Date(NOW - (10 - minute) * 60_000).toISOString()
const none = { yellow: null, red: null }

test('a stretch that nobody told anything of is a gap, not a line', () => {
  const points: Point[] = [[at(0), 1, 'green'], [at(1), 2, 'green'], [at(5), 1, 'green']]
  const found = drawn(points, 60, 600, NOW, none)
  expect(found.lines).toHaveLength(2)
  expect(found.strip.map(({ x }) => Math.round(x))).toEqual([0, 50])
})

test('a value that is not known ends the line and stays in the strip', () => {
  const found = drawn([[at(0), 1, 'green'], [at(1), null, 'unknown'], [at(2), 1, 'green']], 60, 600, NOW, none)
  expect(found.lines).toHaveLength(2)
  expect(found.strip.map(({ level }) => level)).toEqual(['green', 'unknown', 'green'])
})

test('a threshold far above the curve is left out, a near one is drawn above it', () => {
  const points: Point[] = [[at(0), 100, 'green']]
  expect(drawn(points, 60, 600, NOW, { yellow: 50_000, red: 500_000 }).bounds).toEqual([])
  const near = drawn(points, 60, 600, NOW, { yellow: 200, red: 500_000 })
  expect(near.bounds.map(({ level }) => level)).toEqual(['yellow'])
  expect(near.top).toBeGreaterThan(200)
})

test('a curve of nothing but 0 shows where its thresholds are', () => {
  expect(drawn([[at(0), 0, 'green']], 60, 600, NOW, { yellow: 1, red: 3 }).bounds).toHaveLength(2)
})

test('figures are short enough for a tile', () => {
  expect([shown(null), shown(0), shown(0.382), shown(12.34), shown(1234567.8)]).toEqual(['—', '0', '0.38', '12.3', '1,234,568'])
})
