import { describe, expect, it } from 'vitest'
import { numbersFit } from '../desk/kinds/voteRules'
import { bursts, mayConsent, newPaperId, type Paper } from './vote.calls'

const one = (code: string) => ({ code, name: code, text: '', media: '' })

describe('a vote in the console', () => {
  it('shows the busiest minutes beside the median of the day', () => {
    expect(bursts({ '08:00': 2, '08:01': 2, '08:02': 40, '08:03': 0 }, 2)).toEqual([{ at: '08:02', n: 40, times: 20 }, { at: '08:00', n: 2, times: 1 }])
    expect(bursts({})).toEqual([])
  })

  it('asks another operator, reviewer or admin for her consent, never who entered it', () => {
    const paper = { state: 'waiting', by: 'li' } as Paper
    expect(['admin', 'operator', 'reviewer', 'editor', 'auditor'].filter((role) => mayConsent(paper, { name: 'wang', role }))).toEqual(['admin', 'operator', 'reviewer'])
    expect(mayConsent(paper, { name: 'li', role: 'admin' })).toBe(false)
    expect(mayConsent({ ...paper, state: 'counted' }, { name: 'wang', role: 'admin' })).toBe(false)
  })
  it('names each count of paper ballots by itself', () => {
    expect(newPaperId()).toMatch(/^[0-9a-f]{32}$/)
    expect(newPaperId()).not.toBe(newPaperId())
  })

  it('knows which numbers a ballot can have', () => {
    const rules = { candidates: [one('a'), one('b')], least: 1, most: 2, tally: 'never' as const }
    expect(numbersFit(rules)).toBe(true)
    expect(numbersFit({ ...rules, least: 2, most: 1 })).toBe(false)
    expect(numbersFit({ ...rules, most: 3 })).toBe(false)
  })
})
