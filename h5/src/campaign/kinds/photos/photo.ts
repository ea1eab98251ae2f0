/** A photo on its way: chosen on this phone, made smaller here, sent with its caption; and the wall. */
import { ApiError, call, get, upload } from '../../../api'
import type { Kept } from '../../kept'
import type { PageData, Participation } from '../../types'

export interface PhotoRules { prompt: string; captions: { code: string; text: string }[]; own_captions: boolean }
export interface WallItem { caption: string; at: string; width: number; height: number; photo: string; tile: string }
export interface WallPage { items: WallItem[]; next: string | null }
export interface OwnPhoto {
  state: 'pending' | 'approved' | 'rejected' | 'taken_down' | 'withdrawn'
  text: string
  caption: string
  tries_left: number
  addresses: { photo: string; tile: string } | null
  participation?: Participation | null
}
/** A photo as it will be sent, and where this page shows it. */
export interface Made { blob: Blob; url: string }
/** What her phone keeps of it beside the file. */
export interface Words { preset: string; caption: string }

export const rulesOf = (data: PageData) => data.campaign.rules as PhotoRules
export const LONGEST = 60
/** More than the wall's whole picture has; a camera's is five times that and takes minutes on a weak network. */
const MOST_PIXELS_A_SIDE = 2048
const QUALITY = 0.86

const path = (data: PageData) => `/api/v1/campaigns/${data.campaign.slug}/photos`
/** A file cannot be kept in the phone's storage: it lives as long as the page, and is chosen again after that. */
let file: Blob | null = null
export const hold = (chosen: Blob | null) => (file = chosen)

// Where a page asks for JPEG, an iPhone converts by itself; a HEIC file that comes another way the server cannot open either.
export const isHeic = (chosen: File) => /[./]hei[cf]$/im.test(`${chosen.name}\n${chosen.type}`)

/** The photo upright and small enough, as JPEG, with an address to show it; what cannot be drawn here is sent as it is, null where that is in vain. */
export function prepared(chosen: File): Promise<Made | null> {
  const url = URL.createObjectURL(chosen)
  return new Promise((give) => {
    const image = new Image()
    const asIs = () => give({ blob: chosen, url })
    image.onerror = () => (isHeic(chosen) ? give(null) : asIs())
    image.onload = () => {
      const { naturalWidth: width, naturalHeight: height } = image
      const scale = Math.min(1, MOST_PIXELS_A_SIDE / Math.max(width, height))
      const canvas = document.createElement('canvas')
      canvas.width = Math.round(width * scale)
      canvas.height = Math.round(height * scale)
      const brush = canvas.getContext('2d')
      if (!brush) return asIs()
      brush.drawImage(image, 0, 0, canvas.width, canvas.height)
      canvas.toBlob((blob) => (blob ? give({ blob, url }) : asIs()), 'image/jpeg', QUALITY)
    }
    image.src = url
  })
}

/** Her photo is her participation too. */
export async function deliver(data: PageData, kept: Kept, body: Record<string, string>): Promise<Participation> {
  const mine = () => get<Participation>(`/api/v1/campaigns/${data.campaign.slug}/participations/me`)
  if (!file) {
    // Chosen before the page was closed; perhaps it arrived all the same.
    await own(data).catch((error: ApiError) => {
      throw error.status === 404 ? new ApiError('PHOTO_GONE', 422, '照片没有留在手机上，请重新选择') : error
    })
    return mine()
  }
  const words = JSON.parse(kept.manner || '{}') as Words
  const form = new FormData()
  form.append('photo', file, 'photo.jpg')
  form.append('over14', '1')
  form.append(words.preset ? 'preset' : 'caption', words.preset || words.caption)
  form.append('region', body.region || '')
  if (body.unit) form.append('unit', body.unit)
  if (body.first_tried_at) form.append('first_tried_at', body.first_tried_at)
  const value = await upload<OwnPhoto>(path(data), form)
  file = null
  return value.participation || mine()
}

export const own = (data: PageData) => get<OwnPhoto>(`${path(data)}/me`)
export const withdraw = (data: PageData) => call<null>('DELETE', `${path(data)}/me`)
export const wall = (data: PageData, cursor = '') => get<WallPage>(path(data) + (cursor ? `?cursor=${encodeURIComponent(cursor)}` : ''))
