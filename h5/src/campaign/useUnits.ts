/** The units and schools of a region, page by page. */
import { ref, watch, type Ref } from 'vue'
import { ApiError, get } from '../api'
import type { Unit } from './types'

/** A district has a few hundred schools and offices; more pages than this are asked for by a tap. */
const PAGES_AT_ONCE = 5

export function useUnits(slug: string, region: Ref<string>) {
  const units = ref<Unit[]>([])
  const problem = ref('')
  const loading = ref(false)
  const next = ref<string | null>(null)

  async function more(): Promise<void> {
    const wanted = region.value
    loading.value = true
    problem.value = ''
    try {
      for (let page = 0; page < PAGES_AT_ONCE; page++) {
        const cursor = next.value ? `&cursor=${encodeURIComponent(next.value)}` : ''
        const answer = await get<{ items: Unit[]; next: string | null }>(
          `/api/v1/campaigns/${slug}/units?region=${encodeURIComponent(wanted)}${cursor}`,
        )
        if (region.value !== wanted) return
        units.value = units.value.concat(answer.items)
        next.value = answer.next
        if (!answer.next) return
      }
    } catch (error) {
      problem.value = (error as ApiError).message
    } finally {
      if (region.value === wanted) loading.value = false
    }
  }

  watch(region, (code) => {
    units.value = []
    next.value = null
    if (code) void more()
  }, { immediate: true })
  return { units, problem, loading, next, more }
}
