import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { useEvery } from './every'
import { mountInRouter } from './mount.test-help'

const refused = vi.hoisted(() => vi.fn())
vi.mock('./toasts', () => ({ refused }))

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

describe('what is read every so often', () => {
  it('is read at once, again while it is wanted, and no more once the page is left', async () => {
    const read = vi.fn()
    let wanted = true
    const { unmount } = await mountInRouter('/', () => useEvery(1000, read, () => wanted))
    expect(read).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(2000)
    expect(read).toHaveBeenCalledTimes(3)
    wanted = false
    vi.advanceTimersByTime(2000)
    expect(read).toHaveBeenCalledTimes(3)
    wanted = true
    unmount()
    vi.advanceTimersByTime(2000)
    expect(read).toHaveBeenCalledTimes(3)
  })

  it('says a failure once, until it was read again', async () => {
    let isAway = true
    const { unmount } = await mountInRouter('/', () => useEvery(1000, async () => { if (isAway) throw new Error('away') }))
    for (let i = 0; i < 3; i++) await vi.advanceTimersByTimeAsync(1000)
    expect(refused).toHaveBeenCalledTimes(1)
    isAway = false
    await vi.advanceTimersByTimeAsync(1000)
    isAway = true
    await vi.advanceTimersByTimeAsync(1000)
    expect(refused).toHaveBeenCalledTimes(2)
    unmount()
  })
})
