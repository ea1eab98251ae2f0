/** The sandbox's control interface, as the phone uses it. Same origin; a failure carries a Chinese sentence. */

export interface Citizen {
  key: string
  openid: string
  nickname: string
  followed: boolean
}

export interface MenuButton {
  type?: string
  name: string
  key?: string
  url?: string
  sub_button?: MenuButton[]
}

export interface Account {
  appid: string
  name: string
  kind: string
  menu: { button: MenuButton[] } | null
}

export interface State {
  notice: string
  product: string
  me: Citizen | null
  snapshot: boolean
  citizens: Citizen[]
  account: Account
  others: { appid: string; name: string }[]
}

export interface Article {
  title: string
  description: string
  pic_url: string
  url: string
}

/** One line of a chat. `sender`: citizen, reply (to what she did), notice (sent by API), system. */
export interface Line {
  id: number
  appid: string
  at: number
  sender: 'citizen' | 'reply' | 'notice' | 'system'
  type: string
  text?: string
  articles?: Article[]
  title?: string
  pic_url?: string
}

export interface Card {
  title: string
  desc: string
  link: string
  imgUrl: string
}

export interface Scanned {
  kind: 'url' | 'text' | 'account' | 'expired'
  text?: string
}

export class SandboxError extends Error {}

async function call<T>(path: string, body?: unknown): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) })
  } catch {
    throw new SandboxError('模拟环境没有响应，请确认 make run 仍在运行')
  }
  if (!response.ok) throw new SandboxError(`模拟环境拒绝了这次操作（${response.status}）`)
  return (await response.json()) as T
}

export const sandbox = {
  state: () => call<State>('/sandbox/phone'),
  holdBy: (key: string) => call<State>('/sandbox/phone', { openid: key }),
  setSnapshot: (snapshot: boolean) => call<State>('/sandbox/phone', { snapshot }),
  add: (nickname: string) => call<Citizen>('/sandbox/citizens', nickname ? { nickname } : {}),
  say: (key: string, text: string) => call<unknown>('/sandbox/messages', { openid: key, text }),
  event: (key: string, event: string, eventKey = '') => call<unknown>('/sandbox/messages', { openid: key, event, event_key: eventKey }),
  scan: (key: string, text: string) => call<Scanned>('/sandbox/scan', { openid: key, text }),
  /** Held open by the sandbox until there is a new line. */
  chat: (key: string, after: number, wait: number) => call<{ items: Line[] }>(`/sandbox/chat?openid=${encodeURIComponent(key)}&after=${after}&wait=${wait}`),
}

/** The way into the in-app browser: through the sandbox, which knows who holds the phone. */
export const openAddress = (url: string) => `/sandbox/open?url=${encodeURIComponent(url)}`
