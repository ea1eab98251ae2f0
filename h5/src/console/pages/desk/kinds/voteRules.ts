/** A vote's and a photo wall's own content as the server keeps it, and its limits (server/campaign_types). */
export interface Candidate { code: string; name: string; text: string; media: string }
export interface VoteRules { candidates: Candidate[]; least: number; most: number; tally: 'never' | 'after_vote' | 'after_end' }
export interface PhotoRules { prompt: string; captions: { code: string; text: string }[]; own_captions: boolean }

export const MOST_OF = { candidates: 60, name: 32, text: 500, captions: 20, caption: 60, prompt: 200 }

/** Whether a ballot of these numbers can be cast. */
export const numbersFit = (rules: VoteRules) => rules.least >= 1 && rules.least <= rules.most && rules.most <= Math.max(1, rules.candidates.length)
