/** Followers of an official account, by citizen number; tags, the blacklist, the refresh. */
import { get, post, put, remove } from '../../frame/door'
import type { Listed } from '../../frame/list'

export interface Follower { citizen: number; subscribed: boolean; since: string | null; scene: string; channel: string; tags: number[]; blacklisted: boolean }
export interface Tag { id: number; name: string; count: number }
export interface Changed { changed: number; unknown: number[] }
export interface Job { state: string; started_at: string | null; listed?: number; total?: number; found?: number; left?: number }

/** The platform's own: the blacklist and starred ones. */
export const BLACKLIST = 1
export const RESERVED = 2

/** `show`: '' everybody, 'blacklist', or the number of a tag. */
export function readFollowers(base: string, show: string, cursor: string): Promise<Listed<Follower>> {
  const list = show === '' ? 'followers' : show === 'blacklist' ? 'blacklist' : `tags/${show}/followers`
  return get<Listed<Follower>>(`${base}/${list}${cursor ? `?cursor=${cursor}` : ''}`)
}
export const readFollower = (base: string, citizen: number) => get<Follower & { remark: string }>(`${base}/followers/${citizen}`)
export const setRemark = (base: string, citizen: number, remark: string) => put<Follower & { remark: string }>(`${base}/followers/${citizen}`, { remark })
export const readTags = async (base: string) => (await get<{ items: Tag[] }>(`${base}/tags`)).items
export const makeTag = (base: string, name: string) => post<Tag>(`${base}/tags`, { name })
export const renameTag = (base: string, id: number, name: string) => put<Tag>(`${base}/tags/${id}`, { name })
export const removeTag = (base: string, id: number) => remove(`${base}/tags/${id}`)
export const changeTag = (base: string, id: number, add: number[], gone: number[]) => put<Changed>(`${base}/tags/${id}/followers`, { add, remove: gone })
export const changeBlacklist = (base: string, add: number[], gone: number[]) => put<Changed>(`${base}/blacklist`, { add, remove: gone })
export const readRefresh = (base: string) => get<Job>(`${base}/followers/refresh`)
export const startRefresh = (base: string) => post<Job>(`${base}/followers/refresh`)
