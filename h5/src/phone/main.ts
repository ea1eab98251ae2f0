/** The simulated phone: a page of the WeChat sandbox, for people who try or test the product. Never part of a real installation. */
import { createApp } from 'vue'
import Phone from './Phone.vue'
import { press } from './press'
import './phone.css'

createApp(Phone).directive('press', press).mount('#app')
