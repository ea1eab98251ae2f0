import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { computed } from 'vue'
import { onKey, useKeys } from '../../frame/keys'
import { flushPromises, mountInRouter } from '../../frame/mount.test-help'
import type { Item, Ruled } from './calls'
import { HELD_MS, useQueue } from './useQueue'

const item = (id: string, more: Partial<Item> = {}) => ({ kind: 'message', kind_name: '寄语', id, at: '', state: 'pending', parts: [], own: false, held_by: null, ...more }) as unknown as Item
let asked: { method: string; path: string; body: unknown }[] = []
let answers: Record<string, unknown> = {}
const sent = (end: string) => asked.filter(({ path }) => path.endsWith(end)).map(({ body }) => body)

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true, toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
  asked = []
  answers = {}
  vi.stubGlobal('fetch', vi.fn(async (path: string, options: RequestInit) => {
    asked.push({ method: options.method ?? 'GET', path, body: options.body ? JSON.parse(String(options.body)) : null })
    const found = Object.entries(answers).find(([end]) => path.endsWith(end))?.[1]
    return new Response(JSON.stringify(found ?? { items: ['a', 'b', 'c'].map((id) => item(id)), next: null, counts: null, kinds: { message: '寄语' }, own_words: null }))
  }))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

async function open(which = 'waiting') {
  const rest: Ruled[][] = []
  const mounted = await mountInRouter('/messages', () => {
    const q = useQueue(computed(() => 'flag'), () => which, () => '', (failed) => rest.push(failed))
    useKeys([
      { key: 'j', does: () => '', run: () => void q.go(1) }, { key: 'k', does: () => '', run: () => void q.go(-1) },
      { key: 'a', does: () => '', run: () => q.now.value && q.judge([q.now.value], true, { reason: '', words: '' }) },
      { key: 'z', does: () => '', run: q.undo }])
    return q
  })
  mounted.result.restart()
  await vi.advanceTimersByTimeAsync(0)
  await flush()
  const press = (...letters: string[]) => letters.forEach((key) => onKey(new KeyboardEvent('keydown', { key })))
  return { ...mounted, q: mounted.result, press, rest, shown: () => mounted.result.shown.value.map(({ id }) => id) }
}
const flush = async () => { for (let n = 0; n < 5; n++) { const waited = flushPromises(); await vi.advanceTimersByTimeAsync(1); await waited } }

describe('the keyboard', () => {
  it('moves within the list and no further', async () => {
    const { q, press, unmount } = await open()
    press('k')
    expect(q.now.value?.id).toBe('a')
    press('j', 'j', 'j', 'j')
    expect(q.now.value?.id).toBe('c')
    unmount()
  })

  it('approves what is before her after five seconds, and not before', async () => {
    const { shown, press, unmount } = await open()
    press('j', 'a')
    expect(shown()).toEqual(['a', 'c'])
    await vi.advanceTimersByTimeAsync(HELD_MS - 100)
    expect(sent('/decisions')).toEqual([])
    await vi.advanceTimersByTimeAsync(200)
    expect(sent('/decisions')).toEqual([{ items: [{ kind: 'message', id: 'b' }], approve: true, reason: '', words: '' }])
    unmount()
  })

  it('takes the last verdict back while it is held, and stands on it again', async () => {
    const { q, shown, press, unmount } = await open()
    press('j', 'a', 'z')
    expect(shown()).toEqual(['a', 'b', 'c'])
    expect(q.now.value?.id).toBe('b')
    await vi.advanceTimersByTimeAsync(HELD_MS * 2)
    expect(sent('/decisions')).toEqual([])
    press('z') // nothing is left to take back
    expect(shown()).toEqual(['a', 'b', 'c'])
    unmount()
  })
})

describe('several at once', () => {
  it('go in one request, and those that failed come back with their reason', async () => {
    answers['/decisions'] = { items: [{ kind: 'message', id: 'a', done: true, code: '', message: '' }, { kind: 'message', id: 'c', done: false, code: 'ITEM_HELD', message: 'chen 正在看' }], next: null }
    const { q, shown, rest, unmount } = await open()
    q.select('a')
    q.select('c')
    q.judge(q.chosen.value, false, { reason: 'advert', words: '' })
    expect(shown()).toEqual(['b'])
    await vi.advanceTimersByTimeAsync(HELD_MS + 10)
    await flush()
    expect(sent('/decisions')).toEqual([{ items: [{ kind: 'message', id: 'a' }, { kind: 'message', id: 'c' }], approve: false, reason: 'advert', words: '' }])
    expect(shown()).toEqual(['b', 'c'])
    expect(rest[0]!.map(({ message }) => message)).toEqual(['chen 正在看'])
    unmount()
  })

  it('are taken back together', async () => {
    const { q, shown, unmount } = await open()
    q.judge(q.shown.value, true, { reason: '', words: '' })
    expect(shown()).toEqual([])
    q.undo()
    expect(shown()).toEqual(['a', 'b', 'c'])
    unmount()
  })

  it('are sent when the page goes', async () => {
    const { q, unmount } = await open()
    q.judge([q.shown.value[0]!], true, { reason: '', words: '' })
    dispatchEvent(new Event('pagehide'))
    await flush()
    expect(sent('/decisions')).toHaveLength(1)
    unmount()
  })
})

describe('locks', () => {
  it('hold what is before her, let go of what was, and name who else has one', async () => {
    answers['/message/b/lock'] = undefined as never
    const { q, press, unmount } = await open()
    await vi.advanceTimersByTimeAsync(500)
    expect(asked.filter(({ path }) => path.endsWith('/lock')).map(({ method, path }) => `${method} ${path.split('/').at(-2)}`)).toEqual(['PUT a'])
    press('j')
    await vi.advanceTimersByTimeAsync(500)
    expect(asked.filter(({ path }) => path.endsWith('/lock')).map(({ method, path }) => `${method} ${path.split('/').at(-2)}`)).toEqual(['PUT a', 'DELETE a', 'PUT b'])
    expect(q.now.value?.id).toBe('b')
    unmount()
  })
})

describe('a second look', () => {
  it('leaves out what she approved herself', async () => {
    answers['list=second'] = { items: [item('a', { own: true }), item('b')], next: null, counts: null, kinds: {}, own_words: null }
    const { shown, unmount } = await open('second')
    expect(shown()).toEqual(['b'])
    unmount()
  })
})
