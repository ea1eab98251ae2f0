import { describe, expect, it } from 'vitest'
import { badge, kindOf, pieces, said, showsTime } from './text'

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

describe('links into a mini-program', () => {
  it('are links where WeChat makes them', () => {
    expect(pieces('点 #小程序://文明漳州/首页/aB_1 报名。')).toEqual([
      { text: '点 ' }, { text: '#小程序://文明漳州/首页/aB_1', url: '#小程序://文明漳州/首页/aB_1' }, { text: ' 报名。' },
    ])
    expect(pieces('<a href="weixin://dl/business/?t=1">去</a>')).toEqual([{ text: '去', url: 'weixin://dl/business/?t=1' }])
  })
})

describe('small words', () => {
  it('a badge has two digits at most', () => {
    expect([badge(1), badge(99), badge(100)]).toEqual(['1', '99', '99+'])
  })
  it('every kind of account has a name', () => {
    expect(['subscription', 'certified_service', 'miniprogram', 'novel'].map(kindOf)).toEqual(['订阅号 · 未认证', '服务号 · 已认证', '小程序', '公众号'])
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
