/** A wall hangs for weeks: it loads itself anew when another release answers, and only then. */
import { read } from './view'

export const LOOK_MS = 60_000
/** Twenty walls of one city do not come back in the same second. */
export const SPREAD_MS = 30_000

interface Build {
  version: string
  commit: string
}

/**
 * `mayGo`: nobody waits for anything on this screen just now. During a release old and new servers answer in turn, so
 * another release counts when it has answered twice running; silence and errors count for nothing.
 */
export function watchRelease(mayGo: () => boolean, reload: () => void): () => void {
  let first = ''
  let other = ''
  let stopped = false
  let timer = window.setTimeout(look, LOOK_MS * Math.random())

  async function look() {
    let wait = LOOK_MS * (0.8 + 0.4 * Math.random())
    try {
      const { version, commit } = await read<Build>('/version')
      const answered = `${version} ${commit}`
      if (!first || answered === first) other = ''
      else if (answered === other && mayGo()) return reload()
      else {
        other = answered
        wait = SPREAD_MS * (0.2 + 0.8 * Math.random())
      }
      first ||= answered
    } catch {
      // away, or on its way up: asked again
    }
    if (!stopped) timer = window.setTimeout(look, wait)
  }

  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
