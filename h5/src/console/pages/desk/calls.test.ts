import { afterEach, describe, expect, it, vi } from 'vitest'
import { ADVICE } from '../../frame/problems'
import { call, Refused } from '../../session'
import { daysLeft } from '../bin/calls'
import { wayTo } from '../reviews/calls'
import { slipOf, type Rule } from '../wording/calls'
import './advice'
import { decide, linkFor, publishAt, saveDraft, type Draft, type Waiting } from './calls'
import { fieldName, words } from './words'

const answering = (status: number, body: unknown) => {
  const fetched = vi.fn(async (_path: string, _options: RequestInit) => new Response(JSON.stringify(body), { status }))
  vi.stubGlobal('fetch', fetched)
  return fetched
}
const sent = (fetched: ReturnType<typeof answering>) => fetched.mock.calls.map(([path, { method, body }]) => [method, path, body ? JSON.parse(String(body)) : undefined])
afterEach(() => vi.unstubAllGlobals())

describe('the desk asks', () => {
  const draft = (kind: string) => ({ slug: 'flag', kind, review: { revision: 5, round: 2, decisions: [{ verdict: 'approve' }] } }) as unknown as Draft
  it('about the revision, round and step that were read, of a draft or of a correction', async () => {
    const fetched = answering(200, {})
    await decide(draft('draft'), 'return', '改标题')
    await linkFor(draft('correction'), '')
    expect(sent(fetched)).toEqual([
      ['POST', '/api/v1/staff/campaigns/flag/review/decisions', { revision: 5, round: 2, step: 1, verdict: 'return', comment: '改标题' }],
      ['POST', '/api/v1/staff/campaigns/flag/corrections/5/links', { person: '' }],
    ])
  })

  it('for a release at a minute with what was confirmed', async () => {
    const fetched = answering(202, {})
    await publishAt('flag', 5, ['share'], '2026-10-01T08:00:00+08:00')
    expect(sent(fetched)).toEqual([['POST', '/api/v1/staff/campaigns/flag/release', { revision: 5, at: '2026-10-01T08:00:00+08:00', confirmed: ['share'] }]])
  })

  it('and gets both versions beside a clash', async () => {
    answering(409, { error: { code: 'DRAFT_CHANGED', message: '草稿刚刚被别人修改' }, mine: { title: '我的' }, theirs: { rev: 4 }, changes: [] })
    const refusal = await saveDraft('flag', 3, {} as never).catch((error: unknown) => error as Refused)
    expect(refusal).toBeInstanceOf(Refused)
    expect((refusal as Refused).answer).toMatchObject({ mine: { title: '我的' }, theirs: { rev: 4 } })
    await expect(call('GET', '/x')).rejects.toMatchObject({ code: 'DRAFT_CHANGED' })
  })
})

describe('what waits', () => {
  it('is decided where it belongs', () => {
    expect(['draft', 'correction'].map((kind) => wayTo({ slug: 'flag', kind } as Waiting))).toEqual(['/campaigns/flag/review', '/campaigns/flag/corrections'])
  })
})

describe('a thrown away campaign', () => {
  it('stays thirty days', () => {
    const at = '2026-10-01T00:00:00+08:00'
    expect([0, 29, 31].map((days) => daysLeft(at, new Date(at).getTime() + days * 86_400_000 + 1))).toEqual([29, 0, 0])
  })
})

describe('wording rules', () => {
  const rule = (code: string, more: Partial<Rule> = {}): Rule => ({ code, level: 'error', words: ['词'], why: '因', advice: '改', negatable: false, ...more })
  it('are complete, named once, and short', () => {
    expect(slipOf([rule('A'), rule('B')], [rule('C')])).toBeNull()
    expect(slipOf([rule('A'), rule('A')], [])).toEqual({ kind: 'twice', of: 'A' })
    expect(slipOf([rule('C')], [rule('C')])).toEqual({ kind: 'twice', of: 'C' })
    expect(slipOf([rule('A', { words: [] })], [])).toEqual({ kind: 'incomplete', of: 'A' })
    expect(slipOf([rule('A', { words: ['长'.repeat(33)] })], [])).toMatchObject({ kind: 'longWord' })
  })
})

describe('words', () => {
  it('name every field in the language of the reader, else as the server does', () => {
    expect(fieldName(words.en, 'activities.salute.title', '主题活动')).toBe('Activity salute: title')
    expect(fieldName(words.zh, 'presets.p1')).toBe('预设寄语 p1')
    expect(fieldName(words.en, 'theme.top_text', '页面 top_text')).toBe('页面 top_text')
  })

  it('say what to do about each refusal of the desk, in both languages', () => {
    for (const code of ['DRAFT_CHANGED', 'REVIEW_REQUIRED', 'DRAFT_OUTDATED', 'WARNINGS_UNCONFIRMED', 'NOT_THIS_STEP', 'WORDING_CHANGED']) expect(ADVICE[code], code).toMatchObject({ zh: expect.any(String), en: expect.any(String), said: expect.any(String) })
  })
})
