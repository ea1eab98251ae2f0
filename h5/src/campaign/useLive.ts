/** The live total: the socket where there is a place, else /counters every five seconds. Rests while the page is hidden. */
import { onUnmounted, ref } from 'vue'
import { get } from '../api'
import { type Frame, merged, NOTHING } from './live'
import { pace, told } from './switches'
import type { Counters } from './types'

const POLL_MILLISECONDS = 5_000
/** Heartbeats come every 10 s: two missed and a half mean a dead connection. */
const SILENCE_MILLISECONDS = 25_000
/** A refused or lost socket is tried again within this at first, doubling: all who were lost by a restart come back over ten seconds. */
const RETRY_MILLISECONDS = [10_000, 120_000] as const

/** `timed`: hears the server's time whenever it is said. */
export function useLive(slug: string, counters: Counters | null, timed: (time: string) => void, wanted = true) {
  const shown = ref(counters ? merged(NOTHING, counters) : NOTHING)
  const connected = ref(false)
  let socket: WebSocket | null = null
  let [pollTimer, retryTimer, silenceTimer] = [0, 0, 0]
  let lost = 0

  function take(frame: Frame): void {
    told(frame.switches)
    shown.value = merged(shown.value, frame)
    if (frame.server_time) timed(frame.server_time)
  }
  const jitter = (milliseconds: number) => milliseconds * (0.75 + Math.random() / 2)

  function poll(): void {
    clearTimeout(pollTimer)
    pollTimer = window.setTimeout(() => {
      if (connected.value || document.hidden) return
      // A failed poll shows the last figures and is asked again: the page does not depend on it.
      get<Counters>(`/api/v1/campaigns/${slug}/counters`).then(take, () => null).then(poll)
    }, jitter(POLL_MILLISECONDS + pace.spread))
  }

  function heard(event: MessageEvent): void {
    clearTimeout(silenceTimer)
    silenceTimer = window.setTimeout(() => socket && socket.close(), SILENCE_MILLISECONDS)
    connected.value = true
    lost = 0
    try {
      take(JSON.parse(event.data as string) as Frame)
    } catch (_) {
      // not a frame of ours (a proxy's text): the next one will be
    }
  }

  function closed(): void {
    clearTimeout(silenceTimer)
    socket = null
    connected.value = false
    if (document.hidden) return
    poll()
    clearTimeout(retryTimer)
    retryTimer = window.setTimeout(connect, Math.random() * Math.min(RETRY_MILLISECONDS[1], RETRY_MILLISECONDS[0] * Math.pow(2, lost++)))
  }

  function connect(): void {
    if (socket || document.hidden) return
    try {
      socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/live/campaigns/${slug}`)
    } catch (_) {
      return poll() // a webview that forbids sockets
    }
    socket.onmessage = heard
    socket.onclose = closed
  }

  function turned(): void {
    if (!document.hidden) return connect()
    ;[pollTimer, retryTimer].forEach((timer) => clearTimeout(timer))
    if (socket) socket.close()
  }

  if (!wanted) return { shown, connected }
  document.addEventListener('visibilitychange', turned)
  connect()
  onUnmounted(() => {
    document.removeEventListener('visibilitychange', turned)
    ;[pollTimer, retryTimer, silenceTimer].forEach((timer) => clearTimeout(timer))
    if (socket) {
      socket.onclose = null
      socket.close()
    }
  })
  return { shown, connected }
}
