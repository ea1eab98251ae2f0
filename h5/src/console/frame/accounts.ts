/** The accounts of this instance, and which of them a page is about: the one in the address, else the one of last time, else the first. */
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { get } from './door'
import { useFilters } from './list'
import { remember, remembered } from './words'

export interface Account {
  appid: string
  role: 'official' | 'miniprogram'
  name: string
  mode: string
}

const KEPT = 'wenming-console-account-'

export interface Chosen {
  all: ShallowRef<Account[]>
  isRead: Ref<boolean>
  problem: ShallowRef<unknown>
  /** '' until the accounts are known, and where there is none. */
  appid: ComputedRef<string>
  choose: (appid: string) => void
  read: () => Promise<void>
  /** The beginning of the account's addresses. */
  base: ComputedRef<string>
}

/** Of one role, or of `any`. `begin` is called with each account that the page turns to. */
export function useAccount(role: Account['role'] | 'any', begin: () => unknown): Chosen {
  const all = shallowRef<Account[]>([])
  const isRead = ref(false)
  const problem = shallowRef<unknown>(null)
  const filters = useFilters({ account: '' })
  const appid = computed(() => pick(all.value, [filters.account, remembered(KEPT + role)]))

  async function read() {
    problem.value = null
    try {
      all.value = (await get<{ items: Account[] }>('/api/v1/staff/accounts')).items.filter((one) => role === 'any' || one.role === role)
      isRead.value = true
    } catch (error) {
      problem.value = error
    }
  }
  watch(appid, (now) => now && begin())
  void read()
  return {
    all, isRead, problem, appid, read,
    choose: (chosen) => {
      remember(KEPT + role, chosen)
      filters.account = chosen
    },
    base: computed(() => `/api/v1/staff/accounts/${appid.value}`),
  }
}

export function pick(all: Account[], wished: string[]): string {
  return wished.find((appid) => all.some((one) => one.appid === appid)) ?? all[0]?.appid ?? ''
}
