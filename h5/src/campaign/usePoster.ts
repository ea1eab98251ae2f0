/** The poster: a real image of the server. A busy drawing room is waited for, with jitter, a few times. */
import { computed, onUnmounted, ref } from 'vue'
import { ApiError, call, mayRetry } from '../api'

const TRIES = 6
const PAUSE_MILLISECONDS = 1_500

export function usePoster(slug: string) {
  const state = ref<'drawing' | 'shown' | 'busy' | 'failed'>('drawing')
  const problem = ref('')
  const version = ref(Date.now())
  let tries = 0
  let timer = 0
  const path = `/api/v1/campaigns/${slug}/posters/me.jpg`
  const address = computed(() => `${path}?v=${version.value}`)

  const shown = () => (state.value = 'shown')

  /** The image did not come: an <img> does not say why, so the server is asked. */
  async function missed(): Promise<void> {
    try {
      await call('GET', path)
      again(PAUSE_MILLISECONDS)
    } catch (error) {
      const refusal = error as ApiError
      problem.value = refusal.message
      if (mayRetry(refusal)) again(Math.max(PAUSE_MILLISECONDS, (refusal.retryAfterSeconds || 0) * 1000))
      else state.value = 'failed'
    }
  }

  function again(pause: number): void {
    state.value = ++tries < TRIES ? 'busy' : 'failed'
    if (state.value === 'busy') timer = window.setTimeout(() => (version.value = Date.now()), pause * (1 + Math.random() / 2))
  }

  function retry(): void {
    tries = 0
    state.value = 'drawing'
    version.value = Date.now()
  }

  onUnmounted(() => clearTimeout(timer))
  return { state, problem, address, shown, missed, retry }
}
