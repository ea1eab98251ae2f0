/** The approved messages, read again and again: what was taken down is gone within seconds, also while the server is silent. */
import { EVERY_MS, read } from './view'

export interface Message {
  id: string
  name: string | null
  message: string
}

/** Longer than that without an answer, words may have been taken down unseen: none are shown. */
export const TRUST_MS = 10_000
const SHOWN = 30

export function watchMessages(slug: string, onMessages: (messages: Message[]) => void): () => void {
  let timer = 0
  let stopped = false
  let heard = Date.now()

  async function ask() {
    try {
      const { items } = await read<{ items: Message[] }>(`/api/v1/campaigns/${slug}/messages`)
      heard = Date.now()
      if (!stopped) onMessages(items.slice(0, SHOWN))
    } catch {
      if (!stopped && Date.now() - heard > TRUST_MS) onMessages([])
    }
    if (!stopped) timer = window.setTimeout(ask, EVERY_MS * (0.8 + 0.4 * Math.random()))
  }

  void ask()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
