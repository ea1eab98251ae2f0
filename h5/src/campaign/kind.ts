/**
 * What a kind of campaign brings to the page: its words, and the parts that are its own.
 *
 * Everything else is the same for all of them and comes with the main script: who she is, what counts, the place, the kept request, the
 * certificate, poster, sharing and privacy. A kind is an entry of its own (kinds/<name>/index.ts), loaded for its campaigns alone; it may
 * import from the page's other files as it likes, for all that several entries use ends up in the main script.
 */
import type { Component } from 'vue'
import type { Kept } from './kept'
import type { PageData, Participation } from './types'
import type { useScene } from './useScene'

export interface KindWords {
  /** The main button; the same where it does not count; the way for whoever will not be counted (after 只 or 先). */
  start: string
  look: string
  peek: string
  /** On the certificate: done; once more. */
  done: string
  anew: string
  /** 已有 N 人…; where nobody has yet. */
  total: string
  nobody: string
  /** 您…，您是第 N 位…的人. */
  again: string
  nth: string
  /** 您的…已保存在本机. */
  act: string
  /** 这里可以…；要计入人数，请…. */
  may: string
  /** Holding it once more with a child, where that is offered. */
  child?: string
}

/** What the act is given. It emits `act` when she has done it (with a word that only her phone keeps), then `done`, and may name the page's `stage`. */
export interface ActProps {
  data: PageData
  scene: ReturnType<typeof useScene>
  /** It is going to count; she said that she is 14 or older; a request is on its way. */
  counts: boolean
  adult: boolean
  sending: boolean
}

/** What stands under the certificate. `adult`: words and a signature are for those alone. */
export interface ResultProps {
  data: PageData
  kept: Kept | null
  adult: boolean
}

export type Deliver = (data: PageData, kept: Kept, body: Record<string, string>) => Promise<Participation>

export interface Kind {
  words: KindWords
  act: Component
  /** On the first view: above the main button, and below everything. Both are given `data`. */
  front?: Component
  foot?: Component
  result?: Component
  /** A line of her certificate, from the word that her phone kept. */
  detail?: (word: string) => string
  /** It has its own place for messages: the page's is left out. */
  ownWords?: boolean
  /** Sends the act where it is more than a participation, and gives the participation that came of it; asked again until it answers. */
  deliver?: Deliver
}
