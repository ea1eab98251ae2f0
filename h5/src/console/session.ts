/** The staff session: who is signed in, and the calls that need it. */
export interface Staff {
  name: string
  role: string
  csrf: string
  /** Null: every campaign. */
  campaigns?: string[] | null
  /** What must be set before anything else: `password`, `second_factor`. */
  needs?: string[]
  /** When the session ends, ISO 8601. */
  expires_at?: string
}

export type Way = 'totp' | 'recovery' | 'wechat'

/** The password was right; one of these ways is asked for too. */
export interface Pending {
  pending: string
  ways: Way[]
}

/** For the phone that approves: scan the picture, type the number there. */
export interface PhoneCode {
  url: string
  number: string
  expires_at: string
  picture: string
}

export class Refused extends Error {
  /** `answer`: the whole of it, for a refusal that brings more than its error. */
  constructor(readonly status: number, readonly code: string, message: string, readonly field = '', readonly requestId = '', readonly answer: unknown = null) {
    super(message)
  }
}

const TIMEOUT_MS = 10_000
// A file of 10 MB over an office's slow line.
const FILE_TIMEOUT_MS = 180_000
const SESSION = '/api/v1/staff/session'
const CSRF_HEADER = 'X-CSRF-Token'

let csrf = ''

/** A JSON call; a Blob goes as it is. Raises Refused with the server's own words, also where no answer came.
 * `lasting`: the request outlives the page. */
export async function call<T>(method: string, path: string, body?: unknown, lasting = false): Promise<T> {
  const text = await (await send(method, path, body, lasting)).text()
  return (text ? JSON.parse(text) : null) as T
}

/** A file to keep. Raises Refused, also where it breaks off. */
export async function callFile(path: string): Promise<Blob> {
  const answer = await send('GET', path, undefined, false, FILE_TIMEOUT_MS)
  try {
    return await answer.blob()
  } catch {
    throw noAnswer()
  }
}

async function send(method: string, path: string, body?: unknown, lasting = false, timeout = body instanceof Blob ? FILE_TIMEOUT_MS : TIMEOUT_MS): Promise<Response> {
  const isFile = body instanceof Blob
  const headers: Record<string, string> = body === undefined ? {} : { 'Content-Type': isFile ? body.type || 'application/octet-stream' : 'application/json' }
  if (csrf && method !== 'GET') headers[CSRF_HEADER] = csrf
  let answer: Response
  try {
    answer = await fetch(path, {
      method, headers, credentials: 'same-origin', ...(lasting ? { keepalive: true } : { signal: AbortSignal.timeout(timeout) }),
      ...(body === undefined ? {} : { body: isFile ? body : JSON.stringify(body) }),
    })
  } catch {
    throw noAnswer()
  }
  if (!answer.ok) throw refusal(answer.status, await answer.text())
  return answer
}

const noAnswer = () => new Refused(0, 'NO_ANSWER', '暂时连不上服务器，请稍后再试')

/** What an answer that is no good says. */
export function refusal(status: number, text: string): Refused {
  try {
    const answer = JSON.parse(text) as { error: { code: string; message: string; field?: string; request_id?: string } }
    const { error } = answer
    return new Refused(status, error.code, error.message, error.field, error.request_id, answer)
  } catch {
    return new Refused(status, 'UNREADABLE', `服务器没有正常应答（${status}），请稍后再试`)
  }
}

/** Whoever is signed in, or null. */
export async function whoIsHere(): Promise<Staff | null> {
  try {
    return keep(await call<Staff>('GET', SESSION))
  } catch (error) {
    if (error instanceof Refused && (error.status === 401 || error.status === 403)) return null
    throw error
  }
}

/** Whoever is in now, or what the second step wants. */
export async function signIn(name: string, password: string): Promise<Staff | Pending> {
  return entered(await call<Staff | Pending>('POST', SESSION, { name, password }))
}

/** The second step; still pending while the phone has not said yes. */
export async function secondStep(pending: string, way: Way, code = ''): Promise<Staff | Pending> {
  return entered(await call<Staff | Pending>('POST', `${SESSION}/second-factor`, { pending, way, code }))
}

export const askPhone = (pending: string) => call<PhoneCode>('POST', `${SESSION}/second-factor/wechat`, { pending })
export const isPending = (answer: Staff | Pending): answer is Pending => 'pending' in answer

export async function signOut(): Promise<void> {
  await call('DELETE', SESSION)
  csrf = ''
}

const entered = (answer: Staff | Pending) => (isPending(answer) ? answer : keep(answer))

/** Calls from now on are this session's. */
export function keep(staff: Staff): Staff {
  csrf = staff.csrf ?? ''
  return staff
}
