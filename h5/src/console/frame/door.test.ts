import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { confirm, door, entered, get, getFile, left, may, mustSet, post, put, remove } from './door'

const answer = (status: number, body: unknown) => new Response(JSON.stringify(body), { status })
const refusal = (status: number, code: string) => answer(status, { error: { code, message: code } })
const zhiban = { name: 'zhiban', role: 'operator', csrf: 'a' }

beforeEach(() => entered(zhiban))
afterEach(() => {
  left()
  vi.unstubAllGlobals()
})

describe('a call without a session', () => {
  it('waits until somebody has signed in, and is made again', async () => {
    let isSignedIn = false
    vi.stubGlobal('fetch', vi.fn(async () => (isSignedIn ? answer(200, { ok: 1 }) : refusal(401, 'STAFF_SESSION_MISSING'))))
    const [first, second] = [get('/a'), put('/b', { text: 'kept' })]
    await vi.waitFor(() => expect(door.isAsking).toBe(true))
    isSignedIn = true
    entered(zhiban)
    expect(await first).toEqual({ ok: 1 })
    expect(await second).toEqual({ ok: 1 })
    expect(door.isAsking).toBe(false)
  })

  it('gives another person a page of her own', () => {
    const reload = vi.fn()
    vi.stubGlobal('location', { reload })
    entered({ ...zhiban, name: 'bianji', role: 'editor' })
    expect(reload).toHaveBeenCalledOnce()
    expect(door.staff?.name).toBe('zhiban')
  })
})

describe('a call with the token of an older session', () => {
  it('takes the new one and is made again', async () => {
    let csrf = ''
    vi.stubGlobal('fetch', vi.fn(async (path: string, options: RequestInit) => {
      if (path.endsWith('/session')) return answer(200, { ...zhiban, csrf: 'new' })
      csrf = (options.headers as Record<string, string>)['X-CSRF-Token'] ?? ''
      return csrf === 'new' ? answer(200, {}) : refusal(403, 'CSRF_REFUSED')
    }))
    await put('/b', {})
    expect(csrf).toBe('new')
  })
})

describe('a dangerous call', () => {
  it('is made again once the password was given, for all that wait', async () => {
    let isFresh = false
    const fetched = vi.fn(async () => (isFresh ? answer(200, { ok: 1 }) : refusal(403, 'REAUTHENTICATION_NEEDED')))
    vi.stubGlobal('fetch', fetched)
    const both = Promise.all([post('/a', {}), getFile('/b.csv')])
    await vi.waitFor(() => expect([door.isConfirming, fetched.mock.calls.length]).toEqual([true, 2]))
    isFresh = true
    confirm(true)
    expect((await both)[0]).toEqual({ ok: 1 })
    expect([door.isConfirming, fetched.mock.calls.length]).toEqual([false, 4])
  })

  it('is refused where she would rather not, and where it is refused again', async () => {
    const fetched = vi.fn(async () => refusal(403, 'REAUTHENTICATION_NEEDED'))
    vi.stubGlobal('fetch', fetched)
    for (const [isGiven, calls] of [[false, 1], [true, 3]] as const) {
      const asked = remove('/a')
      const told = expect(asked).rejects.toMatchObject({ code: 'REAUTHENTICATION_NEEDED' })
      await vi.waitFor(() => expect(door.isConfirming).toBe(true))
      confirm(isGiven)
      await told
      expect([door.isConfirming, fetched.mock.calls.length]).toEqual([false, calls])
    }
  })

  it('is not taken for the end of the session where the password is wrong', async () => {
    for (const code of ['SIGN_IN_FAILED', 'SECOND_FACTOR_WRONG']) {
      vi.stubGlobal('fetch', vi.fn(async () => refusal(401, code)))
      await expect(put('/a', {})).rejects.toMatchObject({ code })
      expect(door.isAsking).toBe(false)
    }
  })
})

describe('what must be set first', () => {
  it('is asked for in the middle of the work, and the call is made again when it is set', async () => {
    let needs = ['second_factor']
    vi.stubGlobal('fetch', vi.fn(async (path: string) =>
      path.endsWith('/session') ? answer(200, { ...zhiban, needs }) : needs.length ? refusal(403, 'SECOND_FACTOR_NEEDED') : answer(200, { ok: 1 })))
    const asked = get('/a')
    await vi.waitFor(() => expect(mustSet()).toBe(true))
    entered({ ...zhiban, needs }) // signing in anew sets nothing
    needs = []
    entered({ ...zhiban, needs })
    expect(await asked).toEqual({ ok: 1 })
    expect(mustSet()).toBe(false)
  })
})

describe('who may do what', () => {
  it('lets admins do everything and others what their role names', () => {
    expect([may(), may('operator'), may('editor')]).toEqual([true, true, false])
    left()
    entered({ ...zhiban, role: 'admin' })
    expect(may('editor')).toBe(true)
  })
})
