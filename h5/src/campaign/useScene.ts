/**
 * What stands behind the words: for a salute the dawn with flag and skyline, which are in the page's HTML, so that they are there before
 * any script. This only says where the flag is and which stage is on; the motion is in scene.css (transform and opacity alone).
 */
export type FlagPosition = 'base' | 'rising' | 'top'

export function useScene() {
  const page = document.getElementById('page') as HTMLElement
  const put = (flag: FlagPosition) => page.setAttribute('data-flag', flag)
  /** What was set so far is drawn before what is set next. */
  const settle = () => void page.offsetWidth
  const stage = (name: string) => page.setAttribute('data-stage', name)
  /** A sheet takes the whole page: the flag is out of sight rather than covered. */
  const aside = (away: boolean) => page.classList[away ? 'add' : 'remove']('aside')
  return { put, settle, stage, aside }
}
