/** What can be seen to be wrong with a rule before it is sent; the server checks all of it again. */
import { bytesOf } from '../../frame/format'
import { MOST_TEXT_BYTES, NEED_WORDS, type Reply, type RuleBody } from './calls'
import type { words } from './words'

type Words = (typeof words)['zh']

export function slipOf(rule: RuleBody, t: Words): string {
  if (!rule.name.trim()) return t.needName
  if (NEED_WORDS.has(rule.trigger.kind) && rule.trigger.words.length === 0) return t.needWords
  if (rule.replies.length === 0) return rule.builtin ? '' : t.needBuiltin
  return rule.replies.map((one) => slipOfReply(one, t)).find(Boolean) ?? ''
}

function slipOfReply(reply: Reply, t: Words): string {
  if (reply.kind === 'transfer') return ''
  if (reply.kind === 'text') return !reply.text?.trim() ? t.needText : bytesOf(reply.text) > MOST_TEXT_BYTES ? t.tooLong : ''
  if (reply.kind === 'news') return reply.articles?.length && reply.articles.every(({ title, url }) => title.trim() && /^https?:\/\//.test(url)) ? '' : t.needLink
  if (reply.kind === 'music') return reply.media_id && /^https?:\/\//.test(reply.url ?? '') ? '' : t.needMusic
  return reply.media_id?.trim() ? '' : t.needMedia
}
