/** The shapes of the HTTP contract that this page uses. Times are ISO 8601 with +08:00. */

export interface Activity {
  code: string
  title: string
  verb: string
  children: boolean
}

export interface Region {
  code: string
  name: string
  initials: string
  parent: string | null
  order: number
  own: boolean
}

export interface Unit {
  code: string
  name: string
  initials: string
}

export interface Organiser {
  name?: string
  icp?: string
  police?: string
  telephone?: string
  responsible_person?: string
  report_url?: string
}

export interface Campaign {
  slug: string
  title: string
  /** Which kind of campaign this is, and its own content (its types are the kind's). */
  kind?: string
  rules?: unknown
  state: 'scheduled' | 'open' | 'paused' | 'frozen' | 'archived'
  period_rule: 'all' | 'daily'
  period: string
  opens_at: string
  closes_at: string
  server_time: string
  activities: Activity[]
  regions: Region[]
  /** `free_words_note`: why there are presets alone for a while, in words for people. */
  form: { region: boolean; unit: boolean; free_words: boolean; free_words_note?: string }
  presets: { code: string; text: string }[]
  theme: { anthem_url?: string; salute?: string; cover_text?: string; [name: string]: unknown }
  share: { title?: string; desc?: string; image?: string }
  organiser: Organiser
  demo: boolean
  simulated: boolean
  /** Why it is paused, in the staff's words; empty otherwise. */
  pause_reason?: string
  switches?: Switches
}

/** What operators turned, as far as pages obey it. */
export interface Switches {
  slow_mode: boolean
  messages_closed: boolean
  /** The words of mourning while there is any. */
  mourning: string | null
}

export interface Counters {
  switches?: Switches
  period: string
  participants: number
  participations: number
  by_activity: Record<string, number>
  group_reported?: number | null
  voids?: number
  as_of: string
}

/** What the server writes into the page. */
export interface PageData {
  campaign: Campaign
  counters: Counters | null
  /** `who`: an opaque mark of the person who is signed in, or empty. */
  me: { signed_in: boolean; who: string; snapshot: boolean }
  in_wechat: boolean
  jweixin: string
  login: string
  simulated: boolean
  /** A draft before its release: everybody is a guest, and nothing is asked of the server. */
  preview?: boolean
}

/** A participation as the server answers it. */
export interface Participation {
  ordinal: number
  first: boolean
  activities: string[]
  participated_at: string
  durable: boolean
  receipt: string
  period: string
}

export interface Place {
  region: string
  unit: string
}
