import { afterEach, describe, expect, it, vi } from 'vitest'
import { changeMember, MOST_CAMPAIGNS, NAME, scopeFault, scopeOf } from './calls'

afterEach(() => vi.unstubAllGlobals())

describe('an account', () => {
  it('has a name as the server takes it', () => {
    expect(['li', 'li.ming', 'a_1-b', 'a'.repeat(32)].every((name) => NAME.test(name))).toBe(true)
    expect(['l', 'Li', '1li', '小李', 'li ming', 'a'.repeat(33)].some((name) => NAME.test(name))).toBe(false)
  })

  it('has every campaign or some, and as an admin always every one', () => {
    expect([scopeOf('editor', false, ['flag']), scopeOf('editor', true, ['flag']), scopeOf('admin', false, ['flag'])]).toEqual([['flag'], null, null])
    expect([scopeFault(null), scopeFault(['flag']), scopeFault([]), scopeFault(Array(MOST_CAMPAIGNS + 1).fill('a'))]).toEqual(['', '', 'none', 'many'])
  })

  it('is changed as it was seen', async () => {
    const fetched = vi.fn(async (_path: string, _options: RequestInit) => new Response('{}'))
    vi.stubGlobal('fetch', fetched)
    await changeMember('li.ming', { role: 'editor', campaigns: ['flag'], disabled: false }, 3)
    expect(fetched.mock.calls[0]![0]).toBe('/api/v1/staff/members/li.ming')
    expect(JSON.parse(fetched.mock.calls[0]![1].body as string)).toEqual({ role: 'editor', campaigns: ['flag'], disabled: false, rev: 3 })
  })
})
