/** What may not be written, and what a reviewer should look at twice. */
import { get, put } from '../../frame/door'

export interface WordList { block: string[]; review: string[]; rev: number }

export const MOST_WORDS = 20_000
export const LONGEST_WORD = 32
const WORDS = '/api/v1/staff/words'

export const readWords = () => get<WordList>(WORDS)
export const keepWords = (list: WordList) => put<WordList>(WORDS, list)

/** One word a line, as people paste them: also from lists with commas; each once. */
export function parse(text: string): string[] {
  return [...new Set(text.split(/[\n,，、;；\t]+/).map((word) => word.trim()).filter(Boolean))]
}
