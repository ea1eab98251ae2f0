import { afterEach, describe, expect, it, vi } from 'vitest'
import { copy } from '../../frame/copy'
import { isUnderWay, keepSettings, makeBulletin, milestonesOf, named, wasSeen, type Bulletin } from './calls'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

describe('milestones', () => {
  it('are written as people say such numbers', () => {
    expect([10_000, 1_500_000, 12_345, 0].map(named)).toEqual(['1万', '150万', '12,345', '0'])
  })

  it('are read however a person separates them, in order and once', () => {
    expect(milestonesOf('10万、1 万，5000 12,345; 1.5万, 1万')).toEqual([5000, 10_000, 12_345, 15_000, 100_000])
    expect([milestonesOf(' '), milestonesOf('一万'), milestonesOf('1万元')]).toEqual([[], null, null])
  })

  it('come back from a field as they were put into it', () => {
    const values = [5000, 10_000, 12_345, 2_000_000]
    expect(milestonesOf(values.map(named).join('、'))).toEqual(values)
  })

  it('were seen happen only where somebody had looked before', () => {
    expect([wasSeen({ value: 1, passed_at: 'x', known_below_at: null }), wasSeen({ value: 1, passed_at: 'x', known_below_at: 'w' })]).toEqual([false, true])
  })
})

describe('a bulletin', () => {
  it('is asked for in one call, and its settings go without what the server alone knows', async () => {
    const fetched = vi.fn(async (_path: string, _options: RequestInit) => new Response('{}'))
    vi.stubGlobal('fetch', fetched)
    await makeBulletin('flag', true)
    await keepSettings('flag', { hourly: true, first_hour: 8, last_hour: 22, to_robots: true, milestones: [], rev: 3, has_robots: true })
    expect(fetched.mock.calls.map(([path]) => path)).toEqual(['/api/v1/staff/campaigns/flag/bulletins', '/api/v1/staff/campaigns/flag/bulletin-settings'])
    expect(fetched.mock.calls.map(([, { body }]) => JSON.parse(body as string))).toEqual([{ to_robots: true }, { hourly: true, first_hour: 8, last_hour: 22, to_robots: true, milestones: [], rev: 3 }])
  })

  it('is followed while its picture is drawn or robots are told', () => {
    const one = { picture: 'drawn', telling: 'none' } as Bulletin
    expect([one, { ...one, picture: 'waiting' } as Bulletin, { ...one, telling: 'wanted' } as Bulletin, { ...one, picture: 'failed', telling: 'failed' } as Bulletin].map(isUnderWay)).toEqual([false, true, true, false])
  })

  it('is copied the old way where there is no clipboard, and leaves nothing behind', async () => {
    vi.stubGlobal('navigator', {})
    let chosen = ''
    document.execCommand = vi.fn(() => {
      chosen = document.querySelector('textarea')!.value
      return true
    })
    await copy('截至 10:00')
    expect([chosen, document.querySelector('textarea')]).toEqual(['截至 10:00', null])
  })
})
