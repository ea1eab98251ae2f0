/** The campaigns as the console lists them, with their live totals. */
import { get } from '../../frame/door'

export interface CampaignRow {
  slug: string
  title: string
  state: string
  opens_at: string
  closes_at: string
  demo?: boolean
  rehearsal?: boolean
}

export interface Total {
  participants: number
  asOf: string
  stale: boolean
}

/** Which states have counters: a draft and a scheduled campaign have none yet. */
const COUNTED = new Set(['open', 'paused', 'frozen', 'archived'])

export async function readCampaigns(): Promise<CampaignRow[]> {
  return (await get<{ items: CampaignRow[] }>('/api/v1/staff/campaigns')).items
}

export async function readTotal(slug: string): Promise<Total> {
  const counters = await get<{ participants: number; as_of: string; stale_shards?: number }>(`/api/v1/campaigns/${slug}/counters`)
  return { participants: counters.participants, asOf: counters.as_of, stale: (counters.stale_shards ?? 0) > 0 }
}

/** New totals beside the old ones: what cannot be read keeps its last figure, marked stale; nothing falls but by a fresh reading. */
export async function readTotals(rows: CampaignRow[], known: Record<string, Total>): Promise<Record<string, Total>> {
  const counted = rows.filter(({ state }) => COUNTED.has(state))
  const read = await Promise.all(counted.map(async ({ slug }) => {
    try {
      return [slug, await readTotal(slug)] as const
    } catch {
      return [slug, known[slug] && { ...known[slug], stale: true }] as const
    }
  }))
  return Object.fromEntries(read.filter((pair): pair is readonly [string, Total] => pair[1] !== undefined))
}
