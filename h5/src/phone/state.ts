/**
 * What the phone knows: who holds it, her chats, where she is.
 *
 * Owns: the state, the loop that waits for new lines, every action. Does not own: any drawing.
 * Invariants: one waiting loop at a time; lines are in order and once; the place is in the address, so that back works.
 */
import { computed, reactive, ref } from 'vue'
import { sandbox, SandboxError, type Line, type State } from './sandbox'

// The sandbox answers a waiting request after at most this time.
const WAIT_SECONDS = 20
const RETRY_MILLISECONDS = 2000
const TOAST_MILLISECONDS = 2600

export const state = ref<State | null>(null)
export const lines = ref<Line[]>([])
export const place = ref('')
export const toast = ref('')
/** Actions of hers that the account has not answered yet. */
export const busy = ref(0)
/** A picture shown large, or offered for keeping and reading. */
export const viewer = reactive({ image: '', picture: null as Blob | null, offered: null as Blob | null })

export const me = computed(() => state.value?.me ?? null)
export const account = computed(() => state.value?.account)
export const nameOf = (appid: string) =>
  appid === account.value?.appid ? account.value.name : (state.value?.others.find((other) => other.appid === appid)?.name ?? '')
export const linesOf = (appid: string) => lines.value.filter((line) => line.appid === appid)

let toastTimer = 0
export function say(text: string): void {
  toast.value = text
  window.clearTimeout(toastTimer)
  toastTimer = window.setTimeout(() => { toast.value = '' }, TOAST_MILLISECONDS)
}

async function tried<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error
    say(error.message)
    return null
  }
}

// Where she is -------------------------------------------------------------------------------------------------------

export function go(where: string): void {
  window.location.hash = where
}

export const openWeb = (url: string) => go(`web/${encodeURIComponent(url)}`)
export const back = () => window.history.back()

function follow(): void {
  place.value = window.location.hash.slice(1)
}

// Lines ----------------------------------------------------------------------------------------------------------------

let loop = 0
async function wait(key: string): Promise<void> {
  const mine = ++loop
  while (mine === loop) {
    const after = lines.value.at(-1)?.id ?? 0
    try {
      const { items } = await sandbox.chat(key, after, WAIT_SECONDS)
      if (mine === loop) lines.value.push(...items)
    } catch (error) {
      if (!(error instanceof SandboxError)) throw error
      await new Promise((resolve) => window.setTimeout(resolve, RETRY_MILLISECONDS))
    }
  }
}

const READ = 'phone.read'
const read = reactive<Record<string, number>>(JSON.parse(window.localStorage.getItem(READ) ?? '{}') as Record<string, number>)
export const unread = (appid: string) =>
  linesOf(appid).filter((line) => (line.sender === 'reply' || line.sender === 'notice') && line.id > (read[`${me.value?.key} ${appid}`] ?? 0)).length

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
  state.value = next
  go('')
  void wait(key)
}

export async function add(nickname: string): Promise<void> {
  const citizen = await tried(() => sandbox.add(nickname))
  if (citizen) await holdBy(citizen.key)
}

export async function setSnapshot(on: boolean): Promise<void> {
  state.value = (await tried(() => sandbox.setSnapshot(on))) ?? state.value
}

/** What she does towards the account; the answer comes through the chat. */
async function act(work: (key: string) => Promise<unknown>): Promise<void> {
  if (!me.value) return
  const key = me.value.key
  busy.value++
  await tried(() => work(key))
  busy.value--
}

export const write = (text: string) => act((key) => sandbox.say(key, text))
export const tap = (event: string, eventKey: string) => act((key) => sandbox.event(key, event, eventKey))

export async function setFollowing(on: boolean): Promise<void> {
  if (state.value?.me) state.value.me.followed = on
  await act((key) => sandbox.event(key, on ? 'subscribe' : 'unsubscribe'))
  await refresh()
}

/** What a scanned or pasted text leads to. */
export async function scanned(text: string): Promise<void> {
  if (!me.value) return
  const key = me.value.key
  const result = await tried(() => sandbox.scan(key, text))
  if (!result) return
  if (result.kind === 'url') return openWeb(result.text ?? '')
  if (result.kind === 'account') {
    await refresh()
    return go(`chat/${account.value?.appid}`)
  }
  say(result.kind === 'expired' ? '二维码已过期' : `内容：${result.text}`)
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
