import { expect, it } from 'vitest'
import { isNumber, mayConsent, mayOpen, type Opening } from './calls'

const opening = (more: Partial<Opening>) => ({ state: 'waiting', asked_by: 'lin', decided_by: '', ...more }) as Opening

it('who asked does not consent, nor does a reviewer', () => {
  expect(mayConsent(opening({}), { name: 'lin', role: 'admin' })).toBe(false)
  expect(mayConsent(opening({}), { name: 'chen', role: 'reviewer' })).toBe(false)
  expect(mayConsent(opening({}), { name: 'shenji', role: 'auditor' })).toBe(true)
  expect(mayConsent(opening({ state: 'lapsed' }), { name: 'shenji', role: 'auditor' })).toBe(false)
})

it('the two who let it see it while it is open, and no admin beside them', () => {
  const one = opening({ state: 'open', decided_by: 'shenji' })
  expect(['lin', 'shenji', 'admin'].map((name) => mayOpen(one, { name, role: 'admin' }))).toEqual([true, true, false])
  expect(mayOpen({ ...one, state: 'expired' }, { name: 'lin', role: 'admin' })).toBe(false)
})

it('a number of an item has 32 characters', () => {
  expect([isNumber('a'.repeat(32)), isNumber('A'.repeat(32)), isNumber('a'.repeat(31))]).toEqual([true, false, false])
})
