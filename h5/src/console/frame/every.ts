/** What a page reads at once, and again every so often while somebody looks at it. */
import { onMounted, onUnmounted } from 'vue'
import { refused } from './toasts'

/** `wanted`: whether there is anything to wait for just now. A failure is said once, not each time, until a read succeeds. */
export function useEvery(milliseconds: number, read: () => unknown, wanted: () => boolean = () => true): void {
  let timer = 0
  let isAway = false
  async function look() {
    try {
      await read()
      isAway = false
    } catch (error) {
      if (!isAway) refused(error)
      isAway = true
    }
  }
  onMounted(() => {
    void look()
    timer = window.setInterval(() => { if (!document.hidden && wanted()) void look() }, milliseconds)
  })
  onUnmounted(() => clearInterval(timer))
}
