/**
 * The line to the live counters: a socket that comes back by itself, with jitter, and is given up when it falls
 * silent. While it is away for longer, /counters is asked now and then, so that the wall is late but never stuck.
 */
import type { Frame } from './figures'

export type Line = 'connecting' | 'live' | 'polling' | 'offline'

/** The server's heartbeat comes every 10 s; two and a half of them without a word is a dead line. */
export const SILENCE_MS = 25_000
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000
const POLL_MS = 5_000
const POLL_TIMEOUT_MS = 8_000
/** Failed attempts before /counters is asked: one is a restart of the server, which is over in a second. */
const PATIENCE = 2

export interface Feed {
  close(): void
}

export function openFeed(slug: string, onFrame: (frame: Frame) => void, onLine: (line: Line) => void): Feed {
  let socket: WebSocket | null = null
  let failures = 0
  let line: Line | '' = ''
  let closed = false
  let silence = 0
  let again = 0
  let poll = 0

  const tell = (next: Line) => {
    if (next !== line) onLine((line = next))
  }

  function connect() {
    clearTimeout(again)
    if (closed) return
    if (line !== 'polling') tell('connecting')
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
    const one = (socket = new WebSocket(`${scheme}//${location.host}/live/campaigns/${slug}`))
    listen()
    one.onmessage = (event) => {
      if (one !== socket) return
      listen()
      const frame = JSON.parse(event.data as string) as Frame
      if (frame.type === 'snapshot') {
        failures = 0
        clearTimeout(poll)
        poll = 0
        tell('live')
      }
      onFrame(frame)
    }
    one.onclose = () => {
      if (one === socket) lost()
    }
  }

  function listen() {
    clearTimeout(silence)
    silence = window.setTimeout(() => {
      const dead = socket
      lost() // before close(), which may wait long for an answer that will not come
      dead?.close()
    }, SILENCE_MS)
  }

  function lost() {
    clearTimeout(silence)
    socket = null
    if (closed) return
    failures += 1
    if (line !== 'polling') tell('offline')
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1))
    again = window.setTimeout(connect, pause * (0.5 + Math.random()))
    if (failures >= PATIENCE && !poll) ask()
  }

  async function ask() {
    poll = window.setTimeout(ask, POLL_MS * (0.8 + 0.4 * Math.random()))
    try {
      const answer = await fetch(`/api/v1/campaigns/${slug}/counters`, { signal: AbortSignal.timeout(POLL_TIMEOUT_MS) })
      if (!answer.ok) throw new Error(`counters answered ${answer.status}`)
      const counters = await answer.json()
      if (closed || line === 'live') return
      tell('polling')
      onFrame({ ...counters, type: 'snapshot', id: 0 })
    } catch {
      if (!closed && line !== 'live') tell('offline')
    }
  }

  /** The network is back: do not sit out the pause. */
  function online() {
    if (!socket) connect()
  }

  window.addEventListener('online', online)
  connect()
  return {
    close() {
      closed = true
      window.removeEventListener('online', online)
      for (const timer of [silence, again, poll]) clearTimeout(timer)
      socket?.close()
    },
  }
}
