import { createApp } from 'vue'
import App from './App.vue'
import type { Kind } from './kind'
import { told } from './switches'
import type { PageData } from './types'

/** Puts the page in the place of the words that the HTML came with. */
export function mount(kind: Kind): void {
  const data = JSON.parse((document.getElementById('wenming-data') as HTMLElement).textContent || 'null') as PageData
  createApp(App, { data, kind }).mount('#app')
  told(data.campaign.switches)
  // What the editors put below the activity stands above the page's own end.
  const after = document.getElementById('blocks-after')
  const foot = document.querySelector('#app .foot')
  if (after && foot) (foot.parentNode as Node).insertBefore(after, foot)
}
