/**
 * Which campaign a page is about: the one in the address, else where most waits (on pages that say so), else the one that was looked at
 * last, else the one that is open, else the first.
 */
import { computed, onMounted, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { get } from './door'
import { useFilters } from './list'

export interface OneCampaign { slug: string; title: string; state: string }

export interface ChosenCampaign {
  all: ShallowRef<OneCampaign[]>
  /** How much waits, by campaign; empty on pages that do not ask. */
  waiting: ShallowRef<Record<string, number>>
  isRead: Ref<boolean>
  problem: ShallowRef<unknown>
  /** '' until they are known, and where there is none. */
  slug: ComputedRef<string>
  choose: (slug: string) => void
  read: () => Promise<void>
}

let last = ''

/** `begin` is called with each campaign that the page turns to; `waits` tells how much waits in each. */
export function useCampaign(begin: (slug: string) => unknown, waits?: () => Promise<Record<string, number>>): ChosenCampaign {
  const waiting = shallowRef<Record<string, number>>({})
  const all = shallowRef<OneCampaign[]>([])
  const isRead = ref(false)
  const problem = shallowRef<unknown>(null)
  const filters = useFilters({ campaign: '' })
  const most = computed(() => {
    const [slug, count] = Object.entries(waiting.value).reduce((more, one) => (one[1] > more[1] || (one[1] === more[1] && one[0] === last) ? one : more), ['', 0])
    return count ? slug : ''
  })
  const known = computed(() => all.value.find(({ slug }) => slug === last) ?? all.value.find(({ state }) => state === 'open') ?? all.value[0])
  const slug = computed(() => filters.campaign || most.value || known.value?.slug || '')

  async function read() {
    problem.value = null
    try {
      // Without the figures the page is only less helpful.
      const [{ items }, found] = await Promise.all([get<{ items: OneCampaign[] }>('/api/v1/staff/campaigns'), waits ? waits().catch(() => ({})) : {}])
      waiting.value = found
      all.value = items
      isRead.value = true
    } catch (error) {
      problem.value = error
    }
  }
  function turn(to: string) {
    if (!to) return
    last = to
    begin(to)
  }
  watch(slug, turn)
  onMounted(() => {
    turn(slug.value)
    void read()
  })
  return { all, waiting, isRead, problem, slug, read, choose: (chosen) => { filters.campaign = chosen } }
}
