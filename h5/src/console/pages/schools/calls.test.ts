import { describe, expect, it } from 'vitest'
import { classCode, lettersOf } from './calls'

describe('a class', () => {
  it('is a grade and a number, and never a name', () => {
    expect(classCode('p3', ' 2 ')).toBe('p3-2')
    expect(['', '0', '100', '02', '张三', '2a'].map((number) => classCode('p3', number))).toEqual(['', '', '', '', '', ''])
    expect(classCode('', '2')).toBe('')
  })
})

describe('letters', () => {
  it('are printed for what the list shows, or for one school', () => {
    expect(lettersOf('flag', { region: '350602', q: '实验' })).toBe('/api/v1/staff/campaigns/flag/school-letters?region=350602&q=%E5%AE%9E%E9%AA%8C')
    expect(lettersOf('flag', { unit: 'school-1' })).toBe('/api/v1/staff/campaigns/flag/school-letters?unit=school-1')
  })
})

