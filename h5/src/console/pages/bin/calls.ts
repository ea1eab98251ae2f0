/** Campaigns that were thrown away. */
import { get } from '../../frame/door'
import type { Listed } from '../../frame/list'
export { recover } from '../desk/calls'

export interface Binned { slug: string; title: string; binned_at: string }

export const readBin = () => get<Listed<Binned>>('/api/v1/staff/recycle-bin')

const DAYS_KEPT = 30
const DAY_MS = 86_400_000

/** Whole days until it goes for good. */
export const daysLeft = (binnedAt: string, now: number) => Math.max(0, Math.floor((new Date(binnedAt).getTime() + DAYS_KEPT * DAY_MS - now) / DAY_MS))
