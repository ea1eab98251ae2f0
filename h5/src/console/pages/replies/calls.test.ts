import { describe, expect, it } from 'vitest'
import { emptyRule, gist, nextPosition, type Rule, type RuleBody } from './calls'
import { slipOf } from './checks'
import { words } from './words'

const t = words.zh
const rule = (fields: Partial<RuleBody> = {}): RuleBody => ({ ...emptyRule(100), name: '开放时间', trigger: { kind: 'contain', words: ['几点'] }, replies: [{ kind: 'text', text: '九点' }], ...fields })

describe('what is wrong with a rule', () => {
  it('is said before it is sent', () => {
    expect(slipOf(rule(), t)).toBe('')
    expect(slipOf(rule({ name: ' ' }), t)).toBe(t.needName)
    expect(slipOf(rule({ trigger: { kind: 'equal', words: [] } }), t)).toBe(t.needWords)
    expect(slipOf(rule({ trigger: { kind: 'scan', words: [] } }), t)).toBe('')
    expect(slipOf(rule({ replies: [{ kind: 'text', text: '汉'.repeat(683) }] }), t)).toBe(t.tooLong)
    expect(slipOf(rule({ replies: [{ kind: 'image', media_id: '' }] }), t)).toBe(t.needMedia)
    expect(slipOf(rule({ replies: [{ kind: 'news', articles: [{ title: '敬礼', description: '', picture_url: '', url: 'example.org' }] }] }), t)).toBe(t.needLink)
    expect(slipOf(rule({ replies: [], builtin: 'my_ordinal' }), t)).toBe('')
    expect(slipOf(rule({ replies: [] }), t)).toBe(t.needBuiltin)
  })
})

describe('a rule in a line', () => {
  it('is its words, its cards, or what the product answers', () => {
    expect(gist(rule(), t.builtins, t.replyKinds)).toBe('九点')
    expect(gist(rule({ replies: [], builtin: 'live_total' }), t.builtins, t.replyKinds)).toBe('实时人数')
    expect(gist(rule({ replies: [{ kind: 'image', media_id: 'm' }, { kind: 'transfer' }] }), t.builtins, t.replyKinds)).toBe('图片 ／ 转人工客服')
  })

  it('stands behind all others when it is new', () => {
    expect(nextPosition([])).toBe(100)
    expect(nextPosition([{ ...rule({ position: 300 }), id: 'a' } as Rule])).toBe(310)
    expect(nextPosition([{ ...rule({ position: 1_000_000 }), id: 'a' } as Rule])).toBe(1_000_000)
  })
})
