/** A paper, what she chose, and what the server made of it. Right answers come with the judged sheet and never before. */
import { get, post } from '../../../api'
import { load, save } from '../../store'
import type { PageData } from '../../types'

export interface Question {
  code: string
  kind: 'single' | 'multiple' | 'judge'
  text: string
  options: { code: string; text: string }[]
}

export interface Judged { code: string; chosen: string[]; right: string[]; is_right: boolean; why: string }
export interface Sheet { score: number; asked: number; questions: Judged[] }
export type Answers = Record<string, string[]>

/** What the phone keeps: the paper, the answers so far, and the sheet once it was judged. */
export interface Own { paper: string; questions: Question[]; answers: Answers; sheet: Sheet | null }

/** In a preview the questions come with the page, with right answers, for the staff who look at them. */
interface Whole extends Question { right: string[]; why: string }
export interface QuizRules { asked: number; questions?: Whole[] }
export const rulesOf = (data: PageData) => data.campaign.rules as QuizRules
export const KINDS = { single: '单选', multiple: '多选', judge: '判断' }

/** What is not to stay on the phone lives as long as the page. */
let passing: Own | null = null
const name = (data: PageData) => `own.${data.campaign.slug}`

export const kept = (data: PageData) => passing || load<Own | null>(name(data), null)
export function keep(data: PageData, own: Own, stays: boolean): void {
  passing = stays ? null : own
  if (stays) save(name(data), own)
}

/** Another tap on an option: one of a single choice, each of a multiple one. */
export function chosen(question: Question, before: string[], code: string): string[] {
  if (question.kind !== 'multiple') return [code]
  return before.indexOf(code) >= 0 ? before.filter((one) => one !== code) : before.concat([code])
}

export const missing = (questions: Question[], answers: Answers) => questions.filter((one) => !(answers[one.code] || []).length).length

/** The paper for this person. What she had answered of the same one is there again. */
export async function paper(data: PageData): Promise<Own> {
  const before = kept(data)
  const whole = rulesOf(data).questions
  if (data.preview && whole) return { paper: 'preview', questions: whole.slice(0, rulesOf(data).asked), answers: {}, sheet: null }
  const code = before ? `?paper=${before.paper}` : ''
  const given = await get<{ paper: string; questions: Question[] }>(`/api/v1/campaigns/${data.campaign.slug}/paper${code}`)
  const same = before && !before.sheet && before.paper === given.paper
  return Object.assign({ answers: same ? before!.answers : {}, sheet: null }, given)
}

export async function judged(data: PageData, own: Own): Promise<Sheet> {
  const whole = rulesOf(data).questions
  if (data.preview && whole) return rehearsed(whole, own)
  return (await post<Sheet>(`/api/v1/campaigns/${data.campaign.slug}/paper/answers`, { paper: own.paper, answers: own.answers })).value
}

function rehearsed(whole: Whole[], own: Own): Sheet {
  const questions = own.questions.map((one) => {
    const { right, why } = whole.filter((other) => other.code === one.code)[0]!
    const mine = own.answers[one.code]!
    return { code: one.code, chosen: mine, right, why, is_right: mine.slice().sort().join() === right.slice().sort().join() }
  })
  return { score: questions.filter((one) => one.is_right).length, asked: questions.length, questions }
}
