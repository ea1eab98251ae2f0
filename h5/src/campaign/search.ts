/** Finding a region or unit by 汉字 or by the initials of its pinyin. */

export interface Named {
  name: string
  initials: string
}

const plain = (text: string) => text.toLowerCase().replace(/[\s·()（）.-]/g, '')

/** 0 = not found; higher = better: the whole, the beginning, inside; a name before its initials. */
export function score(item: Named, query: string): number {
  const sought = plain(query)
  if (!sought) return 1
  const name = plain(item.name)
  const initials = plain(item.initials || '')
  if (name === sought) return 6
  if (name.indexOf(sought) === 0) return 5
  if (initials === sought) return 4
  if (initials.indexOf(sought) === 0) return 3
  if (name.indexOf(sought) > 0) return 2
  return initials.indexOf(sought) > 0 ? 1 : 0
}

/** The items that fit, best first, otherwise in the order that the editor gave. */
export function search<T extends Named>(items: T[], query: string): T[] {
  return items
    .map((item, order) => ({ item, order, score: score(item, query) }))
    .filter((found) => found.score > 0)
    .sort((a, b) => (plain(query) ? b.score - a.score : 0) || a.order - b.order)
    .map((found) => found.item)
}
