/** What differs between two versions of one thing, for people to compare: field by field, in the order of the labels. */
export interface Difference {
  label: string
  mine: string
  theirs: string
}

export function differences<T extends object>(mine: T, theirs: T, labels: Partial<Record<keyof T & string, string>>): Difference[] {
  return (Object.entries(labels) as [keyof T & string, string][])
    .map(([field, label]) => ({ label, mine: shown(mine[field]), theirs: shown(theirs[field]) }))
    .filter(({ mine: a, theirs: b }) => a !== b)
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return value.map(shown).join('、')
  if (typeof value === 'object') return Object.values(value).map(shown).filter(Boolean).join(' · ')
  return String(value)
}

/** What two lists of words have that the other lacks. */
export function changedWords(before: string[], after: string[]): { added: string[]; gone: string[] } {
  const [old, now] = [new Set(before), new Set(after)]
  return { added: after.filter((word) => !old.has(word)), gone: before.filter((word) => !now.has(word)) }
}
