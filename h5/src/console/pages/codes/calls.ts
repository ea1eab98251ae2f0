/** Printed codes: QR codes of scenes, and short links that can be led elsewhere. */
import { get, post, put, remove } from '../../frame/door'
import type { Day } from '../../frame/DayBars.vue'

export interface Scene { appid: string; scene: string; name: string; url: string; expires_at: string | null }
export interface Link { code: string; path: string; name: string; url: string }

const LINKS = '/api/v1/staff/links'

export const readScenes = async (base: string) => (await get<{ items: Scene[] }>(`${base}/scenes`)).items
export const readScene = (base: string, scene: string) => get<Scene & { days: Day[] }>(`${base}/scenes/${scene}`)
export const makeScene = (base: string, scene: string, name: string, days: number | null) => post<Scene>(`${base}/scenes`, { scene, name, days })
export const pictureOf = (base: string, scene: string) => `${base}/scenes/${scene}.png`

export const readLinks = async () => (await get<{ items: Link[] }>(LINKS)).items
export const readLink = (code: string) => get<{ code: string; path: string; days: Day[] }>(`${LINKS}/${code}`)
export const makeLink = (path: string, name: string) => post<Link>(LINKS, { path, name })
export const linkPicture = (code: string) => `${LINKS}/${code}.png`
export const renameLink = (code: string, name: string) => put<{ code: string }>(`${LINKS}/${code}`, { name })
export const removeLink = (code: string) => remove(`${LINKS}/${code}`)
export const renameScene = (base: string, scene: string, name: string) => put<Scene>(`${base}/scenes/${scene}`, { name })
export const removeScene = (base: string, scene: string) => remove(`${base}/scenes/${scene}`)
export const pointLink = (code: string, path: string) => put<{ code: string; path: string }>(`${LINKS}/${code}`, { path })

export const SCENE = /^[A-Za-z0-9_-]{1,64}$/
/** The platform's limit of a temporary code. */
export const MOST_DAYS = 30

/** A page of this site, also where somebody pastes its whole address. */
export function ownPath(typed: string, origin: string): string {
  const text = typed.trim()
  return text.startsWith(`${origin}/`) ? text.slice(origin.length) : text
}
