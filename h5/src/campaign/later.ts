/**
 * What nobody needs to open the page and to take part: the sheets, the messages, the further activities. An entry of its own, brought once
 * somebody has begun, or at once on a desk; all of it needs the network anyway.
 */
export { mount } from './main'
export { default as DeskHint } from './parts/DeskHint.vue'
export { default as MoreActivities } from './parts/MoreActivities.vue'
export { default as PosterSheet } from './parts/PosterSheet.vue'
export { default as PrivacySheet } from './parts/PrivacySheet.vue'
export { default as ShareSheet } from './parts/ShareSheet.vue'
export { default as Together } from './parts/Together.vue'
export { default as Words } from './parts/Words.vue'
