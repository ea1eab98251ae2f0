/** The salute by gesture: press and hold, or swipe up. Touch and mouse events: iOS 12 has no pointer events. */
import { ref } from 'vue'

/** Long enough to be meant, short enough for a shaking hand. */
const HOLD_MILLISECONDS = 1_000
const SWIPE_PIXELS = 56

export function useGesture(saluted: () => void) {
  const pressed = ref(false)
  let timer = 0
  let from = 0

  const height = (event: Event) => {
    const touch = (event as TouchEvent).touches
    return touch && touch[0] ? touch[0].clientY : (event as MouseEvent).clientY
  }

  function release(): void {
    clearTimeout(timer)
    pressed.value = false
  }

  function give(): void {
    release()
    saluted()
  }

  function press(event: Event): void {
    if (event.cancelable) event.preventDefault() // no text selection, no callout, no second mouse event after a touch
    if (pressed.value) return
    pressed.value = true
    from = height(event)
    timer = window.setTimeout(give, HOLD_MILLISECONDS)
  }

  function move(event: Event): void {
    if (!pressed.value) return
    if (event.cancelable) event.preventDefault() // the swipe is hers, not the page's scroll
    if (from - height(event) > SWIPE_PIXELS) give()
  }

  return { pressed, press, move, release }
}
