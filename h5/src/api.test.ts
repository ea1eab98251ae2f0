import { afterEach, describe, expect, it, vi } from 'vitest'
import { ApiError, get, mayRetry, needsSignIn, post, TIMEOUT_MILLISECONDS, waitsForCampaign } from './api'

function answers(status: number, body: string, headers: Record<string, string> = {}) {
  const fetch = vi.fn(async (..._: unknown[]) => new Response(body, { status, headers }))
  vi.stubGlobal('fetch', fetch)
  return fetch
}

const failure = async (promise: Promise<unknown>) => promise.then(() => { throw new Error('no refusal') }, (error: ApiError) => error)

afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

describe('api', () => {
  it('sends and reads JSON', async () => {
    const fetch = answers(201, '{"ordinal":7}')
    expect(await post('/x', { a: 1 })).toEqual({ status: 201, value: { ordinal: 7 } })
    expect(fetch.mock.calls[0]![1]).toMatchObject({ method: 'POST', body: '{"a":1}', credentials: 'same-origin' })
  })

  it('turns a refusal into our words with code and Retry-After', async () => {
    answers(503, '{"error":{"code":"BUSY","message":"x","request_id":"r1"}}', { 'Retry-After': '4' })
    const error = await failure(get('/x'))
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ code: 'BUSY', status: 503, retryAfterSeconds: 4 })
    expect(error.message).toContain('人很多')
    expect(mayRetry(error)).toBe(true)
  })

  it('shows the server\'s own words for a code that it does not know', async () => {
    answers(422, '{"error":{"code":"NEW_RULE","message":"请换一个名字","field":"name"}}')
    expect(await failure(get('/x'))).toMatchObject({ message: '请换一个名字' })
  })

  it('survives an error page that is not JSON', async () => {
    answers(502, '<html>bad gateway</html>')
    const error = await failure(get('/x'))
    expect(error.code).toBe('INTERNAL')
    expect(mayRetry(error)).toBe(true)
  })

  it('tells a lost network and a late answer from a refusal', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => { throw new TypeError('failed') }))
    expect(await failure(get('/x'))).toMatchObject({ code: 'NETWORK', status: 0 })
    vi.useFakeTimers()
    vi.stubGlobal('fetch', vi.fn(() => new Promise(() => {})))
    const late = failure(get('/x'))
    await vi.advanceTimersByTimeAsync(TIMEOUT_MILLISECONDS)
    expect(await late).toMatchObject({ code: 'TIMEOUT' })
  })

  it('knows who must sign in and what waits for the campaign', () => {
    expect(needsSignIn(new ApiError('TOKEN_EXPIRED', 401, ''))).toBe(true)
    expect(waitsForCampaign(new ApiError('CAMPAIGN_PAUSED', 409, ''))).toBe(true)
    expect(waitsForCampaign(new ApiError('CAMPAIGN_ENDED', 409, ''))).toBe(false)
    expect(mayRetry(new ApiError('VOIDED', 403, ''))).toBe(false)
  })
})
