/** Visits of a pledge, a quiz and a wall against a stubbed server: what is sent, what is kept, and what is not. */
import { createApp, nextTick, type App as VueApp } from 'vue'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import App from './App.vue'
import type { Kind } from './kind'
import type { PageData } from './types'
import { kind as messages } from './kinds/messages'
import { kind as pledge } from './kinds/pledge'
import { kind as quiz } from './kinds/quiz'
import { chosen, missing } from './kinds/quiz/sheet'

const NOW = Date.parse('2026-10-01T08:00:00+08:00')
const QUESTIONS = [
  { code: 'q1', kind: 'single', text: '国旗有几颗星', options: [{ code: 'a', text: '四颗' }, { code: 'b', text: '五颗' }] },
  { code: 'q2', kind: 'multiple', text: '国歌的作者', options: [{ code: 'a', text: '田汉' }, { code: 'b', text: '聂耳' }, { code: 'c', text: '光未然' }] },
]
const SHEET = {
  score: 1, asked: 2, questions: [{ code: 'q1', chosen: ['b'], right: ['b'], is_right: true, why: '一大四小' }, { code: 'q2', chosen: ['a'], right: ['a', 'b'], is_right: false, why: '田汉作词，聂耳作曲' }],
}
const RULES: Record<string, unknown> = {
  pledge: { head: '我承诺', text: '做文明的人', items: [{ code: 'i1', text: '不闯红灯' }], signature: true }, quiz: { asked: 2 }, messages: { prompt: '想说什么', hint: '', names: true },
}

function pageData(name: string, change: Partial<PageData> = {}): PageData {
  return {
    campaign: {
      slug: 'try', title: '活动', kind: name, rules: RULES[name], state: 'open', period_rule: 'all', period: 'all', server_time: '2026-10-01T08:00:00+08:00',
      opens_at: '2026-09-25T00:00:00+08:00', closes_at: '2026-10-09T00:00:00+08:00', activities: [{ code: 'main', title: '主活动', verb: '承诺', children: false }],
      regions: [{ code: 'unsaid', name: '不便选择', initials: '', parent: null, order: 9, own: true }], form: { region: true, unit: false, free_words: true },
      presets: [{ code: 'p1', text: '愿祖国繁荣昌盛' }], theme: {}, share: {}, organiser: { name: '主办单位' }, demo: false, simulated: true,
    },
    counters: null, me: { signed_in: true, who: 'a1', snapshot: false }, in_wechat: true, jweixin: '', login: '/login', simulated: true, ...change,
  }
}

type Answer = [number, unknown] | null
let routes: Record<string, (body: Record<string, unknown> | null) => Answer>
let sent: { route: string; body: Record<string, unknown> | null }[]
let app: VueApp | null = null
const counted = { ordinal: 7, first: true, activities: ['main'], participated_at: '2026-10-01T08:00:00+08:00', durable: true, receipt: 'r', period: 'all' }
const at = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`)
const bodies = (route: string) => sent.filter((one) => one.route === route).map((one) => one.body)
const own = () => JSON.parse(localStorage.getItem('wenming.own.try') || 'null') as unknown

async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds)
  await nextTick()
}
async function tap(id: string, n = 0): Promise<void> {
  const element = document.querySelectorAll<HTMLElement>(`[data-testid="${id}"]`)[n]
  if (!element) throw new Error(`${id} is not there: ${document.body.textContent}`)
  element.click()
  await pass(0)
}
async function write(id: string, text: string): Promise<void> {
  const field = at(id) as HTMLInputElement
  field.value = text
  field.dispatchEvent(new Event('input'))
  await pass(0)
}
async function open(kind: Kind, data: PageData): Promise<void> {
  if (app) app.unmount()
  document.body.innerHTML = '<div id="page"><main id="app"></main></div><div id="privacy-text"></div>'
  app = createApp(App, { data, kind })
  app.mount('#app')
  await pass(0)
}
async function toTheAct(kind: Kind, name: string, age = 'adult'): Promise<void> {
  await open(kind, pageData(name))
  await tap('start')
  await tap(`age-${age}`)
  await tap('place-skip')
}

beforeAll(() => import('./later'))
beforeEach(() => {
  vi.useFakeTimers({ now: NOW })
  localStorage.clear()
  sent = []
  routes = {
    'GET me': () => [404, { error: { code: 'PARTICIPATION_NOT_FOUND' } }], 'POST participations': () => [201, counted],
    'GET paper': () => [200, { paper: 'aaaaaaaaaaaa', questions: QUESTIONS }], 'POST answers': () => [200, SHEET],
    'GET messages': () => [200, { items: [{ name: '王**', message: '山河无恙', at: '2026-10-01T07:00:00+08:00' }], next: null }], 'POST messages': () => [201, { state: 'approved' }],
  }
  vi.stubGlobal('scrollTo', () => {})
  vi.stubGlobal('matchMedia', () => ({ matches: false }))
  vi.stubGlobal('WebSocket', class { close() {} })
  vi.stubGlobal('fetch', async (path: string, options: RequestInit) => {
    const route = `${options.method} ${path.split('?')[0]!.split('/').pop()!}`
    const body = options.body ? (JSON.parse(options.body as string) as Record<string, unknown>) : null
    sent.push({ route, body })
    const answer = routes[route] ? routes[route](body) : ([404, {}] as Answer)
    if (!answer) throw new TypeError('network')
    return new Response(JSON.stringify(answer[1]), { status: answer[0] })
  })
})
afterEach(() => {
  if (app) app.unmount()
  app = null
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a pledge', () => {
  it('is given by the button, counts once and sends the place alone', async () => {
    await toTheAct(pledge, 'pledge')
    expect(at('pledge')!.textContent).toContain('不闯红灯')
    await tap('pledge-button')
    await pass(10)
    expect(bodies('POST participations')).toEqual([{ activity: 'main', region: 'unsaid' }])
    expect(at('certificate')!.textContent).toContain('位作出承诺的人')
    expect(at('signature')).toBeNull()
  })

  it('is signed by no child', async () => {
    await toTheAct(pledge, 'pledge', 'child')
    expect(at('sign-field')).toBeNull()
    await tap('pledge-button')
    expect(own()).toBeNull()
  })
})

describe('a quiz', () => {
  async function answers(): Promise<void> {
    await tap('option', 1)
    await tap('quiz-next')
    await tap('option', 0)
    await tap('quiz-hand')
    await pass(10)
  }

  it('takes one of a single choice and each of a multiple one', () => {
    const [single, multiple] = QUESTIONS as Parameters<typeof chosen>[0][]
    expect(chosen(single!, ['a'], 'b')).toEqual(['b'])
    expect(chosen(multiple!, ['a'], 'b')).toEqual(['a', 'b'])
    expect(chosen(multiple!, ['a', 'b'], 'a')).toEqual(['b'])
    expect(missing([single!, multiple!], { q1: ['a'], q2: [] })).toBe(1)
  })

  it('counts when all is answered, and shows score, right answers and why', async () => {
    await toTheAct(quiz, 'quiz')
    expect(bodies('POST participations')).toEqual([])
    await answers()
    expect(bodies('POST answers')).toEqual([{ paper: 'aaaaaaaaaaaa', answers: { q1: ['b'], q2: ['a'] } }])
    expect(bodies('POST participations')).toHaveLength(1)
    expect(at('certificate')!.textContent).toContain('答对 1 题，共 2 题')
    expect(at('quiz-result')!.textContent).toContain('田汉作词，聂耳作曲')
  })

  it('may be answered again, shows the new score and sends no second participation', async () => {
    await toTheAct(quiz, 'quiz')
    await answers()
    routes['POST answers'] = () => [200, { ...SHEET, score: 2 }]
    await tap('again')
    await answers()
    expect(at('certificate')!.textContent).toContain('答对 2 题，共 2 题')
    expect(bodies('POST participations')).toHaveLength(1)
  })

  it('without network counts all the same, keeps the answers and is judged later', async () => {
    routes['POST answers'] = () => null
    await toTheAct(quiz, 'quiz')
    await answers()
    expect(at('ordinal')).toBeTruthy()
    expect(at('quiz-waiting')!.textContent).toContain('网络')
    routes['POST answers'] = () => [200, SHEET]
    await tap('quiz-judge')
    await pass(10)
    expect(at('score')!.getAttribute('data-value')).toBe('1')
  })

  it('goes on where she stopped, with the answers that she had given', async () => {
    await toTheAct(quiz, 'quiz')
    await tap('option', 1)
    await open(quiz, pageData('quiz'))
    await tap('start')
    await tap('age-adult')
    await tap('place-done')
    expect(document.querySelectorAll('[data-testid="option"].on')).toHaveLength(1)
  })

  it('says why it cannot be answered, and offers to try again', async () => {
    routes['GET paper'] = () => [409, { error: { code: 'CAMPAIGN_PAUSED', message: '活动暂停，请稍后再来答题' } }]
    await toTheAct(quiz, 'quiz')
    expect(at('quiz-problem')!.textContent).toContain('活动暂停')
  })

  it('is judged by itself in a preview, which asks the server for nothing', async () => {
    const whole = QUESTIONS.map((one, n) => ({ ...one, right: n ? ['a', 'b'] : ['b'], why: '解释' }))
    const data = pageData('quiz', { preview: true, me: { signed_in: false, who: '', snapshot: false }, in_wechat: false, login: '' })
    data.campaign.rules = { asked: 2, questions: whole }
    await open(quiz, data)
    await tap('watch')
    await answers()
    expect(at('score')!.getAttribute('data-value')).toBe('1')
    expect(sent).toEqual([])
  })
})

describe('a wall of messages', () => {
  it('shows what is approved, and sends a chosen one once she was counted', async () => {
    await open(messages, pageData('messages'))
    expect(at('wall')!.textContent).toContain('山河无恙')
    await toTheAct(messages, 'messages')
    await tap('preset')
    routes['POST participations'] = () => null
    await tap('words-send')
    await pass(10)
    expect(bodies('POST messages')).toEqual([])
    routes['POST participations'] = () => [201, counted]
    await pass(10_000)
    expect(bodies('POST messages')).toEqual([{ preset: 'p1' }])
    expect(at('words-said')!.textContent).toContain('已经上墙')
  })

  it('keeps own words until the server has them, with the name that she gave', async () => {
    routes['POST messages'] = () => null
    await toTheAct(messages, 'messages')
    await write('own-words', ' 荔枝红了 ')
    await write('own-name', '林小禾')
    await tap('words-send')
    await pass(10)
    expect(at('words-waiting')!.textContent).toContain('已保存在本机')
    routes['POST messages'] = () => [202, { state: 'pending' }]
    await pass(20_000)
    expect(bodies('POST messages').pop()).toEqual({ message: '荔枝红了', name: '林小禾' })
    expect(at('words-said')!.textContent).toContain('审核后展示')
    const count = bodies('POST messages').length
    await pass(120_000)
    expect(bodies('POST messages')).toHaveLength(count)
  })

  it('gives refused words back to be written anew', async () => {
    routes['POST messages'] = () => [422, { error: { code: 'WORDS_REFUSED', message: '内容含有不宜公开的词语，请修改后再试' } }]
    await toTheAct(messages, 'messages')
    await write('own-words', '坏话')
    await tap('words-send')
    await pass(10)
    expect(at('words-problem')!.textContent).toContain('请修改')
    routes['POST messages'] = () => [201, {}]
    await tap('preset')
    await tap('words-send')
    await pass(10)
    expect(at('words-said')).toBeTruthy()
  })

  it('takes no words of a child and sends nothing of hers', async () => {
    await toTheAct(messages, 'messages', 'child')
    expect(at('own-words')).toBeNull()
    await tap('preset')
    await tap('words-send')
    await pass(60_000)
    expect(at('ordinal')).toBeTruthy()
    expect(bodies('POST messages')).toEqual([])
    expect(own()).toBeNull()
  })

  it('offers what is new and moves nothing by itself', async () => {
    await open(messages, pageData('messages'))
    routes['GET messages'] = () => [200, { items: [{ name: '一位市民', message: '灯火可亲', at: '2026-10-01T08:00:00+08:00' }, { name: '王**', message: '山河无恙', at: '2026-10-01T07:00:00+08:00' }], next: null }]
    await pass(26_000)
    expect(at('wall')!.textContent).not.toContain('灯火可亲')
    await tap('wall-new')
    await pass(10)
    expect(at('wall')!.textContent).toContain('灯火可亲')
  })
})
