/** What a chosen page tells, once, when it is left; and by which rules it measures. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { shifts, taps, tell } from './told'

type Entry = Record<string, unknown>
let entries: Record<string, Entry[]>
let known: string[]
let sent: [string, Record<string, unknown>][]

class Observer {
  static get supportedEntryTypes() { return known }
  constructor(private readonly heard: (list: { getEntries: () => Entry[] }) => void) {}
  observe({ type }: { type: string }) { this.heard({ getEntries: () => entries[type] || [] }) }
}

beforeEach(() => {
  ;[entries, known, sent] = [{}, ['largest-contentful-paint', 'layout-shift', 'event'], []]
  vi.stubGlobal('PerformanceObserver', Observer)
  vi.spyOn(performance, 'now').mockReturnValue(812.4)
  Object.defineProperty(navigator, 'sendBeacon', { configurable: true, value: (url: string, body: string) => { sent.push([url, JSON.parse(body) as Record<string, unknown>]); return true } })
  Object.defineProperty(document, 'hidden', { configurable: true, value: false })
  localStorage.clear()
  document.body.innerHTML = ''
})
afterEach(() => {
  window.dispatchEvent(new Event('pagehide')) // whatever a test left waiting says it now, and to nobody's page
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

const left = () => window.dispatchEvent(new Event('pagehide'))

describe('a chosen page', () => {
  it('tells everything once, when it is left', () => {
    entries = {
      'largest-contentful-paint': [{ startTime: 700.2 }, { startTime: 1234.6 }],
      'layout-shift': [{ value: 0.02, startTime: 100 }, { value: 0.5, startTime: 200, hadRecentInput: true }],
      event: [{ interactionId: 7, duration: 48 }, { interactionId: 7, duration: 120 }, { interactionId: 0, duration: 900 }],
    }
    localStorage.setItem('wenming.place.flag', JSON.stringify({ region: '350602', unit: 'school-1' }))
    tell('flag')
    expect(sent).toEqual([])
    window.dispatchEvent(new Event('error'))
    left()
    left()
    expect(sent).toEqual([['/api/v1/campaigns/flag/experience', { errors: 1, ready: 812, lcp: 1235, cls: 0.02, inp: 120, region: '350602' }]])
  })

  it('leaves out what its browser cannot measure, such as all but two figures on an old iPhone', () => {
    known = ['paint', 'navigation']
    tell('flag')
    left()
    expect(sent).toEqual([['/api/v1/campaigns/flag/experience', { errors: 0, ready: 812 }]])
  })

  it('works where the browser knows no observer at all, and where storage is forbidden', () => {
    vi.stubGlobal('PerformanceObserver', undefined)
    vi.spyOn(Storage.prototype, 'getItem').mockImplementation(() => { throw new Error('forbidden') })
    tell('flag')
    left()
    expect(sent[0]![1]).toEqual({ errors: 0, ready: 812 })
  })

  it('tells nothing from the background', () => {
    Object.defineProperty(document, 'hidden', { configurable: true, value: true })
    tell('flag')
    left()
    expect(sent).toEqual([])
  })
})

describe('being usable', () => {
  it('is the moment when the page\'s script took the place of the first words', async () => {
    document.body.innerHTML = '<main id="app"><div class="panel static"></div></main>'
    tell('flag')
    vi.mocked(performance.now).mockReturnValue(2345.6)
    document.querySelector('#app')!.innerHTML = '<div>page</div>'
    await Promise.resolve()
    left()
    expect(sent[0]![1]).toMatchObject({ ready: 2346 })
  })

  it('is left out where it never came', () => {
    document.body.innerHTML = '<main id="app"><div class="panel static"></div></main>'
    tell('flag')
    left()
    expect(sent[0]![1]).not.toHaveProperty('ready')
  })
})

describe('shifts', () => {
  const worst = (...all: [number, number][]) => {
    const add = shifts()
    return all.reduce((_, [startTime, value]) => Math.round(add({ startTime, value }) * 100) / 100, 0)
  }
  it('add up while they follow each other within a second', () => expect(worst([0, 0.1], [900, 0.1], [1800, 0.1])).toBe(0.3))
  it('begin anew after a second, and the worst counts', () => expect(worst([0, 0.1], [900, 0.1], [2000, 0.1])).toBe(0.2))
  it('begin anew after five seconds', () => expect(worst(...Array.from({ length: 8 }, (_, n): [number, number] => [n * 900, 0.1]))).toBe(0.6))
})

describe('taps', () => {
  it('count by their slowest event', () => {
    const tapped = taps()
    tapped(1, 50)
    tapped(1, 300)
    expect(tapped(2, 60)).toBe(300)
  })
  it('spare one in fifty', () => {
    const tapped = taps()
    tapped(1, 900)
    expect(tapped(2, 200, 60)).toBe(200)
  })
})
