/** The live total's line: a socket where there is a place, else polls; and how it comes back. */
import { createApp, type App } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Counters } from './types'
import { useLive } from './useLive'

class Socket {
  static made: Socket[] = []
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: (() => void) | null = null
  readonly at = Date.now()
  constructor(readonly url: string) {
    Socket.made.push(this)
  }
  close(): void {
    if (this.onclose) this.onclose()
  }
  say(frame: object): void {
    if (this.onmessage) this.onmessage({ data: JSON.stringify(frame) })
  }
}

let app: App | null = null
let live: ReturnType<typeof useLive>
let polls: number[] = []
let told: string[] = []
let hidden = false

function open(): void {
  app = createApp({ setup: () => ((live = useLive('flag', null, (time) => told.push(time))), () => null) })
  app.mount(document.createElement('div'))
}

const newest = () => Socket.made[Socket.made.length - 1]!

beforeEach(() => {
  vi.useFakeTimers()
  Socket.made = []
  ;[polls, told, hidden] = [[], [], false]
  vi.spyOn(document, 'hidden', 'get').mockImplementation(() => hidden)
  vi.stubGlobal('WebSocket', Socket)
  vi.stubGlobal('fetch', async () => {
    polls.push(Date.now())
    return new Response(JSON.stringify({ period: 'all', participants: 100 + polls.length, participations: 0, by_activity: {}, as_of: '', server_time: 'now' } as unknown as Counters))
  })
})
afterEach(() => {
  if (app) app.unmount()
  app = null
  vi.useRealTimers()
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

describe('a page past the limit of sockets', () => {
  it('polls every five seconds with jitter, and shows what it reads', async () => {
    open()
    newest().close() // 503 at the upgrade
    const began = Date.now()
    vi.spyOn(Math, 'random').mockReturnValue(0.999_999) // a later retry does not come between
    await vi.advanceTimersByTimeAsync(60_000)
    expect(live.connected.value).toBe(false)
    expect(live.shown.value.participants).toBe(100 + polls.length)
    const pauses = polls.map((at, n) => at - (n ? polls[n - 1]! : began))
    expect(polls.length).toBeGreaterThanOrEqual(9)
    pauses.forEach((pause) => expect(pause).toBeGreaterThanOrEqual(3_750))
    pauses.forEach((pause) => expect(pause).toBeLessThanOrEqual(6_250))
    expect(told).toEqual(polls.map(() => 'now'))
  })

  it('polls at moments of its own', async () => {
    const firsts = new Set<number>()
    for (let page = 0; page < 20; page += 1) {
      polls = []
      open()
      newest().close()
      const began = Date.now()
      await vi.advanceTimersByTimeAsync(7_000)
      firsts.add(polls[0]! - began)
      app!.unmount()
    }
    expect(firsts.size).toBeGreaterThan(10)
  })

  it('stops polling once it has a place', async () => {
    open()
    newest().close()
    await vi.advanceTimersByTimeAsync(20_000)
    expect(Socket.made.length).toBeGreaterThan(1)
    newest().say({ type: 'snapshot', period: 'all', participants: 900 })
    const before = polls.length
    for (let beat = 0; beat < 6; beat += 1) {
      await vi.advanceTimersByTimeAsync(10_000)
      newest().say({ type: 'heartbeat' })
    }
    expect([polls.length, live.shown.value.participants]).toEqual([before, 900])
  })
})

describe('a restart of the server', () => {
  it('brings pages back over ten seconds', async () => {
    const back: number[] = []
    for (let page = 0; page < 40; page += 1) {
      open()
      newest().say({ type: 'snapshot', period: 'all', participants: 1 })
      const [lost, sockets] = [Date.now(), Socket.made.length]
      newest().close() // 1012
      await vi.advanceTimersByTimeAsync(10_000)
      expect(Socket.made.length).toBe(sockets + 1)
      back.push(newest().at - lost)
      app!.unmount()
    }
    expect(Math.max(...back)).toBeGreaterThan(6_000)
    expect(Math.min(...back)).toBeLessThan(4_000)
    expect(new Set(back).size).toBeGreaterThan(30)
  })

  it('is asked after ever more rarely while nobody answers', async () => {
    open()
    vi.spyOn(Math, 'random').mockReturnValue(1)
    for (const pause of [10_000, 20_000, 40_000, 80_000, 120_000, 120_000]) {
      const [sockets] = [Socket.made.length]
      newest().close()
      await vi.advanceTimersByTimeAsync(pause - 1)
      expect(Socket.made.length).toBe(sockets)
      await vi.advanceTimersByTimeAsync(1)
      expect(Socket.made.length).toBe(sockets + 1)
    }
  })
})

describe('the line', () => {
  it('tells the server\'s time of each frame that has it', () => {
    open()
    newest().say({ type: 'snapshot', period: 'all', participants: 1, server_time: 'a' })
    newest().say({ type: 'delta', participants: 2 })
    newest().say({ type: 'heartbeat', server_time: 'b' })
    expect(told).toEqual(['a', 'b'])
  })

  it('rests while nobody looks, and is there at once when somebody does', async () => {
    open()
    hidden = true
    document.dispatchEvent(new Event('visibilitychange'))
    await vi.advanceTimersByTimeAsync(600_000)
    expect([Socket.made.length, polls.length]).toEqual([1, 0])
    hidden = false
    document.dispatchEvent(new Event('visibilitychange'))
    expect(Socket.made.length).toBe(2)
  })
})
