/** What operators turned. Whatever the page makes of it comes with the first switch that is on (turned.ts), as most visits see none. */
import { part } from './part'
import type { Switches } from './types'

/** `spread`: every request waits for a moment of its own within so many milliseconds. */
export const pace = { spread: 0 }
const AGAIN_MILLISECONDS = 9_000
let brought: unknown = false

export function told(now?: Switches): void {
  if (now && (brought = brought || now.slow_mode || now.mourning)) {
    part('turned', import.meta.env.DEV ? () => import('./turned') : undefined).then((turned) => turned.obey(now, pace)).catch(() => setTimeout(told, AGAIN_MILLISECONDS, now))
  }
}
