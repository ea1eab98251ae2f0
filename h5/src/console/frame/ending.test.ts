import { afterEach, describe, expect, it, vi } from 'vitest'
import { createApp, nextTick } from 'vue'
import { door, left } from './door'
import Ending from './Ending.vue'

afterEach(() => {
  left()
  vi.useRealTimers()
})

describe('a session that is about to end', () => {
  it('is told ten minutes before, and not while there is time', async () => {
    vi.useFakeTimers({ now: new Date('2026-10-01T08:00:00+08:00') })
    door.staff = { name: 'zhiban', role: 'operator', csrf: '', expires_at: '2026-10-01T08:15:00+08:00' }
    const at = document.createElement('div')
    const app = createApp(Ending)
    app.mount(at)
    expect(at.textContent).toBe('')
    await vi.advanceTimersByTimeAsync(6 * 60_000)
    await nextTick()
    expect(at.textContent).toContain('登录将在 9 分钟后到期')
    door.staff = { ...door.staff, expires_at: '2026-10-01T16:06:00+08:00' }
    await nextTick()
    expect(at.textContent).toBe('')
    app.unmount()
  })
})
