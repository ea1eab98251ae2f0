/** What this phone remembers. Storage may be full or forbidden (private mode): then the page remembers until it is closed. */

const memory: Record<string, string> = {}

function read(name: string): string | null {
  try {
    if (!(name in memory)) return window.localStorage.getItem(name)
  } catch (_) {
    // forbidden: what this page wrote is in `memory`
  }
  return name in memory ? memory[name]! : null
}

/** The value under `name`, or `otherwise` where there is none or it cannot be read. */
export function load<T>(name: string, otherwise: T): T {
  const text = read(`wenming.${name}`)
  if (text === null) return otherwise
  try {
    return JSON.parse(text) as T
  } catch (_) {
    return otherwise
  }
}

export function save(name: string, value: unknown): void {
  const [key, text] = [`wenming.${name}`, JSON.stringify(value)]
  try {
    window.localStorage.setItem(key, text)
    delete memory[key]
  } catch (_) {
    memory[key] = text // full or forbidden
  }
}

/** Forgets everything that this page kept of a person. The choice of 长辈版 is not about her and stays. */
export function forget(slug: string): void {
  ;[`kept.${slug}`, `place.${slug}`, `words.${slug}`, `own.${slug}`, 'consent', 'way', 'who'].forEach((name) => {
    delete memory[`wenming.${name}`]
    try {
      window.localStorage.removeItem(`wenming.${name}`)
    } catch (_) {
      // forbidden: there was nothing
    }
  })
}

/** On opening the page: what the phone kept of somebody else is forgotten, so that nobody sends or reads another's. */
export function recognise(slug: string, who: string): void {
  if (!who) return
  const before = load('who', '')
  if (before && before !== who) forget(slug)
  save('who', who)
}
