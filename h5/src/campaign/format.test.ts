import { describe, expect, it } from 'vitest'
import { days, grouped, moment } from './format'

describe('format', () => {
  it('groups large numbers', () => expect([0, 999, 1000, 1234567].map(grouped)).toEqual(['0', '999', '1,000', '1,234,567']))
  it('reads Shanghai time as written', () => expect(moment('2026-10-01T08:05:59+08:00')).toBe('2026年10月1日 08:05'))
  it('names the last day that counts', () => {
    expect(days('2026-09-25T00:00:00+08:00', '2026-10-09T00:00:00+08:00')).toBe('2026年9月25日 — 10月8日')
    expect(days('2026-12-31T00:00:00+08:00', '2027-01-02T00:00:00+08:00')).toBe('2026年12月31日 — 2027年1月1日')
    expect(days('2026-10-01T00:00:00+08:00', '2026-10-02T00:00:00+08:00')).toBe('2026年10月1日')
  })
})
