/**
 * Who may be counted here and how: what the page says before the salute, and the one way to sign in.
 * A sign-in is always a tap. It is begun at most once by that tap; when it brings back nobody, the page says so and stops.
 */
import { computed, ref } from 'vue'
import { guest, shareLink } from './links'
import type { KindWords } from './kind'
import { load, save } from './store'
import type { PageData } from './types'

export type Age = 'adult' | 'child'

/** A sign-in takes seconds; a choice older than this belongs to another visit, perhaps of another person. */
const RETURN_MILLISECONDS = 10 * 60_000

interface Begun {
  age: Age | null
  at: number
}

export function useWay(data: PageData, words: KindWords) {
  const why = guest(location.search)
  const signedIn = ref(data.me.signed_in && !data.me.snapshot)
  const weixin = data.in_wechat && !!data.login
  const maySignIn = computed(() => !signedIn.value && weixin && !data.me.snapshot && why !== 'miniprogram')
  const counts = computed(() => signedIn.value || maySignIn.value)
  const age = ref<Age | null>(null)

  const begun = load<Begun | null>('way', null)
  save('way', null)
  const returned = !!begun && Date.now() - begun.at < RETURN_MILLISECONDS
  if (begun && returned) age.value = begun.age

  /** Leaves for the sign-in; the choice waits here. */
  function signIn(): void {
    save('way', { age: age.value, at: Date.now() })
    // The server's address leads back to this page; the class or school in ours must come along.
    const query = shareLink(location.href).split('?')[1]
    location.href = data.login + (query ? encodeURIComponent(`?${query}`) : '')
  }

  const word = computed(() => {
    if (data.preview) return '这是发布前的预览，不计入人数'
    if (signedIn.value) return '每人计一次，重复参加不会多计'
    if (data.me.snapshot) return `您看到的是微信快照页：可以${words.may}，但不计入人数。请先点页面下方的“使用完整服务”，再登录参加`
    if (maySignIn.value) return '由微信确认身份后计入，每人一次，不读取昵称和头像'
    return `这里可以${words.may}；要计入人数，请${why === 'miniprogram' ? '从小程序参加' : '在微信中打开'}`
  })
  /** Snapshot users who went on to the full service come back to the same address: by a tap they may try. */
  const mayRetry = data.me.snapshot && weixin
  /** Nobody could be identified just now: the salute is kept, and sent after a later sign-in. */
  const keepFirst = why === 'unavailable'
  return { signedIn, maySignIn, mayRetry, keepFirst, counts, age, returned, signIn, word }
}
