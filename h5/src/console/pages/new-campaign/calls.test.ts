import { afterEach, describe, expect, it, vi } from 'vitest'
import { dayAfter, dayCount, days, isReportAddress, make, proposedSlug, SLUG, usualOrganiser, weekday, type Known, type Template, type Wish } from './calls'

afterEach(() => vi.unstubAllGlobals())
const known = (slug: string, organiser: Record<string, string>, demo = false) => ({ slug, organiser, demo }) as unknown as Known
const salute = { code: 'salute', name: '向国旗敬礼', about: '', kind: 'salute', title: '向国旗敬礼', period_rule: 'all', activities: [] } satisfies Template

describe('the code that is proposed', () => {
  it('is the kind and the year, and one that nobody has', () => {
    expect(proposedSlug('salute', '2026-10-01T00:00:00+08:00', [])).toBe('salute-2026')
    expect(proposedSlug('salute', '2026-10-01', ['salute-2026', 'salute-2026-2'])).toBe('salute-2026-3')
    expect(SLUG.test(proposedSlug('Very Long_Template of another city and more', '2026', []))).toBe(true)
    expect(SLUG.test(proposedSlug('---', '2026', []))).toBe(true)
  })
})

describe('where citizens report', () => {
  it('is an address that the server would take, or nothing yet', () => {
    for (const typed of ['', ' ', 'https://city.example/jubao', 'mailto:jubao@city.example', '/report']) expect(isReportAddress(typed), typed).toBe(true)
    for (const typed of ['12345', '0596-2345678', 'http://city.example', 'jubao@city.example', '//city.example', 'https://城市.cn']) expect(isReportAddress(typed), typed).toBe(false)
  })
})

describe('the window', () => {
  it('is of whole days in Shanghai, with the day of the week', () => {
    const { opens_at, closes_at } = days('2026-10-01', '2026-10-07')
    expect(dayCount(opens_at, closes_at)).toBe(7)
    expect([weekday(opens_at, 'zh'), weekday(closes_at, 'zh'), weekday(opens_at, 'en'), weekday('', 'zh')]).toEqual(['星期四', '星期三', 'Thursday', ''])
    expect(weekday('2026-09-30T17:00:00Z', 'zh')).toBe('星期四') // one in the morning there
  })

  it('begins on a day of Shanghai, wherever the editor is', () => {
    expect(dayAfter(Date.parse('2026-09-30T16:30:00Z'), 0)).toBe('2026-10-01')
    expect(dayAfter(Date.parse('2026-09-30T15:30:00Z'), 7)).toBe('2026-10-07')
  })
})

describe('the footer', () => {
  it('is that of the newest real campaign, else of a demo, else empty', () => {
    expect(usualOrganiser([known('a', {}), known('demo', { name: '演示' }, true), known('b', { name: '市文明办' })])).toEqual({ name: '市文明办' })
    expect(usualOrganiser([known('demo', { name: '演示' }, true)])).toEqual({ name: '演示' })
    expect(usualOrganiser([])).toEqual({})
  })
})

describe('making it', () => {
  const wish: Wish = { template: salute, title: '向国旗敬礼', slug: 'salute-2026', opens_at: '2026-10-01T00:00:00+08:00', closes_at: '2026-10-07T23:59:59+08:00', period_rule: 'daily', organiser: { name: '市文明办' }, placesOf: 'last-year' }
  const answers = (places: Response) => vi.fn(async (path: string, options: RequestInit) => {
    if (path.endsWith('/draft') && options.method === 'GET') return new Response(JSON.stringify({ rev: 0, content: { title: '向国旗敬礼', period_rule: 'all', theme: {} } }))
    return path.endsWith('/places/copy') ? places : new Response(JSON.stringify({ slug: 'salute-2026', period_rule: 'all' }))
  })

  it('takes the template, then writes what differs, then takes the places over', async () => {
    const fetched = answers(new Response('{"regions":13}'))
    vi.stubGlobal('fetch', fetched)
    expect(await make(wish)).toEqual({ slug: 'salute-2026', problem: null })
    const base = '/api/v1/staff/campaigns'
    expect(fetched.mock.calls.map(([path, { method }]) => `${method} ${path}`)).toEqual([`POST ${base}`, `GET ${base}/salute-2026/draft`, `PUT ${base}/salute-2026/draft`, `POST ${base}/salute-2026/places/copy`])
    expect(JSON.parse(String(fetched.mock.calls[0]![1].body))).toEqual({ template: 'salute', title: '向国旗敬礼', slug: 'salute-2026', opens_at: wish.opens_at, closes_at: wish.closes_at, organiser: { name: '市文明办' } })
    expect(JSON.parse(String(fetched.mock.calls[2]![1].body))).toEqual({ rev: 0, content: { title: '向国旗敬礼', period_rule: 'daily', theme: {} } })
  })

  it('says which later step failed: the campaign is there all the same', async () => {
    vi.stubGlobal('fetch', answers(new Response('{"error":{"code":"PLACES_MISSING","message":"那个活动没有区县可以沿用"}}', { status: 409 })))
    const { slug, problem } = await make(wish)
    expect(slug).toBe('salute-2026')
    expect(problem).toMatchObject({ code: 'PLACES_MISSING' })
  })

  it('makes nothing where the campaign itself is refused', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => new Response('{"error":{"code":"SLUG_TAKEN","message":"这个活动代码已被使用"}}', { status: 409 })))
    await expect(make(wish)).rejects.toMatchObject({ code: 'SLUG_TAKEN' })
  })
})
