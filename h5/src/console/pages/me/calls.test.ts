import { afterEach, describe, expect, it, vi } from 'vitest'
import { door, entered, left, put } from '../../frame/door'
import { changePassword, faultOf } from './calls'

afterEach(() => {
  left()
  vi.unstubAllGlobals()
})

describe('a new password', () => {
  it('is long enough, another one, and typed twice alike', () => {
    expect(faultOf('old one it is', 'short', 'short')).toBe('length')
    expect(faultOf('old one it is', 'x'.repeat(129), 'x'.repeat(129))).toBe('length')
    expect(faultOf('old one it is', 'old one it is', 'old one it is')).toBe('same')
    expect(faultOf('old one it is', 'another long one', 'another long two')).toBe('differs')
    expect(faultOf('old one it is', 'another long one', 'another long one')).toBe('')
  })

  it('goes on as a new session, whose value is sent from then on', async () => {
    const fetched = vi.fn(async (path: string, _options: RequestInit) =>
      new Response(path.endsWith('/password') ? JSON.stringify({ name: 'xiaoli', role: 'editor', csrf: 'new', needs: [] }) : '{}'))
    vi.stubGlobal('fetch', fetched)
    entered({ name: 'xiaoli', role: 'editor', csrf: 'old', needs: ['password'] })
    await changePassword('old one it is', 'another long one')
    expect(door.staff).toMatchObject({ csrf: 'new', needs: [] })
    expect(JSON.parse(fetched.mock.calls[0]![1].body as string)).toEqual({ old: 'old one it is', new: 'another long one' })
    await put('/x', {})
    expect(fetched.mock.calls[1]![1].headers).toMatchObject({ 'X-CSRF-Token': 'new' })
  })
})
