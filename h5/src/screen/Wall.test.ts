import { createApp, nextTick, type App } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Frame } from './figures'
import Wall from './Wall.vue'

let socket: { onmessage: ((event: { data: string }) => void) | null; onclose: (() => void) | null; close(): void }
let app: App
let root: HTMLElement

const AT = '2026-10-01T08:00:30+08:00'
const snapshot: Frame = {
  type: 'snapshot', id: 1, as_of: AT, server_time: AT, period: 'all', participants: 1234567, participations: 1500000,
  by_activity: { salute: 1234567 }, by_region: { '350602': 5, '350629': 900000, '000001': 7 }, by_minute: [], voids: 0, stale_shards: 0,
}
const view = {
  title: '向国旗敬礼', state: 'open', period_rule: 'all', demo: false, simulated: false,
  activities: [{ code: 'salute', title: '礼敬国旗' }],
  regions: [{ code: '000001', name: '市外', order: 90 }, { code: '350629', name: '华安县', order: 11 }, { code: '350602', name: '芗城区', order: 1 }],
}

async function say(frame: Partial<Frame>) {
  socket.onmessage!({ data: JSON.stringify(frame) })
  await nextTick()
}
const text = (selector: string) => root.querySelector(selector)?.textContent ?? ''

beforeEach(async () => {
  vi.useFakeTimers({ now: Date.parse(AT) + 3_600_000 }) // this machine's clock is an hour ahead
  vi.stubGlobal('matchMedia', () => ({ matches: true }))
  vi.stubGlobal('WebSocket', class { constructor() { socket = this as never } onmessage = null; onclose = null; close() {} })
  vi.stubGlobal('fetch', vi.fn(async () => ({ ok: true, json: async () => view })))
  root = document.createElement('div')
  app = createApp(Wall, { slug: 'salute-the-flag' })
  app.mount(root)
  await vi.advanceTimersByTimeAsync(0)
})

afterEach(() => {
  app.unmount()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

describe('the wall', () => {
  it('claims nothing before the first figures', () => {
    expect(text('.number')).toContain('—')
    expect(text('.fresh')).toBe('等待第一次数据')
    expect(text('.connection')).toBe('正在连接')
  })

  it('shows the total and the regions in administrative order, not by size', async () => {
    await say(snapshot)
    expect(text('.number')).toBe('1,234,567人')
    expect([...root.querySelectorAll('.regions .name')].map((name) => name.textContent)).toEqual(['芗城区', '华安县', '市外'])
    expect([...root.querySelectorAll('.regions .amount')].map((n) => n.textContent)).toEqual(['5', '900,000', '7'])
    expect(text('.connection')).toBe('实时连接')
    expect(root.querySelector('.mark')).toBeNull()
  })

  it('counts the age by the server clock and says when it is late', async () => {
    await say(snapshot)
    expect(text('.fresh')).toBe('数据刚刚更新')
    await vi.advanceTimersByTimeAsync(9_000)
    expect(text('.fresh')).toBe('数据更新于 9 秒前')
    await vi.advanceTimersByTimeAsync(9_000)
    expect(text('.fresh')).toContain('18 秒前，可能滞后')
    expect(root.querySelector('.fresh')!.classList.contains('look')).toBe(true)
  })

  it('says that a shard is silent, and keeps its figures', async () => {
    await say(snapshot)
    await say({ type: 'delta', id: 2, as_of: AT, stale_shards: 1 })
    expect(text('.fresh')).toContain('部分计数暂无响应')
    expect(text('.number')).toBe('1,234,567人')
  })

  it('says that the line is lost', async () => {
    await say(snapshot)
    socket.onclose!()
    await nextTick()
    expect(text('.connection')).toBe('连接中断，正在重连')
    expect(text('.number')).toBe('1,234,567人')
  })

  it('marks a demonstration and writes names as text', async () => {
    view.demo = true
    view.regions[0]!.name = '<img src=x onerror=alert(1)>'
    await vi.advanceTimersByTimeAsync(60_000)
    expect(text('.mark')).toBe('演示')
    expect(root.querySelector('img')).toBeNull()
  })
})
