/** The queue of a reviewer: which item is before her, verdicts that wait their five seconds, several at once, and the lock of the one before her. */
import { computed, nextTick, onMounted, onUnmounted, ref, shallowRef, watch, type ComputedRef } from 'vue'
import { onBeforeRouteLeave } from 'vue-router'
import { useList } from '../../frame/list'
import { Held, refused } from '../../frame/toasts'
import { Refused } from '../../session'
import { AT_ONCE, decide, failed, following, hold, letGo, look, readQueue, type Counts, type Item, type OwnWords, type Ruled, type Why } from './calls'

// Time to see that the wrong key was hit.
export const HELD_MS = 5_000
// The next page is asked for before this one is at its end.
const FEW = 8
// Half of a lock's life; and whoever runs through the queue locks nothing on the way.
const RENEW_MS = 25_000
const SETTLE_MS = 400

export interface Last { items: Item[]; approve: boolean; group: string }

export function useQueue(slug: ComputedRef<string>, which: () => string, kind: () => string, onFailed: (rest: Ruled[]) => void) {
  const counts = shallowRef<Counts | null>(null)
  const kinds = shallowRef<Record<string, string>>({})
  const ownWords = shallowRef<OwnWords | null>(null)
  const list = useList<Item>(async (cursor) => {
    const page = await readQueue(slug.value, which(), kind(), cursor)
    if (page.counts) counts.value = page.counts
    kinds.value = page.kinds
    ownWords.value = page.own_words
    return page
  })
  const decided = ref(new Set<string>())
  const selected = ref(new Set<string>())
  const at = ref(0)
  const last = shallowRef<Last | null>(null)
  const held = new Held(HELD_MS)
  const isSecond = computed(() => which() === 'second')
  const shown = computed(() => list.items.value.filter(({ id, own }) => !decided.value.has(id) && !(isSecond.value && own)))
  const now = computed<Item | undefined>(() => shown.value[at.value])
  const chosen = computed(() => shown.value.filter(({ id }) => selected.value.has(id)))
  let groups = 0

  async function go(step: number) {
    at.value = Math.max(0, Math.min(shown.value.length - 1, at.value + step))
    await nextTick()
    document.querySelector('.review-item.now')?.scrollIntoView({ block: 'nearest' })
  }

  function select(id: string) {
    const next = new Set(selected.value)
    if (!next.delete(id)) next.add(id)
    selected.value = next
  }

  function show(ids: readonly string[]) {
    const rest = new Set(decided.value)
    ids.forEach((id) => rest.delete(id))
    decided.value = rest
  }

  async function send(of: string, items: Item[], approve: boolean, why: Why, second: boolean, isLeaving: boolean) {
    if (!second) return failed(await decide(of, items, approve, why, isLeaving))
    for (const item of items) await look(of, item, approve, why, isLeaving)
    return []
  }

  /** Hidden at once, sent after five seconds, taken back until then. */
  function judge(items: Item[], approve: boolean, why: Why) {
    if (!items.length) return
    const of = slug.value
    const second = isSecond.value
    const group = `${++groups}`
    items = items.slice(0, AT_ONCE)
    decided.value = new Set([...decided.value, ...items.map(({ id }) => id)])
    selected.value = new Set()
    last.value = { items, approve, group }
    held.put(group, async (isLeaving) => {
      if (last.value?.group === group) last.value = null
      try {
        const rest = await send(of, items, approve, why, second, isLeaving)
        if (!rest.length) return
        show(rest.map(({ id }) => id))
        onFailed(rest)
      } catch (error) {
        if (error instanceof Refused && error.code === 'ITEM_DECIDED') return
        show(items.map(({ id }) => id)) // they still wait
        refused(error)
      }
    })
    at.value = following(at.value, shown.value.length)
    if (shown.value.length < FEW) void list.more()
  }

  function undo() {
    const one = last.value
    if (!one || !held.stop(one.group)) return
    last.value = null
    show(one.items.map(({ id }) => id))
    at.value = Math.max(0, shown.value.findIndex(({ id }) => id === one.items[0]!.id))
  }

  // The lock of what is before her.
  let locked: Item | null = null
  let settle = 0
  async function lock(item: Item | undefined) {
    if (locked && locked.id !== item?.id) letGo(slug.value, locked)
    locked = null
    // Whoever has it is named already; when her minute is over it can be taken.
    if (!item || which() !== 'waiting' || (item.held_by && Date.parse(item.held_by.until) > Date.now())) return
    try {
      await hold(slug.value, item)
      locked = item
    } catch (error) {
      if (!(error instanceof Refused && error.code === 'ITEM_HELD')) return // without locks of two verdicts still one counts
      const name = error.message.split(' ')[0]!
      list.items.value = list.items.value.map((one) => (one.id === item.id ? { ...one, held_by: { name, until: new Date(Date.now() + RENEW_MS).toISOString() } } : one))
    }
  }
  watch(() => now.value?.id, () => {
    clearTimeout(settle)
    settle = window.setTimeout(() => void lock(now.value), SETTLE_MS)
  })
  const renew = window.setInterval(() => !document.hidden && void lock(now.value), RENEW_MS)

  const flush = () => held.flush()
  function restart() {
    flush()
    at.value = 0
    last.value = null
    selected.value = new Set()
    if (slug.value) void list.restart()
  }
  watch([slug, which, kind], restart)
  onBeforeRouteLeave(flush)
  onMounted(() => addEventListener('pagehide', flush))
  onUnmounted(() => {
    removeEventListener('pagehide', flush)
    clearTimeout(settle)
    clearInterval(renew)
    if (locked) letGo(slug.value, locked)
  })

  return { list, counts, kinds, ownWords, shown, now, at, chosen, selected, last, isSecond, go, select, judge, undo, restart, decided }
}
