import { createApp } from 'vue'
import Screen from './Screen.vue'

createApp(Screen).mount('#app')
