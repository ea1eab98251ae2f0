import type { PageData } from '../../types'

/** The pledge, as the server gives it. */
export interface PledgeRules {
  head: string
  text: string
  items: { code: string; text: string }[]
  signature: boolean
}

export const rulesOf = (data: PageData) => data.campaign.rules as PledgeRules
