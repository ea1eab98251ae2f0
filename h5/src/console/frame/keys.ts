/** Keys that do something on this page. `?` shows them all, each with its words. */
import { onMounted, onUnmounted, shallowReactive } from 'vue'

export interface Key {
  /** As `event.key`, with `Ctrl+` before it where that is held (on a Mac: Command). */
  key: string
  does: () => string
  run: (event: KeyboardEvent) => void
}

/** The newest page's keys come first. */
export const keys = shallowReactive<Key[][]>([])

export function useKeys(mine: Key[]): void {
  onMounted(() => keys.unshift(mine))
  onUnmounted(() => {
    const at = keys.indexOf(mine)
    if (at >= 0) keys.splice(at, 1)
  })
}

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.closest('input, textarea, select, [contenteditable="true"]') !== null)
}

export function pressed(event: KeyboardEvent): string {
  const held = event.ctrlKey || event.metaKey
  return held ? `Ctrl+${event.key.toLowerCase()}` : event.key.length === 1 && event.key !== '?' ? event.key.toLowerCase() : event.key
}

/** Plain letters belong to whoever types, and to a dialog that is open; what is held with Ctrl always works. */
export function onKey(event: KeyboardEvent): void {
  if (event.isComposing || event.defaultPrevented || event.altKey) return
  const name = pressed(event)
  const free = !isTyping(event.target) && document.querySelector('.el-overlay:not([style*="display: none"]) [role="dialog"]') === null
  if (!free && !name.startsWith('Ctrl+')) return
  const found = keys.flat().find(({ key }) => key === name)
  if (!found) return
  event.preventDefault()
  found.run(event)
}
