/**
 * What the campaign is just now, by the server's clock.
 *
 * Phones with wrong clocks are common, so everything here goes by what the server says the time is: with the page, and with each
 * snapshot and heartbeat of the live socket. What it says is older by the way to us, never newer: of several, the greatest is nearest.
 */
import { computed, onUnmounted, ref } from 'vue'
import { wait } from '../api'
import { days, shortMoment } from './format'
import type { PageData } from './types'

export type Phase = 'before' | 'open' | 'paused' | 'over'

/** The window is looked at this often, and at the opening itself. A browser that rests a hidden page looks when it is seen again. */
const LOOK_MILLISECONDS = 10_000
/** What pages ask because it opens is spread over this, so that a whole city does not come in the first second. */
const SPREAD_MILLISECONDS = 3_000
/** No answer is under way for so long: what differs by more is a phone whose clock was set. */
const SET_MILLISECONDS = 30_000

export function useCampaign(data: PageData, chance: () => number = Math.random) {
  const { campaign } = data
  const [opens, closes] = [campaign.opens_at, campaign.closes_at].map((time) => Date.parse(time)) as [number, number]
  let ahead = Date.parse(campaign.server_time) - Date.now() || 0
  const now = () => Date.now() + ahead
  const moment = ref(now())
  let timer = 0

  function look(): void {
    const before = moment.value < opens
    moment.value = now()
    const left = opens - moment.value
    if (before && left <= 0) wait(left + SPREAD_MILLISECONDS * chance())
    clearTimeout(timer)
    timer = window.setTimeout(look, left > 0 ? Math.min(left, LOOK_MILLISECONDS) : LOOK_MILLISECONDS)
  }

  /** The server said what time it is. */
  function told(time: string): void {
    const said = Date.parse(time) - Date.now()
    if (said > ahead || said < ahead - SET_MILLISECONDS) {
      ahead = said
      look()
    }
  }

  look()
  document.addEventListener('visibilitychange', look)
  onUnmounted(() => {
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', look)
  })

  const phase = computed<Phase>(() => {
    if (campaign.state === 'paused') return 'paused'
    if (campaign.state === 'frozen' || campaign.state === 'archived' || moment.value >= closes) return 'over'
    return moment.value < opens ? 'before' : 'open'
  })
  const activities = campaign.activities
  const main = activities.filter((activity) => activity.code === (campaign.theme.salute || 'salute'))[0] || activities[0]!
  return {
    now, told, phase, main,
    others: activities.filter((activity) => activity.code !== main.code),
    window: days(campaign.opens_at, campaign.closes_at),
    opens: shortMoment(campaign.opens_at),
  }
}
