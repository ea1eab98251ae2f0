/** Addresses under /console, made from the table of pages. */
import { ref, watch } from 'vue'
import { createRouter, createWebHistory, type RouteLocationNormalized, type Router, type RouterHistory } from 'vue-router'
import { PAGES } from '../pages'
import Lost from './Lost.vue'
import { language, type Language } from './words'
import { words } from './words.frame'

declare module 'vue-router' {
  interface RouteMeta {
    roles?: readonly string[]
    title?: Record<Language, string>
  }
}

/** Where somebody wanted to go when a part of the console was no longer there: it was built anew meanwhile. */
export const newer = ref('')

export function makeRouter(history: RouterHistory = createWebHistory('/console')): Router {
  const router = createRouter({
    history,
    routes: [
      { path: '/', redirect: '/campaigns' },
      ...PAGES.map(({ path, name, load, roles, title }) => ({ path, name, component: load, meta: { roles, title } })),
      { path: '/:rest(.*)*', name: 'lost', component: Lost },
    ],
    scrollBehavior: (to, from, kept) => kept ?? (to.path === from.path ? false : { top: 0 }),
  })
  router.onError((error, to) => {
    console.error(error)
    newer.value = to.fullPath
  })
  watch([router.currentRoute, language], ([route]) => { document.title = titleOf(route) }, { immediate: true })
  return router
}

function titleOf(route: RouteLocationNormalized): string {
  const t = words[language.value]
  return [route.meta.title?.[language.value], `${t.console} · ${t.product}`].filter(Boolean).join(' · ')
}
