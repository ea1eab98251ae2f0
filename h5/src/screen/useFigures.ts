/** Figures as they come, and as the wall shows them: counting up, frozen while operators say so, still while the city mourns. */
import { computed, onUnmounted, ref, shallowRef, watch, type Ref } from 'vue'
import { climb } from './climb'
import { openFeed, type Feed, type Line } from './feed'
import { apply, type Figures, type Frame, type Switches } from './figures'

interface Frozen {
  figures: Figures
  /** When it was frozen, ms since 1970 by the server's clock. */
  at: number
}

export type Open = (slug: string, onFrame: (frame: Frame) => void, onLine: (line: Line) => void) => Feed

/** `base`: the switches as the wall's own view tells them, until a frame does. */
export function useFigures(slug: string, now: Ref<number>, base: () => Switches, tellTime: (serverTime: string) => void, open: Open = openFeed) {
  const live = shallowRef<Figures | null>(null)
  const frozen = shallowRef<Frozen | null>(null)
  const line = ref<Line>('connecting')
  const total = ref(0)
  const switches = computed<Switches>(() => ({ ...base(), ...(live.value?.switches ?? {}) }))
  const shown = computed(() => frozen.value?.figures ?? live.value)
  let feed: Feed | null = null

  const climber = climb((value) => (total.value = value),
    () => Boolean(switches.value.mourning) || matchMedia('(prefers-reduced-motion: reduce)').matches)
  watch(shown, (figures) => figures && climber.to(figures.participants))

  function take(frame: Frame) {
    if (frame.server_time) tellTime(frame.server_time)
    const before = shown.value
    live.value = apply(live.value, frame)
    if (live.value) freeze(before ?? live.value)
  }

  /** A wall that loads itself anew while frozen shows what it showed before. */
  function freeze(figures: Figures) {
    if (!switches.value.wall_frozen) {
      if (frozen.value) forget(slug)
      frozen.value = null
    } else if (!frozen.value) {
      frozen.value = remembered(slug) ?? { figures, at: now.value }
      remember(slug, frozen.value)
    }
  }
  watch(() => switches.value.wall_frozen, () => shown.value && freeze(shown.value))

  const start = () => { feed ??= open(slug, take, (state) => (line.value = state)) }
  onUnmounted(() => {
    feed?.close()
    climber.stop()
  })
  return { shown, live, frozen, line, total, switches, start }
}

const place = (slug: string) => `wall-frozen-${slug}`

function remembered(slug: string): Frozen | null {
  try {
    return JSON.parse(sessionStorage.getItem(place(slug)) ?? 'null') as Frozen | null
  } catch {
    return null // a browser that keeps nothing: frozen from now on
  }
}

function remember(slug: string, frozen: Frozen) {
  try {
    sessionStorage.setItem(place(slug), JSON.stringify(frozen))
  } catch {
    // a browser that keeps nothing
  }
}

function forget(slug: string) {
  try {
    sessionStorage.removeItem(place(slug))
  } catch {
    // a browser that keeps nothing
  }
}
