/** `v-press="then"`: a long press, by touch or by the secondary mouse button. */
import type { Directive } from 'vue'

// As long as WeChat waits before it opens its menu, about half a second.
const PRESS_MILLISECONDS = 550

export const press: Directive<HTMLElement, () => void> = {
  mounted(element, binding) {
    let timer = 0
    const cancel = () => { window.clearTimeout(timer); timer = 0 }
    element.addEventListener('touchstart', () => {
      cancel()
      timer = window.setTimeout(() => { timer = 0; binding.value() }, PRESS_MILLISECONDS)
    }, { passive: true })
    for (const name of ['touchend', 'touchmove', 'touchcancel']) element.addEventListener(name, cancel, { passive: true })
    element.addEventListener('contextmenu', (event) => {
      event.preventDefault()
      if (timer || !('ontouchstart' in window)) { cancel(); binding.value() }
    })
  },
}
