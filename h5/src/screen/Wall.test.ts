import { createApp, h, nextTick, shallowRef, type App, type ShallowRef } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Frame } from './figures'
import type { View } from './view'
import Wall from './Wall.vue'

// ECharts draws on a canvas, which jsdom has not.
vi.mock('./plot', () => ({ plot: () => ({ draw() {}, resize() {}, end() {} }) }))

let socket: { onmessage: ((event: { data: string }) => void) | null; onclose: (() => void) | null; close(): void }
let app: App
let root: HTMLElement

let messages: { id: string; name: string; message: string }[] = []
const AT = '2026-10-01T08:00:30+08:00'
const snapshot: Frame = {
  type: 'snapshot', id: 1, as_of: AT, server_time: AT, period: 'all', participants: 1234567, participations: 1500000,
  by_activity: { salute: 1234567 }, by_region: { '350602': 5, '350629': 900000, '000001': 7 }, by_minute: [], voids: 0, stale_shards: 0,
}
const base: View = {
  slug: 'salute-the-flag', title: '向国旗敬礼', state: 'open', period_rule: 'all', demo: false, simulated: false, by_link: true,
  opens_at: AT, closes_at: AT, server_time: AT, organiser: '', units: { total: 3, taking_part: 2 }, yesterday: [], switches: {},
  ceremony: { is_armed: false }, map: null, activities: [{ code: 'salute', title: '礼敬国旗' }],
  regions: [{ code: '350602', name: '芗城区' }, { code: '350629', name: '华安县' }, { code: '000001', name: '市外' }],
}
let view: ShallowRef<View>
const look = async (changes: Partial<View>) => {
  view.value = { ...view.value, ...changes }
  await nextTick()
}

async function say(frame: Partial<Frame>) {
  socket.onmessage!({ data: JSON.stringify(frame) })
  await nextTick()
}
const text = (selector: string) => root.querySelector(selector)?.textContent ?? ''

beforeEach(async () => {
  messages = []
  sessionStorage.clear()
  vi.useFakeTimers({ now: Date.parse(AT) + 3_600_000 }) // this machine's clock is an hour ahead
  vi.stubGlobal('matchMedia', (query: string) => ({ matches: query.includes('reduced-motion') }))
  vi.stubGlobal('WebSocket', class { constructor() { socket = this as never } onmessage = null; onclose = null; close() {} })
  vi.stubGlobal('fetch', vi.fn(async () => ({ ok: true, json: async () => ({ items: messages }), text: async () => '' })))
  root = document.createElement('div')
  view = shallowRef(base)
  app = createApp({ render: () => h(Wall, { view: view.value, role: 'operator' }) })
  app.mount(root)
  await vi.advanceTimersByTimeAsync(0)
})

afterEach(() => {
  app.unmount()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

describe('the wall', () => {
  it('shows what teachers reported as a figure of its own, and nothing where nobody did', async () => {
    await say(snapshot)
    expect(root.querySelector('[data-testid=groups]')).toBeNull()
    await say({ type: 'delta', id: 2, as_of: AT, group_reported: 12345 })
    expect(text('[data-testid=groups] dd')).toBe('12,345人')
    await say({ type: 'delta', id: 3, as_of: AT, group_reported: 12300 })
    expect(text('[data-testid=groups] dd')).toBe('12,300人')
  })

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
    await look({ demo: true, regions: [{ code: '350602', name: '<img src=x onerror=alert(1)>' }] })
    expect(text('.mark')).toBe('演示')
    expect(root.querySelector('img')).toBeNull()
  })

  it('stops while frozen, says since when, and goes on with what came meanwhile', async () => {
    await say(snapshot)
    await say({ type: 'delta', id: 2, as_of: AT, participants: 1234600, switches: { wall_frozen: true } })
    expect(text('.number')).toBe('1,234,567人')
    expect(text('[data-testid=frozen]')).toBe('画面已冻结 08:00:30')
    await say({ type: 'delta', id: 3, as_of: AT, participants: 1234999 })
    expect(text('.number')).toBe('1,234,567人')
    await say({ type: 'delta', id: 4, as_of: AT, switches: { wall_frozen: false } })
    expect(text('.number')).toBe('1,234,999人')
    expect(root.querySelector('[data-testid=frozen]')).toBeNull()
  })

  it('shows after a reload what it showed when it was frozen', async () => {
    await say(snapshot)
    await say({ type: 'delta', id: 2, as_of: AT, switches: { wall_frozen: true } })
    app.unmount()
    app = createApp({ render: () => h(Wall, { view: view.value }) })
    app.mount(root)
    await nextTick()
    await say({ ...snapshot, participants: 2000000, switches: { wall_frozen: true } })
    expect(text('.number')).toBe('1,234,567人')
  })

  it('is still in mourning: no words of citizens, the text of the editor, no counting up', async () => {
    messages = [{ id: 'a', name: '张**', message: '愿祖国繁荣昌盛' }]
    await vi.advanceTimersByTimeAsync(4_000)
    expect(text('[data-testid=ticker] p')).toContain('愿祖国繁荣昌盛')
    await say({ ...snapshot, switches: { mourning: '深切哀悼' } })
    expect(text('[data-testid=mourning]')).toBe('深切哀悼')
    expect(root.querySelector('[data-testid=ticker]')).toBeNull()
    expect(root.querySelector('.wall')!.classList.contains('mourning')).toBe(true)
  })

  it('hides the words of citizens at once, and whatever was taken down', async () => {
    messages = [{ id: 'a', name: '张**', message: '第一条' }, { id: 'b', name: '', message: '第二条' }]
    await vi.advanceTimersByTimeAsync(4_000)
    expect(text('[data-testid=ticker] q')).toBe('第一条')
    messages = messages.slice(1)
    await vi.advanceTimersByTimeAsync(4_000)
    expect(text('[data-testid=ticker] q')).toBe('第二条')
    await say({ ...snapshot, switches: { ticker_hidden: true } })
    expect(root.querySelector('[data-testid=ticker]')).toBeNull()
  })

  it('ranks only where this wall was told to, and never in a frame', async () => {
    await say({ ...snapshot, switches: { ranking: true } as never })
    const names = () => [...root.querySelectorAll('.regions .name')].map((name) => name.textContent)
    expect(names()).toEqual(['芗城区', '华安县', '市外'])
    await look({ switches: { ranking: true } })
    expect(names()).toEqual(['1华安县', '2市外', '3芗城区'])
    expect(text('.regions h2')).toContain('仅本屏')
  })

  it('turns to the bars at once when ranking is switched, since tiles have no order but the administrative one', async () => {
    await say(snapshot)
    await vi.advanceTimersByTimeAsync(20_500)
    const face = () => root.querySelector<HTMLElement>('.regions')!.dataset.face
    expect(face()).toBe('tiles')
    await look({ switches: { ranking: true } })
    expect(face()).toBe('bars')
  })

  it('says how many schools take part, and shows a map only with its number', async () => {
    await say(snapshot)
    expect(text('[data-testid=units] dd')).toBe('2个')
    await look({ map: { number: 'GS(2023)2767号', url: '/map', width: 2, height: 1 } })
    await vi.advanceTimersByTimeAsync(40_500)
    expect(text('.map figcaption')).toBe('审图号：GS(2023)2767号')
    expect(root.querySelector('.map img')!.getAttribute('src')).toBe('/map')
    expect(root.querySelector('.map')!.children.length).toBe(2) // nothing lies over it
  })

  it('goes over midnight to the new day, and not back to the old one', async () => {
    await look({ period_rule: 'daily' })
    await say({ ...snapshot, period: '20261001' })
    expect(text('.total h2')).toBe('今日参与人数 · 10月1日')
    await say({ ...snapshot, id: 5, period: '20261002', participants: 3 })
    expect([text('.total h2'), text('.number')]).toEqual(['今日参与人数 · 10月2日', '3人'])
    await say({ ...snapshot, id: 6, period: '20261001' })
    expect(text('.number')).toBe('3人')
  })
})

describe('the opening ceremony', () => {
  it('waits full-screen, opens by the press, and gives way to the wall', async () => {
    await look({ state: 'scheduled', ceremony: { is_armed: true } })
    expect(root.querySelector('.wall')).toBeNull()
    root.querySelector<HTMLButtonElement>('[data-testid=press]')!.click()
    await vi.advanceTimersByTimeAsync(0)
    expect(vi.mocked(fetch)).toHaveBeenCalledWith('/api/v1/staff/campaigns/salute-the-flag/ceremony/opening', expect.objectContaining({ method: 'POST' }))
    expect(text('.act')).toBe('活动启动')
    await look({ state: 'open', ceremony: { is_armed: false } })
    await vi.advanceTimersByTimeAsync(5_100)
    expect(root.querySelector('.wall')).not.toBeNull()
  })

  it('opens at its time where nobody presses, and a wall that was told to leave it leaves', async () => {
    await look({ state: 'scheduled', ceremony: { is_armed: true } })
    await look({ ceremony: { is_armed: false } })
    expect(root.querySelector('.wall')).not.toBeNull()
    await look({ ceremony: { is_armed: true } })
    await look({ state: 'open', ceremony: { is_armed: false } })
    expect(text('.act')).toBe('活动启动')
  })
})
