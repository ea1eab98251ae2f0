import { describe, expect, it } from 'vitest'
import { pieces, said, showsTime } from './text'

describe('pieces', () => {
  it('finds anchors and bare addresses', () => {
    expect(pieces('点<a href="http://h/c/flag?a=1&amp;b=2">这里</a>或 https://h/x。')).toEqual([
      { text: '点' }, { text: '这里', url: 'http://h/c/flag?a=1&b=2' }, { text: '或 ' },
      { text: 'https://h/x', url: 'https://h/x' }, { text: '。' },
    ])
  })
  it('opens web addresses only and shows other markup as written', () => {
    expect(pieces('<a href="javascript:alert(1)">坏</a><b>x</b>')).toEqual([{ text: '坏' }, { text: '<b>x</b>' }])
  })
  it('takes single quotes and other attributes', () => {
    expect(pieces("<a class=x href='http://h/'>去</a>")).toEqual([{ text: '去', url: 'http://h/' }])
  })
})

describe('said', () => {
  const noon = Date.UTC(2026, 9, 1, 4, 0) / 1000
  it('speaks Shanghai time', () => {
    expect(said(noon, noon)).toBe('12:00')
    expect(said(noon - 13 * 3600, noon)).toBe('昨天 23:00')
    expect(said(noon - 3 * 86400, noon)).toBe('9月28日 12:00')
  })
  it('is written after a pause', () => {
    expect([showsTime(1, null), showsTime(200, 1), showsTime(400, 1)]).toEqual([true, false, true])
  })
})
