import { afterEach, describe, expect, it, vi } from 'vitest'
import { call, callFile, isPending, Refused, secondStep, signIn, signOut, whoIsHere } from './session'

const answer = (status: number, body: unknown) => new Response(body === null ? null : JSON.stringify(body), { status })

afterEach(() => vi.unstubAllGlobals())

describe('session', () => {
  it('knows a stranger from a failure', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => answer(401, { error: { code: 'SIGN_IN_REQUIRED', message: '请登录' } })))
    expect(await whoIsHere()).toBeNull()
    vi.stubGlobal('fetch', vi.fn(async () => answer(503, { error: { code: 'STORE_UNAVAILABLE', message: '稍后' } })))
    await expect(whoIsHere()).rejects.toMatchObject({ status: 503, message: '稍后' })
    vi.stubGlobal('fetch', vi.fn(async () => { throw new TypeError('network') }))
    await expect(whoIsHere()).rejects.toBeInstanceOf(Refused)
  })

  it('sends the CSRF token with what changes something', async () => {
    const fetched = vi.fn(async (_path: string, options: RequestInit) =>
      options.method === 'DELETE' ? answer(204, null) : answer(200, { name: 'zhiban', role: 'operator', csrf: 'abc' }))
    vi.stubGlobal('fetch', fetched)
    await signIn('zhiban', 'x')
    await signOut()
    expect(fetched.mock.calls[1]![1].headers).toMatchObject({ 'X-CSRF-Token': 'abc' })
  })

  it('speaks for a server that answers with something unreadable', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => new Response('<html>', { status: 502 })))
    await expect(signIn('a', 'b')).rejects.toMatchObject({ code: 'UNREADABLE', status: 502 })
  })

  it('keeps the field and the request number of a refusal', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => answer(422, { error: { code: 'INVALID_BODY', message: '名称太长', field: 'name', request_id: 'r1' } })))
    await expect(call('POST', '/x', {})).rejects.toMatchObject({ field: 'name', requestId: 'r1' })
  })

  it('sends a file as it is', async () => {
    const fetched = vi.fn(async (_path: string, _options: RequestInit) => answer(200, {}))
    vi.stubGlobal('fetch', fetched)
    const file = new Blob(['a,b'], { type: 'text/csv' })
    await call('POST', '/x', file)
    expect(fetched.mock.calls[0]![1]).toMatchObject({ body: file, headers: { 'Content-Type': 'text/csv' } })
  })

  it('is nobody yet while the second step is waited for, and then somebody', async () => {
    const fetched = vi.fn(async (path: string, options: RequestInit) =>
      options.method === 'DELETE' ? answer(204, null)
        : path.endsWith('/session') ? answer(202, { pending: 'p1', ways: ['totp', 'wechat'] })
          : options.body?.toString().includes('wechat') ? answer(202, { pending: 'p1', ways: ['wechat'] }) : answer(200, { name: 'guanli', role: 'admin', csrf: 'second' }))
    vi.stubGlobal('fetch', fetched)
    const first = await signIn('guanli', 'x')
    expect(isPending(first) && first.ways).toEqual(['totp', 'wechat'])
    expect(isPending(await secondStep('p1', 'wechat'))).toBe(true)
    expect(await secondStep('p1', 'totp', '123456')).toMatchObject({ name: 'guanli' })
    await signOut()
    expect(JSON.parse(fetched.mock.calls[2]![1].body as string)).toEqual({ pending: 'p1', way: 'totp', code: '123456' })
    expect(fetched.mock.calls[3]![1].headers).toMatchObject({ 'X-CSRF-Token': 'second' })
  })

  it('gives a file whole, and a refusal of it in words', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => new Response('a,b')))
    expect(await (await callFile('/x.csv')).text()).toBe('a,b')
    vi.stubGlobal('fetch', vi.fn(async () => answer(403, { error: { code: 'REAUTHENTICATION_NEEDED', message: '请再输入一次密码' } })))
    await expect(callFile('/x.csv')).rejects.toMatchObject({ code: 'REAUTHENTICATION_NEEDED', status: 403 })
  })
})
