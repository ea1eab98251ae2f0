/**
 * A stand-in for the server while the campaign page is worked on: `npm run dev`, then open /c/salute-the-flag.
 * It keeps the contract's shapes and no more; the real server decides what is right.
 *
 * `?as=` plays who is looking: signed (default), guest (in WeChat, not signed in), snapshot, outside.
 * POST /mock {"trouble": "busy" | "down" | "slow" | "" , "ended": bool} makes the API misbehave.
 */
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { resolve } from 'node:path'
import type { Plugin, ViteDevServer } from 'vite'

const SLUG = 'salute-the-flag'
const REGIONS = ['芗城区 xcq 350602', '龙文区 lwq 350603', '龙海区 lhq 350604', '长泰区 ctq 350605', '云霄县 yxx 350622', '漳浦县 zpx 350623', '诏安县 zax 350624',
  '东山县 dsx 350626', '南靖县 njx 350627', '平和县 phx 350628', '华安县 hax 350629', '市直 sz shizhi', '市外 sw shiwai', '不便选择 bbxz unsaid']
const SCHOOLS = ['实验小学 syxx', '第一中学 dyzx', '龙师附小 lsfx', '芝山小学 zsxx', '区教育局 qjyj']

interface Memory {
  trouble: string
  ended: boolean
  total: number
  record: { ordinal: number; activities: string[]; at: string; sent: number } | null
  message: boolean
}

const memory: Memory = { trouble: '', ended: false, total: 128_306, record: null, message: false }
const iso = (milliseconds: number) => new Date(milliseconds + 8 * 3600_000).toISOString().slice(0, 19) + '+08:00'
const DAY = 86_400_000

function campaign() {
  const now = Date.now()
  return {
    slug: SLUG, title: '向国旗敬礼', state: memory.ended ? 'archived' : 'open', period_rule: 'all', period: 'all', simulated: true, demo: true,
    opens_at: iso(now - 3 * DAY), closes_at: iso(memory.ended ? now - DAY : now + 11 * DAY), server_time: iso(now),
    activities: [
      { code: 'salute', title: '礼敬国旗', verb: '敬礼', children: false },
      { code: 'heroes', title: '致敬先烈', verb: '献花致敬', children: false },
      { code: 'children', title: '童心向党', verb: '表达心声', children: true },
    ],
    regions: REGIONS.map((line, order) => {
      const [name, initials, code] = line.split(' ')
      return { code, name, initials, parent: null, order, own: order > 10 }
    }),
    form: { region: true, unit: true, free_words: false },
    presets: ['愿祖国繁荣昌盛，山河无恙', '铭记先烈，珍惜今天', '请党放心，强国有我'].map((text, i) => ({ code: `p${i + 1}`, text })),
    theme: {}, share: { title: '向国旗敬礼', desc: '一起向国旗敬礼', image: '' },
    organiser: { name: '漳州市精神文明建设办公室', icp: '闽ICP备00000000号', police: '闽公网安备 35060000000000号', telephone: '0596-0000000', responsible_person: '（演示）', report_url: '/report' },
    steps: [],
  }
}

function counters() {
  memory.total += Math.floor(Math.random() * 9)
  const n = memory.total
  return { period: 'all', participants: n, participations: n + 4000, by_activity: { salute: n, heroes: 3000, children: 1000 }, by_region: {}, by_minute: [], group_reported: 0, as_of: iso(Date.now()) }
}

function pageData(query: URLSearchParams) {
  const as = query.get('as') || 'signed'
  return {
    campaign: campaign(), counters: counters(), me: { signed_in: as === 'signed', who: as === 'signed' ? 'a1' : '', snapshot: as === 'snapshot' }, in_wechat: as !== 'outside',
    jweixin: '', login: `/mock/login?next=/c/${SLUG}`, simulated: true,
  }
}

const error = (code: string, message: string) => ({ error: { code, message, request_id: 'mock' } })

function record(body: { activity: string }) {
  const first = !memory.record
  memory.record = memory.record || { ordinal: ++memory.total, activities: [], at: iso(Date.now()), sent: 0 }
  const mine = memory.record
  if (body.activity && mine.activities.indexOf(body.activity) < 0) mine.activities.push(body.activity)
  return { ordinal: mine.ordinal, first, activities: mine.activities, participated_at: mine.at, durable: mine.sent++ > 0, receipt: `r${mine.ordinal}`, period: 'all' }
}

/** The answer of one API route: status and value. */
function answer(method: string, path: string, query: URLSearchParams, body: Record<string, string>): [number, unknown] {
  if (memory.trouble === 'busy' && path.endsWith('/participations')) return [503, error('BUSY', '')]
  if (path.endsWith('/units')) {
    const region = query.get('region') || ''
    const items = /^\d+$/.test(region) ? SCHOOLS.map((line, i) => ({ code: `${region}-00${i + 1}`, name: line.split(' ')[0], initials: line.split(' ')[1] })) : []
    return [200, { items, next: null }]
  }
  if (path.endsWith('/counters')) return [200, counters()]
  if (path.endsWith('/participations/me')) return memory.record ? [200, record({ activity: '' })] : [404, error('PARTICIPATION_NOT_FOUND', '')]
  if (path.endsWith('/participations')) return [201, record(body as { activity: string })]
  if (path.endsWith('/messages')) return memory.message ? [409, error('MESSAGE_ALREADY_LEFT', '')] : ((memory.message = true), [201, {}])
  if (path.endsWith('/visits')) return [204, null]
  if (path === '/api/v1/citizens/me' && method === 'DELETE') return (memory.record = null), [204, null]
  return [404, error('NOT_FOUND', '没有找到')]
}

async function text(request: IncomingMessage): Promise<string> {
  let all = ''
  for await (const part of request) all += String(part)
  return all
}

async function serve(request: IncomingMessage, response: ServerResponse, page: (path: string) => Promise<string>): Promise<boolean> {
  const url = new URL(request.url || '/', 'http://mock')
  const path = url.pathname
  if (path === `/c/${SLUG}`) {
    const still = `<h1>向国旗敬礼</h1><p>2026年9月25日 — 10月8日<br>主办：漳州市精神文明建设办公室</p><noscript><p>请在微信中打开本页，升国旗，敬礼。</p></noscript>`
    const html = (await page(path))
      .replace('<!--wenming:head-->', '<title>向国旗敬礼</title>').replace('<!--wenming:noscript-->', still)
      .replace('"__WENMING_DATA__"', () => JSON.stringify(pageData(url.searchParams)).replace(/</g, '\\u003c'))
    response.setHeader('Content-Type', 'text/html; charset=utf-8')
    response.end(html)
    return true
  }
  if (path === '/mock') {
    Object.assign(memory, JSON.parse((await text(request)) || '{}'))
    response.end('{}')
    return true
  }
  if (path === '/mock/login') {
    response.writeHead(302, { Location: `${(url.searchParams.get('next') || '').split('?')[0]}?as=signed` }).end()
    return true
  }
  if (!path.startsWith('/api/')) return false
  if (memory.trouble === 'down') {
    request.socket.destroy()
    return true
  }
  if (memory.trouble === 'slow') await new Promise((done) => setTimeout(done, 3000))
  if (path.endsWith('me.jpg')) {
    if (memory.trouble === 'busy' || !memory.record) {
      response.writeHead(memory.record ? 503 : 404, { 'Retry-After': '2' }).end(JSON.stringify(error(memory.record ? 'POSTERS_BUSY' : 'PARTICIPATION_NOT_FOUND', '')))
      return true
    }
    response.setHeader('Content-Type', 'image/svg+xml')
    response.end('<svg xmlns="http://www.w3.org/2000/svg" width="750" height="1334"><path fill="#f4ead2" d="M0 0h750v1334H0z"/><text x="375" y="640" font-size="48" text-anchor="middle">poster</text></svg>')
    return true
  }
  const raw = await text(request)
  const [status, value] = answer(request.method || 'GET', path, url.searchParams, raw ? JSON.parse(raw) : {})
  response.writeHead(status, status === 503 ? { 'Retry-After': '2' } : {}).end(value === null ? '' : JSON.stringify(value))
  return true
}

export function mockServer(): Plugin {
  const root = resolve(import.meta.dirname, '..')
  const asked = (page: (path: string) => Promise<string>) => (request: IncomingMessage, response: ServerResponse, next: (problem?: unknown) => void) =>
    void serve(request, response, page).then((done) => done || next(), next)
  return {
    name: 'mock-server',
    configureServer(server: ViteDevServer) {
      server.middlewares.use(asked((path) => server.transformIndexHtml(path, readFileSync(resolve(root, 'campaign.html'), 'utf8'))))
    },
    configurePreviewServer(server) {
      server.middlewares.use(asked(async () => readFileSync(resolve(root, '../assets/h5/campaign.html'), 'utf8')))
    },
  }
}
