/**
 * The dawn: flag, sky and skyline stand in the page's HTML, so that they are there before any script.
 * This only says where the flag is; the motion is in scene.css (transform and opacity alone).
 */
import { onUnmounted } from 'vue'
import { calm } from './motion'

/** As long as `--rise-time` in scene.css. */
const RISE_MILLISECONDS = 8_000
/** Where motion is unwelcome the flag is at the top at once, and the words still have time to be read. */
const CALM_MILLISECONDS = 2_000

export type FlagPosition = 'base' | 'rising' | 'top'

export function useScene() {
  const page = document.getElementById('page') as HTMLElement
  let timer = 0

  function put(flag: FlagPosition): void {
    clearTimeout(timer)
    page.setAttribute('data-flag', flag)
  }

  /** Raises the flag from the base to the top, then calls `then`. */
  function raise(then: () => void): void {
    put('base')
    void page.offsetWidth // the base is drawn before the motion starts, also when it is seen again
    put('rising')
    timer = window.setTimeout(() => (put('top'), then()), calm() ? CALM_MILLISECONDS : RISE_MILLISECONDS)
  }

  const stage = (name: string) => page.setAttribute('data-stage', name)
  /** A sheet takes the whole page: the flag is out of sight rather than covered. */
  const aside = (away: boolean) => page.classList[away ? 'add' : 'remove']('aside')

  onUnmounted(() => clearTimeout(timer))
  return { put, raise, stage, aside }
}
