/** What should not be published: the built-in rules, and the city's own. */
import { get, put } from '../../frame/door'

export interface Rule { code: string; level: 'error' | 'warning'; words: string[]; why: string; advice: string; negatable: boolean }
export interface Wording { rules: Rule[]; off: string[]; rev: number; built_in: Rule[] }
export type Own = Pick<Wording, 'rules' | 'off'>

export const MOST_RULES = 200
export const MOST_WORDS = 200
export const LONGEST_WORD = 32
const WORDING = '/api/v1/staff/wording'

export const readWording = () => get<Wording>(WORDING)
export const keepWording = ({ rules, off }: Own, rev: number) => put<Wording>(WORDING, { rules, off, rev })

export type Slip = { kind: 'twice' | 'incomplete' | 'longWord'; of: string } | null

/** What the server would refuse, before it is asked. */
export function slipOf(rules: Rule[], builtIn: Rule[]): Slip {
  const seen = new Set(builtIn.map(({ code }) => code))
  for (const { code, words, why, advice } of rules) {
    if (!code.trim() || words.length === 0 || !why.trim() || !advice.trim()) return { kind: 'incomplete', of: code }
    if (seen.has(code)) return { kind: 'twice', of: code }
    seen.add(code)
    const long = words.find((word) => word.length > LONGEST_WORD)
    if (long) return { kind: 'longWord', of: long }
  }
  return null
}

/** Rules as lines, for people to compare. */
export const linesOf = (rules: Rule[]) => rules.map(({ code, level, words, why, advice, negatable }) => [code, level, words.join('、'), why, advice, negatable ? '±' : ''].filter(Boolean).join(' · '))
