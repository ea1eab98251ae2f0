/** Light or dark: as the system says, until somebody chooses. */
import { computed, ref, watchEffect } from 'vue'
import { remember, remembered } from './words'

export type Shade = 'system' | 'light' | 'dark'
const KEPT = 'wenming-console-shade'
const NEXT: Record<Shade, Shade> = { system: 'dark', dark: 'light', light: 'system' }

const system = typeof matchMedia === 'function' ? matchMedia('(prefers-color-scheme: dark)') : null
const systemIsDark = ref(Boolean(system?.matches))
system?.addEventListener?.('change', (event) => { systemIsDark.value = event.matches })

const kept = remembered(KEPT)
export const shade = ref<Shade>(kept === 'light' || kept === 'dark' ? kept : 'system')
export const isDark = computed(() => (shade.value === 'system' ? systemIsDark.value : shade.value === 'dark'))

watchEffect(() => {
  document.documentElement.classList.toggle('dark', isDark.value)
})

export function nextShade(): void {
  shade.value = NEXT[shade.value]
  remember(KEPT, shade.value)
}
