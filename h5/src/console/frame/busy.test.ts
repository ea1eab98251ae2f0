import { describe, expect, it, vi } from 'vitest'
import { useBusy } from './busy'

describe('a step', () => {
  it('is under way until it is done, and says that it went well', async () => {
    const { isBusy, problem, run } = useBusy()
    let end = () => {}
    const going = run(() => new Promise<void>((resolve) => { end = resolve }))
    expect(isBusy.value).toBe(true)
    end()
    expect(await going).toBe(true)
    expect([isBusy.value, problem.value]).toEqual([false, null])
  })

  it('is not begun a second time meanwhile', async () => {
    const { run } = useBusy()
    let end = () => {}
    const going = run(() => new Promise<void>((resolve) => { end = resolve }))
    const second = vi.fn(async () => {})
    expect(await run(second)).toBe(false)
    end()
    await going
    expect(second).not.toHaveBeenCalled()
  })

  it('leaves what it failed with until the next one begins', async () => {
    const { isBusy, problem, run } = useBusy()
    const away = new Error('away')
    expect(await run(() => Promise.reject(away))).toBe(false)
    expect([isBusy.value, problem.value]).toEqual([false, away])
    expect(await run(async () => {})).toBe(true)
    expect(problem.value).toBe(null)
  })
})
