import { createApp } from 'vue'
import Console from './Console.vue'
import './frame/element.css'
import './frame/frame.css'
import { makeRouter } from './frame/router'

createApp(Console).use(makeRouter()).mount('#app')
