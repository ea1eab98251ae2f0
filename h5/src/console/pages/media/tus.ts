/** A file on its way by the tus protocol 1.0.0: begun, sent in pieces of 1 MB, and after a break gone on with from where the server stands. */
import { door, entered, signInAgain } from '../../frame/door'
import { Refused, refusal, whoIsHere } from '../../session'

const UPLOADS = '/api/v1/staff/media/uploads'
// As large as the server's own parts: a break costs one of them at most.
export const PIECE_BYTES = 1 << 20
// 1 MB at 35 kbit/s; whoever is slower has no line.
const PIECE_MS = 240_000
// A lift, a tunnel, a restart of the server; then a person says when to go on.
const PAUSES_MS = [1_000, 3_000, 5_000, 10_000, 20_000]

export interface Journey {
  /** An upload that was begun before; '' for none. */
  upload?: string
  signal: AbortSignal
  begun: (upload: string) => void
  moved: (offset: number) => void
  pauses?: readonly number[]
}

/** Sends a file and gives the upload that is whole. Raises Refused, or what the signal was given where it was stopped. */
export async function transfer(file: File, { upload = '', signal, begun, moved, pauses = PAUSES_MS }: Journey): Promise<string> {
  let offset: number | null = null
  let failures = 0
  let isRenewed = upload === ''
  for (;;) {
    try {
      if (!upload) {
        upload = await begin(file, signal)
        offset = 0
        begun(upload)
      }
      offset ??= await standing(upload, signal)
      moved(offset)
      if (offset >= file.size) return upload
      offset = await add(upload, offset, file.slice(offset, offset + PIECE_BYTES), signal)
      failures = 0
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      offset = null
      if (isGone(error) && !isRenewed) {
        isRenewed = true
        upload = ''
      } else if (isPassing(error) && failures < pauses.length) await pause(pauses[failures++]!, signal)
      else throw error
    }
  }
}

/** Gives an upload up. */
export async function giveUp(upload: string): Promise<void> {
  await request('DELETE', `${UPLOADS}/${upload}`, {})
}

async function begin(file: File, signal: AbortSignal): Promise<string> {
  const metadata = Object.entries({ filename: file.name, filetype: file.type }).map(([key, value]) => `${key} ${base64(value)}`.trim()).join(',')
  const answer = await request('POST', UPLOADS, { 'Upload-Length': String(file.size), 'Upload-Metadata': metadata }, undefined, signal)
  return answer.headers.get('Location')!.split('/').pop()!
}

/** How much of it the server has. */
async function standing(upload: string, signal: AbortSignal): Promise<number> {
  return Number((await request('HEAD', `${UPLOADS}/${upload}`, {}, undefined, signal)).headers.get('Upload-Offset'))
}

async function add(upload: string, offset: number, piece: Blob, signal: AbortSignal): Promise<number> {
  const headers = { 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': String(offset) }
  return Number((await request('PATCH', `${UPLOADS}/${upload}`, headers, piece, signal)).headers.get('Upload-Offset'))
}

/** Whoever is no longer signed in is asked over the page, as for every other call; then the same is sent again. */
async function request(method: string, path: string, headers: Record<string, string>, body?: Blob, signal?: AbortSignal, isAgain = false): Promise<Response> {
  const answer = await once(method, path, { ...headers, 'Tus-Resumable': '1.0.0', 'X-CSRF-Token': door.staff?.csrf ?? '' }, body, signal)
  if (answer.ok) return answer
  const error = refusal(answer.status, await answer.text())
  if (isAgain || (error.status !== 401 && error.code !== 'CSRF_REFUSED')) throw error
  if (error.status === 401) await signInAgain()
  else entered(await whoIsHere()) // signed in anew in another tab
  return request(method, path, headers, body, signal, true)
}

async function once(method: string, path: string, headers: Record<string, string>, body?: Blob, signal?: AbortSignal): Promise<Response> {
  signal?.throwIfAborted()
  const ending = new AbortController()
  const stop = () => ending.abort()
  const timer = setTimeout(stop, PIECE_MS)
  signal?.addEventListener('abort', stop)
  try {
    return await fetch(path, { method, headers, credentials: 'same-origin', signal: ending.signal, ...(body && { body }) })
  } catch {
    signal?.throwIfAborted()
    throw new Refused(0, 'NO_ANSWER', '暂时连不上服务器，请稍后再试')
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}

function isGone({ status }: Refused): boolean {
  return status === 404 || status === 410
}

/** What another try may mend: no answer, a busy server, a piece that was spoilt, a place that the server knows better. */
export function isPassing({ status, code }: Refused): boolean {
  return status === 0 || status === 429 || status === 460 || status >= 500 || code === 'UPLOAD_OFFSET_DIFFERS'
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

function base64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''))
}
