import { afterEach, describe, expect, it, vi } from 'vitest'
import { mountInRouter } from '../../frame/mount.test-help'
import { clock, NO_FOLDER, point, readMedia, size, small, type Medium } from './calls'
import { useQueue } from './queue'

afterEach(() => vi.unstubAllGlobals())

describe('the library', () => {
  it('is asked for what the filters say; in no folder is something else than in any', async () => {
    const fetched = vi.fn(async (_path: string) => new Response('{"items":[],"next":null}'))
    vi.stubGlobal('fetch', fetched)
    const filters = { q: '', kind: '', folder: '', tag: '', bin: '' }
    await readMedia(filters, '')
    await readMedia({ ...filters, folder: NO_FOLDER, kind: 'image' }, '')
    await readMedia({ ...filters, q: ' 旗 ', folder: '国庆', bin: '1' }, '000000000001:x')
    const asked = fetched.mock.calls.map(([path]) => Object.fromEntries(new URL(path, 'http://x').searchParams))
    expect(asked).toEqual([{}, { kind: 'image', folder: '' }, { text: '旗', folder: '国庆', bin: '1', cursor: '000000000001:x' }])
  })
})

describe('what is shown of a medium', () => {
  it('is its smallest picture, its size and its length', () => {
    const variant = (url: string) => ({ url, width: 1, height: 1, bytes: 1 })
    expect(small({ variants: { full: variant('f'), w375: variant('s') } } as unknown as Medium)!.url).toBe('s')
    expect(small({ variants: { video: variant('v'), poster: variant('p') } } as unknown as Medium)!.url).toBe('p')
    expect(small({ variants: { audio: variant('a') } } as unknown as Medium)).toBeUndefined()
    expect([size(10), size(3 << 20), clock(75), clock(59.6)]).toEqual(['1 KB', '3.0 MB', '1:15', '1:00'])
  })

  it('has its focal point inside, to a hundredth', () => {
    expect([point(0.123456, 0.5), point(-0.2, 1.4)]).toEqual([[0.12, 0.5], [0, 1]])
  })
})

describe('files that were chosen together', () => {
  it('go two at a time, and one that is refused says why and lets the next go', async () => {
    const refusedName = btoa(String.fromCharCode(...new TextEncoder().encode('bad.svg')))
    let open = 0
    let most = 0
    vi.stubGlobal('URL', Object.assign(URL, { createObjectURL: () => 'blob:x', revokeObjectURL: () => {} }))
    vi.stubGlobal('fetch', vi.fn(async (path: string, { method, headers }: RequestInit) => {
      most = Math.max(most, ++open)
      await new Promise((resolve) => setTimeout(resolve))
      open--
      const said = headers as Record<string, string>
      if (said['Upload-Metadata']?.includes(refusedName)) return new Response('{"error":{"code":"MEDIA_TYPE_UNKNOWN","message":"只能上传图片"}}', { status: 422 })
      if (method === 'PATCH') return new Response(null, { status: 204, headers: { 'Upload-Offset': '3' } })
      if (path.endsWith('/uploads')) return new Response(null, { status: 201, headers: { Location: `${path}/u` } })
      return new Response('{"id":"m","alt":"","kind":"image","may_be_used":false}', { status: 201 })
    }))
    const made = vi.fn()
    const { result: queue, unmount } = await mountInRouter('/media', () => useQueue(() => ({ folder: '', tags: [] }), made))
    queue.add(['a.jpg', 'bad.svg', 'b.jpg', 'c.jpg'].map((name) => new File(['123'], name, { type: 'image/jpeg' })))
    expect(queue.items.map(({ stage }) => stage)).toEqual(['sending', 'sending', 'waiting', 'waiting'])
    await vi.waitFor(() => expect(queue.items.map(({ stage }) => stage)).toEqual(['made', 'refused', 'made', 'made']))
    expect(queue.items[1]!.error).toMatchObject({ code: 'MEDIA_TYPE_UNKNOWN' })
    expect([most, made.mock.calls.length, queue.isBusy.value]).toEqual([2, 3, false])
    await queue.drop(queue.items[1]!)
    expect(queue.items).toHaveLength(3)
    unmount()
  })
})
