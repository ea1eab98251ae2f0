/** The media library. */
import { get, post, put, remove } from '../../frame/door'
import type { Listed } from '../../frame/list'

export const KINDS = ['image', 'video', 'audio'] as const

export interface Variant { url: string; width: number; height: number; bytes: number }
export interface Details { name: string; alt: string; decorative: boolean; credit: string; folder: string; tags: string[]; focus: [number, number] }
export interface Medium extends Details {
  id: string
  kind: (typeof KINDS)[number]
  width: number
  height: number
  seconds: number
  variants: Record<string, Variant>
  srcset: string
  bytes: number
  by: string
  rev: number
  may_be_used: boolean
  at: string
  binned_at: string | null
}
export interface Use { subject: string; label: string; at: string }
export interface Upload { id: string; name: string; kind: string; length: number; offset: number; expires_at: string }
export interface Labels { folders: string[]; tags: string[] }
export interface Kept { upload: string; name?: string; alt?: string; decorative?: boolean; folder?: string; tags?: string[] }

/** In the address, what lies in no folder; no folder has a colon in its name. */
export const NO_FOLDER = ':'
const MEDIA = '/api/v1/staff/media'

export function readMedia(filters: { q: string; kind: string; folder: string; tag: string; bin: string }, cursor: string): Promise<Listed<Medium>> {
  const asked = new URLSearchParams()
  for (const [name, value] of [['text', filters.q.trim()], ['kind', filters.kind], ['tag', filters.tag], ['bin', filters.bin], ['cursor', cursor]] as const) {
    if (value) asked.set(name, value)
  }
  if (filters.folder) asked.set('folder', filters.folder === NO_FOLDER ? '' : filters.folder)
  return get<Listed<Medium>>(`${MEDIA}?${asked}`)
}

export const readLabels = () => get<Labels>(`${MEDIA}/labels`)
export const readMedium = (id: string) => get<Medium>(`${MEDIA}/${id}`)
export const readUses = (id: string) => get<Listed<Use>>(`${MEDIA}/${id}/uses`)
export const readUploads = () => get<Listed<Upload>>(`${MEDIA}/uploads`)
export const binMedium = (id: string) => remove(`${MEDIA}/${id}`)
export const restoreMedium = (id: string) => post<Medium>(`${MEDIA}/${id}/restoration`)
export const editMedium = (id: string, details: Details, rev: number) => put<Medium>(`${MEDIA}/${id}`, slow({ ...details, rev }))
/** The medium of an upload that is whole, or null while it is in work. */
export async function keepMedium(kept: Kept): Promise<Medium | null> {
  const answer = await post<Medium | { state: string }>(MEDIA, slow(kept))
  return 'id' in answer ? answer : null
}

/** Pictures are worked on while the answer waits: a Blob has the time of a file. */
function slow(body: unknown): Blob {
  return new Blob([JSON.stringify(body)], { type: 'application/json' })
}

export function detailsOf({ name, alt, decorative, credit, folder, tags, focus }: Medium): Details {
  return { name, alt, decorative, credit, folder, tags: [...tags], focus: [...focus] }
}

/** The smallest variant that shows what it is. */
export function small({ variants }: Medium): Variant | undefined {
  return variants.w375 ?? variants.full ?? variants.poster
}

export function size(bytes: number): string {
  return bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`
}

/** 75 is 1:15. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}

/** A point of a picture as it is kept: from left and from top, 0 to 1, to a hundredth. */
export function point(x: number, y: number): [number, number] {
  const held = (part: number) => Math.round(Math.min(1, Math.max(0, part)) * 100) / 100
  return [held(x), held(y)]
}
