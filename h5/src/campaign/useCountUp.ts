/** A shown number that eases up to its target. It jumps where motion is unwelcome, on the first figure, and downwards. */
import { onUnmounted, ref, watch, type Ref } from 'vue'
import { calm } from './motion'

const MILLISECONDS = 900

export function useCountUp(target: Ref<number>) {
  const shown = ref(target.value)
  let frame = 0
  watch(target, (to) => {
    cancelAnimationFrame(frame)
    const from = shown.value
    if (calm() || !from || to < from || document.hidden) return void (shown.value = to)
    const start = performance.now()
    const step = (now: number) => {
      const part = Math.min(1, (now - start) / MILLISECONDS)
      shown.value = Math.round(from + (to - from) * (1 - Math.pow(1 - part, 3)))
      if (part < 1) frame = requestAnimationFrame(step)
    }
    frame = requestAnimationFrame(step)
  })
  onUnmounted(() => cancelAnimationFrame(frame))
  return shown
}
