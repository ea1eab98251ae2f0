/**
 * What the page shows of switches that are on. An entry of its own, brought with the first one: 哀悼 ends sound, motion and sharing and says
 * why (the flag keeps its place and its colours, the count goes on); slow-mode says that requests stand in line.
 */
import type { Switches } from './types'

// One line at 360 points, so that the button stays in the first view.
const SLOW = '现在人多，自动排队送达，不用反复点击'

interface Bridge { call(name: string): void }
const bridge = () => (window as unknown as { WeixinJSBridge?: Bridge }).WeixinJSBridge
const click = (selector: string) => {
  const button = document.querySelector<HTMLElement>(selector)
  if (button) button.click()
}

/** A crowd becomes a stream, and nobody waits long enough to leave. */
const SPREAD_MILLISECONDS = 30_000

let mourns = false

/** WeChat's own menu, which shares. It comes with its bridge, later than the page. */
function menu(): void {
  const found = bridge()
  if (found) found.call(mourns ? 'hideOptionMenu' : 'showOptionMenu')
}
document.addEventListener('WeixinJSBridgeReady', menu)

/** `pace`: the main script's, which every request goes by. */
export function obey(now: Switches, pace: { spread: number }): void {
  pace.spread = now.slow_mode ? SPREAD_MILLISECONDS : 0
  const page = document.getElementById('page') as HTMLElement
  const band = document.getElementById('turned') as HTMLElement
  const changed = mourns !== !!now.mourning
  mourns = !!now.mourning
  page.classList[mourns ? 'add' : 'remove']('mourning')
  band.textContent = [now.mourning, now.slow_mode && SLOW].filter(Boolean).join('\n')
  if (!changed) return
  menu()
  if (!mourns) return
  click('.music[aria-pressed="true"]')
  click('[data-testid="share-sheet"] button')
}
