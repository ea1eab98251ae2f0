/** The opening by the server's clock, on phones whose own is wrong, in pages that nobody looked at for a night. */
import { createApp, nextTick, type App } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { get } from '../api'
import type { PageData } from './types'
import { useCampaign } from './useCampaign'

const SERVER = Date.parse('2026-09-30T23:00:00+08:00')
const OPENS = Date.parse('2026-10-01T08:00:00+08:00')
const iso = (moment: number) => new Date(moment).toISOString()
const HOUR = 3_600_000

let app: App | null = null
let campaign: ReturnType<typeof useCampaign>
let asked: number[] = []

/** A page that was made at `server` by the server's clock, on a phone that is `wrong` ahead of it. */
function open(server: number, wrong = 0, chance = () => 0.5): void {
  vi.setSystemTime(server + wrong)
  const about = { state: 'scheduled', server_time: iso(server), opens_at: iso(OPENS), closes_at: iso(OPENS + 7 * 24 * HOUR), activities: [{ code: 'salute' }], theme: {} }
  app = createApp({ setup: () => ((campaign = useCampaign({ campaign: about } as unknown as PageData, chance)), () => null) })
  app.mount(document.createElement('div'))
}

/** Hidden pages rest: their timers do not run, and the phone's clock goes on. */
function sleep(milliseconds: number): void {
  vi.setSystemTime(Date.now() + milliseconds)
}

function seen(): void {
  document.dispatchEvent(new Event('visibilitychange'))
}

beforeEach(() => {
  vi.useFakeTimers()
  asked = []
  vi.stubGlobal('fetch', async () => (asked.push(Date.now()), new Response('{}')))
})
afterEach(async () => {
  await vi.advanceTimersByTimeAsync(3_000) // whoever waits for a turn of this page
  if (app) app.unmount()
  app = null
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('the opening', () => {
  it.each([0, 3 * HOUR, -3 * HOUR, 400 * 24 * HOUR])('comes to the millisecond by the server, on a phone that is %d ms ahead', async (wrong) => {
    open(OPENS - 25_000, wrong)
    await vi.advanceTimersByTimeAsync(24_999)
    expect(campaign.phase.value).toBe('before')
    await vi.advanceTimersByTimeAsync(1)
    expect(campaign.phase.value).toBe('open')
  })

  it('comes to a page that was hidden all night as soon as it is seen, whatever its timers did', () => {
    open(SERVER, -2 * HOUR)
    sleep(10 * HOUR)
    expect(campaign.phase.value).toBe('before')
    seen()
    expect(campaign.phase.value).toBe('open')
  })

  it('does not come early to a page that is seen in the night', () => {
    open(SERVER, 5 * HOUR)
    sleep(8 * HOUR)
    seen()
    expect(campaign.phase.value).toBe('before')
  })

  it('comes by a timer in any case, within ten seconds of the page running again', async () => {
    open(SERVER)
    sleep(10 * HOUR)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(campaign.phase.value).toBe('open')
  })
})

describe('the clock', () => {
  it('is set right by what the server says next: a page out of a cache, a slow way', () => {
    open(OPENS - 20_000, 0)
    campaign.told(iso(Date.now() + 15_000)) // the page itself lay somewhere for fifteen seconds
    expect(campaign.phase.value).toBe('before')
    expect(campaign.now()).toBe(OPENS - 5_000)
    campaign.told(iso(Date.now() + 12_000)) // this one was three seconds under way
    expect(campaign.now()).toBe(OPENS - 5_000)
    campaign.told(iso(Date.now() + 20_000))
    expect(campaign.phase.value).toBe('open')
  })

  it('is set right when somebody sets the phone forward or back while the page is open', () => {
    open(OPENS - 60_000)
    vi.setSystemTime(Date.now() + HOUR)
    seen()
    expect(campaign.phase.value).toBe('open') // nobody has said yet that it is not
    campaign.told(iso(OPENS - 50_000))
    expect(campaign.phase.value).toBe('before')
    vi.setSystemTime(Date.now() - 2 * HOUR)
    campaign.told(iso(OPENS + 1_000))
    expect(campaign.phase.value).toBe('open')
  })

  it('takes no nonsense', () => {
    open(OPENS - 60_000)
    campaign.told('')
    expect(campaign.now()).toBe(OPENS - 60_000)
  })
})

describe('what pages ask when it opens', () => {
  it('is spread over three seconds, each page in a moment of its own', async () => {
    open(OPENS - 1_000, HOUR, () => 0.4)
    await get('/before')
    expect(asked).toEqual([OPENS - 1_000 + HOUR])
    await vi.advanceTimersByTimeAsync(1_000)
    const first = get('/first')
    await vi.advanceTimersByTimeAsync(1_199)
    expect(asked).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    await first
    expect(asked[1]).toBe(OPENS + HOUR + 1_200)
    await get('/after')
    expect(asked[2]).toBe(asked[1])
  })

  it.each([[0.01, OPENS + 30], [0.999, OPENS + 2_997]])('with the chance %d goes at its moment', async (chance, moment) => {
    open(OPENS - 1_000, 0, () => chance)
    await vi.advanceTimersByTimeAsync(1_000)
    const first = get('/first')
    await vi.advanceTimersByTimeAsync(3_000)
    await first
    expect(asked).toEqual([moment])
  })

  it('does not wait in a page that is seen long after', async () => {
    open(SERVER)
    sleep(10 * HOUR)
    seen()
    await nextTick()
    const first = get('/first')
    await vi.advanceTimersByTimeAsync(0)
    await first
    expect(asked).toEqual([SERVER + 10 * HOUR])
  })
})
