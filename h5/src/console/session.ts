/** The staff session: who is signed in, and the calls that need it. */
export interface Staff {
  name: string
  role: string
  csrf: string
}

export class Refused extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message)
  }
}

const TIMEOUT_MS = 10_000
const SESSION = '/api/v1/staff/session'
const CSRF_HEADER = 'X-CSRF-Token'

let csrf = ''

/** A JSON call. Raises Refused with the server's own words, also where no answer came. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = body === undefined ? {} : { 'Content-Type': 'application/json' }
  if (csrf && method !== 'GET') headers[CSRF_HEADER] = csrf
  let answer: Response
  try {
    answer = await fetch(path, {
      method, headers, credentials: 'same-origin', signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch {
    throw new Refused(0, 'NO_ANSWER', '暂时连不上服务器，请稍后再试')
  }
  const text = await answer.text()
  if (answer.ok) return (text ? JSON.parse(text) : null) as T
  throw refusal(answer.status, text)
}

function refusal(status: number, text: string): Refused {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } }
    return new Refused(status, error.code, error.message)
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

export async function signIn(name: string, password: string): Promise<Staff> {
  return keep(await call<Staff>('POST', SESSION, { name, password }))
}

export async function signOut(): Promise<void> {
  await call('DELETE', SESSION)
  csrf = ''
}

function keep(staff: Staff): Staff {
  csrf = staff.csrf ?? ''
  return staff
}
