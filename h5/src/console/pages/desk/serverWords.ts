/** What the server says in Chinese, by its code in the console's other language; what has no English here is shown as the server says it. */
import { language } from '../../frame/words'
import type { Item } from './calls'

/** Checks by key: what each is called, and what mends it. */
const CHECKS: Record<string, { title: string; advice: string }> = {
  title: { title: 'Title', advice: 'Give it a title of at most 64 characters' },
  window: { title: 'Dates', advice: 'Say when it opens and closes; it has to close after it opens, and not in the past' },
  activities: { title: 'Activities', advice: 'Complete their codes, names and acts; at least one has to be for everybody' },
  rules: { title: 'What this kind needs', advice: 'Complete it on the Draft tab' },
  fixed: { title: 'How it counts', advice: 'Once published, the period, the codes of activities, the candidates and how many may be chosen stay as they are' },
  whole: { title: 'Form of the content', advice: 'A field is incomplete or of the wrong form' },
  regions: { title: 'Districts', advice: 'Import one at least, and best "rather not say" too' },
  units: { title: 'Units and schools', advice: 'None were imported: citizens cannot choose a school' },
  presets: { title: 'Ready-made messages', advice: 'There are none: citizens can read, but leave no message' },
  page: { title: 'The page', advice: 'Some blocks are unfinished: see the Page tab' },
  media: { title: 'Pictures and films', advice: 'Some are gone, of the wrong kind or without alt text: see the Page tab' },
  weight: { title: 'Weight of the page', advice: 'It is heavy for a phone: the Page tab says which part' },
  share: { title: 'Share card', advice: 'Complete title, description and picture; WeChat cuts a title after 30 and a description after 60 characters' },
  poster: { title: 'Poster', advice: 'The Poster tab lists what to mend or look at' },
  footer: { title: 'Footer', advice: 'Complete organiser, ICP number, police filing number and telephone' },
  privacy: { title: 'Privacy', advice: "Name the person responsible for children's data: the privacy text has to" },
  report: { title: 'Where to report', advice: 'Give an address where citizens can report' },
  flag: { title: 'The flag', advice: 'The page draws it as the law has it; nothing may replace or adorn it' },
  anthem: { title: 'The anthem', advice: 'It is played once, by a tap: no loop, no playing by itself, no other music' },
  pictures: { title: 'Flags in pictures', advice: 'Look at each: a flag has to be whole, uncovered, upright and no ornament' },
  review: { title: 'Review', advice: 'It has to pass every step; each needs somebody who has not written in it' },
  wording: { title: 'Wording', advice: 'Some words have to be changed or confirmed: see beside' },
}
const PARTS: Record<string, string> = { html: 'Text and structure (HTML)', css: 'Styles (CSS)', js: 'Scripts (JavaScript)' }
const KIT_TEXTS: Record<string, string> = { 标题: 'Title', 描述: 'Description', 短文案: 'Short text', 中文案: 'Medium text', 长文案: 'Long text' }

const english = <T>(found: T | undefined): T | undefined => (language.value === 'en' ? found : undefined)

/** A check as it is shown. */
export function checkSaid<T extends Pick<Item, 'key' | 'title' | 'advice'>>(item: T): T {
  const found = english(CHECKS[item.key])
  return found ? { ...item, title: found.title, advice: item.advice && found.advice } : item
}

export const partSaid = (part: string, name: string) => english(PARTS[part]) ?? name
export const kitTextSaid = (name: string) => english(KIT_TEXTS[name]) ?? name
export const CHECK_KEYS = Object.keys(CHECKS)
