/**
 * What one page in a hundred tells when it is left: how soon it showed and could be used, how fast it answered taps, how much it jumped,
 * how often it broke. A script of its own: the server draws the lot where it writes the page, and puts it on the chosen ones alone, so
 * that the others carry not a byte for it.
 *
 * Nothing of her is in it: no number, no address of the page, no text of an error; of the place the district alone, where a grown-up's
 * phone keeps it. A browser that cannot measure something leaves it out (iOS before 26 knows only the first and the last).
 */

interface Shift extends PerformanceEntry { value: number; hadRecentInput: boolean }
interface Tap extends PerformanceEntry { interactionId?: number }

export interface Told { errors: number; lcp?: number; inp?: number; cls?: number; ready?: number; region?: string }

/** Shifts belong together while less than a second lies between two and five about all: the web's own rule for CLS. */
const [GAP, WINDOW] = [1000, 5000]
/** Of every fifty taps the slowest is left out: the web's own rule for INP. */
const SPARED = 50
/** Faster ones are of no interest, and are many. */
const TAP_MILLISECONDS = 40
const MOST_ERRORS = 100

/** The worst stretch of shifts so far. */
export function shifts() {
  let [worst, sum, first, last] = [0, 0, 0, 0]
  return (one: { value: number; startTime: number }): number => {
    const together = sum > 0 && one.startTime - last < GAP && one.startTime - first < WINDOW
    sum = together ? sum + one.value : one.value
    if (!together) first = one.startTime
    last = one.startTime
    return (worst = Math.max(worst, sum))
  }
}

/** How long the slow taps took: the slowest, or of many the slowest but for one in fifty. A tap has several events of one id. */
export function taps() {
  const longest: Record<number, number> = {}
  return (id: number, duration: number, all = 0): number => {
    longest[id] = Math.max(longest[id] || 0, duration)
    const slow = Object.keys(longest).map((name) => longest[Number(name)]!).sort((a, b) => b - a)
    return slow[Math.min(slow.length - 1, Math.floor(Math.max(all, slow.length) / SPARED))]!
  }
}

/** False where the browser does not know the kind of entry. */
function observe(type: string, options: object, each: (entry: PerformanceEntry) => void): boolean {
  try {
    const known = (PerformanceObserver as unknown as { supportedEntryTypes?: string[] }).supportedEntryTypes
    if (!known || known.indexOf(type) < 0) return false
    new PerformanceObserver((list) => list.getEntries().forEach(each)).observe(Object.assign({ type, buffered: true }, options) as PerformanceObserverInit)
    return true
  } catch (_) {
    return false // no such thing here: the figure is left out
  }
}

/** Once the page's script has put itself in the place of the words that the HTML came with. */
function usable(then: () => void): void {
  const place = document.getElementById('app')
  if (!place || !place.querySelector('.static')) return then()
  const watch = new MutationObserver(() => {
    if (place.querySelector('.static')) return
    watch.disconnect()
    then()
  })
  watch.observe(place, { childList: true })
}

function district(slug: string): string {
  try {
    return String(JSON.parse(localStorage.getItem(`wenming.place.${slug}`) || '{}').region || '')
  } catch (_) {
    return '' // forbidden
  }
}

export function tell(slug: string): void {
  if (!navigator.sendBeacon || document.hidden) return // a page in the background is slow on purpose
  const told: Told = { errors: 0 }
  const broke = () => { told.errors = Math.min(MOST_ERRORS, told.errors + 1) }
  const [shifted, tapped] = [shifts(), taps()]
  usable(() => { told.ready = Math.round(performance.now()) })
  observe('largest-contentful-paint', {}, (entry) => { told.lcp = Math.round(entry.startTime) })
  const shift = (entry: PerformanceEntry) => { if (!(entry as Shift).hadRecentInput) told.cls = Math.round(shifted(entry as Shift) * 1000) / 1000 }
  if (observe('layout-shift', {}, shift)) told.cls = told.cls || 0
  observe('event', { durationThreshold: TAP_MILLISECONDS }, (entry) => {
    const id = (entry as Tap).interactionId
    if (id) told.inp = Math.round(tapped(id, entry.duration, (performance as unknown as { interactionCount?: number }).interactionCount))
  })
  window.addEventListener('error', broke)
  window.addEventListener('unhandledrejection', broke)

  let sent = false
  const send = () => {
    if (sent) return
    sent = true
    const region = district(slug)
    if (region) told.region = region
    navigator.sendBeacon(`/api/v1/campaigns/${slug}/experience`, JSON.stringify(told))
  }
  // Old phones say one of the two, new ones both.
  document.addEventListener('visibilitychange', () => { if (document.hidden) send() })
  window.addEventListener('pagehide', send)
}

const data = document.getElementById('wenming-data')
if (data) tell((JSON.parse(data.textContent!) as { campaign: { slug: string } }).campaign.slug)
