import { afterEach, describe, expect, it, vi } from 'vitest'
import { flushPromises, mountInRouter } from '../../frame/mount.test-help'
import { useCampaign } from '../../frame/campaigns'
import { dayOf, shownDay } from '../../frame/format'
import { mayDecide, mayFetch, share, type Export } from '../exports/calls'
import { askReport, readRows, workbook } from './calls'

afterEach(() => vi.unstubAllGlobals())

describe('reports', () => {
  it('are asked for by days as the interface writes them', () => {
    expect([dayOf('2026-10-01'), dayOf(''), dayOf(null), shownDay('20261001'), shownDay('')]).toEqual(['20261001', '', '', '2026-10-01', ''])
  })

  it('stand under their campaign until they have a number, then under it', async () => {
    const fetched = vi.fn(async (_path: string, _options: RequestInit) => new Response('{}'))
    vi.stubGlobal('fetch', fetched)
    await askReport('flag', { first_day: '', last_day: '', corrects: 'flag-2026-0001', reason: '漏了一所学校' })
    await readRows('flag-2026-0001', 'units', '3')
    expect(fetched.mock.calls.map(([path]) => path)).toEqual(['/api/v1/staff/campaigns/flag/reports', '/api/v1/staff/reports/flag-2026-0001/tables/units?cursor=3'])
    expect(JSON.parse(fetched.mock.calls[0]![1].body as string)).toEqual({ first_day: '', last_day: '', corrects: 'flag-2026-0001', reason: '漏了一所学校' })
    expect(workbook('flag-2026-0001')).toBe('/api/v1/staff/reports/flag-2026-0001.xlsx')
  })
})

describe('an export', () => {
  const waiting = { state: 'waiting', asked_by: 'bianji' } as Export
  const ready = { ...waiting, state: 'ready' } as Export

  it('is consented to by an admin or auditor who did not ask herself', () => {
    expect(['admin', 'auditor', 'editor'].map((role) => mayDecide(waiting, { name: 'x', role }))).toEqual([true, true, false])
    expect(mayDecide({ ...waiting, asked_by: 'x' }, { name: 'x', role: 'admin' })).toBe(false)
    expect([mayDecide(ready, { name: 'x', role: 'admin' }), mayDecide(waiting, null)]).toEqual([false, false])
  })

  it('is fetched by who asked, admins and auditors, once it is ready', () => {
    expect([mayFetch(ready, { name: 'bianji', role: 'editor' }), mayFetch(ready, { name: 'x', role: 'auditor' })]).toEqual([true, true])
    expect([mayFetch(ready, { name: 'x', role: 'editor' }), mayFetch(waiting, { name: 'bianji', role: 'editor' })]).toEqual([false, false])
  })

  it('is as far as its rows, never further than all', () => {
    expect([share({ rows: 0, rows_done: 0 } as Export), share({ rows: 4, rows_done: 1 } as Export), share({ rows: 4, rows_done: 9 } as Export)]).toEqual([0, 0.25, 1])
  })
})

describe('the campaign of a page', () => {
  it('is the one in the address, else the open one, and each is begun once', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => new Response('{"items":[{"slug":"a","state":"draft","title":"A"},{"slug":"b","state":"open","title":"B"}]}')))
    const begun = vi.fn()
    const open = await mountInRouter('/reports', () => useCampaign(begun))
    await flushPromises()
    expect(begun.mock.calls).toEqual([['b']])
    open.unmount()
    const named = await mountInRouter('/reports?campaign=a', () => useCampaign(begun))
    await flushPromises()
    expect(begun.mock.calls).toEqual([['b'], ['a']])
    named.unmount()
  })
})
