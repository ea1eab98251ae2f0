import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { LOOK_MS, SPREAD_MS, watchRelease } from './release'
import { TRUST_MS, watchMessages } from './ticker'
import { watchView } from './view'

let answers: (() => unknown)[]
const ok = (value: unknown) => ({ ok: true, status: 200, json: async () => value })
const build = (commit: string) => ok({ version: '1', commit })

beforeEach(() => {
  vi.useFakeTimers()
  answers = []
  vi.stubGlobal('fetch', vi.fn(async () => {
    const answer = (answers.length > 1 ? answers.shift()! : answers[0]!)()
    if (answer instanceof Error) throw answer
    return answer
  }))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('tells a stranger from a closed link from silence, and asks on', async () => {
  answers = [() => ({ ok: false, status: 401 }), () => ({ ok: false, status: 403 }), () => new Error('away'), () => ok({ title: 'x' })]
  const told: unknown[] = []
  const stop = watchView('/x', 1000, (view) => told.push(view), (why) => told.push(why))
  await vi.advanceTimersByTimeAsync(4_000)
  stop()
  expect(told.slice(0, 4)).toEqual(['stranger', 'closed', 'silent', { title: 'x' }])
})

it('loads anew only when another release has answered twice running, and never for silence', async () => {
  const reload = vi.fn()
  answers = [() => build('a')]
  const stop = watchRelease(() => true, reload)
  await vi.advanceTimersByTimeAsync(2 * LOOK_MS)
  answers = [() => new Error('down'), () => ({ ok: false, status: 503 }), () => build('a')]
  await vi.advanceTimersByTimeAsync(4 * LOOK_MS)
  answers = [() => build('b'), () => build('a')] // one of several servers is new already
  await vi.advanceTimersByTimeAsync(4 * LOOK_MS)
  expect(reload).not.toHaveBeenCalled()
  answers = [() => build('b')]
  await vi.advanceTimersByTimeAsync(2 * LOOK_MS + SPREAD_MS)
  expect(reload).toHaveBeenCalledTimes(1)
  stop()
})

it('does not load anew while a hall waits', async () => {
  const reload = vi.fn()
  answers = [() => build('a'), () => build('b')]
  const stop = watchRelease(() => false, reload)
  await vi.advanceTimersByTimeAsync(10 * LOOK_MS)
  expect(reload).not.toHaveBeenCalled()
  stop()
})

it('shows no words that may have been taken down while nothing was heard', async () => {
  answers = [() => ok({ items: [{ id: 'a', name: '', message: '好' }] })]
  const told: number[] = []
  const stop = watchMessages('flag', (messages) => told.push(messages.length))
  await vi.advanceTimersByTimeAsync(1_000)
  answers = [() => new Error('away')]
  await vi.advanceTimersByTimeAsync(TRUST_MS + 5_000)
  stop()
  expect([told[0], told.at(-1)]).toEqual([1, 0])
})
