/** Saves a draft some seconds after the last change, one request at a time. Whoever clashes with another editor is stopped until she has chosen. */
import { computed, ref, shallowRef, type Ref } from 'vue'
import { Refused } from '../../session'
import type { Clashed, Content, Saved } from './calls'
import { copyOf, same } from './content'

// Long enough to end a sentence, short enough to lose none.
export const PAUSE_MS = 2_500

export function useAutosave(content: Ref<Content | null>, save: (rev: number, content: Content) => Promise<Saved>, saved: (answer: Saved) => void) {
  const rev = ref(0)
  const kept = shallowRef<Content | null>(null)
  const isBusy = ref(false)
  const problem = shallowRef<unknown>(null)
  const clash = shallowRef<Clashed | null>(null)
  const isChanged = computed(() => content.value !== null && kept.value !== null && !same(content.value, kept.value))
  let timer = 0
  let running: Promise<boolean> | null = null

  /** What the server has, to begin with. */
  function begin(seen: Content, seenRev: number) {
    clearTimeout(timer)
    kept.value = copyOf(seen)
    content.value = copyOf(seen)
    rev.value = seenRev
    problem.value = null
    clash.value = null
  }

  /** Something was typed. */
  function touch() {
    clearTimeout(timer)
    if (isChanged.value && !clash.value) timer = window.setTimeout(() => void flush(), PAUSE_MS)
  }

  /** Saves what is not saved yet; whether all is. */
  async function flush(): Promise<boolean> {
    clearTimeout(timer)
    if (running) await running
    if (!isChanged.value) return true
    if (clash.value) return false
    running = once()
    const done = await running
    running = null
    if (done && isChanged.value) touch() // typed meanwhile
    return done && !isChanged.value
  }

  async function once(): Promise<boolean> {
    const sent = copyOf(content.value!)
    isBusy.value = true
    try {
      const answer = await save(rev.value, sent)
      kept.value = sent
      rev.value = answer.rev
      problem.value = null
      saved(answer)
      return true
    } catch (error) {
      if (error instanceof Refused && error.code === 'DRAFT_CHANGED' && error.answer) clash.value = error.answer as Clashed
      else problem.value = error
      return false
    } finally {
      isBusy.value = false
    }
  }

  /** Goes on with what was chosen, over what the other had saved. */
  async function settle(chosen: Content): Promise<boolean> {
    if (!clash.value) return false
    rev.value = clash.value.theirs.rev
    kept.value = copyOf(clash.value.theirs.content)
    content.value = copyOf(chosen)
    clash.value = null
    return flush()
  }

  return { rev, kept, isBusy, isChanged, problem, clash, begin, touch, flush, settle, stop: () => clearTimeout(timer) }
}
