/** A figure that climbs to its new value instead of jumping, and jumps where motion is not wanted or it falls. */
const CLIMB_MS = 450 // shorter than the 500 ms between two frames, so that it has arrived before the next

/** Digits that change faster cannot be told apart from the back of a hall, and each step is painted. */
const STEP_MS = 45

export interface Climb {
  to(value: number): void
  stop(): void
}

const prefersStill = () => matchMedia('(prefers-reduced-motion: reduce)').matches

export function climb(show: (value: number) => void, isStill: () => boolean = prefersStill): Climb {
  let shown: number | null = null
  let frame = 0

  function to(value: number) {
    cancelAnimationFrame(frame)
    if (shown === null || isStill() || value <= shown || document.hidden) {
      show((shown = value))
      return
    }
    const from = shown
    const began = performance.now()
    let stepped = -Infinity
    const step = (now: number) => {
      if (now - stepped < STEP_MS && now - began < CLIMB_MS) return void (frame = requestAnimationFrame(step))
      stepped = now
      const part = Math.min(1, Math.max(0, (now - began) / CLIMB_MS))
      shown = part === 1 ? value : Math.floor(from + (value - from) * (1 - (1 - part) ** 3))
      show(shown)
      if (part < 1) frame = requestAnimationFrame(step)
    }
    frame = requestAnimationFrame(step)
  }

  return { to, stop: () => cancelAnimationFrame(frame) }
}
