import { afterEach, describe, expect, it, vi } from 'vitest'
import { readTotals, spoken, type CampaignRow } from './campaigns'
import { Refused, signIn, signOut, whoIsHere } from './session'

const row = (slug: string, state: string): CampaignRow => ({ slug, state, title: slug, opens_at: '', closes_at: '' })
const answer = (status: number, body: unknown) => new Response(body === null ? null : JSON.stringify(body), { status })

afterEach(() => vi.unstubAllGlobals())

describe('readTotals', () => {
  it('asks only for campaigns that count, and keeps the last figure of a silent one', async () => {
    const fetched = vi.fn(async (path: string) =>
      path.includes('open') ? answer(200, { participants: 5, as_of: '2026-10-01T08:00:00+08:00' }) : answer(503, { error: { code: 'BUSY', message: '忙' } }))
    vi.stubGlobal('fetch', fetched)
    const totals = await readTotals([row('open', 'open'), row('quiet', 'frozen'), row('new', 'draft')],
      { quiet: { participants: 9, asOf: '2026-10-01T07:00:00+08:00', stale: false } })
    expect(fetched).toHaveBeenCalledTimes(2)
    expect(totals.open).toMatchObject({ participants: 5, stale: false })
    expect(totals.quiet).toMatchObject({ participants: 9, stale: true })
    expect(totals.new).toBeUndefined()
  })
})

describe('spoken', () => {
  it('is in Shanghai time wherever the reader is', () => {
    expect(spoken('2026-10-01T00:05:00Z')).toBe('2026年10月1日 08:05')
    expect(spoken('never')).toBe('')
  })
})

describe('session', () => {
  it('knows a stranger from a failure', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => answer(401, { error: { code: 'SIGN_IN_REQUIRED', message: '请登录' } })))
    expect(await whoIsHere()).toBeNull()
    vi.stubGlobal('fetch', vi.fn(async () => answer(503, { error: { code: 'STORE_UNAVAILABLE', message: '稍后' } })))
    await expect(whoIsHere()).rejects.toMatchObject({ status: 503, message: '稍后' })
    vi.stubGlobal('fetch', vi.fn(async () => { throw new TypeError('network') }))
    await expect(whoIsHere()).rejects.toBeInstanceOf(Refused)
  })

  it('sends the CSRF token with what changes something', async () => {
    const fetched = vi.fn(async (_path: string, options: RequestInit) =>
      options.method === 'DELETE' ? answer(204, null) : answer(200, { name: 'zhiban', role: 'operator', csrf: 'abc' }))
    vi.stubGlobal('fetch', fetched)
    await signIn('zhiban', 'x')
    await signOut()
    expect(fetched.mock.calls[1]![1].headers).toMatchObject({ 'X-CSRF-Token': 'abc' })
  })

  it('speaks for a server that answers with something unreadable', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => new Response('<html>', { status: 502 })))
    await expect(signIn('a', 'b')).rejects.toMatchObject({ code: 'UNREADABLE', status: 502 })
  })
})
