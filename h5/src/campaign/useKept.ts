/** Sends what is kept, one request at a time, until each salute is durable or refused. The rules are in kept.ts. */
import { computed, onUnmounted, ref } from 'vue'
import { ApiError, get, post } from '../api'
import { answered, bodyOf, failed, type Kept, newKept, nextDue, reopened, withKept } from './kept'
import type { Deliver } from './kind'
import { load, recognise, save } from './store'
import { pace } from './switches'
import type { PageData, Participation, Place } from './types'

/** Enough for every activity of a campaign over a week of days. */
const MOST_KEPT = 91

export function useKept(data: PageData, now: () => number, deliver?: Deliver, chance: () => number = Math.random) {
  const { slug, period } = data.campaign
  const path = `/api/v1/campaigns/${slug}/participations`
  // A preview neither shows nor sends what this phone keeps of the real campaign.
  const name = data.preview ? 'kept-preview' : `kept.${slug}`
  recognise(slug, data.me.who)
  const list = ref<Kept[]>(load<Kept[]>(name, []).map((kept) => reopened(kept, data.me.signed_in, now(), chance())))
  const current = ref(period)
  const sending = ref(false)
  let timer = 0

  const of = (activity: string) => list.value.filter((kept) => kept.activity === activity && kept.period === current.value)[0] || null
  const done = computed(() => {
    const codes: string[] = []
    list.value.forEach((kept) => {
      if (kept.period === current.value && kept.answer) codes.push(...kept.answer.activities)
    })
    return codes
  })

  function change(kept: Kept, was?: Kept): void {
    if (kept.nextAt) kept.nextAt += chance() * pace.spread
    list.value = withKept(list.value, kept, was).slice(-MOST_KEPT)
    save(name, list.value)
  }

  function plan(): void {
    clearTimeout(timer)
    const due = nextDue(list.value, now())
    if (due && !sending.value) timer = window.setTimeout(() => void send(due.kept), due.wait)
  }

  async function send(kept: Kept): Promise<void> {
    sending.value = true
    try {
      const value = deliver && !kept.answer && kept.manner !== null ? await deliver(data, kept, bodyOf(kept)) : (await post<Participation>(path, bodyOf(kept))).value
      if (kept.period === current.value) current.value = value.period
      change(answered(kept, value, now(), chance()), kept)
    } catch (error) {
      change(failed(kept, error as ApiError, now(), chance()), kept)
    } finally {
      sending.value = false
      plan()
    }
  }

  /** Keeps a salute and sends it. Kept first: a phone that dies now still has it. */
  function participate(activity: string, place: Place, manner: string | null, adult: boolean): void {
    const known = of(activity)
    if (known && known.state !== 'refused') return hurry()
    change(newKept(activity, current.value, place, manner, now(), adult))
    plan()
  }

  /** The server's record of her, if it has one: what she did on another phone counts as done here. */
  async function recall(activity: string): Promise<boolean> {
    const answer = await get<Participation>(`${path}/me`)
    const known = of(activity)
    current.value = answer.period
    change(answered(known || newKept(activity, answer.period, { region: '', unit: '' }, null, now()), answer, now(), chance()))
    plan()
    return true
  }

  /** Keeps another word of the act that was counted already. */
  function note(activity: string, manner: string | null): void {
    const known = of(activity)
    if (known) change(Object.assign({}, known, { manner }))
  }

  /** Everything that waits goes now: the network came back, or she tapped. */
  function hurry(): void {
    list.value = list.value.map((kept) => (kept.nextAt > 0 ? Object.assign({}, kept, { nextAt: now() + chance() * (300 + pace.spread) }) : kept))
    plan()
  }

  /** Lets go of what the server does not know of this person (she deleted it, or somebody else signed in). */
  function drop(): void {
    list.value = []
    save(name, [])
    plan()
  }

  const seen = () => document.hidden || plan()
  window.addEventListener('online', hurry)
  document.addEventListener('visibilitychange', seen)
  onUnmounted(() => {
    clearTimeout(timer)
    window.removeEventListener('online', hurry)
    document.removeEventListener('visibilitychange', seen)
  })
  plan()
  return { list, period: current, of, done, sending, participate, note, recall, hurry, drop }
}
