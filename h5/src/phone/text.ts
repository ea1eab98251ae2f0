/** Texts of a chat as safe pieces: plain words and links. Owns: what is a link, and how times are said. Pure. */

export interface Piece {
  text: string
  url?: string
}

const ANCHOR = /<a\s[^>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)')[^>]*>([\s\S]*?)<\/a>/gi
// A mini-program's short link is one too.
const ADDRESS = /(?:https?:\/\/|#小程序:\/\/)[^\s<>"'，。；！？、（）《》“”]+/gi

/** A text message may hold <a href>; bare addresses are links too. Everything else is shown as it is written. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = []
  let from = 0
  for (const match of text.matchAll(ANCHOR)) {
    found.push(...withAddresses(text.slice(from, match.index)))
    const url = unescaped(match[1] ?? match[2] ?? '')
    const label = unescaped(match[3].replace(/<[^>]*>/g, ''))
    found.push(/^(https?:\/\/|weixin:\/\/dl\/business\/)/i.test(url) ? { text: label || url, url } : { text: label })
    from = match.index + match[0].length
  }
  found.push(...withAddresses(text.slice(from)))
  return found.filter((piece) => piece.text)
}

function withAddresses(text: string): Piece[] {
  const found: Piece[] = []
  let from = 0
  for (const match of text.matchAll(ADDRESS)) {
    found.push({ text: text.slice(from, match.index) }, { text: match[0], url: match[0] })
    from = match.index + match[0].length
  }
  return [...found, { text: text.slice(from) }]
}

const unescaped = (text: string) =>
  text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&quot;/g, '"').replace(/&#39;/g, "'").replace(/&amp;/g, '&')

const two = (n: number) => String(n).padStart(2, '0')

/** A moment as a chat says it: 14:05, 昨天 14:05, 10月1日 14:05. Times of Shanghai, as everywhere in the product. */
export function said(seconds: number, nowSeconds: number): string {
  const day = (s: number) => Math.floor((s + 8 * 3600) / 86400)
  const at = new Date((seconds + 8 * 3600) * 1000)
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`
  const ago = day(nowSeconds) - day(seconds)
  if (ago <= 0) return time
  if (ago === 1) return `昨天 ${time}`
  return `${at.getUTCMonth() + 1}月${at.getUTCDate()}日 ${time}`
}

/** Whether a time is written above a line: the first one, and after a pause of five minutes. */
export const showsTime = (at: number, before: number | null) => before === null || at - before > 300

/** A number on a red dot: two digits and no more. */
export const badge = (count: number) => (count > 99 ? '99+' : String(count))

const KINDS: Record<string, string> = {
  subscription: '订阅号 · 未认证', certified_subscription: '订阅号 · 已认证', certified_service: '服务号 · 已认证', miniprogram: '小程序',
}
export const kindOf = (kind: string) => KINDS[kind] ?? '公众号'
