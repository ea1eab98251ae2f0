import { describe, expect, it, vi } from 'vitest'
import { byRegion, importPlaces, STEPS } from './calls'

describe('districts', () => {
  it('stand in administrative order whatever their number', () => {
    const rows = byRegion([{ code: '1', name: '芗城区', order: 1 }, { code: '2', name: '龙文区', order: 2 }], { 2: 8, 1: 4 })
    expect(rows).toEqual([{ name: '芗城区', n: 4, share: 0.5 }, { name: '龙文区', n: 8, share: 1 }])
  })

  it('do not lose a count whose name is not known', () => {
    expect(byRegion([], { x: 3, y: 0 })).toEqual([{ name: 'x', n: 3, share: 1 }])
  })
})

describe('steps of a campaign', () => {
  it('can be taken back exactly where the way back exists', () => {
    for (const [from, steps] of Object.entries(STEPS)) {
      for (const { to, back } of steps) if (back) expect(STEPS[to]!.map((step) => step.to), `${from} to ${to}`).toContain(back)
    }
    expect(Object.values(STEPS).flat().filter(({ to }) => to === 'frozen').every(({ isFinal }) => isFinal)).toBe(true)
  })
})

describe('a file of places', () => {
  it('goes as it was saved with the columns that were chosen, to be checked or to be kept', async () => {
    const fetched = vi.fn(async (_path: string, _options: RequestInit) => new Response('{"rows":1,"errors":[],"imported":0}'))
    vi.stubGlobal('fetch', fetched)
    const file = new Blob([new Uint8Array([0xdc, 0xbc])])
    await importPlaces('flag', 'units', file, { code: '学校标识码', name: '' }, true)
    await importPlaces('flag', 'units', file, {}, false)
    await importPlaces('flag', 'regions', file, { kind: '性质' }, true)
    const base = '/api/v1/staff/campaigns/flag/places'
    expect(fetched.mock.calls.map(([path]) => path)).toEqual([`${base}/file?kind=units&dry_run=1&code=${encodeURIComponent('学校标识码')}`, `${base}/file?kind=units`, `${base}/file?kind=regions&dry_run=1&kind_column=${encodeURIComponent('性质')}`])
    expect(fetched.mock.calls[0]![1].body).toBe(file)
    vi.unstubAllGlobals()
  })
})
