/** The whole visit against a stubbed server: what is sent, what is shown, and what is not. */
import { createApp, nextTick, type App as VueApp } from 'vue'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import App from './App.vue'
import { kind } from './kinds/salute'
import type { PageData } from './types'

const NOW = Date.parse('2026-10-01T08:00:00+08:00')

function pageData(change: Partial<PageData> = {}): PageData {
  return {
    campaign: {
      slug: 'flag', title: '向国旗敬礼', state: 'open', period_rule: 'all', period: 'all', server_time: '2026-10-01T08:00:00+08:00',
      opens_at: '2026-09-25T00:00:00+08:00', closes_at: '2026-10-09T00:00:00+08:00',
      activities: [{ code: 'salute', title: '礼敬国旗', verb: '敬礼', children: false }, { code: 'heroes', title: '致敬先烈', verb: '献花', children: false }],
      regions: [{ code: '350602', name: '芗城区', initials: 'xcq', parent: null, order: 1, own: false }, { code: 'unsaid', name: '不便选择', initials: 'bbxz', parent: null, order: 9, own: true }],
      form: { region: true, unit: false, free_words: false }, presets: [{ code: 'p1', text: '愿祖国繁荣昌盛' }], theme: {}, share: {},
      organiser: { name: '主办单位' }, demo: false, simulated: true,
    },
    counters: { period: 'all', participants: 100, participations: 100, by_activity: { salute: 100 }, as_of: '' },
    me: { signed_in: true, who: 'a1', snapshot: false }, in_wechat: true, jweixin: '', login: '/auth/official?next=/c/flag', simulated: true, ...change,
  }
}

type Handler = (body: Record<string, string> | null) => [number, unknown] | null
let routes: Record<string, Handler>
let sent: { route: string; body: Record<string, string> | null }[]
let app: VueApp | null = null

const taken = (durable: boolean) => ({ ordinal: 101, first: true, activities: ['salute'], participated_at: '2026-10-01T08:00:00+08:00', durable, receipt: 'r', period: 'all' })
const at = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`)
const posts = () => sent.filter((one) => one.route === 'POST participations')

/** Timers, promises and drawing, in turn. */
async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds)
  await nextTick()
}

async function tap(id: string): Promise<void> {
  const element = at(id)
  if (!element) throw new Error(`${id} is not there: ${document.body.textContent}`)
  element.click()
  await pass(0)
}

async function open(data: PageData): Promise<void> {
  if (app) app.unmount()
  document.body.innerHTML = '<div id="page"><div id="scene"></div><main id="app"></main></div><div id="privacy-text"></div>'
  app = createApp(App, { data, kind })
  app.mount('#app')
  await pass(0)
}

async function saluteOnce(): Promise<void> {
  await tap('start')
  await tap('age-adult')
  await tap('region')
  await tap('place-done')
  await tap('manner-citizen')
  await tap('salute-button')
}

// Brought by the page when somebody begins; here it is at hand.
beforeAll(() => import('./later'))

beforeEach(() => {
  vi.useFakeTimers({ now: NOW })
  localStorage.clear()
  sent = []
  routes = { 'GET me': () => [404, { error: { code: 'PARTICIPATION_NOT_FOUND' } }] }
  vi.stubGlobal('scrollTo', () => {})
  vi.stubGlobal('matchMedia', () => ({ matches: false }))
  vi.stubGlobal('WebSocket', class { close() {} })
  vi.stubGlobal('fetch', async (path: string, options: RequestInit) => {
    const route = `${options.method} ${path.split('?')[0]!.split('/').pop()!}`
    const body = options.body ? (JSON.parse(options.body as string) as Record<string, string>) : null
    sent.push({ route, body })
    const answer = routes[route] ? routes[route](body) : ([404, {}] as [number, unknown])
    if (!answer) throw new TypeError('network')
    return new Response(answer[0] === 204 ? null : JSON.stringify(answer[1]), { status: answer[0] })
  })
})

afterEach(() => {
  if (app) app.unmount()
  app = null
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a visit', () => {
  it('sends nothing of hers before she agreed, counts once and shows the server\'s number', async () => {
    routes['POST participations'] = () => [201, taken(true)]
    await open(pageData())
    expect(at('start')).toBeTruthy()
    await tap('start')
    expect(posts()).toEqual([])
    await tap('age-adult')
    await tap('region')
    await tap('place-done')
    await tap('manner-pioneer')
    await tap('salute-button')
    expect(posts().map((one) => one.body)).toEqual([{ activity: 'salute', region: '350602' }])
    expect(document.getElementById('page')!.getAttribute('data-flag')).toBe('rising')
    await pass(8_100)
    expect(document.getElementById('page')!.getAttribute('data-flag')).toBe('top')
    expect(at('ordinal')!.textContent).toBe('101')
    expect(at('words')).toBeTruthy()
    routes['GET me'] = () => [200, taken(true)]
    await open(pageData())
    expect(at('certificate')!.textContent).toContain('您已敬礼')
    await pass(120_000)
    expect(posts()).toHaveLength(1)
  })

  it('lets a child be counted, and asks for no words and remembers no place', async () => {
    routes['POST participations'] = () => [201, taken(true)]
    await open(pageData())
    await tap('start')
    await tap('age-child')
    await tap('place-skip')
    await tap('manner-pioneer')
    await tap('salute-button')
    await pass(8_100)
    expect(posts()[0]!.body).toEqual({ activity: 'salute', region: 'unsaid' })
    expect(at('ordinal')).toBeTruthy()
    expect(at('words')).toBeNull()
    expect(localStorage.getItem('wenming.place.flag')).toBeNull()
  })

  it('keeps a salute that does not get through, and sends it again by itself, also after a reload', async () => {
    routes['POST participations'] = () => null
    await open(pageData())
    await saluteOnce()
    await pass(8_100)
    expect(at('kept')!.textContent).toContain('已保存在本机，正在送达')
    expect(at('ordinal')).toBeNull()
    await open(pageData())
    expect(at('kept')).toBeTruthy()
    routes['POST participations'] = () => [201, taken(false)]
    await pass(60_000)
    expect(at('ordinal')!.textContent).toBe('101')
    const [last] = posts().slice(-1)
    expect(last!.body!.receipt).toBe('r')
    expect(posts()[1]!.body!.first_tried_at).toBe(new Date(NOW).toISOString())
    routes['POST participations'] = () => [200, taken(true)]
    await pass(120_000)
    const count = posts().length
    await pass(600_000)
    expect(posts()).toHaveLength(count)
    expect(at('durable')!.getAttribute('data-durable')).toBe('true')
  })

  it('plays the whole ceremony outside WeChat, says before and after that it does not count, and sends no salute', async () => {
    await open(pageData({ in_wechat: false, me: { signed_in: false, who: '', snapshot: false } }))
    expect(at('start')).toBeNull()
    expect(at('what-counts')!.textContent).toContain('请在微信中打开')
    await tap('watch')
    await tap('manner-citizen')
    await tap('salute-button')
    await pass(8_100)
    expect(at('not-counted')).toBeTruthy()
    expect(posts()).toEqual([])
    expect(localStorage.getItem('wenming.kept.flag')).toBeNull()
  })

  it('never offers a sign-in to a snapshot user', async () => {
    await open(pageData({ me: { signed_in: true, who: 'a1', snapshot: true } }))
    expect(at('start')).toBeNull()
    expect(at('what-counts')!.textContent).toContain('快照')
  })

  it('goes on by itself after a sign-in, and does not try again when it brought back nobody', async () => {
    const begun = JSON.stringify({ age: 'adult', at: NOW })
    localStorage.setItem('wenming.way', begun)
    await open(pageData())
    expect(at('place')).toBeTruthy()
    localStorage.setItem('wenming.way', begun)
    await open(pageData({ me: { signed_in: false, who: '', snapshot: false } }))
    expect(at('notice')!.textContent).toContain('登录没有成功')
    expect(at('start')).toBeTruthy()
    await open(pageData({ me: { signed_in: false, who: '', snapshot: false } }))
    expect(at('notice')).toBeNull()
  })

  it('shows what she did on another phone', async () => {
    routes['GET me'] = () => [200, taken(true)]
    await open(pageData())
    expect(at('ordinal')!.textContent).toBe('101')
  })

  it('forgets everything on this phone after a deletion', async () => {
    routes['POST participations'] = () => [201, taken(true)]
    await open(pageData())
    await saluteOnce()
    await pass(8_100)
    await tap('footer-privacy')
    expect(document.getElementById('page')!.classList.contains('aside')).toBe(true)
    await tap('delete')
    routes['DELETE me'] = () => [204, null]
    await tap('delete-confirm')
    await pass(0)
    expect(sent.filter((one) => one.route === 'DELETE me')).toHaveLength(1)
    expect(at('notice')!.textContent).toContain('已经删除')
    expect(Object.keys(localStorage).filter((name) => /kept|place|words/.test(name))).toEqual([])
  })

  it('says that a campaign is over and still lets her watch', async () => {
    const data = pageData()
    data.campaign.state = 'archived'
    await open(data)
    expect(at('phase')!.textContent).toContain('已经结束')
    expect(at('start')).toBeNull()
    expect(at('watch')).toBeTruthy()
  })

  it('says why a campaign is paused', async () => {
    const data = pageData()
    Object.assign(data.campaign, { state: 'paused', pause_reason: '系统维护，八点恢复' })
    await open(data)
    expect(at('phase')!.textContent).toContain('活动暂停：系统维护，八点恢复')
  })

  it('shows a draft to a guest, marked, and sends nothing whatever this phone keeps', async () => {
    localStorage.setItem('wenming.kept.flag', JSON.stringify([{ activity: 'salute', period: 'all', region: '350602', unit: '', manner: null,
      adult: true, state: 'waiting', firstTriedAt: NOW, tries: 0, nextAt: NOW, answer: null, problem: '' }]))
    const sockets = vi.fn()
    vi.stubGlobal('WebSocket', class { constructor() { sockets() } close() {} })
    await open(pageData({ preview: true, counters: null, me: { signed_in: false, who: '', snapshot: false }, in_wechat: false, login: '' }))
    expect(at('mark-preview')!.textContent).toBe('预览')
    expect(at('what-counts')!.textContent).toContain('不计入人数')
    await tap('watch')
    await tap('manner-citizen')
    await tap('salute-button')
    await pass(60_000)
    expect(sent).toEqual([])
    expect(sockets).not.toHaveBeenCalled()
  })

  it('shows a refusal in words and gives no number', async () => {
    routes['POST participations'] = () => [403, { error: { code: 'VOIDED', message: '这次参与已被工作人员作废' } }]
    await open(pageData())
    await saluteOnce()
    await pass(8_100)
    expect(at('refused')!.textContent).toContain('作废')
    expect(at('ordinal')).toBeNull()
  })
})

describe('once more with a child', () => {
  it('holds the ceremony again, keeps a page without ordinal, and sends nothing', async () => {
    routes['POST participations'] = () => [201, taken(true)]
    await open(pageData())
    await saluteOnce()
    await pass(9_000)
    expect(at('ordinal')!.textContent).toBe('101')
    const before = sent.length
    await tap('with-child')
    expect(at('watching')).toBeTruthy()
    await tap('manner-pioneer')
    await tap('salute-button')
    await pass(9_000)
    expect(at('together')!.textContent).toContain('与孩子一起')
    expect(at('together')!.textContent).toContain('没有新的序号')
    expect([at('ordinal'), at('poster-open'), document.body.textContent!.includes('101')]).toEqual([null, null, false])
    expect(sent.slice(before).filter((one) => one.route.startsWith('POST'))).toEqual([])
    await tap('together-back')
    expect(at('ordinal')!.textContent).toBe('101')
    expect(posts()).toHaveLength(1)
  })

  it('is offered to nobody who was not counted', async () => {
    await open(pageData({ me: { signed_in: false, who: '', snapshot: false }, in_wechat: false }))
    await tap('watch')
    await tap('manner-citizen')
    await tap('salute-button')
    await pass(9_000)
    expect(at('not-counted')).toBeTruthy()
    expect(at('with-child')).toBeNull()
  })
})
