import { afterEach, describe, expect, it, vi } from 'vitest'
import { decide, failed, following, headline, NO_REASON, pieces, type Item } from './calls'

afterEach(() => vi.unstubAllGlobals())

const hit = (start: number, end: number, list: 'block' | 'review' = 'review') => ({ start, end, list, word: '' })
const NAME = { kind: 'message', id: 'a'.repeat(32) }

describe('hit words', () => {
  it('are marked where they stand, with the list that has them', () => {
    expect(pieces('加微信，加微信群！', [hit(0, 3), hit(4, 8, 'block')])).toEqual([
      { text: '加微信', list: 'review' }, { text: '，', list: '' }, { text: '加微信群', list: 'block' }, { text: '！', list: '' }])
  })

  it('that overlap are one mark of the graver list', () => {
    expect(pieces('加微信群', [hit(0, 4, 'review'), hit(1, 3, 'block')])).toEqual([
      { text: '加', list: 'review' }, { text: '微信', list: 'block' }, { text: '群', list: 'review' }])
  })

  it('are counted in whole characters, and code stays text', () => {
    expect(pieces('𠮷祥🇨🇳', [hit(1, 2)])).toEqual([{ text: '𠮷', list: '' }, { text: '祥', list: 'review' }, { text: '🇨🇳', list: '' }])
    expect(pieces('<img onerror>', [])).toEqual([{ text: '<img onerror>', list: '' }])
    expect(pieces('', [hit(0, 3)])).toEqual([])
  })
})

describe('a verdict', () => {
  it('sends the names of the items alone, and outlives the page when it is given while leaving', async () => {
    const fetched = vi.fn(async (_path: string, _options: RequestInit) => new Response('{"items":[],"next":null}'))
    vi.stubGlobal('fetch', fetched)
    await decide('flag', [{ ...NAME, text: '不该发送' } as never], false, { reason: 'advert', words: '' }, true)
    expect(fetched.mock.calls[0]![1]).toMatchObject({
      keepalive: true, body: JSON.stringify({ items: [NAME], approve: false, reason: 'advert', words: '' }) })
  })

  it('is no failure where another reviewer was first', () => {
    const ruled = (code: string) => ({ ...NAME, done: !code, code, message: code })
    expect(failed([ruled(''), ruled('ITEM_DECIDED'), ruled('ITEM_HELD')]).map(({ code }) => code)).toEqual(['ITEM_HELD'])
  })

  it('that the server does not take is thrown', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => new Response(JSON.stringify({ error: { code: 'STORE_UNAVAILABLE', message: 'x' } }), { status: 503 })))
    await expect(decide('flag', [NAME], true, NO_REASON, false)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })
})

it('the next in line is before her after a verdict, and the last after the last', () => {
  expect([following(2, 5), following(4, 4), following(0, 0)]).toEqual([2, 3, 0])
})

it('an item is known by the beginning of its text', () => {
  const item = (text: string) => ({ kind_name: '照片', parts: text ? [{ name: 'message', label: '', text, hits: [] }] : [] }) as unknown as Item
  expect([headline(item('短')), headline(item('长'.repeat(30))), headline(item(''))]).toEqual(['短', `${'长'.repeat(24)}…`, '照片'])
})
