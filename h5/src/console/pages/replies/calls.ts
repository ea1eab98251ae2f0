/** What editors have the official account answer. */
import { get, post, put, remove } from '../../frame/door'

export type TriggerKind = 'equal' | 'contain' | 'regex' | 'follow' | 'scan' | 'click' | 'location' | 'default'
export type ReplyKind = 'text' | 'news' | 'image' | 'voice' | 'video' | 'music' | 'transfer'

export interface Article { title: string; description: string; picture_url: string; url: string }

export interface Reply {
  kind: ReplyKind
  text?: string
  articles?: Article[]
  media_id?: string
  title?: string
  description?: string
  url?: string
  hq_url?: string
}

export interface RuleBody {
  name: string
  trigger: { kind: TriggerKind; words: string[] }
  replies: Reply[]
  builtin: string
  pick: 'all' | 'random'
  position: number
  enabled: boolean
  appid: string
  opens_at: string | null
  closes_at: string | null
  rev: number
}

/** `warnings`: what an editor should know though it was kept. */
export interface Rule extends RuleBody { id: string; warnings?: string[] }

export interface Passed { rule: string; name: string; set_off_by: string; why: string }
/** `said`: what citizens would read; nothing where it `is_personal`. */
export interface Trial { rule: string | null; name: string | null; set_off_by: string; builtin: string | null; pick: 'all' | 'random'; said: Reply[]; is_personal: boolean; passed: Passed[] }
export interface Tried { does: 'says' | 'follows' | 'scans' | 'taps' | 'sends_location'; text?: string; scene?: string; key?: string; appid?: string }

const RULES = '/api/v1/staff/reply-rules'

export const KINDS: TriggerKind[] = ['contain', 'equal', 'regex', 'follow', 'scan', 'click', 'location', 'default']
export const NEED_WORDS = new Set<TriggerKind>(['equal', 'contain', 'regex'])
export const TAKE_WORDS = new Set<TriggerKind>([...NEED_WORDS, 'scan', 'click'])
export const REPLY_KINDS: ReplyKind[] = ['text', 'news', 'image', 'voice', 'video', 'music', 'transfer']
/** What the product answers by itself, which a rule may name. */
export const BUILTINS = ['my_ordinal', 'live_total', 'campaign_times', 'campaign_card', 'follow', 'quiet', 'default']
export const MOST_WORDS = 50
export const MOST_REPLIES = 5
export const MOST_TEXT_BYTES = 2048

export const readRules = async () => (await get<{ items: Rule[] }>(RULES)).items
export const tryOut = (tried: Tried) => post<Trial>(`${RULES}/trial`, tried)
export const makeRule = (body: RuleBody) => post<Rule>(RULES, body)
export const changeRule = ({ id, warnings: _, ...body }: Rule) => put<Rule>(`${RULES}/${id}`, body)
export const removeRule = (id: string) => remove(`${RULES}/${id}`)

export function emptyRule(position: number): RuleBody {
  return { name: '', trigger: { kind: 'contain', words: [] }, replies: [{ kind: 'text', text: '' }], builtin: '', pick: 'all', position, enabled: true, appid: '', opens_at: null, closes_at: null, rev: 1 }
}

/** Behind the last rule that is not a default one, with room for others in between. */
export function nextPosition(rules: Rule[]): number {
  return Math.min(1_000_000, Math.max(90, ...rules.map(({ position }) => position)) + 10)
}

export function body({ id: _, warnings: __, ...rest }: Rule): RuleBody {
  return rest
}

/** What a rule answers, in a line. */
export function gist(rule: RuleBody, names: Record<string, string>, kinds: Record<string, string>): string {
  if (rule.builtin) return names[rule.builtin] ?? rule.builtin
  return rule.replies.map((one) => one.text || one.articles?.map(({ title }) => title).join('、') || one.title || kinds[one.kind]).join(' ／ ')
}
