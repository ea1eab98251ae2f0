/** What a wall needs to know besides its figures, asked for every second; and who may look at it. */
import type { Switches } from './figures'

export interface Named {
  code: string
  name: string
}

export interface View {
  slug: string
  title: string
  state: string
  period_rule: string
  opens_at: string
  closes_at: string
  server_time: string
  organiser: string
  activities: { code: string; title: string }[]
  /** In administrative order: nothing here is ranked. */
  regions: Named[]
  demo: boolean
  simulated: boolean
  /** How many schools and offices there are, and how many have anybody; never which. */
  units: { total: number; taking_part: number | null }
  /** The same minutes a day before. */
  yesterday: [string, number][]
  switches: Switches
  ceremony: { is_armed: boolean }
  /** A standard map as an admin uploaded it; shown as it is, with its number. */
  map: { number: string; url: string; width: number; height: number } | null
  /** Opened by a kiosk link: there is nobody who could press anything. */
  by_link: boolean
}

/** stranger: sign in; closed: the link is no good any more; gone: no such campaign for her. */
export type Refusal = 'stranger' | 'closed' | 'gone' | 'silent'

export class Refused extends Error {
  constructor(readonly why: Refusal) {
    super(why)
  }
}

const TIMEOUT_MS = 8_000
/**
 * With the second in which every server process hears of a switch, what was turned or revoked shows on the wall within two seconds, and a
 * press on stage within one. Few walls hang in a city, so that asking costs little.
 */
export const EVERY_MS = 750

export async function read<T>(path: string): Promise<T> {
  let answer: Response
  try {
    answer = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS), credentials: 'same-origin' })
  } catch {
    throw new Refused('silent')
  }
  if (answer.ok) return (await answer.json()) as T
  throw new Refused(answer.status === 401 ? 'stranger' : answer.status === 403 ? 'closed' : answer.status === 404 ? 'gone' : 'silent')
}

/** Asks again and again, with jitter, until stopped. A silent server is asked on: the wall keeps what it knows. */
export function watchView<T>(path: string, everyMs: number, onView: (view: T) => void, onRefused: (why: Refusal) => void): () => void {
  let timer = 0
  let stopped = false

  async function ask() {
    try {
      const view = await read<T>(path)
      if (!stopped) onView(view)
    } catch (error) {
      if (!stopped) onRefused(error instanceof Refused ? error.why : 'silent')
    }
    if (!stopped) timer = window.setTimeout(ask, everyMs * (0.8 + 0.4 * Math.random()))
  }

  void ask()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

export const STATES: Record<string, string> = {
  draft: '草稿 · 未公开', scheduled: '未开始', open: '进行中', paused: '已暂停', frozen: '已结束', archived: '已归档',
}
