import { describe, expect, it } from 'vitest'
import { pictureOf, range, toggled, type VoteRules } from './board'
import type { PageData } from '../../types'

describe('choosing', () => {
  it('takes, gives up, and stops where the ballot is full', () => {
    expect(toggled([], 'a', 2)).toEqual(['a'])
    expect(toggled(['a'], 'a', 2)).toEqual([])
    const full = ['a', 'b']
    expect(toggled(full, 'c', 2)).toBe(full)
  })

  it('of one choice takes the other instead', () => {
    expect(toggled(['a'], 'b', 1)).toEqual(['b'])
  })

  it('says how many', () => {
    const rules = { candidates: [], least: 1, most: 3, tally: 'never' } as VoteRules
    expect(range(rules)).toBe('1 至 3 位')
    expect(range({ ...rules, least: 3 })).toBe('3 位')
  })
})

describe('a candidate', () => {
  const data = { campaign: { media: { m1: { alt: '', variants: { square: { url: '/media/1.jpg' } } } } } } as unknown as PageData
  it('has the square of her picture, or nothing', () => {
    expect(pictureOf(data, { code: 'a', name: '甲', text: '', media: 'm1' })).toBe('/media/1.jpg')
    expect(pictureOf(data, { code: 'a', name: '甲', text: '', media: 'm2' })).toBe('')
    expect(pictureOf({ campaign: {} } as PageData, { code: 'a', name: '甲', text: '', media: '' })).toBe('')
  })
})
