import { flushPromises, mountInRouter } from './mount.test-help'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { useFilters, useList, type Listed } from './list'

afterEach(() => vi.restoreAllMocks())

describe('a list', () => {
  it('pages by the key that the server gave, and ends where there is none', async () => {
    const read = vi.fn(async (cursor: string): Promise<Listed<number>> => (cursor ? { items: [3], next: null } : { items: [1, 2], next: 'after-2' }))
    const list = useList(read)
    await list.restart()
    await list.more()
    await list.more()
    expect(list.items.value).toEqual([1, 2, 3])
    expect(read.mock.calls).toEqual([[''], ['after-2']])
  })

  it('drops an answer to a question that is out of date', async () => {
    const waiting: ((page: Listed<string>) => void)[] = []
    const list = useList(() => new Promise<Listed<string>>((resolve) => waiting.push(resolve)))
    const [first, second] = [list.restart(), list.restart()]
    waiting[1]!({ items: ['new'], next: null })
    waiting[0]!({ items: ['old'], next: null })
    await Promise.all([first, second])
    expect(list.items.value).toEqual(['new'])
  })

  it('keeps what it has when the next page fails', async () => {
    const list = useList(async (cursor) => {
      if (cursor) throw new Error('away')
      return { items: [1], next: 'x' }
    })
    await list.restart()
    await list.more()
    expect(list.items.value).toEqual([1])
    expect(list.problem.value).toBeInstanceOf(Error)
    expect(list.next.value).toBe('x')
  })
})

describe('filters', () => {
  it('are the address, in both directions, without what is as by default', async () => {
    const { router, result: filters } = await mountInRouter('/list?q=flag&other=1', () => useFilters({ q: '', state: 'all' }))
    expect(filters).toEqual({ q: 'flag', state: 'all' })
    filters.state = 'open'
    await flushPromises()
    expect(router.currentRoute.value.query).toEqual({ q: 'flag', other: '1', state: 'open' })
    filters.q = ''
    await flushPromises()
    expect(router.currentRoute.value.query).toEqual({ other: '1', state: 'open' })
    await router.push('/list?state=draft')
    expect(filters).toEqual({ q: '', state: 'draft' })
  })
})
