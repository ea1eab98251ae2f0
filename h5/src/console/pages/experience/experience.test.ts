/** How pages felt, for people: figures with their units and what they mean. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { language } from '../../frame/words'
import { percent, shown, shownDay } from './calls'
import Page from './Page.vue'
import { createApp } from 'vue'
import { createMemoryHistory, createRouter, RouterView } from 'vue-router'
import { flushPromises } from '../../frame/mount.test-help'

const figure = (p75: number | null, state: string, told = 40) => ({ told, p75, state })
const group = (code: string, name: string, changes = {}) => ({ code, name, pages: 40, broken_share: 0.025, lcp: figure(1830, 'good'), ready: figure(5200, 'poor'), inp: figure(210, 'fair'), cls: figure(0.034, 'good'), ...changes })
const measures = [{ code: 'lcp', title: '', unit: 'ms', good: 2500, poor: 4000 }, { code: 'ready', title: '', unit: 'ms', good: 3000, poor: 5000 }, { code: 'inp', title: '', unit: 'ms', good: 200, poor: 500 }, { code: 'cls', title: '', unit: '', good: 0.1, poor: 0.25 }]
const answer = { measures, fewest: 10, all: group('all', '全部页面'), devices: [group('ios_wechat', '苹果手机 · 微信', { lcp: figure(null, 'none', 0), inp: figure(null, 'few', 3) })], regions: [group('350602', '芗城区')], days: [group('20261001', '20261001'), group('20260930', '20260930', { pages: 0 })], next: null }

describe('figures', () => {
  it('have units that people read', () => {
    expect([shown(1830, 'ms', '秒', '毫秒'), shown(210, 'ms', '秒', '毫秒'), shown(0.034, '', '秒', '毫秒'), shown(null, 'ms', '秒', '毫秒')]).toEqual(['1.83 秒', '210 毫秒', '0.034', '—'])
    expect([percent(0.025), percent(0.12), percent(0.0004), percent(0), percent(null)]).toEqual(['2.5%', '12%', '<0.1%', '0%', '—'])
    expect(shownDay('20261001')).toBe('10-01')
  })
})

describe('the page', () => {
  afterEach(() => { language.value = 'zh'; vi.unstubAllGlobals() })
  it.each(['zh', 'en'] as const)('says what is good, by device, district and day (%s)', async (spoken) => {
    language.value = spoken
    const told = (url: string) => (url.startsWith('/api/v1/staff/campaigns/flag/experience') ? answer : { items: [{ slug: 'flag', title: '向国旗敬礼', state: 'open' }], next: null })
    vi.stubGlobal('fetch', vi.fn(async (url: string) => new Response(JSON.stringify(told(url)), { status: 200, headers: { 'Content-Type': 'application/json' } })))
    const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)*', component: Page }] })
    await router.push('/experience')
    const [app, place] = [createApp(RouterView).use(router), document.createElement('div')]
    app.mount(place)
    for (let turn = 0; turn < 5; turn++) await flushPromises()
    const text = place.textContent!
    app.unmount()
    for (const words of spoken === 'zh' ? ['1.83 秒', '差', '2.5 秒以内为好，超过 4 秒为差', '苹果手机 · 微信', '测不到', '样本少', '芗城区', '10-01'] : ['1.83 s', 'poor', 'good up to 2.5 s', 'not measured', 'too few', '10-01']) expect(text).toContain(words)
    expect(text).not.toContain('09-30')
  })
})
