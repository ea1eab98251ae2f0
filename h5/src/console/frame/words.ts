/**
 * Words for people: Chinese first, English second. A page keeps its own in `words.ts`:
 *
 *     export const words = both({ title: '活动', left: (n: number) => `还有 ${n} 条` }, { title: 'Campaigns', left: (n) => `${n} more` })
 *
 * and takes them with `const t = useWords(words)`. English that misses a word, or has one too many, is a type error.
 */
import { computed, ref, type ComputedRef } from 'vue'

export type Language = 'zh' | 'en'
export interface Words<T> { zh: T; en: T }
/** A table's keys stay, its texts are any. */
type Loose<T> = T extends string ? string : T extends (...a: infer A) => string ? (...a: A) => string : { [K in keyof T]: Loose<T[K]> }

const KEPT = 'wenming-console-language'
export const language = ref<Language>(recall())

function recall(): Language {
  return remembered(KEPT) === 'en' ? 'en' : 'zh'
}

export function speak(chosen: Language): void {
  language.value = chosen
  remember(KEPT, chosen)
}

export function both<const T>(zh: T, en: Loose<T>): Words<Loose<T>> {
  return { zh: zh as Loose<T>, en }
}

export function useWords<T>(words: Words<T>): ComputedRef<T> {
  return computed(() => words[language.value])
}

/** What this browser remembers; one that forbids it remembers nothing. */
export function remembered(name: string): string {
  try {
    return localStorage.getItem(name) ?? ''
  } catch {
    return ''
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(name, value)
  } catch {
    // full or forbidden: the next visit starts from what the system says
  }
}
