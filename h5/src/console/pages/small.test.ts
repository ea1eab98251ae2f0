import { afterEach, describe, expect, it, vi } from 'vitest'
import { asSent, emptyArticle } from './articles/calls'
import { ownPath } from './codes/calls'
import { readFollowers } from './followers/calls'
import { canGo, size, type Material } from './materials/calls'
import { target, written } from './mini/calls'
import { cutOf, numbers } from './notices/calls'
import { parse } from './words/calls'

afterEach(() => vi.unstubAllGlobals())

describe('word lists', () => {
  it('are read as people paste them, each word once', () => {
    expect(parse('坏词\n 坏词 \r\n、加微信，代购; x\n\n')).toEqual(['坏词', '加微信', '代购', 'x'])
  })
})

describe('citizen numbers', () => {
  it('are read with any signs between them, and nothing else is taken for one', () => {
    expect(numbers('1, 2，3\n3')).toEqual([1, 2, 3])
    expect([numbers('1 x'), numbers('0'), numbers('1.5'), numbers('4294967296')]).toEqual([null, null, null, null])
    expect(numbers('')).toEqual([])
  })
})

describe('the words of a notice', () => {
  it('are told where the platform would cut them, and not where it does not', () => {
    const long = '漳州市第三届文明实践志愿服务集中展示活动开幕式'
    expect(cutOf('subscription', [{ name: 'thing1', text: long }, { name: 'time2', text: '2026-10-01' }])).toEqual([{ name: 'thing1', most: 20, shown: [...long].slice(0, 20).join('') }])
    expect(cutOf('miniprogram_subscription', [{ name: 'phrase3', text: '一二三四五六' }])[0]!.shown).toBe('一二三四五')
    expect(cutOf('template', [{ name: 'thing1', text: long }])).toEqual([])
  })
})

describe('a page of this site', () => {
  it('may be pasted with its whole address', () => {
    expect(ownPath(' https://wm.example/c/flag ', 'https://wm.example')).toBe('/c/flag')
    expect(ownPath('https://wm.example.evil/c', 'https://wm.example')).toBe('https://wm.example.evil/c')
  })
})

describe('a page of the mini-program', () => {
  it('is written with its parameters in one line, and sent apart', () => {
    expect(target(' /pages/index/index?school=12&name=%E5%AE%9E%E5%B0%8F ')).toEqual({ page: 'pages/index/index', query: { school: '12', name: '实小' } })
    expect(target('pages/a')).toEqual({ page: 'pages/a', query: {} })
    expect(target(written({ page: 'pages/a', query: { x: '1 2' } }))).toEqual({ page: 'pages/a', query: { x: '1 2' } })
  })
})

describe('a draft of the platform', () => {
  it('goes back with what the interface takes, and nothing else', () => {
    const held = { title: '敬礼', content: '<p/>', thumb_media_id: 'm', need_open_comment: 1, url: 'http://x', show_cover_pic: 1 } as never
    expect(asSent(held)).toEqual({ ...emptyArticle(), title: '敬礼', content: '<p/>', thumb_media_id: 'm', need_open_comment: true })
  })
})

describe('materials', () => {
  const one = { kind: 'image', expires_at: null } as Material
  it('can be deleted unless they are temporary or stand in articles', () => {
    expect([canGo(one), canGo({ ...one, kind: 'picture' }), canGo({ ...one, expires_at: '2026-10-01T00:00:00+08:00' })]).toEqual([true, false, false])
    expect([size(10), size(1617), size(3 << 20)]).toEqual(['1 KB', '2 KB', '3.0 MB'])
  })
})

describe('lists of followers', () => {
  it('are everybody, a tag, or the blacklist, and go on behind a number', async () => {
    const fetched = vi.fn(async (_path: string) => new Response('{"items":[],"next":null}'))
    vi.stubGlobal('fetch', fetched)
    await readFollowers('/b', '', '')
    await readFollowers('/b', '100', '7')
    await readFollowers('/b', 'blacklist', '')
    expect(fetched.mock.calls.map(([path]) => path)).toEqual(['/b/followers', '/b/tags/100/followers?cursor=7', '/b/blacklist'])
  })
})
