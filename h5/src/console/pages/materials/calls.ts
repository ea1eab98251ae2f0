/** Materials of an official account. */
import { get, post, remove } from '../../frame/door'
import type { Listed } from '../../frame/list'

export const KINDS = ['image', 'picture', 'voice', 'video', 'thumb'] as const
export type Kind = (typeof KINDS)[number]

export interface Material { media_id: string; kind: Kind; name: string; title: string; size_bytes: number; by: string; at: string; url: string; expires_at: string | null }
export interface Upload { kind: Kind; lasting: 'permanent' | 'temporary'; name: string; title: string; introduction: string }

/** What the platform takes. */
export const MAX_BYTES: Record<Kind, number> = { image: 10 << 20, picture: 1 << 20, voice: 2 << 20, video: 10 << 20, thumb: 64 << 10 }
export const FORMATS: Record<Kind, Record<Upload['lasting'], string>> = {
  image: { permanent: '.jpg,.jpeg,.png,.gif,.bmp', temporary: '.jpg,.jpeg,.png,.gif' }, picture: { permanent: '.jpg,.jpeg,.png', temporary: '.jpg,.jpeg,.png' },
  voice: { permanent: '.mp3,.amr,.wma,.wav', temporary: '.mp3,.amr' }, video: { permanent: '.mp4', temporary: '.mp4' }, thumb: { permanent: '.jpg,.jpeg', temporary: '.jpg,.jpeg' },
}

export const readMaterials = (base: string, kind: string, cursor: string) => get<Listed<Material>>(`${base}/materials?${new URLSearchParams({ kind, ...(cursor && { cursor }) })}`)
export const upload = (base: string, said: Upload, file: Blob) => post<Material>(`${base}/materials?${new URLSearchParams({ ...said })}`, file)
export const removeMaterial = (base: string, id: string) => remove(`${base}/materials/${id}`)

export function size(bytes: number): string {
  return bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`
}

/** A picture inside an article and whatever is temporary cannot be deleted. */
export function canGo({ kind, expires_at: expires }: Material): boolean {
  return kind !== 'picture' && !expires
}
