import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { door, entered, left } from '../../frame/door'
import { make, note, recall } from './queue'
import { giveUp, PIECE_BYTES, transfer } from './tus'

const ID = 'a'.repeat(32)
const UPLOADS = '/api/v1/staff/media/uploads'
const refusal = (status: number, code: string) => new Response(JSON.stringify({ error: { code, message: code } }), { status })

/** The server's side of the protocol: what it holds, what was asked, and what stands in the way next. */
class Server {
  held = 0
  asked: string[] = []
  pieces: number[] = []
  troubles: (Response | 'away')[] = []
  headers: Record<string, string>[] = []

  answer = async (path: string, options: RequestInit): Promise<Response> => {
    const headers = options.headers as Record<string, string>
    this.asked.push(options.method!)
    this.headers.push(headers)
    const trouble = options.method === 'PATCH' ? this.troubles.shift() : undefined
    if (trouble === 'away') throw new TypeError('network')
    if (trouble) return trouble
    if (options.method === 'POST') return new Response(null, { status: 201, headers: { Location: `${path}/${ID}`, 'Upload-Offset': '0' } })
    if (options.method === 'PATCH') {
      if (Number(headers['Upload-Offset']) !== this.held) return refusal(409, 'UPLOAD_OFFSET_DIFFERS')
      this.pieces.push((options.body as Blob).size)
      this.held += (options.body as Blob).size
    }
    return new Response(null, { status: options.method === 'HEAD' ? 200 : 204, headers: { 'Upload-Offset': String(this.held) } })
  }
}

let server: Server
const file = (bytes: number) => new File([new Uint8Array(bytes)], '升旗.jpg', { type: 'image/jpeg', lastModified: 1 })
const journey = (more = {}) => ({ signal: new AbortController().signal, begun: vi.fn(), moved: vi.fn(), pauses: [0, 0], ...more })

beforeEach(() => {
  localStorage.clear()
  server = new Server()
  vi.stubGlobal('fetch', vi.fn(server.answer))
  entered({ name: 'bianji', role: 'editor', csrf: 'token' })
})
afterEach(() => {
  left()
  vi.unstubAllGlobals()
})

describe('a file on its way', () => {
  it('goes in pieces of 1 MB and says how far it is', async () => {
    const way = journey()
    expect(await transfer(file(2 * PIECE_BYTES + 5), way)).toBe(ID)
    expect(server.pieces).toEqual([PIECE_BYTES, PIECE_BYTES, 5])
    expect(way.moved.mock.calls.flat()).toEqual([0, PIECE_BYTES, 2 * PIECE_BYTES, 2 * PIECE_BYTES + 5])
    expect(way.begun).toHaveBeenCalledExactlyOnceWith(ID)
  })

  it('says its name in Base64 of UTF-8, its length, the version and the token', async () => {
    await transfer(file(3), journey())
    expect(server.headers[0]).toMatchObject({ 'Upload-Length': '3', 'Upload-Metadata': 'filename 5Y2H5peXLmpwZw==,filetype aW1hZ2UvanBlZw==', 'Tus-Resumable': '1.0.0', 'X-CSRF-Token': 'token' })
    expect(server.headers[1]).toMatchObject({ 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': '0' })
  })

  it('asks after a break where the server stands, and goes on from there', async () => {
    server.troubles = ['away']
    expect(await transfer(file(PIECE_BYTES + 1), journey())).toBe(ID)
    expect(server.asked).toEqual(['POST', 'PATCH', 'HEAD', 'PATCH', 'PATCH'])
    expect(server.pieces).toEqual([PIECE_BYTES, 1])
  })

  it('goes on with an upload that a closed page left', async () => {
    server.held = PIECE_BYTES
    await transfer(file(PIECE_BYTES + 7), journey({ upload: ID }))
    expect(server.asked).toEqual(['HEAD', 'PATCH'])
    expect(server.pieces).toEqual([7])
  })

  it('begins anew, once, where the old upload is gone', async () => {
    vi.stubGlobal('fetch', vi.fn(async (path: string, options: RequestInit) => (path.endsWith('old') ? new Response(null, { status: 410 }) : server.answer(path, options))))
    expect(await transfer(file(4), journey({ upload: 'old' }))).toBe(ID)
    expect(server.pieces).toEqual([4])
  })

  it('is given back to the person after some tries, or at once where a try mends nothing', async () => {
    server.troubles = ['away', 'away', 'away']
    await expect(transfer(file(4), journey())).rejects.toMatchObject({ code: 'NO_ANSWER' })
    server.troubles = [refusal(409, 'UPLOAD_OVERTAKEN')]
    await expect(transfer(file(4), journey())).rejects.toMatchObject({ code: 'UPLOAD_OVERTAKEN' })
  })

  it('waits for whoever has to sign in again, and sends the same piece', async () => {
    server.troubles = [refusal(401, 'STAFF_SESSION_MISSING')]
    const sent = transfer(file(4), journey())
    await vi.waitFor(() => expect(door.isAsking).toBe(true))
    entered({ name: 'bianji', role: 'editor', csrf: 'new' })
    expect(await sent).toBe(ID)
    expect(server.headers.at(-1)).toMatchObject({ 'X-CSRF-Token': 'new', 'Upload-Offset': '0' })
  })

  it('stops where it is told to, and can be given up', async () => {
    const stop = new AbortController()
    const sent = transfer(file(3 * PIECE_BYTES), journey({ signal: stop.signal, moved: () => server.held && stop.abort() }))
    await expect(sent).rejects.toMatchObject({ name: 'AbortError' })
    expect(server.pieces).toEqual([PIECE_BYTES])
    await giveUp(ID)
    expect(server.asked.at(-1)).toBe('DELETE')
  })
})

describe('an upload that is known', () => {
  it('is found again by its file without its name, and forgotten', () => {
    note(file(9), ID)
    expect(recall(file(9))).toBe(ID)
    expect(recall(file(8))).toBe('')
    expect(localStorage.getItem('wenming-console-uploads')).not.toContain('升旗')
    note(file(9), '')
    expect(recall(file(9))).toBe('')
    localStorage.setItem('wenming-console-uploads', '{"9-1-image/jpeg":"../x"}')
    expect(recall(file(9))).toBe('')
  })
})

describe('a medium', () => {
  const signal = new AbortController().signal

  it('is asked for until it is made', async () => {
    const answers = [new Response('{"state":"in_work"}', { status: 202 }), refusal(503, 'MEDIA_BUSY'), new Response('{"id":"m"}', { status: 201 })]
    const fetched = vi.fn(async (_path: string, _options: RequestInit) => answers.shift()!)
    vi.stubGlobal('fetch', fetched)
    expect(await make(() => ({ upload: ID }), signal, 0)).toEqual({ id: 'm' })
    expect(fetched).toHaveBeenCalledTimes(3)
    expect(fetched.mock.calls[0]![0]).toBe(UPLOADS.replace('/uploads', ''))
    expect(fetched.mock.calls[0]![1].headers).toMatchObject({ 'Content-Type': 'application/json' })
  })

  it('is refused with the reason, at once', async () => {
    const fetched = vi.fn(async () => refusal(422, 'MEDIA_SVG'))
    vi.stubGlobal('fetch', fetched)
    await expect(make(() => ({ upload: ID }), signal, 0)).rejects.toMatchObject({ code: 'MEDIA_SVG' })
    expect(fetched).toHaveBeenCalledOnce()
  })
})
