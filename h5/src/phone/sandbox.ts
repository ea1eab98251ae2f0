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
  appid?: string
  pagepath?: string
  sub_button?: MenuButton[]
}

/** `menu`: the one that the phone's citizen sees. */
export interface Account {
  appid: string
  role: string
  name: string
  kind: string
  followed: boolean
  menu: { button: MenuButton[] } | null
}

export interface State {
  notice: string
  product: string
  me: Citizen | null
  snapshot: boolean
  citizens: Citizen[]
  accounts: Account[]
}

export interface Article {
  title: string
  description: string
  pic_url: string
  url: string
}

/** What an account sent by API. Of a notice: template, fields, and what a tap opens. */
export interface Sent {
  template_id?: string
  data?: Record<string, { value: string }>
  url?: string
  page?: string
  miniprogram?: { appid?: string; pagepath?: string }
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
  media_id?: string
  mini?: { appid: string; pagepath: string }
  message?: Sent
  template?: { title: string; labels: Record<string, string> }
}

export interface Card {
  title: string
  desc: string
  link: string
  imgUrl: string
}

export interface Scanned {
  kind: 'url' | 'text' | 'account' | 'expired' | 'miniprogram'
  text?: string
  appid?: string
  page?: string
  query?: string
  from?: number
}

/** What is new: lines, and for how many seconds more which accounts type. */
export interface News {
  items: Line[]
  typing: Record<string, number>
}

/** The product's answer to a mini-program's page; status 0: none came. */
export interface Answer<T> {
  status: number
  body: T | null
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
  say: (key: string, account: string, text: string) => call<unknown>('/sandbox/messages', { openid: key, account, text }),
  event: (key: string, account: string, event: string, eventKey = '') =>
    call<unknown>('/sandbox/messages', { openid: key, account, event, event_key: eventKey }),
  scan: (key: string, text: string) => call<Scanned>('/sandbox/scan', { openid: key, text }),
  /** Held open by the sandbox until there is a new line. */
  chat: (key: string, after: number, typing: string[], wait: number) =>
    call<News>(`/sandbox/chat?openid=${encodeURIComponent(key)}&after=${after}&wait=${wait}&typing=${[...typing].sort().join(',')}`),
  login: (key: string, account: string) => call<{ code: string }>('/sandbox/login', { openid: key, account }),
  phoneCode: (key: string, account: string) => call<{ code: string }>('/sandbox/phone-code', { openid: key, account }),
  grant: (key: string, account: string, template: string, status: 'accept' | 'reject') =>
    call<unknown>('/sandbox/grants', { openid: key, account, template_id: template, status }),
  /** wx.request of a mini-program's page to the product. */
  request: <T>(method: 'GET' | 'POST' | 'DELETE', path: string, token?: string, body?: unknown) =>
    call<Answer<T>>('/sandbox/mini-requests', { method, path, token, body }),
}

/** The way into the in-app browser: through the sandbox, which knows who holds the phone. */
export const openAddress = (url: string) => `/sandbox/open?url=${encodeURIComponent(url)}`
