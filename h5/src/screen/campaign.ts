/** What the wall needs to know of a campaign besides its figures. */
export interface Named {
  code: string
  name: string
}

export interface Campaign {
  title: string
  state: string
  periodRule: string
  activities: Named[]
  /** In administrative order: nothing here is ranked. */
  regions: Named[]
  demo: boolean
  simulated: boolean
}

interface PublicView {
  title: string
  state: string
  period_rule: string
  activities: { code: string; title: string }[]
  regions: { code: string; name: string; order: number }[]
  demo: boolean
  simulated: boolean
}

export async function readCampaign(slug: string): Promise<Campaign> {
  const answer = await fetch(`/api/v1/campaigns/${slug}`, { signal: AbortSignal.timeout(8_000) })
  if (!answer.ok) throw new Error(`campaign answered ${answer.status}`)
  const view = (await answer.json()) as PublicView
  return {
    title: view.title,
    state: view.state,
    periodRule: view.period_rule,
    activities: view.activities.map(({ code, title }) => ({ code, name: title })),
    regions: [...view.regions].sort((a, b) => a.order - b.order).map(({ code, name }) => ({ code, name })),
    demo: Boolean(view.demo),
    simulated: Boolean(view.simulated),
  }
}

export const STATES: Record<string, string> = {
  draft: '草稿', scheduled: '未开始', open: '进行中', paused: '已暂停', frozen: '已结束', archived: '已归档',
}
