/**
 * What the phone knows: who holds it, her chats, where she is.
 *
 * Owns: the state, the loop that waits for news, every action. Does not own: any drawing.
 * Invariants: one waiting loop at a time; lines are in order and once; the place is in the address, so that back works.
 */
import { computed, reactive, ref } from 'vue'
import { FROM, isMini, isMiniAddress, placeOf, type Launch } from './mini'
import { sandbox, SandboxError, type Line, type News, type State } from './sandbox'

// The sandbox answers a waiting request after at most this time.
const WAIT_SECONDS = 20
const RETRY_MILLISECONDS = 2000
const TOAST_MILLISECONDS = 2600

export const state = ref<State | null>(null)
export const lines = ref<Line[]>([])
export const place = ref('')
export const toast = ref('')
/** By account: actions of hers that it has not answered yet, and whether it tells that it is typing. */
export const busy = reactive<Record<string, number>>({})
export const typing = reactive<Record<string, boolean>>({})
/** A picture shown large, or offered for keeping and reading. */
export const viewer = reactive({ image: '', picture: null as Blob | null, offered: null as Blob | null })

export const me = computed(() => state.value?.me ?? null)
export const accounts = computed(() => state.value?.accounts ?? [])
export const officials = computed(() => accounts.value.filter((one) => !isMini(one)))
export const minis = computed(() => accounts.value.filter(isMini))
export const accountOf = (appid: string) => accounts.value.find((one) => one.appid === appid)
export const nameOf = (appid: string) => accountOf(appid)?.name ?? ''
export const linesOf = (appid: string) => lines.value.filter((line) => line.appid === appid)

let toastTimer = 0
export function say(text: string): void {
  toast.value = text
  window.clearTimeout(toastTimer)
  toastTimer = window.setTimeout(() => { toast.value = '' }, TOAST_MILLISECONDS)
}

export async function tried<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error
    say(error.message)
    return null
  }
}

// Where she is -------------------------------------------------------------------------------------------------------

/** Where she was before she opened a web page: closing it leads there. */
let opener = ''

export function go(where: string): void {
  window.location.hash = where
}

export const openWeb = (url: string) => go(`web/${encodeURIComponent(url)}`)
export const closeWeb = () => go(opener)
export const back = () => window.history.back()

export function openMini(launch: Omit<Launch, 'at'>): void {
  if (accountOf(launch.appid)) go(`mini/${encodeURIComponent(placeOf({ ...launch, at: Date.now() }))}`)
  else say('沙箱里没有这个小程序，真实手机会打开它')
}

/** A link that was tapped: a page, or a mini-program behind an address. */
export const openLink = (url: string) => (isMiniAddress(url) ? void scanned(url) : openWeb(url))

function follow(): void {
  place.value = window.location.hash.slice(1)
  if (!place.value.startsWith('web/')) opener = place.value
}

// Lines ----------------------------------------------------------------------------------------------------------------

let loop = 0
async function wait(key: string): Promise<void> {
  const mine = ++loop
  while (mine === loop) {
    const after = lines.value.at(-1)?.id ?? 0
    try {
      const news = await sandbox.chat(key, after, Object.keys(typing), WAIT_SECONDS)
      if (mine === loop) take(news)
    } catch (error) {
      if (!(error instanceof SandboxError)) throw error
      await new Promise((resolve) => window.setTimeout(resolve, RETRY_MILLISECONDS))
    }
  }
}

const typingTimers: Record<string, number> = {}
function take(news: News): void {
  lines.value.push(...news.items)
  for (const appid of Object.keys(typing)) if (!(appid in news.typing)) delete typing[appid]
  for (const [appid, seconds] of Object.entries(news.typing)) {
    typing[appid] = true
    window.clearTimeout(typingTimers[appid])
    typingTimers[appid] = window.setTimeout(() => { delete typing[appid] }, seconds * 1000)
  }
}

const READ = 'phone.read'
const read = reactive<Record<string, number>>(JSON.parse(window.localStorage.getItem(READ) ?? '{}') as Record<string, number>)
export const unread = (appid: string) =>
  linesOf(appid).filter((line) => (line.sender === 'reply' || line.sender === 'notice') && line.id > (read[`${me.value?.key} ${appid}`] ?? 0)).length
export const unreadOfAll = computed(() => accounts.value.reduce((sum, one) => sum + unread(one.appid), 0))

export function markRead(appid: string): void {
  const newest = linesOf(appid).at(-1)?.id ?? 0
  if (!me.value || (read[`${me.value.key} ${appid}`] ?? 0) >= newest) return
  read[`${me.value.key} ${appid}`] = newest
  window.localStorage.setItem(READ, JSON.stringify(read))
}

// Actions ----------------------------------------------------------------------------------------------------------------

export async function start(): Promise<void> {
  window.addEventListener('hashchange', follow)
  follow()
  state.value = await tried(sandbox.state)
  if (me.value) void wait(me.value.key)
}

export async function refresh(): Promise<void> {
  state.value = (await tried(sandbox.state)) ?? state.value
}

/** Another citizen takes the phone: it is hers alone from now on. */
export async function holdBy(key: string): Promise<void> {
  const next = await tried(() => sandbox.holdBy(key))
  if (!next) return
  loop++
  lines.value = []
  for (const appid of Object.keys(typing)) delete typing[appid]
  state.value = next
  go('')
  void wait(key)
}

export async function add(nickname: string): Promise<void> {
  const citizen = await tried(() => sandbox.add(nickname))
  if (citizen) await holdBy(citizen.key)
}

export async function setSnapshot(on: boolean): Promise<void> {
  const next = await tried(() => sandbox.setSnapshot(on))
  if (next) state.value = next
}

/** What she does towards an account; the answer comes through the chat. */
async function act(appid: string, work: (key: string) => Promise<unknown>): Promise<void> {
  if (!me.value) return
  const key = me.value.key
  busy[appid] = (busy[appid] ?? 0) + 1
  await tried(() => work(key))
  busy[appid]--
}

export const write = (appid: string, text: string) => act(appid, (key) => sandbox.say(key, appid, text))
export const tap = (appid: string, event: string, eventKey = '') => act(appid, (key) => sandbox.event(key, appid, event, eventKey))
export const grant = (appid: string, template: string, answer: 'accept' | 'reject') => act(appid, (key) => sandbox.grant(key, appid, template, answer))

export async function setFollowing(appid: string, on: boolean): Promise<void> {
  const account = accountOf(appid)
  if (account) account.followed = on
  await tap(appid, on ? 'subscribe' : 'unsubscribe')
  await refresh()
}

/** What a scanned, pressed or pasted text leads to. */
export async function scanned(text: string, pressed = false): Promise<void> {
  if (!me.value) return
  const key = me.value.key
  const result = await tried(() => sandbox.scan(key, text))
  if (!result) return
  if (result.kind === 'url') return openWeb(result.text ?? '')
  if (result.kind === 'miniprogram') {
    const from = pressed && result.from === FROM.code ? FROM.pressed : (result.from ?? 0)
    return openMini({ appid: result.appid ?? '', page: result.page ?? '', query: result.query ?? '', from })
  }
  if (result.kind === 'account') {
    await refresh()
    return go(`chat/${result.appid}`)
  }
  say(result.kind === 'expired' ? (result.text ?? '二维码已过期') : `内容：${result.text}`)
}

/** Reads the QR code of a picture. The reader is loaded when it is first needed. */
export async function readCode(picture: Blob): Promise<string | null> {
  const [{ default: jsQR }, bitmap] = await Promise.all([import('jsqr'), createImageBitmap(picture)])
  const canvas = document.createElement('canvas')
  canvas.width = bitmap.width
  canvas.height = bitmap.height
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (!context) return null
  context.drawImage(bitmap, 0, 0)
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height)
  return jsQR(pixels.data, pixels.width, pixels.height)?.data ?? null
}

export async function scanPicture(picture: Blob): Promise<void> {
  const text = await readCode(picture).catch(() => null)
  if (text) await scanned(text)
  else say('没有识别到二维码')
}
