/** One step at a time: whether one is under way, and what the last one failed with. */
import { ref, shallowRef } from 'vue'

export function useBusy() {
  const isBusy = ref(false)
  const problem = shallowRef<unknown>(null)

  /** Whether it went well. A second call while one is under way is ignored. */
  async function run(step: () => Promise<unknown>): Promise<boolean> {
    if (isBusy.value) return false
    isBusy.value = true
    problem.value = null
    try {
      await step()
      return true
    } catch (error) {
      problem.value = error
      return false
    } finally {
      isBusy.value = false
    }
  }

  return { isBusy, problem, run }
}
