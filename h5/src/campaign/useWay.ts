/**
 * Who may be counted here and how: what the page says before the salute, and the one way to sign in.
 * A sign-in is always a tap. It is begun at most once by that tap; when it brings back nobody, the page says so and stops.
 */
import { computed, ref } from 'vue'
import { load, save } from './store'
import type { PageData } from './types'

export type Age = 'adult' | 'child'

/** A sign-in takes seconds; a choice older than this belongs to another visit, perhaps of another person. */
const RETURN_MILLISECONDS = 10 * 60_000

interface Begun {
  age: Age
  at: number
}

export function useWay(data: PageData) {
  const signedIn = ref(data.me.signed_in && !data.me.snapshot)
  const maySignIn = computed(() => !signedIn.value && data.in_wechat && !data.me.snapshot && !!data.login)
  const counts = computed(() => signedIn.value || maySignIn.value)
  const age = ref<Age | null>(null)

  const begun = load<Begun | null>('way', null)
  save('way', null)
  const returned = begun && Date.now() - begun.at < RETURN_MILLISECONDS ? begun.age : null
  if (returned) age.value = returned

  /** Leaves for the sign-in; the choice waits here. */
  function signIn(): void {
    save('way', { age: age.value || 'adult', at: Date.now() })
    // The server's address leads back to this page; the class or school in ours must come along.
    const query = location.search
    location.href = query && data.login.indexOf('next=') > 0 ? data.login.replace(/(next=[^&]*)/, `$1${encodeURIComponent(query)}`) : data.login
  }

  const word = computed(() => {
    if (signedIn.value) return '每人计一次，重复参加不会多计'
    if (data.me.snapshot) return '您看到的是微信快照页：可以观看升旗，但不计入人数。请点击页面下方“使用完整服务”后参加'
    if (maySignIn.value) return '由微信确认身份后计入，每人一次，不读取昵称和头像'
    return '这里可以观看升旗并敬礼；要计入人数，请在微信中打开'
  })
  return { signedIn, maySignIn, counts, age, returned: !!returned, signIn, word }
}
