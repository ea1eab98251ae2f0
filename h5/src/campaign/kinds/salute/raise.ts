import { calm } from '../../motion'
import type { useScene } from '../../useScene'

/** How one salutes. It is the citizen's own choice, counts the same and is never sent. */
export type Manner = 'pioneer' | 'citizen'

/** As long as `--rise-time` in scene.css. */
const RISE_MILLISECONDS = 8_000
/** Where motion is unwelcome the flag is at the top at once, and the words still have time to be read. */
const CALM_MILLISECONDS = 2_000

/** Raises the flag from the base to the top, then calls `then`. Gives what stops it. */
export function raise(scene: ReturnType<typeof useScene>, then: () => void): () => void {
  scene.put('base')
  scene.settle() // the base is drawn before the motion starts, also when it is seen again
  scene.put('rising')
  const timer = window.setTimeout(() => (scene.put('top'), then()), calm() ? CALM_MILLISECONDS : RISE_MILLISECONDS)
  return () => clearTimeout(timer)
}
