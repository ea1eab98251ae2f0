import { afterEach, describe, expect, it, vi } from 'vitest'
import { speak } from '../../frame/words'
import { actionName, KNOWN } from './actions'
import { changesOf, FILTERS, queryOf, readEntries } from './calls'

afterEach(() => vi.unstubAllGlobals())

function pages(answers: { items: unknown[]; next: string | null }[]) {
  const fetched = vi.fn(async (_path: string) => new Response(JSON.stringify(answers.shift() ?? { items: [], next: 'on' })))
  vi.stubGlobal('fetch', fetched)
  return fetched
}

describe('what is asked of the log', () => {
  it('is what was filled in, and a zone keeps its sign', () => {
    expect(queryOf(FILTERS)).toBe('')
    expect(queryOf({ ...FILTERS, who: ' li.ming ', since: '2026-10-01T08:00:00+08:00' }, '1:2')).toBe('?who=li.ming&since=2026-10-01T08%3A00%3A00%2B08%3A00&cursor=1%3A2')
  })

  it('goes on where a page holds nothing but leads on, though not for ever', async () => {
    const fetched = pages([{ items: [], next: 'a' }, { items: [{ seq: 1 }], next: 'b' }])
    expect(await readEntries(FILTERS, '')).toEqual({ items: [{ seq: 1 }], next: 'b' })
    expect(fetched.mock.calls.map(([path]) => path)).toEqual(['/api/v1/staff/audit-log', '/api/v1/staff/audit-log?cursor=a'])
    const endless = pages([])
    expect(await readEntries(FILTERS, '')).toEqual({ items: [], next: 'on' })
    expect(endless).toHaveBeenCalledTimes(5)
  })
})

describe('before and after', () => {
  it('stand side by side, field by field', () => {
    expect(changesOf({ before: { campaigns: null, role: 'editor' }, after: { campaigns: ['flag'], note: 1 } })).toEqual([
      { field: 'campaigns', before: '', after: '["flag"]' }, { field: 'role', before: 'editor', after: '' }, { field: 'note', before: '', after: '1' }])
    expect(changesOf({ before: 'open', after: 'paused' })).toEqual([{ field: '', before: 'open', after: 'paused' }])
    expect(changesOf({ before: null, after: { role: 'editor' } })).toEqual([{ field: 'role', before: '', after: 'editor' }])
    expect(changesOf({ before: null, after: null })).toEqual([])
  })
})

describe('the name of an action', () => {
  it('is there in both languages for all that can be chosen, and empty for others', () => {
    for (const language of ['zh', 'en'] as const) {
      speak(language)
      expect(KNOWN.filter((action) => actionName(action) === '')).toEqual([])
    }
    speak('zh')
    expect([actionName('campaign.update'), actionName('nothing.known')]).toEqual(['活动 · 修改', ''])
  })
})
