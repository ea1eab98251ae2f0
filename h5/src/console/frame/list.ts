/** Lists that page by key: each answer says where the next begins (`next`), nothing is ever skipped by number. Filters stand in the address. */
import { reactive, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'

export interface Listed<T> {
  items: T[]
  next: string | null
}

export interface List<T> {
  items: ShallowRef<T[]>
  next: Ref<string | null>
  isBusy: Ref<boolean>
  /** False until the first answer. */
  isRead: Ref<boolean>
  problem: ShallowRef<unknown>
  more: () => Promise<void>
  restart: () => Promise<void>
}

/** `read` gives the page behind a cursor, the first for ''. An answer to a question that is out of date is dropped. */
export function useList<T>(read: (cursor: string) => Promise<Listed<T>>): List<T> {
  const items = shallowRef<T[]>([])
  const next = ref<string | null>(null)
  const isBusy = ref(false)
  const isRead = ref(false)
  const problem = shallowRef<unknown>(null)
  let asked = 0

  async function load(cursor: string) {
    const mine = ++asked
    isBusy.value = true
    problem.value = null
    try {
      const page = await read(cursor)
      if (mine !== asked) return
      items.value = cursor ? [...items.value, ...page.items] : page.items
      next.value = page.next
      isRead.value = true
    } catch (error) {
      if (mine === asked) problem.value = error
    } finally {
      if (mine === asked) isBusy.value = false
    }
  }

  return {
    items, next, isBusy, isRead, problem,
    more: async () => {
      if (!isBusy.value && next.value !== null) await load(next.value)
    },
    restart: () => load(''),
  }
}

/** Filters that are the address: what is not as by default stands in its query, and whoever sends the address sends them too. */
export function useFilters<T extends Record<string, string>>(defaults: T): T {
  const route = useRoute()
  const router = useRouter()
  const mine = route.name
  const filters = reactive({ ...defaults }) as T
  const names = Object.keys(defaults) as (keyof T & string)[]
  const take = () => {
    for (const name of names) {
      const given = route.query[name]
      const value = (typeof given === 'string' ? given : defaults[name]) as T[typeof name]
      if (filters[name] !== value) filters[name] = value
    }
  }
  take()
  watch(() => route.query, () => route.name === mine && take())
  watch(() => names.map((name) => filters[name]).join('\n'), () => {
    const query = { ...route.query }
    for (const name of names) {
      if (filters[name] === defaults[name]) delete query[name]
      else query[name] = filters[name]!
    }
    void router.replace({ query })
  })
  return filters
}
