/** For tests: runs what a page's setup would, inside a router at an address. */
import { createApp, defineComponent, h } from 'vue'
import { createMemoryHistory, createRouter, RouterView, type Router } from 'vue-router'

export async function mountInRouter<T>(address: string, setup: () => T): Promise<{ router: Router; result: T; unmount: () => void }> {
  let result: T | undefined
  const page = defineComponent({ setup: () => { result = setup(); return () => h('main') } })
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)*', name: 'page', component: page }] })
  await router.push(address)
  const app = createApp(RouterView).use(router)
  app.mount(document.createElement('div'))
  await router.isReady()
  return { router, result: result!, unmount: () => app.unmount() }
}

/** Everything that waits for nothing but promises is done. */
export const flushPromises = () => new Promise<void>((resolve) => setTimeout(resolve))
