import { createApp } from 'vue'
import App from './App.vue'
import type { PageData } from './types'

/** Puts the page in the place of the words that the HTML came with. */
export function mount(): void {
  const data = JSON.parse((document.getElementById('wenming-data') as HTMLElement).textContent || 'null') as PageData
  createApp(App, { data }).mount('#app')
}
