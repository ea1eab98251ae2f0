/** 长辈版: one class on the root element, remembered on this phone. */
import { ref, watchEffect } from 'vue'
import { load, save } from './store'

export function useElder() {
  const elder = ref(load('elder', false))
  watchEffect(() => {
    document.documentElement.classList[elder.value ? 'add' : 'remove']('elder')
    save('elder', elder.value)
  })
  return { elder, toggle: () => (elder.value = !elder.value) }
}
