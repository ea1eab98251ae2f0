import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { climb } from './climb'

beforeEach(() => void vi.useFakeTimers({ toFake: ['requestAnimationFrame', 'cancelAnimationFrame', 'performance'] }))
afterEach(() => void vi.useRealTimers())

it('shows the first value at once, then climbs without falling and arrives exactly', () => {
  const shown: number[] = []
  const total = climb((value) => shown.push(value), () => false)
  total.to(1000)
  expect(shown).toEqual([1000])
  total.to(2000)
  vi.advanceTimersByTime(600)
  expect(shown[shown.length - 1]).toBe(2000)
  expect(shown.length).toBeGreaterThan(3)
  expect([...shown].sort((a, b) => a - b)).toEqual(shown)
})

it('goes on from what is shown when a new value comes in between', () => {
  const shown: number[] = []
  const total = climb((value) => shown.push(value), () => false)
  total.to(0)
  total.to(100)
  vi.advanceTimersByTime(200)
  total.to(300)
  vi.advanceTimersByTime(600)
  expect([...shown].sort((a, b) => a - b)).toEqual(shown)
  expect(shown[shown.length - 1]).toBe(300)
})

it('jumps down after a void and jumps where motion is not wanted', () => {
  const shown: number[] = []
  const total = climb((value) => shown.push(value), () => false)
  total.to(10)
  total.to(9)
  expect(shown).toEqual([10, 9])
  const still = climb((value) => shown.push(value), () => true)
  still.to(1)
  still.to(5)
  expect(shown.slice(2)).toEqual([1, 5])
})
