/** The reasons to choose from, once they are read. */
import { onMounted, shallowRef } from 'vue'
import { refused } from '../../frame/toasts'
import { readReasons, type Reasons } from './calls'

export function useReasons() {
  const reasons = shallowRef<Reasons | null>(null)
  onMounted(async () => {
    try {
      reasons.value = await readReasons()
    } catch (error) {
      refused(error)
    }
  })
  return reasons
}
