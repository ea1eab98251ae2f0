/** A made-up campaign for a look at the wall: no server is asked, nothing of it is real, and the wall says so. */
import type { Frame } from './figures'
import type { Open } from './useFigures'
import type { View } from './view'

const NAMES = ['东湖区', '西山区', '南城区', '北城区', '江口区', '临海县', '青山县', '白石县', '长桥县', '望岭县', '河源县', '开发区', '市直', '市外', '不便选择']
const WEIGHTS = [16, 9, 20, 6, 8, 18, 12, 5, 7, 10, 4, 6, 3, 2, 1]
const REGIONS = NAMES.map((name, i) => ({ code: `d${String(i + 1).padStart(2, '0')}`, name }))
const ACTIVITIES = [{ code: 'salute', title: '礼敬国旗' }, { code: 'heroes', title: '致敬先烈' }, { code: 'children', title: '童心向党' }]
const MINUTE_MS = 60_000
const TICK_MS = 500
const MINUTES = 120

/** New participants in a minute: quiet at night, a rise in the morning, each minute a little different and the same for everybody. */
function amount(minute: number): number {
  const hour = ((minute / 60 + 8) % 24 + 24) % 24
  const day = Math.exp(-((hour - 9.5) ** 2) / 12) + 0.7 * Math.exp(-((hour - 19.5) ** 2) / 6) + 0.06
  return Math.round(day * 5200 * (0.86 + 0.28 * Math.abs(Math.sin(minute * 12.9898) * 43758.5453 % 1)))
}

export function demoView(now = Date.now()): View {
  const minute = Math.floor(now / MINUTE_MS)
  const at = (m: number) => new Date(m * MINUTE_MS).toISOString()
  return {
    slug: 'demo', title: '向国旗敬礼', state: 'open', period_rule: 'all', opens_at: at(minute - 4000), closes_at: at(minute + 4000),
    server_time: new Date(now).toISOString(), organiser: '', activities: ACTIVITIES, regions: REGIONS, demo: true, simulated: false,
    units: { total: 1286, taking_part: 1042 }, switches: {}, ceremony: { is_armed: false }, map: null, by_link: true,
    yesterday: Array.from({ length: MINUTES + 1 }, (_, i) => [at(minute - 1440 - MINUTES + i), Math.round(amount(minute - 1440 - MINUTES + i) * 0.82)]),
  }
}

export const demoFeed: Open = (_slug, onFrame, onLine) => {
  const first = Math.floor(Date.now() / MINUTE_MS)
  let participants = 1_204_500
  let id = 0
  let left = 0
  const sum = WEIGHTS.reduce((a, b) => a + b)

  function frame(now: number): Frame {
    const minute = Math.floor(now / MINUTE_MS)
    const part = (now % MINUTE_MS) / MINUTE_MS
    const total = participants
    return {
      type: id ? 'delta' : 'snapshot', id: id++, as_of: new Date(now).toISOString(), server_time: new Date(now).toISOString(), period: 'all',
      participants: total, participations: Math.round(total * 1.31), group_reported: 86_420, voids: 0, stale_shards: 0,
      by_region: Object.fromEntries(REGIONS.map(({ code }, i) => [code, Math.floor((total * WEIGHTS[i]!) / sum)])),
      by_activity: { salute: total, heroes: Math.round(total * 0.19), children: Math.round(total * 0.12) },
      by_minute: [...(id === 1 ? Array.from({ length: MINUTES }, (_, i) => minute - MINUTES + i) : [minute - 1])
        .map((m): [string, number] => [new Date(m * MINUTE_MS).toISOString(), amount(m)]),
      [new Date(minute * MINUTE_MS).toISOString(), Math.round(amount(minute) * part)]],
    }
  }

  function tick() {
    const now = Date.now()
    left += (amount(Math.floor(now / MINUTE_MS)) * TICK_MS) / MINUTE_MS
    participants += Math.floor(left)
    left %= 1
    onFrame(frame(now))
  }

  participants += amount(first)
  onLine('live')
  tick()
  const timer = window.setInterval(tick, TICK_MS)
  return { close: () => clearInterval(timer) }
}

export const DEMO_MESSAGES = [
  { id: '1', name: '张**', message: '愿祖国繁荣昌盛。' }, { id: '2', name: '', message: '向国旗敬礼，向先烈致敬。' },
  { id: '3', name: '林*', message: '清晨的旗帜升起来，我站得很直。' },
]
