/** Where somebody else was faster: what she kept, beside what one would keep, and either of the two. */
import { ref, shallowRef } from 'vue'
import { Refused } from '../session'
import type { Difference } from './differences'

interface Sides<T> {
  /** What is kept now; null where nothing is there to compare. */
  read: () => Promise<T | null>
  differ: (theirs: T) => Difference[]
  overwrite: (theirs: T) => unknown
  take: (theirs: T) => unknown
}

/** `clash` is the code that the server refuses with. For `Conflict`. */
export function useConflict<T>(clash: string, { read, differ, overwrite, take }: Sides<T>) {
  const isConflict = ref(false)
  const theirs = shallowRef<T | null>(null)
  const rows = shallowRef<Difference[]>([])

  /** Keeps, or shows both sides. */
  async function unlessClash(keep: () => Promise<unknown>) {
    try {
      await keep()
    } catch (error) {
      if (!(error instanceof Refused && error.code === clash)) throw error
      theirs.value = await read()
      if (theirs.value === null) throw error
      rows.value = differ(theirs.value)
      isConflict.value = true
    }
  }

  function settle(step: (theirs: T) => unknown) {
    isConflict.value = false
    if (theirs.value !== null) step(theirs.value)
  }

  return { isConflict, rows, unlessClash, overwrite: () => settle(overwrite), take: () => settle(take) }
}
