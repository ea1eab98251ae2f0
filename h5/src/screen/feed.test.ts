import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openFeed, SILENCE_MS, type Feed, type Line } from './feed'
import type { Frame } from './figures'

class FakeSocket {
  static all: FakeSocket[] = []
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: (() => void) | null = null
  closed = false
  constructor(readonly url: string) {
    FakeSocket.all.push(this)
  }
  close() {
    this.closed = true
  }
  say(frame: Partial<Frame>) {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
}

let feed: Feed
let lines: Line[]
let frames: Frame[]
const last = () => FakeSocket.all[FakeSocket.all.length - 1]!

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  FakeSocket.all = []
  lines = []
  frames = []
  vi.stubGlobal('WebSocket', FakeSocket)
  vi.stubGlobal('fetch', vi.fn(async () => ({ ok: true, json: async () => ({ participants: 7, period: 'all', as_of: null }) })))
  feed = openFeed('salute-the-flag', (frame) => frames.push(frame), (line) => lines.push(line))
})

afterEach(() => {
  feed.close()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

describe('openFeed', () => {
  it('is live after a snapshot', () => {
    expect(last().url).toMatch(/\/live\/campaigns\/salute-the-flag$/)
    last().say({ type: 'snapshot', id: 1 })
    expect(lines).toEqual(['connecting', 'live'])
    expect(frames).toHaveLength(1)
  })

  it('comes back after a loss, later each time', () => {
    last().onclose!()
    expect(lines).toEqual(['connecting', 'offline'])
    vi.advanceTimersByTime(999)
    expect(FakeSocket.all).toHaveLength(1)
    vi.advanceTimersByTime(1)
    expect(FakeSocket.all).toHaveLength(2)
    last().onclose!()
    vi.advanceTimersByTime(1999)
    expect(FakeSocket.all).toHaveLength(2)
    vi.advanceTimersByTime(1)
    expect(FakeSocket.all).toHaveLength(3)
  })

  it('gives up a line that fell silent', () => {
    last().say({ type: 'snapshot', id: 1 })
    vi.advanceTimersByTime(SILENCE_MS - 1)
    last().say({ type: 'heartbeat', id: 1 })
    vi.advanceTimersByTime(SILENCE_MS - 1)
    expect(last().closed).toBe(false)
    vi.advanceTimersByTime(1)
    expect(last().closed).toBe(true)
    expect(lines).toEqual(['connecting', 'live', 'offline'])
  })

  it('asks /counters while the socket stays away, and stops when it is back', async () => {
    last().onclose!()
    await vi.advanceTimersByTimeAsync(1000)
    last().onclose!()
    await vi.advanceTimersByTimeAsync(0)
    expect(fetch).toHaveBeenCalledTimes(1)
    expect(frames[0]).toMatchObject({ type: 'snapshot', participants: 7 })
    expect(lines[lines.length - 1]).toBe('polling')
    await vi.advanceTimersByTimeAsync(2000)
    last().say({ type: 'snapshot', id: 3 })
    expect(lines[lines.length - 1]).toBe('live')
    await vi.advanceTimersByTimeAsync(20_000)
    expect(fetch).toHaveBeenCalledTimes(1)
  })

  it('says offline when /counters is gone too', async () => {
    vi.mocked(fetch).mockRejectedValue(new TypeError('network'))
    last().onclose!()
    await vi.advanceTimersByTimeAsync(1000)
    last().onclose!()
    await vi.advanceTimersByTimeAsync(0)
    expect(lines[lines.length - 1]).toBe('offline')
  })

  it('does not sit out the pause when the network is back', () => {
    last().onclose!()
    window.dispatchEvent(new Event('online'))
    expect(FakeSocket.all).toHaveLength(2)
  })

  it('ends when closed', () => {
    feed.close()
    last().onclose!()
    vi.advanceTimersByTime(60_000)
    expect(FakeSocket.all).toHaveLength(1)
    expect(last().closed).toBe(true)
  })
})
