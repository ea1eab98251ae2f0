import { afterEach, describe, expect, it, vi } from 'vitest'
import { readTotals, type CampaignRow } from './calls'

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
