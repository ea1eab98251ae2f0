/** The menu of an official account: versions, what WeChat holds, publishing. */
import { get, post, put } from '../../frame/door'
import { bytesOf } from '../../frame/format'

export type ButtonType = 'click' | 'view' | 'miniprogram' | 'scancode_push' | 'scancode_waitmsg' | 'pic_sysphoto' | 'pic_photo_or_album' | 'pic_weixin' | 'location_select' | 'media_id' | 'article_id'

export interface Entry {
  name: string
  type?: ButtonType | null
  key?: string
  url?: string
  appid?: string
  pagepath?: string
  media_id?: string
  article_id?: string
}
export interface Button extends Entry { buttons?: Entry[] }
export interface Conditional { buttons: Button[]; tag_id?: string; client_platform_type?: string }
export interface Layout { buttons: Button[]; conditional?: Conditional[] }
export interface Version { number: number; layout: Layout; by: string; created_at: string; published_at: string | null; published_by: string | null; live: boolean; warnings?: string[] }
export interface Held { layout: Layout; changes: string[] | null; warnings?: string[] | null }
/** A key of the menu, and what answers it: a rule by name, an entry of the product, or nothing. */
export interface AnsweredKey { key: string; rule: string; builtin: string }

export const TYPES: ButtonType[] = ['view', 'click', 'miniprogram', 'article_id', 'media_id', 'scancode_push', 'scancode_waitmsg', 'pic_sysphoto', 'pic_photo_or_album', 'pic_weixin', 'location_select']
export const MOST_BUTTONS = 3
export const MOST_BELOW = 5
export const MOST_SOME = 20
/** Of a name on the bar, and of one below it, in bytes: longer ones are cut on phones. */
export const NAME_BYTES = 16
export const BELOW_BYTES = 60

export const readVersions = async (base: string) => (await get<{ items: Version[] }>(`${base}/menus`)).items
export const readHeld = (base: string, number?: number) => get<Held>(`${base}/menus/held${number === undefined ? '' : `?number=${number}`}`)
export const readKeys = async (base: string) => (await get<{ items: AnsweredKey[] }>(`${base}/menus/keys`)).items
export const keepVersion = (base: string, layout: Layout) => post<Version>(`${base}/menus`, layout)
export const publish = (base: string, number: number) => put<Version>(`${base}/menus/held`, { number })

/** Which fields an action needs. */
export function needed(type: ButtonType | null | undefined): (keyof Entry)[] {
  if (type === 'view') return ['url']
  if (type === 'miniprogram') return ['appid', 'pagepath', 'url']
  if (type === 'media_id' || type === 'article_id') return [type]
  return ['key']
}

/** A layout to work on: every list is there. */
export function draftOf(layout: Layout): Required<Layout> {
  const copy = JSON.parse(JSON.stringify(layout)) as Layout
  return { buttons: copy.buttons, conditional: copy.conditional ?? [] }
}

/** As it is sent: a button with others below it has a name alone, and an entry only the fields of its action. */
export function clean(layout: Layout): Layout {
  return { buttons: layout.buttons.map(cleanButton), conditional: (layout.conditional ?? []).map((one) => ({ ...one, buttons: one.buttons.map(cleanButton) })) }
}

function cleanButton(button: Button): Button {
  return button.buttons?.length ? { name: button.name.trim(), buttons: button.buttons.map(cleanEntry) } : cleanEntry(button)
}

function cleanEntry(entry: Entry): Entry {
  const fields = needed(entry.type).filter((field) => entry[field]).map((field) => [field, String(entry[field]).trim()])
  return { name: entry.name.trim(), type: entry.type, ...Object.fromEntries(fields) }
}

export interface Slip { set: number; button: number; below: number; field: string }

/** The first thing that the platform would not take; `set` 0 is the menu for all. */
export function slipOf(layout: Layout): Slip | null {
  for (const [set, buttons] of [layout.buttons, ...(layout.conditional ?? []).map((one) => one.buttons)].entries()) {
    for (const [button, one] of buttons.entries()) {
      const entries = one.buttons?.length ? one.buttons : []
      if (wrongName(one, NAME_BYTES)) return { set, button, below: -1, field: 'name' }
      const field = entries.length ? '' : missing(one)
      if (field) return { set, button, below: -1, field }
      for (const [below, entry] of entries.entries()) {
        const wrong = wrongName(entry, BELOW_BYTES) ? 'name' : missing(entry)
        if (wrong) return { set, button, below, field: wrong }
      }
    }
  }
  return null
}

function wrongName(entry: Entry, most: number): boolean {
  return !entry.name.trim() || bytesOf(entry.name.trim()) > most
}

function missing(entry: Entry): string {
  if (!entry.type) return 'type'
  const empty = needed(entry.type).find((field) => !String(entry[field] ?? '').trim())
  return empty ?? (entry.url && needed(entry.type).includes('url') && !/^https?:\/\//.test(entry.url) ? 'url' : '')
}
