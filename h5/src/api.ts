/**
 * The only place that talks HTTP to our server, and the only one that knows its error codes.
 *
 * Every call either gives the answer or throws an ApiError whose `message` may be shown to people as it is.
 * Who retries is the caller's choice: `mayRetry`, `needsSignIn` and `waitsForCampaign` say what kind of refusal it was.
 */

/** A phone on slow 3G needs up to 5 s for one round trip with TLS; after 8 s it is better to keep and re-send. */
export const TIMEOUT_MILLISECONDS = 8000

/**
 * What people read for a code. The server sends Chinese words with every refusal, and those are shown; here stand the
 * codes that come without words (no network, a proxy's bare error) and those that this side has to say differently.
 */
const WORDS: Record<string, string> = {
  NETWORK: '网络不给力，请稍后再试',
  TIMEOUT: '网络较慢，还没有等到回音',
  INTERNAL: '系统出了点问题，请稍后再试',
  BUSY: '现在人很多，请稍候，系统会自动再试',
}

/** Refusals that time alone may lift while the campaign goes on: the request stays kept. */
const WAITING = ['CAMPAIGN_NOT_OPEN', 'CAMPAIGN_PAUSED']

export class ApiError extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    message: string,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(WORDS[code] || message || WORDS.INTERNAL)
    // Built for old engines, where a subclass of Error loses its class.
    Object.setPrototypeOf(this, ApiError.prototype)
  }
}

/** Nothing was decided: the same request may be sent again. */
export function mayRetry(error: ApiError): boolean {
  return error.status === 0 || error.status === 408 || error.status === 429 || error.status >= 500
}

/** The server does not know who is asking. */
export function needsSignIn(error: ApiError): boolean {
  return error.status === 401
}

/** Refused for now; the campaign may take it later. */
export function waitsForCampaign(error: ApiError): boolean {
  return WAITING.indexOf(error.code) >= 0
}

/** She has left her message before: nothing more to do. */
export function alreadyLeft(error: ApiError): boolean {
  return error.code === 'MESSAGE_ALREADY_LEFT'
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface Answer<T> {
  status: number
  value: T
}

let turn: Promise<unknown> | null = null

/** Whatever is asked from now on waits so long: thousands of pages that were waiting for one moment must not ask in it. */
export function wait(milliseconds: number): void {
  turn = new Promise((go) => setTimeout(go, milliseconds))
}

/** One request, JSON both ways. Throws ApiError. */
export async function call<T>(method: Method, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> {
  if (turn) await turn
  let timer = 0
  const late = new Promise<never>((_, refuse) => {
    timer = window.setTimeout(() => refuse(new ApiError('TIMEOUT', 0, '')), TIMEOUT_MILLISECONDS)
  })
  try {
    return await Promise.race([send<T>(method, path, body, headers), late])
  } finally {
    clearTimeout(timer)
  }
}

/** The same with a form, which takes as long as its file does. */
export const upload = <T>(path: string, form: FormData) => send<T>('POST', path, form, {}).then((answer) => answer.value)

async function send<T>(method: Method, path: string, body: unknown, headers: Record<string, string>): Promise<Answer<T>> {
  const asItIs = body === undefined || body instanceof FormData
  const json: Record<string, string> = asItIs ? {} : { 'Content-Type': 'application/json' }
  let response: Response
  let text: string
  try {
    response = await fetch(path, {
      method,
      headers: Object.assign(json, headers),
      body: asItIs ? body as FormData : JSON.stringify(body),
      credentials: 'same-origin',
    })
    text = await response.text()
  } catch (_) {
    throw new ApiError('NETWORK', 0, '')
  }
  const value = parsed(text)
  if (!response.ok) throw refusal(response, value)
  return { status: response.status, value: value as T }
}

function parsed(text: string): unknown {
  try {
    return text ? JSON.parse(text) : null
  } catch (_) {
    return null // an error page of a proxy: the status says enough
  }
}

function refusal(response: Response, value: unknown): ApiError {
  const error = ((value as { error?: Record<string, string> } | null) || {}).error || {}
  const seconds = parseFloat(response.headers.get('Retry-After') || '')
  const code = error.code || (response.status === 503 ? 'BUSY' : 'INTERNAL')
  return new ApiError(code, response.status, error.message || '', seconds >= 0 ? seconds : null)
}

export const get = <T>(path: string) => call<T>('GET', path).then((answer) => answer.value)
export const post = <T>(path: string, body: unknown) => call<T>('POST', path, body)
export const remove = (path: string) => call<null>('DELETE', path)
