/** The poster of a campaign: what a design begins from, and how it would look. It is saved with the draft. */
import { get, post } from '../../../frame/door'
import type { Design } from './geometry'

export interface Beginning { design: Design; width: number; height: number; palette: { color: string; name: string }[]; scenes: { code: string; name: string; look: [number, string][] }[]; words: string[] }
/** `picture`: a data: address, empty where nothing can be drawn. */
export interface Preview { picture: string; bytes: number; problems: string[]; warnings: string[] }

const of = (slug: string) => `/api/v1/staff/campaigns/${slug}/poster-design`

export const readBeginning = (slug: string) => get<Beginning>(of(slug))
export const preview = (slug: string, design: Design) => post<Preview>(`${of(slug)}/preview`, { design })
