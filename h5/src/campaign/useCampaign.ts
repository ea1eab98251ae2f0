/** What the campaign is just now, by the server's clock. */
import { computed, onUnmounted, ref } from 'vue'
import { days, shortMoment } from './format'
import type { PageData } from './types'

export type Phase = 'before' | 'open' | 'paused' | 'over'

/** The window is looked at this often: the button appears within ten seconds of the opening. */
const LOOK_MILLISECONDS = 10_000

export function useCampaign(data: PageData) {
  const { campaign } = data
  const ahead = Date.parse(campaign.server_time) - Date.now()
  // Phones with wrong clocks are common: everything here goes by the server's time.
  const now = () => Date.now() + (ahead || 0)
  const moment = ref(now())
  const timer = window.setInterval(() => (moment.value = now()), LOOK_MILLISECONDS)
  onUnmounted(() => clearInterval(timer))

  const phase = computed<Phase>(() => {
    if (campaign.state === 'paused') return 'paused'
    if (campaign.state === 'frozen' || campaign.state === 'archived' || moment.value >= Date.parse(campaign.closes_at)) return 'over'
    return moment.value < Date.parse(campaign.opens_at) ? 'before' : 'open'
  })
  const activities = campaign.activities
  const main = activities.filter((activity) => activity.code === (campaign.theme.salute || 'salute'))[0] || activities[0]!
  return {
    now, phase, main,
    others: activities.filter((activity) => activity.code !== main.code),
    window: days(campaign.opens_at, campaign.closes_at),
    opens: shortMoment(campaign.opens_at),
  }
}
