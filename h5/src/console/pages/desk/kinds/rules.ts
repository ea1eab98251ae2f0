/** The kinds' own contents as the server keeps them, and what may be done with lists of them. */
export interface Item { code: string; text: string }
export interface PledgeRules { head: string; text: string; items: Item[]; signature: boolean }
export interface MessagesRules { prompt: string; hint: string; names: boolean }
export type QuestionKind = 'single' | 'multiple' | 'judge'
export interface Question { code: string; kind: QuestionKind; text: string; options: Item[]; right: string[]; why: string }
export interface QuizRules { questions: Question[]; order: 'fixed' | 'shuffled'; asked: number }

// As the server's limits (server/campaign_types).
export const MOST = { head: 24, pledge: 400, items: 12, item: 60, prompt: 40, hint: 24, pool: 50, asked: 20, options: 6, question: 120, option: 60, why: 200 }

/** The same list with one entry moved to another place. */
export function moved<T>(list: T[], from: number, to: number): void {
  if (to < 0 || to >= list.length) return
  list.splice(to, 0, list.splice(from, 1)[0]!)
}

/** a, b, c … of the first letter that nobody has. */
export function nextOption(options: Item[]): string {
  return [...'abcdefghij'].find((code) => !options.some((one) => one.code === code)) ?? 'z'
}

export function newQuestion(code: string): Question {
  return { code, kind: 'single', text: '', options: [{ code: 'a', text: '' }, { code: 'b', text: '' }], right: [], why: '' }
}

/** Another type: a judgement has two options and one answer, a single choice one answer. */
export function setKind(question: Question, kind: QuestionKind): void {
  question.kind = kind
  if (kind === 'judge') {
    question.options = [{ code: 'a', text: question.options[0]?.text || '对' }, { code: 'b', text: question.options[1]?.text || '不对' }]
    question.right = question.right.filter((code) => code === 'a' || code === 'b')
  }
  if (kind !== 'multiple') question.right = question.right.slice(0, 1)
}

/** A tap on "right": one of a single choice, each of a multiple one, in the order of the options. */
export function toggleRight(question: Question, code: string): void {
  if (question.kind !== 'multiple') question.right = [code]
  else question.right = question.options.map((one) => one.code).filter((one) => question.right.includes(one) !== (one === code))
}

export function removeOption(question: Question, code: string): void {
  question.options = question.options.filter((one) => one.code !== code)
  question.right = question.right.filter((one) => one !== code)
}

export type Lack = '' | 'text' | 'options' | 'empty' | 'right' | 'many'
/** What a question still lacks, as the server will say at publishing. */
export function lackOf(question: Question): Lack {
  if (!question.text.trim()) return 'text'
  if (question.options.length < 2) return 'options'
  if (question.options.some(({ text }) => !text.trim())) return 'empty'
  if (!question.right.length) return 'right'
  return question.kind === 'multiple' && question.right.length < 2 ? 'many' : ''
}
