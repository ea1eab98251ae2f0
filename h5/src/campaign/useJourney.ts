/**
 * The way of one visit: open -> consent -> (sign-in) -> place -> act -> done. What the act is, its kind says (kind.ts).
 *
 * Owns: which stage and sheet are on. Does not own: who may be counted (useWay), the sending (useKept), the motion (useScene).
 * Invariants: nothing is sent before she agreed; watching sends nothing; whoever has taken part in this period opens at her result.
 */
import { ref, watch } from 'vue'
import { ApiError, needsSignIn, post } from '../api'
import { channel, linkedUnit, regionOfUnit } from './links'
import { forget, load, save } from './store'
import type { Deliver, KindWords } from './kind'
import type { PageData, Place } from './types'
import { useCampaign } from './useCampaign'
import { useKept } from './useKept'
import { useScene } from './useScene'
import { useWay, type Age } from './useWay'

export type Stage = 'open' | 'consent' | 'place' | 'act' | 'done'
export type SheetName = '' | 'poster' | 'share' | 'privacy'

const NOWHERE: Place = { region: '', unit: '' }

export function useJourney(data: PageData, words: KindWords, deliver?: Deliver) {
  const campaign = useCampaign(data)
  const way = useWay(data, words)
  const kept = useKept(data, campaign.now, deliver)
  const scene = useScene()
  const main = campaign.main.code

  const stage = ref<Stage>('open')
  const sheet = ref<SheetName>('')
  const notice = ref('')
  const again = ref(false)
  const watched = ref(false)
  const counting = ref(false)

  const link = linkedUnit(location.search)
  const linkedRegion = link.unit ? regionOfUnit(link.unit, link.region, data.campaign.regions) : ''
  const linked = !!linkedRegion
  /** Whoever came through a class or school link leaves no words, known unit or not. */
  const wordless = !!link.unit
  const place = ref<Place>(linked ? { region: linkedRegion, unit: link.unit } : load(`place.${data.campaign.slug}`, NOWHERE))

  function show(next: Stage): void {
    notice.value = ''
    stage.value = next
  }

  /** She has taken part in this period already: her result, with the flag flying. */
  function settled(): void {
    again.value = true
    scene.put('top')
    show('done')
  }

  function home(): void {
    const known = kept.of(main)
    watched.value = false
    if (known && known.state !== 'refused') return settled()
    scene.put('base')
    show('open')
  }

  function start(): void {
    counting.value = true
    if (!way.age.value) return show('consent')
    proceed()
  }

  function agree(age: Age): void {
    way.age.value = age
    proceed()
  }

  function proceed(): void {
    if (!way.signedIn.value && !way.keepFirst) return way.signIn()
    counting.value = true
    show(data.campaign.form.region ? 'place' : 'act')
  }

  function watchOnly(): void {
    counting.value = false
    scene.put('base')
    show('act')
  }

  function choose(chosen: Place): void {
    place.value = chosen
    // A child's place is sent to be counted, and kept nowhere else.
    if (way.age.value === 'adult') save(`place.${data.campaign.slug}`, chosen)
    show('act')
  }

  /** She has done it. `word`: what only her phone keeps of it. */
  function act(word: string | null): void {
    const known = kept.of(main)
    // Who has taken part and looks again comes back to her own result.
    watched.value = !counting.value && (!known || known.state === 'refused')
    again.value = !counting.value
    if (counting.value) kept.participate(main, place.value, word, way.age.value === 'adult')
    else if (word !== null) kept.note(main, word)
  }

  function finish(): void {
    if (stage.value !== 'act') return
    scene.put('top')
    show('done')
  }

  function take(code: string): void {
    const mine = kept.of(main)
    kept.participate(code, mine && mine.region ? mine : place.value, null, !!mine && mine.adult)
  }

  function deleted(): void {
    kept.drop()
    forget(data.campaign.slug)
    place.value = NOWHERE
    way.signedIn.value = false
    way.age.value = null
    sheet.value = ''
    again.value = false
    home()
    notice.value = '您的信息已经删除'
  }

  async function recall(): Promise<void> {
    try {
      await kept.recall(main)
      if (stage.value === 'open' || stage.value === 'place') settled()
    } catch (error) {
      const refusal = error as ApiError
      if (needsSignIn(refusal)) way.signedIn.value = false
      // The server has nothing of whoever is signed in: what was settled here belongs to somebody else, or was deleted.
      else if (refusal.status === 404 && kept.list.value.length && kept.list.value.every((one) => one.answer && one.answer.durable)) {
        kept.drop()
        if (stage.value === 'done') home()
      }
    }
  }

  watch(stage, (name) => scene.stage(name), { immediate: true, flush: 'sync' })
  watch(sheet, (name) => scene.aside(!!name))
  // What was refused because it was too early goes in its turn.
  watch(campaign.phase, (phase) => phase === 'open' && kept.hurry())

  const known = kept.of(main)
  if (known && known.state !== 'refused') settled()
  else if (way.returned && (way.signedIn.value || way.keepFirst)) start()
  else if (way.returned && way.counts.value) notice.value = `登录没有成功，可以再试一次，也可以先${words.peek}`
  if (way.signedIn.value) void recall()
  // A visit that is not counted harms nobody: the figure of visits fails open.
  if (!data.preview) post(`/api/v1/campaigns/${data.campaign.slug}/visits`, { channel: channel(location.search) }).catch(() => null)

  return { stage, sheet, notice, again, watched, counting, campaign, way, kept, scene, place, linked, wordless,
    start, agree, watch: watchOnly, choose, act, finish, take, home, deleted }
}
